use jiff::SignedDuration;
use serde_json::json;
use site_adapter::{ErrorKind, SiteAdapter as _};

use crate::server::{Fake, Job, SUBMITTED, submission};

/// A job without a field of ours was made, and this is what a deletion leaves of it.
async fn withdrawn(made: Job, left: Option<Job>) -> site_adapter::Result<site_adapter::Submitted> {
    let fake = Fake::start().await;
    fake.slurm().on_submit = Some(made);
    fake.slurm().on_delete = left;
    fake.adapter.submit(&submission(7)).await
}

#[tokio::test]
async fn a_mangled_job_that_never_started_is_refused() {
    let cancelled = Job {
        started_at: None,
        ..Job::new(7, "CANCELLED")
    };
    let error = withdrawn(Job::new(7, "PENDING"), Some(cancelled.clone())).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.contains("gres"), "{error}");
    let error = withdrawn(cancelled, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "somebody else was faster");
}

#[tokio::test]
async fn a_mangled_job_that_started_is_this_attempts_and_nobody_elses() {
    for (made, left) in [
        ("RUNNING", "CANCELLED"),
        ("PENDING", "CANCELLED"),
        ("RUNNING", "COMPLETING"),
        ("COMPLETED", "COMPLETED"),
        ("COMPLETING", "FAILED"),
    ] {
        let submitted = withdrawn(Job::new(7, made), Some(Job::new(7, left))).await;
        let submitted = submitted.unwrap();
        assert_eq!(submitted.remote_id.0, "7", "{made} {left}");
        assert_eq!(submitted.submitted_at.as_second(), SUBMITTED);
    }
}

#[tokio::test]
async fn a_mangled_job_of_which_nothing_is_proven_is_unclear() {
    let left = withdrawn(Job::new(7, "RUNNING"), None).await.unwrap_err();
    assert_eq!(left.kind, ErrorKind::Unclear, "it is gone: {left}");
    let runs = Job::new(7, "RUNNING");
    let on = withdrawn(runs.clone(), Some(runs)).await.unwrap_err();
    assert_eq!(on.kind, ErrorKind::Unclear, "it runs on: {on}");
    let another = Job {
        name: "another".to_owned(),
        ..Job::new(7, "RUNNING")
    };
    let error = withdrawn(another, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unclear, "not ours: {error}");
}

#[tokio::test]
async fn a_limit_that_other_jobs_use_up_is_waited_for_and_a_drained_partition_too() {
    let fake = Fake::start().await;
    let refuse = |number: i64, words: &str| {
        let errors = json!([{"description": "Batch job submission failed",
            "error_number": number, "error": words, "source": "slurm_submit_batch_job()"}]);
        let answer = (500, json!({"errors": errors, "warnings": []}));
        fake.slurm()
            .instead
            .insert("/slurm/job/submit".to_owned(), answer);
    };
    let kind = async || fake.adapter.submit(&submission(7)).await.unwrap_err().kind;
    refuse(
        2050,
        "Job violates accounting/QOS policy (job submit limit)",
    );
    assert_eq!(kind().await, ErrorKind::Unavailable);
    fake.clock.advance(SignedDuration::from_mins(16));
    assert_eq!(kind().await, ErrorKind::Refused);
    refuse(2070, "Required partition not available (inactive or drain)");
    for _ in 0..3 {
        assert_eq!(kind().await, ErrorKind::Unavailable);
        fake.clock.advance(SignedDuration::from_hours(1));
    }
    refuse(11, "Resource temporarily unavailable");
    assert_eq!(kind().await, ErrorKind::Unclear, "looked up first");
}
