//! Outages of real clusters, on clusters of their own: a node is not at once as it was after them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "real/cluster.rs"]
mod cluster;

use broker_model::{AfterWhen, ArraySpec, Outcome, OutcomeKind};
use site_adapter::{Activity, ErrorKind, LogStream, RemoteAfter, RemoteRef, SiteAdapter as _};
use site_adapter_slurm::TokenSource;

use crate::cluster::{Cluster, activity, alice, ends, on_each_version, runs, submit, until};

on_each_version!(write:
    a_job_that_slurmctld_forgot_is_proven_gone_and_its_id_is_never_taken_for_ours,
    a_submit_to_a_hanging_slurmctld_is_unclear_and_then_found,
    without_accounting_jobs_are_polled_and_absence_is_not_claimed,
    without_slurmctld_nothing_is_claimed,
    a_token_that_is_not_accepted_is_told_as_such,
    a_job_that_ended_while_slurmctld_was_down_is_told,
    a_killed_slurmrestd_has_forgotten_nothing_when_it_is_back,
    a_job_whose_slurmd_died_is_over_when_it_is_back,
    what_slurmctld_has_purged_is_found_in_the_accounting,
    a_crash_ends_a_job_and_puts_a_restartable_one_back,
);

/// slurmctld loses the submissions of its last seconds when it is killed, and gives their ids out
/// again.
async fn a_job_that_slurmctld_forgot_is_proven_gone_and_its_id_is_never_taken_for_ours(
    cluster: &Cluster,
) {
    let adapter = cluster.adapter();
    let (kept, lost) = forget(cluster).await;
    let others = reuse(cluster, &lost).await;
    for job in &lost {
        assert_eq!(
            activity(&adapter, job).await,
            None,
            "another job is taken for ours"
        );
        adapter.cancel(job).await.unwrap();
        // An error says "not yet": after its restart slurmctld has records to hand over first.
        let found = until("it is proven gone", async || {
            adapter.find(&alice(), &job.marker).await.ok()
        })
        .await;
        let vanished = found.is_none_or(|job| {
            matches!(
                job.activity,
                Activity::Ended {
                    outcome: Outcome {
                        kind: OutcomeKind::Vanished,
                        ..
                    },
                    ..
                }
            )
        });
        assert!(vanished, "a job that is lost is told as there");
    }
    // A node may refuse a job whose id is that of an orphan it has not ended yet.
    for job in others.iter().chain(&kept) {
        adapter.cancel(job).await.unwrap();
        ends(&adapter, job).await;
    }
}

/// Has slurmctld forget some of four jobs; it may save its state just in between, hence some tries.
async fn forget(cluster: &Cluster) -> (Vec<RemoteRef>, Vec<RemoteRef>) {
    let adapter = cluster.adapter();
    for _ in 0..12 {
        // Once it has saved its state it takes some seconds before it does so again.
        let settled = submit(&adapter, &cluster.submission("exit 0")).await;
        ends(&adapter, &settled).await;
        saved(cluster, &settled).await;
        let mut jobs = Vec::new();
        for _ in 0..4 {
            jobs.push(submit(&adapter, &cluster.submission("sleep 600")).await);
        }
        cluster.site.kill("slurmctld").unwrap();
        cluster.site.start_daemon("slurmctld").unwrap();
        let told = adapter.poll(&jobs).await.unwrap();
        let is_kept = |job: &RemoteRef| told.iter().any(|told| told.marker == job.marker);
        let (kept, lost): (Vec<_>, Vec<_>) = jobs.into_iter().partition(is_kept);
        if !lost.is_empty() {
            return (kept, lost);
        }
        for job in &kept {
            adapter.cancel(job).await.unwrap();
        }
    }
    panic!("slurmctld lost nothing: this drill shows nothing");
}

/// Submits until the lost ids are given out again.
async fn reuse(cluster: &Cluster, lost: &[RemoteRef]) -> Vec<RemoteRef> {
    let adapter = cluster.adapter();
    let mut others = Vec::new();
    for _ in 0..8 {
        let other = submit(&adapter, &cluster.submission("sleep 600")).await;
        others.push(other);
        let reused = |job: &RemoteRef| others.iter().any(|o| o.remote_id == job.remote_id);
        if lost.iter().all(reused) {
            return others;
        }
    }
    panic!("slurmctld did not give the lost ids out again: {lost:?} {others:?}");
}

