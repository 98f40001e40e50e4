use jiff::SignedDuration;
use serde_json::json;
use site_adapter::{Activity, ErrorKind, SiteAdapter as _};

use crate::server::{Fake, Job, SUBMITTED, reference, submission};

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

/// With 10,000 jobs it is 76 MB and some 20 s of slurmctld's time.
#[tokio::test]
async fn a_snapshot_reads_a_short_queue_for_its_forecasts_and_a_long_one_never() {
    let node = json!({"name": "n1", "state": ["IDLE", "DRAIN"], "partitions": ["main"],
        "gres": "gpu:h100:4,gpu:a100:2", "gres_used": "gpu:h100:1(IDX:0),gpu:a100:0(IDX:N/A)",
        "reason": "new cooling"});
    let up = json!({"name": "n2", "state": ["MIXED"], "partitions": ["main"],
        "gres": "gpu:h100:4", "gres_used": "gpu:h100:1(IDX:0)"});
    let main = json!({"name": "main", "partition": {"state": ["UP"]}});
    for (jobs, reads) in [(3, true), (300, false)] {
        let fake = Fake::start().await;
        let later = SUBMITTED + 5000;
        fake.with((1..=jobs).map(|id| Job {
            started_at: Some(later + i64::try_from(id).unwrap()),
            ..Job::new(id, "PENDING")
        }));
        for (path, list, entries) in [
            ("/slurm/nodes", "nodes", json!([node.clone(), up.clone()])),
            ("/slurm/partitions", "partitions", json!([main.clone()])),
        ] {
            let answer = (200, json!({list: entries, "errors": []}));
            fake.slurm().instead.insert(path.to_owned(), answer);
        }
        let offer = fake.adapter.snapshot().await.unwrap().partitions.remove(0);
        let calls = fake.calls();
        assert_eq!(
            calls.contains(&"GET /slurm/jobs".to_owned()),
            reads,
            "{calls:?}"
        );
        assert!(calls.len() <= 4, "{calls:?}");
        let expected = offer.expected_start.map(jiff::Timestamp::as_second);
        assert_eq!(expected, reads.then_some(later + 3));
        assert_eq!((offer.nodes_drained, offer.nodes_free), (1, 0));
        let gpus: Vec<_> = offer
            .gpus
            .iter()
            .map(|it| (it.kind.as_str(), it.total, it.free))
            .collect();
        assert_eq!(gpus, [("a100", 2, 0), ("h100", 8, 3)]);
        assert_eq!((offer.gpus_total, offer.gpus_free), (10, 3));
        assert!(offer.accepting && offer.reason.is_none());
    }
}
