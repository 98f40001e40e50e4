use broker_model::{AttemptId, OutcomeKind, RemoteId};
use jiff::SignedDuration;

use super::{Condition, Site};
use crate::{Activity, LogStream, RemoteRef};

pub async fn the_same_attempt_submitted_twice_runs_once(site: &Site<'_>) {
    let traces = site
        .scratch
        .map(|folder| folder.join(site.ids.next::<AttemptId>(site.clock).to_string()));
    let script = traces.as_ref().map_or_else(
        || "echo ran".to_owned(),
        |traces| format!("echo ran | tee -a '{}'", traces.display()),
    );
    let mut submission = site.submission(&script);
    let first = site.adapter.submit(&submission).await.unwrap();
    assert!(!first.adopted);
    submission.may_exist = true;
    let again = site.adapter.submit(&submission).await.unwrap();
    assert!(again.adopted, "a second submit made a second job");
    assert_eq!(again.remote_id, first.remote_id);
    if site.can(Condition::SubmitTime) {
        assert_eq!(again.submitted_at, first.submitted_at);
    }

    let job = Site::reference(&submission, &first);
    let outcome = site.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let late = site.adapter.submit(&submission).await.unwrap();
    assert!(late.adopted, "an ended job was submitted again");
    assert_eq!(late.remote_id, first.remote_id);
    site.expect_log(&job, LogStream::Stdout, b"ran\n").await;
    if let Some(traces) = traces {
        assert_eq!(std::fs::read_to_string(traces).unwrap(), "ran\n");
    }
}

pub async fn a_job_is_found_by_its_marker(site: &Site<'_>) {
    let job = site.submit(&site.submission("exec sleep 600")).await;
    let found = find(site, &job).await;
    assert!(
        !matches!(found, Activity::Ended { .. }),
        "just submitted and told as {found:?}"
    );
    site.wait_until_running(&job).await;
    let found = find(site, &job).await;
    assert!(matches!(found, Activity::Running { .. }), "{found:?}");

    site.adapter.cancel(&job).await.unwrap();
    let outcome = site.wait_until_ended(&job).await;
    let found = site
        .wait_for("the ended job is found as such", async || {
            match find(site, &job).await {
                Activity::Ended { outcome: found, .. } => Some(found),
                Activity::Queued { .. } | Activity::Running { .. } | Activity::Unknown => None,
            }
        })
        .await;
    assert_eq!(found, outcome);
}

async fn find(site: &Site<'_>, job: &RemoteRef) -> Activity {
    let found = site.adapter.find(&site.account, &job.marker).await.unwrap();
    let found = found.unwrap_or_else(|| panic!("{} is not found", job.marker));
    assert_eq!(found.marker, job.marker);
    assert_eq!(found.remote_id, job.remote_id);
    assert_eq!(found.submitted_at, job.submitted_at);
    found.activity
}

pub async fn a_marker_never_submitted_is_proven_absent(site: &Site<'_>) {
    let marker = site.ids.next::<AttemptId>(site.clock).to_string();
    let found = site.adapter.find(&site.account, &marker).await.unwrap();
    assert_eq!(found, None);
}

/// Schedulers give ids out again: with another marker or submit time it is another's job.
pub async fn poll_leaves_out_what_is_not_ours(site: &Site<'_>) {
    let job = site.complete("exit 0").await;
    let hour = SignedDuration::from_hours(1);
    let unknown = site.stranger(RemoteId("999999999".to_owned()), job.submitted_at);
    let other_marker = site.stranger(job.remote_id.clone(), job.submitted_at);
    let other_time = RemoteRef {
        submitted_at: job.submitted_at.checked_sub(hour).unwrap(),
        ..job.clone()
    };
    let told = site
        .adapter
        .poll(&[unknown, other_marker, other_time])
        .await
        .unwrap();
    assert!(told.is_empty(), "not ours, and told: {told:?}");
    assert!(site.adapter.poll(&[]).await.unwrap().is_empty());
}

pub async fn a_cancel_never_hits_the_job_that_got_the_id_later(site: &Site<'_>) {
    let job = site.submit(&site.submission("exec sleep 600")).await;
    site.wait_until_running(&job).await;
    let hour = SignedDuration::from_hours(1);
    let older = site.stranger(
        job.remote_id.clone(),
        job.submitted_at.checked_sub(hour).unwrap(),
    );
    site.adapter.cancel(&older).await.unwrap();
    let told = site.poll_one(&job).await.unwrap().activity;
    assert!(matches!(told, Activity::Running { .. }), "{told:?}");
    site.adapter.cancel(&job).await.unwrap();
    site.wait_until_ended(&job).await;
}
