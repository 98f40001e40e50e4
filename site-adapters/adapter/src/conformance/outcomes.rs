use broker_model::{OutcomeKind, RemoteId};

use super::{Condition, Site};

pub async fn an_exit_code_is_told(site: &Site<'_>) {
    let (_, outcome) = site.run(&site.submission("exit 3")).await;
    assert_eq!(outcome.kind, OutcomeKind::Failed, "{outcome:?}");
    assert_eq!(outcome.exit_code, Some(3), "{outcome:?}");
    assert_eq!(outcome.signal, None, "{outcome:?}");
}

pub async fn a_signal_of_the_jobs_own_is_told(site: &Site<'_>) {
    if !site.can(Condition::Signal) {
        return;
    }
    let (_, outcome) = site.run(&site.submission("kill -USR1 $$\nexit 0")).await;
    assert_eq!(outcome.kind, OutcomeKind::Failed, "{outcome:?}");
    assert_eq!(outcome.signal, Some(10), "{outcome:?}");
}

/// The script spawns a child of its own, which must be stopped with it.
pub async fn a_job_over_its_walltime_is_timed_out(site: &Site<'_>) {
    if !site.can(Condition::TimeOut) {
        return;
    }
    let mut submission = site.submission("sleep 3600\nexit 0");
    submission.work.resources.walltime = site.shortest_walltime;
    let (_, outcome) = site.run(&submission).await;
    assert_eq!(outcome.kind, OutcomeKind::TimedOut, "{outcome:?}");
}

pub async fn a_cancelled_job_ends_cancelled(site: &Site<'_>) {
    let job = site.submit(&site.submission("sleep 600\nexit 0")).await;
    site.wait_until_running(&job).await;
    site.adapter.cancel(&job).await.unwrap();
    let outcome = site.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{outcome:?}");
    site.adapter.cancel(&job).await.unwrap();
    assert_eq!(site.wait_until_ended(&job).await, outcome);
}

pub async fn cancelling_what_has_ended_succeeds(site: &Site<'_>) {
    let job = site.complete("exit 0").await;
    site.adapter.cancel(&job).await.unwrap();
    let outcome = site.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let unknown = site.stranger(RemoteId("999999999".to_owned()), job.submitted_at);
    site.adapter.cancel(&unknown).await.unwrap();
}

/// What could not be begun is told apart from what began and failed, in the site's own words.
pub async fn a_job_of_which_nothing_could_run_is_a_launch_failure(site: &Site<'_>) {
    if !site.can(Condition::LaunchFailure) {
        return;
    }
    let Some(spoil) = site.launch_failure else {
        panic!("the rig neither spoils a job nor says that it cannot");
    };
    let mut submission = site.submission("exit 0");
    spoil(&mut submission);
    let (_, outcome) = site.run(&submission).await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed, "{outcome:?}");
    assert!(!outcome.site_words.is_empty(), "{outcome:?}");
}

/// `tail` keeps the last line, which is all of it: 2 GB against 1 GiB.
pub async fn a_job_over_its_memory_is_out_of_memory(site: &Site<'_>) {
    if !site.can(Condition::OutOfMemory) {
        return;
    }
    let mut submission = site.submission("head -c 2000000000 /dev/zero | tail\nexit 1");
    submission.work.resources.memory_gib_per_node = Some(1);
    let (_, outcome) = site.run(&submission).await;
    assert_eq!(outcome.kind, OutcomeKind::OutOfMemory, "{outcome:?}");
}
