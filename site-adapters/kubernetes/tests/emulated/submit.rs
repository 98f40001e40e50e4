//! One job never runs twice, whatever happens to the create.

use std::time::Duration;

use broker_model::OutcomeKind;
use emulated_kubernetes::Fault;
use serde_json::json;
use site_adapter::{Activity, ErrorKind, RemoteRef, SiteAdapter as _, Submission};

use crate::rig::{Rig, adapter};

const JOBS: &str = "/namespaces/team-a/jobs";

/// Submits as the agent does: what is unclear is looked for before it is submitted again.
async fn submitted(rig: &Rig, submission: &mut Submission) -> site_adapter::RemoteRef {
    for _ in 0..5 {
        match rig.adapter.submit(submission).await {
            Ok(submitted) => return Rig::reference(submission, &submitted),
            Err(error) => {
                assert!(
                    matches!(error.kind, ErrorKind::Unclear | ErrorKind::Unavailable),
                    "{error}"
                );
                submission.may_exist = true;
            }
        }
    }
    panic!("five tries were not enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_the_create_the_job_starts_once() {
    let rig = Rig::start().await;
    for fault in [
        Fault::Broken,
        Fault::BrokenAfter,
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Truncated,
        Fault::TooMany,
        Fault::WebhookDown,
        Fault::HangsThenDone(Duration::from_millis(5500)),
    ] {
        rig.cluster.fail_next("POST", JOBS, fault);
        let mut submission = rig.submission("exit 0");
        let job = submitted(&rig, &mut submission).await;
        let outcome = rig.ended(&job).await;
        assert_eq!(
            outcome.kind,
            OutcomeKind::Completed,
            "{fault:?}: {outcome:?}"
        );
        assert_eq!(rig.cluster.starts_of(&job.marker), 1, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_5xx_on_create_is_looked_up_by_name_before_anything_else() {
    let rig = Rig::start().await;
    for fault in [Fault::BrokenAfter, Fault::CutAfter] {
        rig.cluster.fail_next("POST", JOBS, fault);
        let before = rig.cluster.requests("POST /apis/batch");
        let submission = rig.submission("exit 0");
        let submitted = rig.adapter.submit(&submission).await.unwrap();
        assert!(submitted.adopted, "{fault:?}");
        assert_eq!(rig.cluster.requests("POST /apis/batch"), before + 1);
    }
    rig.cluster.fail_next("POST", JOBS, Fault::Broken);
    let error = rig
        .adapter
        .submit(&rig.submission("exit 0"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unclear);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_turned_away_is_not_unclear() {
    let rig = Rig::start().await;
    for fault in [Fault::TooMany, Fault::WebhookDown] {
        rig.cluster.fail_next("POST", JOBS, fault);
        let error = rig
            .adapter
            .submit(&rig.submission("exit 0"))
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{fault:?}: {error}");
    }
    rig.cluster.stop();
    // A connection that was open breaks first; nothing can be sent after it.
    rig.wait("nothing is sent", async || {
        let answer = rig.adapter.submit(&rig.submission("exit 0")).await;
        let error = answer.unwrap_err();
        (error.kind == ErrorKind::Unavailable).then_some(())
    })
    .await;
}

/// Two agents with the same lease.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_create_is_answered_409_and_adopts_the_first() {
    let rig = Rig::start().await;
    let other = adapter(&rig.cluster, "");
    let submission = rig.submission("exit 0");
    let (one, two) = tokio::join!(rig.adapter.submit(&submission), other.submit(&submission));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.remote_id, two.remote_id);
    assert!(one.adopted != two.adopted, "{one:?} {two:?}");
    let job = Rig::reference(&submission, &one);
    rig.ended(&job).await;
    assert_eq!(rig.cluster.starts_of(&job.marker), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_that_name_without_the_marker_is_not_adopted() {
    let rig = Rig::start().await;
    let submission = rig.submission("exit 0");
    let name = format!("alcyone-{}", submission.marker().trim_start_matches("att_"));
    let foreign = |more: serde_json::Value| {
        let mut job = json!({
            "kind": "Job", "apiVersion": "batch/v1",
            "metadata": { "name": name, "namespace": "team-a", "uid": "foreign",
                "creationTimestamp": "2026-11-20T10:00:00Z" },
            "spec": { "suspend": true, "template": { "metadata": {}, "spec": {} } },
            "status": {},
        });
        job["metadata"]
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        job
    };
    rig.cluster.put("jobs", foreign(json!({})));
    let error = rig.adapter.submit(&submission).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    let deleting = json!({ "deletionTimestamp": "2026-11-20T10:00:01Z" });
    rig.cluster.put("jobs", foreign(deleting));
    let error = rig.adapter.submit(&submission).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
}

/// Its script may have run; a new one of that name would run it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_ours_that_is_being_deleted_is_adopted_and_not_made_again() {
    let rig = Rig::start().await;
    let submission = rig.submission("exec sleep 600");
    let job = rig.submit(&submission).await;
    rig.running(&job).await;
    let mut stored = rig.cluster.get("jobs", &Rig::name(&job)).unwrap();
    stored["metadata"]["deletionTimestamp"] = "2026-11-20T10:00:01Z".into();
    rig.cluster.put("jobs", stored);
    let again = rig.adapter.submit(&submission).await.unwrap();
    assert!(again.adopted);
    assert_eq!(again.remote_id, job.remote_id);
    assert_eq!(rig.cluster.starts_of(&job.marker), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_403_is_no_proof_that_a_job_is_absent() {
    let rig = Rig::start().await;
    rig.cluster.deny("get", "jobs");
    let marker = rig.submission("").marker();
    let error = rig
        .adapter
        .find(&Rig::account(), &marker)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_servers_words() {
    let rig = Rig::start().await;
    rig.cluster.set_quota("count/jobs.batch", 0);
    let error = rig
        .adapter
        .submit(&rig.submission("exit 0"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.contains("exceeded quota: count"), "{error}");
    rig.cluster.deny("create", "jobs");
    let error = rig
        .adapter
        .submit(&rig.submission("exit 0"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(error.message.contains("cannot create resource"), "{error}");
    let mut elsewhere = rig.submission("exit 0");
    elsewhere.work.partition.partition = "other".parse().unwrap();
    let error = rig.adapter.submit(&elsewhere).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    elsewhere.account.user = "../kube-system".to_owned();
    let error = rig.adapter.submit(&elsewhere).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
}

/// No namespace, or no `RoleBinding` in it: waiting mends nothing, and only the site can.
#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_without_rights_refuses_its_jobs_with_the_remedy() {
    let rig = Rig::start().await;
    rig.run("exit 0").await;
    let mut elsewhere = rig.submission("exit 0");
    elsewhere.account.user = "team-b".to_owned();
    let error = rig.adapter.submit(&elsewhere).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    assert!(error.message.contains("cannot create resource"), "{error}");
    assert!(error.message.contains("bind its agent's Role"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_in_namespaces_of_their_own_run_side_by_side() {
    let rig = Rig::start().await;
    rig.cluster.add_namespace("team-b");
    let here = rig.submit(&rig.submission("exec sleep 600")).await;
    let mut other = rig.submission("exit 3");
    other.account.user = "team-b".to_owned();
    let there = rig.submit(&other).await;
    let both = [here.clone(), there.clone()];
    rig.wait("one runs and the other is over", async || {
        let told = rig.adapter.poll(&both).await.ok()?;
        let of = |job: &RemoteRef| told.iter().find(|told| told.marker == job.marker);
        let runs = matches!(of(&here)?.activity, Activity::Running { .. });
        let failed = match &of(&there)?.activity {
            Activity::Ended { outcome, .. } => outcome.exit_code == Some(3),
            _ => false,
        };
        (runs && failed).then_some(())
    })
    .await;
    let stored = rig.cluster.all("jobs");
    let places = stored
        .iter()
        .map(|job| job["metadata"]["namespace"].clone());
    assert_eq!(places.collect::<Vec<_>>(), ["team-a", "team-b"]);
    rig.adapter.cancel(&here).await.unwrap();
    assert_eq!(rig.ended(&here).await.kind, OutcomeKind::Cancelled);
    assert_eq!(rig.ended(&there).await.exit_code, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_rights_anywhere_refuses_jobs_only_once_that_has_lasted() {
    let rig = Rig::start().await;
    rig.cluster.deny("create", "jobs");
    let submission = rig.submission("exit 0");
    let told = async || rig.adapter.submit(&submission).await.unwrap_err().kind;
    assert_eq!(told().await, ErrorKind::Unauthorized);
    rig.wait("it is refused", async || {
        (told().await == ErrorKind::Refused).then_some(())
    })
    .await;
    rig.cluster.rotate_token("another");
    let other = adapter(&rig.cluster, "");
    std::fs::write(rig.cluster.token_file(), "expired").unwrap();
    let error = other.submit(&submission).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_of_256_kib_runs_whole() {
    let rig = Rig::start().await;
    let filler = "# $(id) $$ ".repeat(23_000);
    let script = format!("#!/bin/sh\n{filler}\nwc -c <\"$0\"\n");
    assert!(script.len() > 250_000);
    let (job, outcome) = rig.run(&script).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let log = rig.wait("the log is there", async || {
        Some(rig.log(&job).await).filter(|log| !log.is_empty())
    });
    assert_eq!(log.await.trim(), script.len().to_string());
}