async fn a_submit_to_a_hanging_slurmctld_is_unclear_and_then_found(cluster: &Cluster) {
    let adapter = cluster.adapter();
    adapter.api_version().await.unwrap();
    let mut submission = cluster.submission("sleep 600");
    cluster.site.signal("slurmctld", "STOP").unwrap();
    let error = adapter.submit(&submission).await;
    let searched = adapter.find(&alice(), &submission.marker()).await;
    cluster.site.signal("slurmctld", "CONT").unwrap();
    assert_eq!(error.unwrap_err().kind, ErrorKind::Unclear);
    assert!(
        searched.is_err(),
        "a claim about a slurmctld that hangs: {searched:?}"
    );
    submission.may_exist = true;
    let submitted = adapter.submit(&submission).await.unwrap();
    assert!(submitted.adopted, "the job was made twice");
    let job = crate::cluster::reference(&submission, &submitted);
    runs(&adapter, &job).await;
    adapter.cancel(&job).await.unwrap();
    ends(&adapter, &job).await;
}

async fn without_accounting_jobs_are_polled_and_absence_is_not_claimed(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let job = submit(&adapter, &cluster.submission("sleep 600")).await;
    runs(&adapter, &job).await;
    cluster.site.kill("slurmdbd").unwrap();
    let told = adapter.poll(std::slice::from_ref(&job)).await;
    let found = adapter.find(&alice(), &job.marker).await;
    let absent = cluster.submission("").marker();
    let absent = adapter.find(&alice(), &absent).await;
    let usage = adapter.usage(&job).await;
    let during = submit(&adapter, &cluster.submission("exit 0")).await;
    let problems = adapter.probe().await;
    adapter.cancel(&job).await.unwrap();
    let cancelled = ends(&adapter, &job).await;
    cluster.site.start_daemon("slurmdbd").unwrap();
    assert!(matches!(
        told.unwrap()[0].activity,
        Activity::Running { .. }
    ));
    assert!(found.unwrap().is_some(), "it is in slurmctld's queue");
    assert_eq!(absent.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(usage.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(cancelled.kind, OutcomeKind::Cancelled);
    for probe in problems {
        assert_eq!(
            probe.problem.is_some(),
            probe.subsystem == "slurmdbd",
            "{probe:?}"
        );
    }
    assert_eq!(ends(&adapter, &during).await.kind, OutcomeKind::Completed);
    until("the records come in later", async || {
        let late = adapter.usage(&during).await.unwrap();
        late.and(adapter.usage(&job).await.unwrap())
    })
    .await;
}

async fn without_slurmctld_nothing_is_claimed(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let job = submit(&adapter, &cluster.submission("sleep 600")).await;
    runs(&adapter, &job).await;
    // Killed instead, it may have the job on disk as waiting, start it again, and fail it.
    cluster.site.stop("slurmctld").unwrap();
    let (told, found, cancelled, submitted, problems) = tokio::join!(
        adapter.poll(std::slice::from_ref(&job)),
        adapter.find(&job.account, &job.marker),
        adapter.cancel(&job),
        async { adapter.submit(&cluster.submission("exit 0")).await },
        adapter.probe(),
    );
    cluster.site.start_daemon("slurmctld").unwrap();
    // 22.05 tells what the accounting has; only slurmctld's word makes a job gone.
    let silent = told.is_err_and(|error| error.kind == ErrorKind::Unavailable);
    assert!(silent);
    assert_eq!(found.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(cancelled.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(submitted.unwrap_err().kind, ErrorKind::Unavailable);
    let ctld = problems.iter().find(|probe| probe.subsystem == "slurmctld");
    assert!(ctld.unwrap().problem.is_some());
    runs(&adapter, &job).await;
    adapter.cancel(&job).await.unwrap();
    assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Cancelled);
}

async fn a_token_that_is_not_accepted_is_told_as_such(cluster: &Cluster) {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), [9u8; 32]).unwrap();
    let adapter = cluster.adapter_with(|settings| {
        settings.token = TokenSource::Signed {
            key_file: key.path().to_owned(),
            lifetime_seconds: 300,
        };
    });
    let problems = adapter.probe().await;
    let token = problems.iter().find(|probe| probe.subsystem == "token");
    assert!(token.unwrap().problem.is_some(), "{problems:?}");
    let error = adapter
        .submit(&cluster.submission("exit 0"))
        .await
        .unwrap_err();
    let is_old = adapter.api_version().await.unwrap() == "v0.0.38".parse().unwrap();
    // 22.05 answers a bad token as it answers a lost connection.
    let kind = if is_old {
        ErrorKind::Unclear
    } else {
        ErrorKind::Unauthorized
    };
    assert_eq!(error.kind, kind, "{error}");
    // The site's key comes back: no restart, the refused token is not used again.
    std::fs::copy(cluster.site.jwt_key(), key.path()).unwrap();
    if !is_old {
        let job = submit(&adapter, &cluster.submission("exit 0")).await;
        assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Completed);
    }
}

