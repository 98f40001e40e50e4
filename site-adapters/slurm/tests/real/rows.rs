//! What the notes on real servers tell, one by one (`tests/rows.md`).

use std::sync::Arc;

use broker_model::{ManualClock, OutcomeKind, SiteReadiness, SystemClock};
use site_adapter::{Activity, Error, ErrorKind, LogStream, SiteAdapter as _};
use site_adapter_slurm::{ApiChoice, PartitionSettings, SlurmAdapter, SlurmSettings, TokenSource};

use super::cluster::{Cluster, activity, alice, ends, on_each_version, runs, submit, until};

on_each_version!(read:
    too_many_nodes_are_refused_or_wait_with_slurms_reason,
    nobody_elses_job_is_stopped,
    a_working_folder_that_is_not_there_is_a_launch_failure,
    a_user_whom_the_site_does_not_know_is_refused,
    an_exclusive_partition_is_metered_with_whole_nodes,
    a_token_may_come_from_a_command,
    an_expired_token_is_refused_and_a_new_one_taken,
    a_restartable_job_is_put_back_into_the_queue_and_metered_with_all_of_its_pieces,
);
on_each_version!(write:
    a_partition_that_is_not_up_takes_no_jobs_and_says_so,
    a_limit_on_submissions_is_waited_for,
    a_job_that_had_to_go_for_a_more_urgent_one_is_preempted,
);

/// With all three partitions of the cluster, and one that Slurm does not have.
fn all_partitions(settings: &mut SlurmSettings) {
    for name in ["urgent", "whole", "nowhere"] {
        settings
            .partitions
            .insert(name.parse().unwrap(), PartitionSettings::default());
    }
}

async fn too_many_nodes_are_refused_or_wait_with_slurms_reason(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let mut submission = cluster.submission("exit 0");
    submission.work.resources.nodes = 9;
    match adapter.submit(&submission).await {
        Err(error) => assert_eq!(error.kind, ErrorKind::Refused, "{error}"),
        // 22.05: "Requested partition configuration not available now", and a job.
        Ok(submitted) => {
            let job = super::cluster::reference(&submission, &submitted);
            until("it says why it waits", async || {
                let told = activity(&adapter, &job).await?;
                matches!(
                    told,
                    Activity::Queued {
                        reason: Some(_),
                        ..
                    }
                )
                .then_some(())
            })
            .await;
            adapter.cancel(&job).await.unwrap();
            assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Cancelled);
        }
    }
}

/// v0.0.40 and v0.0.41 answer 200 and say nothing; later ones say it beside a 200.
async fn nobody_elses_job_is_stopped(cluster: &Cluster) {
    let forty = "v0.0.40".parse().unwrap();
    let silent = cluster.adapter_with(|it| it.api_version = ApiChoice::Fixed(forty));
    if silent.snapshot().await.is_ok() {
        let error = stopped_by_bob(cluster, &silent).await;
        assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
        assert!(error.message.contains("not heeded"), "{error}");
    }
    let newest = cluster.adapter();
    let is_old = newest.api_version().await.unwrap() == "v0.0.38".parse().unwrap();
    let error = stopped_by_bob(cluster, &newest).await;
    let (kind, words) = if is_old {
        (ErrorKind::Refused, "2002")
    } else {
        (ErrorKind::Unavailable, "not heeded")
    };
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.message.contains(words), "{error}");
}

async fn stopped_by_bob(cluster: &Cluster, adapter: &SlurmAdapter) -> Error {
    let job = submit(adapter, &cluster.submission("sleep 600")).await;
    runs(adapter, &job).await;
    let mut bobs = job.clone();
    "bob".clone_into(&mut bobs.account.user);
    let error = adapter.cancel(&bobs).await.unwrap_err();
    runs(adapter, &job).await;
    adapter.cancel(&job).await.unwrap();
    assert_eq!(ends(adapter, &job).await.kind, OutcomeKind::Cancelled);
    error
}

/// By itself the job would run in `/tmp`; its logs are in the folder, so it cannot.
async fn a_working_folder_that_is_not_there_is_a_launch_failure(cluster: &Cluster) {
    let adapter = cluster.adapter_with(|settings| {
        "/nonexistent/{user}".clone_into(&mut settings.work_dir);
    });
    let job = submit(&adapter, &cluster.submission("exit 0")).await;
    let outcome = ends(&adapter, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed, "{outcome:?}");
    assert!(outcome.site_words.contains("FAILED"), "{outcome:?}");
}

