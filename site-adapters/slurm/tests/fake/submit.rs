use jiff::SignedDuration;
use serde_json::json;
use site_adapter::{Activity, ErrorKind, SiteAdapter as _};

use crate::server::{Fake, Job, SUBMITTED, nodes, reference, submission};

/// A job without a field of ours was made, and this is what a deletion leaves of it.
async fn withdrawn(made: Job, left: Option<Job>) -> site_adapter::Result<site_adapter::Submitted> {
    let fake = Fake::start().await;
    fake.slurm().ignores = vec!["gres"];
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

/// 22.05 and 24.11 take the job of a user whom they do not know as user id 99's, and never run it.
#[tokio::test]
async fn a_job_that_was_taken_as_somebody_elses_is_withdrawn_and_refused() {
    for user in ["", "mallory"] {
        for may_exist in [false, true] {
            let fake = Fake::start().await;
            let theirs = Job {
                user,
                ..Job::new(7, "PENDING")
            };
            let cancelled = Job {
                state: "CANCELLED",
                ..theirs.clone()
            };
            fake.slurm().on_delete = Some(cancelled);
            if may_exist {
                fake.with([theirs]);
            } else {
                fake.slurm().on_submit = Some(theirs);
            }
            let mut submission = submission(7);
            submission.may_exist = may_exist;
            let error = fake.adapter.submit(&submission).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Refused, "{error}");
            assert!(error.message.contains("account mapping"), "{error}");
            let calls = fake.calls();
            assert!(calls.contains(&"DELETE /slurm/job/7".to_owned()));
            let made = calls.contains(&"POST /slurm/job/submit".to_owned());
            assert_ne!(made, may_exist, "{calls:?}");
        }
    }
}

#[tokio::test]
async fn a_local_account_that_is_no_users_name_is_refused_before_anything_is_sent() {
    let fake = Fake::start().await;
    for name in ["Alice", "0", "", "-x", "root", "slurm"] {
        let mut submission = submission(7);
        name.clone_into(&mut submission.account.user);
        let error = fake.adapter.submit(&submission).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{name:?}: {error}");
        assert!(error.message.contains("account mapping"), "{error}");
    }
    assert_eq!(fake.calls(), [""; 0]);
}