/// Waits until slurmctld has written a state with the job in it; the next one is seconds away.
async fn saved(cluster: &Cluster, job: &RemoteRef) {
    until("slurmctld saves its state", async || {
        let file = "/var/spool/slurm/ctld/job_state";
        cluster.site.exec(&["grep", "-q", &job.marker, file]).ok()
    })
    .await;
}

async fn a_job_that_ended_while_slurmctld_was_down_is_told(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let gate = cluster.site.home("alice").join("ctld-gate");
    let script = "while [ ! -e ctld-gate ]; do sleep 0.1; done; rm ctld-gate; echo over; exit 4";
    let job = submit(&adapter, &cluster.submission(script)).await;
    runs(&adapter, &job).await;
    cluster.site.stop("slurmctld").unwrap();
    std::fs::write(gate, "").unwrap();
    until("the script is over", async || {
        let log = adapter.read_log(&job, LogStream::Stdout, 0, 100).await;
        (log.unwrap() == b"over\n").then_some(())
    })
    .await;
    cluster.site.start_daemon("slurmctld").unwrap();
    let outcome = ends(&adapter, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::Failed, "{outcome:?}");
}

async fn a_killed_slurmrestd_has_forgotten_nothing_when_it_is_back(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let job = submit(&adapter, &cluster.submission("sleep 600")).await;
    runs(&adapter, &job).await;
    cluster.site.kill("slurmrestd").unwrap();
    let told = adapter.poll(std::slice::from_ref(&job)).await;
    let submitted = adapter.submit(&cluster.submission("exit 0")).await;
    cluster.site.start_daemon("slurmrestd").unwrap();
    assert_eq!(told.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(submitted.unwrap_err().kind, ErrorKind::Unavailable);
    runs(&adapter, &job).await;
    adapter.cancel(&job).await.unwrap();
    assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Cancelled);
}

/// Until then slurmctld shows it as completing, and its node is not free.
async fn a_job_whose_slurmd_died_is_over_when_it_is_back(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let script = "while [ ! -e slurmd-gate ]; do sleep 0.1; done; rm slurmd-gate; echo over";
    let job = submit(&adapter, &cluster.submission(script)).await;
    runs(&adapter, &job).await;
    for node in ["n1", "n2"] {
        cluster.site.kill(node).unwrap();
    }
    std::fs::write(cluster.site.home("alice").join("slurmd-gate"), "").unwrap();
    until("the script is over", async || {
        let log = adapter.read_log(&job, LogStream::Stdout, 0, 100).await;
        (log.unwrap() == b"over\n").then_some(())
    })
    .await;
    let queued = ["squeue", "-h", "-o", "%T", "-j", &job.remote_id.0];
    until("slurmctld shows it as completing", async || {
        let shown = cluster.site.exec(&queued).ok()?;
        (shown.trim() == "COMPLETING").then_some(())
    })
    .await;
    let told = activity(&adapter, &job).await.unwrap();
    assert!(matches!(told, Activity::Running { .. }), "{told:?}");
    for node in ["n1", "n2"] {
        cluster.site.start_daemon(node).unwrap();
    }
    assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Completed);
}