async fn a_user_whom_the_site_does_not_know_is_refused(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let mut submission = cluster.submission("exit 0");
    "mallory".clone_into(&mut submission.account.user);
    let error = adapter.submit(&submission).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    for name in ["root", "slurm", "Alice", "0"] {
        name.clone_into(&mut submission.account.user);
        let error = adapter.submit(&submission).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{error}");
        assert!(error.message.contains("account mapping"), "{error}");
    }
}

async fn an_exclusive_partition_is_metered_with_whole_nodes(cluster: &Cluster) {
    let adapter = cluster.adapter_with(all_partitions);
    let mut submission = cluster.submission("exit 0");
    submission.work.partition.partition = "whole".parse().unwrap();
    let job = submit(&adapter, &submission).await;
    assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Completed);
    let usage = until("usage is written", async || {
        adapter.usage(&job).await.unwrap()
    })
    .await;
    assert_eq!((usage.nodes, usage.cpus, usage.scheduler_gpus), (1, 8, 4));
}

async fn a_token_may_come_from_a_command(cluster: &Cluster) {
    let adapter = cluster.adapter_with(|settings| {
        settings.token = TokenSource::Command {
            argv: cluster.site.token_command(),
            lifetime_seconds: 300,
        };
    });
    let job = submit(&adapter, &cluster.submission("id -un")).await;
    assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Completed);
    let log = adapter.read_log(&job, LogStream::Stdout, 0, 100).await;
    assert_eq!(log.unwrap(), b"alice\n", "each call is its own user's");
}

/// By a clock that stands still the adapter takes its first token for good, and the site does not.
async fn an_expired_token_is_refused_and_a_new_one_taken(cluster: &Cluster) {
    let now = broker_model::Clock::now(&SystemClock);
    let long_ago = now
        .checked_sub(jiff::SignedDuration::from_hours(1))
        .unwrap();
    let clock = Arc::new(ManualClock::at(long_ago));
    let settings = cluster.site.settings().unwrap();
    let adapter = SlurmAdapter::new(settings, clock.clone()).unwrap();
    let problems = adapter.probe().await;
    let token = problems.iter().find(|probe| probe.subsystem == "token");
    assert!(token.unwrap().problem.is_some(), "{problems:?}");
    assert!(adapter.submit(&cluster.submission("exit 0")).await.is_err());
    clock.advance(jiff::SignedDuration::from_hours(1));
    let job = submit(&adapter, &cluster.submission("exit 0")).await;
    assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Completed);
}

/// As after a node's failure: a new submit time, and no new job.
async fn a_restartable_job_is_put_back_into_the_queue_and_metered_with_all_of_its_pieces(
    cluster: &Cluster,
) {
    let adapter = cluster.adapter();
    let once = submit(&adapter, &cluster.submission("sleep 600")).await;
    runs(&adapter, &once).await;
    let refused = cluster
        .site
        .exec(&["scontrol", "requeue", &once.remote_id.0]);
    assert!(
        refused.is_err(),
        "a job that may run once only was put back"
    );
    adapter.cancel(&once).await.unwrap();

    let script = "echo began\n[ -e \"again-$ALCYONE_ATTEMPT\" ] && exit 0\n\
        touch \"again-$ALCYONE_ATTEMPT\"\nsleep 600";
    let mut submission = cluster.submission(script);
    submission.work.restartable = true;
    let job = submit(&adapter, &submission).await;
    runs(&adapter, &job).await;
    until("the first piece has run for a while", async || {
        let log = adapter.read_log(&job, LogStream::Stdout, 0, 100).await;
        (log.unwrap() == b"began\n").then_some(())
    })
    .await;
    let id = job.remote_id.0.clone();
    cluster.site.exec(&["scontrol", "requeue", &id]).unwrap();
    until("it waits again", async || {
        let told = activity(&adapter, &job).await?;
        matches!(told, Activity::Queued { .. }).then_some(())
    })
    .await;
    let waiting = format!("JobId={id}");
    until("it may start at once", async || {
        let update = ["scontrol", "update", &waiting, "StartTime=now"];
        cluster.site.exec(&update).ok()
    })
    .await;
    assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Completed);
    let log = adapter.read_log(&job, LogStream::Stdout, 0, 1 << 16).await;
    let log = String::from_utf8(log.unwrap()).unwrap();
    assert!(
        log.starts_with("began\n") && log.ends_with("began\n"),
        "{log}"
    );
    let usage = until("usage is written", async || {
        adapter.usage(&job).await.unwrap()
    })
    .await;
    let span = usage.ended_at.duration_since(usage.started_at).as_secs();
    let elapsed = usage.elapsed_seconds.unwrap_or_default();
    assert!(elapsed <= u64::try_from(span).unwrap(), "{usage:?}");
    let found = adapter.find(&alice(), &job.marker).await.unwrap().unwrap();
    assert_eq!(found.submitted_at, job.submitted_at, "it is the same job");
}