/// 26.05, of any job of such a user's.
#[tokio::test]
async fn a_user_whom_slurm_does_not_know_is_refused_with_the_remedy() {
    let fake = Fake::start().await;
    let errors = json!([{"description": "Batch job submission failed", "error_number": 6010,
        "error": "Rejecting authentication of user nobody or group nobody",
        "source": "slurm_submit_batch_job()"}]);
    let answer = (500, json!({"errors": errors, "warnings": []}));
    let path = "/slurm/job/submit".to_owned();
    fake.slurm().instead.insert(path, answer);
    let error = fake.adapter.submit(&submission(7)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    assert!(error.message.contains("user nobody") && error.message.contains("account mapping"));
}

#[tokio::test]
async fn a_job_that_was_just_submitted_is_polled_without_a_question() {
    let fake = Fake::start().await;
    let held = Job {
        reason: "Priority",
        ..Job::new(7, "PENDING")
    };
    fake.slurm().on_submit = Some(held.clone());
    fake.adapter.submit(&submission(7)).await.unwrap();
    fake.calls();
    let told = fake.adapter.poll(&[reference(&held)]).await.unwrap();
    assert_eq!(fake.calls(), ["GET /slurm/jobs/state/"]);
    let Activity::Queued { reason, .. } = &told[0].activity else {
        panic!("{told:?}");
    };
    assert_eq!(reason.as_deref(), Some("Priority"));
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

/// Another content type is 400 or 415; the user must stand beside the token up to 22.05.
#[tokio::test]
async fn a_call_names_its_user_its_token_and_its_content() {
    let fake = Fake::start().await;
    assert!(fake.adapter.submit(&submission(7)).await.is_err(), "500");
    let headers = fake.slurm().headers.clone();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["x-slurm-user-name"], "alice");
    assert!(headers.contains_key("x-slurm-user-token"));
    assert!(!headers.contains_key("authorization"));
}

/// The job of two nodes with two GPUs each that a submission leaves behind, and what becomes of it.
async fn with_gpus(
    tracked: &'static str,
    node: &str,
    may_exist: bool,
) -> (Fake, Option<ErrorKind>) {
    let fake = Fake::start().await;
    let made = Job {
        tracked,
        ..Job::new(7, "PENDING")
    };
    fake.slurm().on_delete = Some(Job::new(7, "CANCELLED"));
    fake.slurm().on_delete.as_mut().unwrap().started_at = None;
    let node = json!({"name": "n1", "state": ["IDLE"], "partitions": ["main"], "tres": node});
    fake.slurm()
        .instead
        .insert("/slurm/nodes".to_owned(), nodes(node));
    if may_exist {
        fake.with([made]);
    } else {
        fake.slurm().on_submit = Some(made);
    }
    let mut submission = submission(7);
    submission.work.resources.nodes = 2;
    submission.work.resources.gpus_per_node = 2;
    submission.may_exist = may_exist;
    let kind = fake.adapter.submit(&submission).await.err();
    (fake, kind.map(|error| error.kind))
}

#[tokio::test]
async fn a_job_that_slurmctld_took_without_its_gpus_is_withdrawn() {
    let tracks = "cpu=8,mem=16000M,billing=8,gres/gpu=4";
    for may_exist in [false, true] {
        for few in ["cpu=2,node=2", "cpu=2,node=2,gres/gpu=2", ""] {
            let (fake, kind) = with_gpus(few, tracks, may_exist).await;
            assert_eq!(kind, Some(ErrorKind::Refused), "{few}");
            assert!(fake.calls().contains(&"DELETE /slurm/job/7".to_owned()));
        }
        for enough in ["cpu=2,node=2,gres/gpu=4", "gres/gpu=4,gres/gpu:h100=4"] {
            let (fake, kind) = with_gpus(enough, tracks, may_exist).await;
            assert_eq!(kind, None, "{enough}");
            let asks = fake.calls().contains(&"GET /slurm/nodes".to_owned());
            assert!(!asks, "nothing is in doubt");
        }
    }
}

/// Not in the accounting yet: the queue tells that it is there, and what asks further fails.
#[tokio::test]
async fn a_job_that_was_found_and_cannot_be_looked_at_is_not_taken_for_unsent() {
    for path in ["/slurm/job/7", "/slurm/nodes"] {
        let fake = Fake::start().await;
        let found = Job {
            tracked: "",
            ..Job::new(7, "PENDING")
        };
        fake.with([found]);
        fake.slurm().accounting.clear();
        let down = json!({"errors": [{"error_number": 1800, "error": "No slurmctld"}]});
        fake.slurm().instead.insert(path.to_owned(), (502, down));
        let mut submission = submission(7);
        submission.work.resources.gpus_per_node = 1;
        submission.may_exist = true;
        let error = fake.adapter.submit(&submission).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unclear, "{path}: {error}");
    }
}

/// `AccountingStorageTRES` without `gres/gpu`.
#[tokio::test]
async fn where_slurm_tracks_no_gpus_a_job_is_not_judged_by_them() {
    let (_, kind) = with_gpus("cpu=2,node=2", "cpu=8,mem=16000M,billing=8", false).await;
    assert_eq!(kind, None);
}

/// The lease that a submit began under may be over when the search for it is: then another agent may
/// have looked for it, too.
#[tokio::test(start_paused = true)]
async fn a_submission_that_was_long_looked_for_is_not_sent_before_the_next_try() {
    let fake = Fake::start().await;
    fake.slurm().on_submit = Some(Job::new(7, "PENDING"));
    let mut submission = submission(7);
    submission.may_exist = true;
    let posts = |fake: &Fake| {
        let calls = fake.calls();
        calls.iter().filter(|call| call.starts_with("POST")).count()
    };
    for _ in 0..2 {
        let error = fake.adapter.submit(&submission).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
        assert_eq!(posts(&fake), 0);
        tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    }
    fake.adapter
        .find(&submission.account, &submission.marker())
        .await
        .unwrap();
    let submitted = fake.adapter.submit(&submission).await.unwrap();
    assert!(!submitted.adopted);
    assert_eq!(posts(&fake), 1);
}