/// A job, the tasks of an array, and what another waits for: a while after their end slurmctld knows
/// none of them.
async fn what_slurmctld_has_purged_is_found_in_the_accounting(cluster: &Cluster) {
    let forget = "echo MinJobAge=2 >>/etc/slurm/slurm.conf && scontrol reconfigure";
    cluster.site.exec(&["/bin/sh", "-c", forget]).unwrap();
    let adapter = cluster.adapter();
    let failed = submit(&adapter, &cluster.submission("exit 3")).await;
    let mut array = cluster.submission("[ $ALCYONE_ARRAY_INDEX = 0 ]");
    array.work.array = Some(ArraySpec {
        tasks: 2,
        at_once: None,
    });
    let array = submit(&adapter, &array).await;
    for job in [&failed, &array] {
        assert_eq!(ends(&adapter, job).await.kind, OutcomeKind::Failed);
        let known = ["scontrol", "show", "job", &job.remote_id.0];
        until("slurmctld has purged it", async || {
            cluster.site.exec(&known).is_err().then_some(())
        })
        .await;
    }
    // One that was never polled before, as after an agent's restart.
    let fresh = cluster.adapter();
    assert_eq!(ends(&fresh, &failed).await.kind, OutcomeKind::Failed);
    let told = fresh.poll(std::slice::from_ref(&array)).await.unwrap();
    let tasks = told[0].tasks.unwrap();
    assert_eq!((tasks.completed, tasks.failed), (1, 1), "{told:?}");
    let found = fresh.find(&alice(), &array.marker).await.unwrap().unwrap();
    assert_eq!(found.remote_id, array.remote_id);

    let after = |when| {
        let mut submission = cluster.submission("exit 0");
        submission.work.after = vec![RemoteAfter {
            marker: failed.marker.clone(),
            remote: failed.remote_id.clone(),
            when,
        }];
        submission
    };
    let error = fresh
        .submit(&after(AfterWhen::Completed))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    let job = submit(&fresh, &after(AfterWhen::Failed)).await;
    assert_eq!(ends(&fresh, &job).await.kind, OutcomeKind::Completed);
}

/// On a node each. 22.05 takes minutes to tell of the first, and keeps its node busy until then.
async fn a_crash_ends_a_job_and_puts_a_restartable_one_back(cluster: &Cluster) {
    let adapter = cluster.adapter();
    if adapter.api_version().await.unwrap() == "v0.0.38".parse().unwrap() {
        return;
    }
    let on_a_node = |restartable| {
        let mut submission = cluster.submission("sleep 600");
        submission.work.exclusive = true;
        submission.work.restartable = restartable;
        submission
    };
    let once = submit(&adapter, &on_a_node(false)).await;
    let again = submit(&adapter, &on_a_node(true)).await;
    runs(&adapter, &once).await;
    runs(&adapter, &again).await;
    for node in ["n1", "n2"] {
        cluster.site.crash(node).unwrap();
    }
    until("the nodes are noticed as down", async || {
        let states = cluster.site.exec(&["sinfo", "-h", "-N", "-o", "%T"]).ok()?;
        states
            .lines()
            .all(|state| state.starts_with("down"))
            .then_some(())
    })
    .await;
    let snapshot = adapter.snapshot().await.unwrap().partitions.remove(0);
    assert!(
        !snapshot.accepting && snapshot.nodes_drained == 2,
        "{snapshot:?}"
    );
    assert_eq!((snapshot.nodes_free, snapshot.gpus_free), (0, 0));
    for node in ["n1", "n2"] {
        cluster.site.start_daemon(node).unwrap();
    }
    until("the restartable one waits again", async || {
        let told = activity(&adapter, &again).await?;
        matches!(told, Activity::Queued { .. }).then_some(())
    })
    .await;
    let outcome = ends(&adapter, &once).await;
    assert_eq!(outcome.kind, OutcomeKind::NodeFailure, "{outcome:?}");
    adapter.cancel(&again).await.unwrap();
    ends(&adapter, &again).await;
}