async fn a_partition_that_is_not_up_takes_no_jobs_and_says_so(cluster: &Cluster) {
    let adapter = cluster.adapter_with(all_partitions);
    let mut submission = cluster.submission("exit 0");
    submission.work.partition.partition = "whole".parse().unwrap();
    let set = |state: &str| {
        let state = format!("State={state}");
        let update = ["scontrol", "update", "PartitionName=whole", &state];
        cluster.site.exec(&update).unwrap();
    };
    for state in ["DRAIN", "INACTIVE", "DOWN"] {
        set(state);
        let snapshot = adapter.snapshot().await.unwrap();
        let offer = |name: &str| {
            let mut all = snapshot.partitions.iter();
            all.find(|it| it.partition.as_str() == name).unwrap()
        };
        assert!(!offer("whole").accepting, "{state}");
        let reason = offer("whole").reason.clone().unwrap();
        assert!(reason.contains(state), "{reason}");
        assert!(
            offer("nowhere")
                .reason
                .clone()
                .unwrap()
                .contains("no partition")
        );
        assert!(offer("main").accepting && offer("main").reason.is_none());
        assert_eq!(snapshot.readiness, SiteReadiness::Limited);
        if state != "DOWN" {
            let error = adapter.submit(&submission).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unavailable, "{state}: {error}");
        }
    }
    let job = submit(&adapter, &submission).await;
    until("it says why it waits", async || {
        let told = activity(&adapter, &job).await?;
        let Activity::Queued {
            reason: Some(reason),
            ..
        } = told
        else {
            return None;
        };
        (reason == "PartitionDown").then_some(())
    })
    .await;
    set("UP");
    assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Completed);
}

async fn a_limit_on_submissions_is_waited_for(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let limit = |most: &str| {
        let most = format!("MaxSubmitJobs={most}");
        let set = ["sacctmgr", "-i", "modify", "user", "alice", "set", &most];
        cluster.site.exec(&set).unwrap();
    };
    limit("0");
    let refused = until("slurmctld has heard of the limit", async || {
        adapter.submit(&cluster.submission("exit 0")).await.err()
    })
    .await;
    limit("-1");
    assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
    assert!(refused.message.contains("limit"), "{refused}");
    until("slurmctld has heard that there is none", async || {
        adapter.submit(&cluster.submission("exit 0")).await.ok()
    })
    .await;
}

async fn a_job_that_had_to_go_for_a_more_urgent_one_is_preempted(cluster: &Cluster) {
    let adapter = cluster.adapter_with(all_partitions);
    let whole_cluster = |script: &str| {
        let mut submission = cluster.submission(script);
        submission.work.resources.nodes = 2;
        submission.work.exclusive = true;
        submission
    };
    let victim = submit(&adapter, &whole_cluster("sleep 600")).await;
    runs(&adapter, &victim).await;
    let mut urgent = whole_cluster("exit 0");
    urgent.work.partition.partition = "urgent".parse().unwrap();
    let urgent = submit(&adapter, &urgent).await;
    let outcome = ends(&adapter, &victim).await;
    assert_eq!(outcome.kind, OutcomeKind::Preempted, "{outcome:?}");
    assert!(outcome.site_words.contains("PREEMPTED"), "{outcome:?}");
    assert_eq!(ends(&adapter, &urgent).await.kind, OutcomeKind::Completed);
}
