//! What is left when an agent, a wrapper or the machine goes down at the worst moment.

use std::fs;

use broker_model::OutcomeKind;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use site_adapter::{Activity, ErrorKind, RemoteRef, SiteAdapter as _};
use site_adapter_process::{Config, ProcessAdapter, probe_beside};

use crate::rig::{Rig, activity, completed, ended, running, wait_for};

fn wrapper(rig: &Rig, job: &RemoteRef) -> Pid {
    let claim = fs::read_to_string(rig.folder("live", job).join("pid")).unwrap();
    let pid = claim.split(' ').next().unwrap();
    Pid::from_raw(pid.parse().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_outlives_its_agent_and_is_found_again() {
    let rig = Rig::new();
    let first = rig.open().await;
    let script = rig.gated("exit 7");
    let job = rig.submit(&first, &rig.submission(&script)).await;
    let started_at = running(&first, &job).await;
    rig.leave(first).await;

    let second = rig.open().await;
    assert_eq!(
        activity(&second, &job).await,
        Activity::Running { started_at }
    );
    rig.open_gate();
    assert_eq!(ended(&second, &job).await.exit_code, Some(7));
    let usage = second.usage(&job).await.unwrap().unwrap();
    assert_eq!(usage.started_at, started_at);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_ended_while_no_agent_was_there_is_told() {
    let rig = Rig::new();
    let first = rig.open().await;
    let script = rig.gated("exit 7");
    let job = rig.submit(&first, &rig.submission(&script)).await;
    running(&first, &job).await;
    rig.leave(first).await;
    rig.open_gate();
    wait_for("the end is written", async || {
        fs::read(rig.folder("live", &job).join("exit"))
            .ok()
            .filter(|line| line.contains(&b'\n'))
    })
    .await;

    let second = rig.open().await;
    assert_eq!(ended(&second, &job).await.exit_code, Some(7));
    assert!(second.usage(&job).await.unwrap().is_some());
}

/// The operator has taken the partition out of the settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_of_a_partition_that_is_gone_are_told_of_and_can_be_cancelled() {
    let rig = Rig::new();
    let first = rig.open().await;
    let script = rig.gated("exit 0");
    let runs = rig.submit(&first, &rig.exclusive(&script)).await;
    running(&first, &runs).await;
    let waits = rig.submit(&first, &rig.exclusive("exit 0")).await;
    rig.leave(first).await;
    let renamed = |config: &mut Config| {
        config.partitions[0].partition = "other".parse().unwrap();
    };
    let second = rig.open_with(renamed).await;
    running(&second, &runs).await;
    let found = second.find(&rig.account, &waits.marker).await.unwrap();
    assert!(matches!(
        found.unwrap().activity,
        Activity::Queued { reason: Some(reason), .. } if reason == "PartitionGone"
    ));
    for job in [&runs, &waits] {
        second.cancel(job).await.unwrap();
        assert_eq!(ended(&second, job).await.kind, OutcomeKind::Cancelled);
    }
    assert!(second.usage(&runs).await.unwrap().is_some());
    assert_eq!(second.usage(&waits).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_runs_keeps_its_gpus_over_a_restart() {
    let rig = Rig::new();
    let first = rig.open().await;
    let mut submission = rig.submission(&rig.gated("exit 0"));
    submission.work.resources.gpus_per_node = 3;
    let job = rig.submit(&first, &submission).await;
    running(&first, &job).await;
    rig.leave(first).await;

    let second = rig.open().await;
    let offer = second.snapshot().await.unwrap().partitions.remove(0);
    assert_eq!((offer.gpus_free, offer.gpus_total), (5, 8));
    assert_eq!((offer.nodes_free, offer.jobs_running), (1, 1));
    rig.open_gate();
    completed(&second, &job).await;
    let offer = second.snapshot().await.unwrap().partitions.remove(0);
    assert_eq!((offer.gpus_free, offer.nodes_free), (8, 2));
}

async fn lose_wrapper(rig: &Rig, adapter: &ProcessAdapter) -> (RemoteRef, Pid) {
    let script = "echo $$ > pid; sleep 600\nexit 0";
    let job = rig.submit(adapter, &rig.submission(script)).await;
    running(adapter, &job).await;
    let written = rig.folder("live", &job).join("work/pid");
    let script = wait_for("the script runs", async || {
        let text = fs::read_to_string(&written).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    })
    .await;
    kill_process(wrapper(rig, &job), Signal::KILL).unwrap();
    (job, script)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_wrapper_is_a_node_failure_and_its_script_is_stopped() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let (job, script) = lose_wrapper(&rig, &adapter).await;
    let outcome = ended(&adapter, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::NodeFailure, "{outcome:?}");
    wait_for("the script is gone", async || {
        test_kill_process(script).is_err().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrapper_killed_while_no_agent_was_there_is_a_node_failure_too() {
    let rig = Rig::new();
    let first = rig.open().await;
    let job = rig.submit(&first, &rig.submission("sleep 600\n")).await;
    running(&first, &job).await;
    let pid = wrapper(&rig, &job);
    rig.leave(first).await;
    kill_process(pid, Signal::KILL).unwrap();

    let second = rig.open().await;
    let outcome = ended(&second, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::NodeFailure, "{outcome:?}");
    assert!(outcome.site_words.contains("wrapper"), "{outcome:?}");
}

/// A job that was accepted and not started, as a crash right after the submit leaves it.
async fn accepted(rig: &Rig) -> RemoteRef {
    let idle = rig.open_with(|config| config.max_running = 0).await;
    let submission = rig.submission(&rig.tracing("ran"));
    let job = rig.submit(&idle, &submission).await;
    let told = activity(&idle, &job).await;
    assert!(matches!(told, Activity::Queued { .. }), "{told:?}");
    rig.leave(idle).await;
    job
}

fn grant(rig: &Rig, job: &RemoteRef, boot: &str) {
    let line =
        format!(r#"{{"boot":"{boot}","grant":{{"nodes":[0],"gpus":[],"cpus":1,"memory_gib":0}}}}"#);
    fs::write(rig.folder("live", job).join("grant.json"), line).unwrap();
}

fn this_boot() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    text.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_after_the_submit_leaves_a_job_that_runs_once() {
    let rig = Rig::new();
    let job = accepted(&rig).await;
    let adapter = rig.open().await;
    completed(&adapter, &job).await;
    assert_eq!(rig.trace(), "ran\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_grant_and_start_leaves_a_job_that_runs_once() {
    let rig = Rig::new();
    let job = accepted(&rig).await;
    grant(&rig, &job, &this_boot());
    let adapter = rig.open().await;
    completed(&adapter, &job).await;
    rig.leave(adapter).await;
    let adapter = rig.open().await;
    completed(&adapter, &job).await;
    assert_eq!(rig.trace(), "ran\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_may_have_begun_before_the_power_went_is_not_begun_again() {
    let rig = Rig::new();
    let job = accepted(&rig).await;
    grant(&rig, &job, "another boot");
    let adapter = rig.open().await;
    let outcome = ended(&adapter, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::NodeFailure, "{outcome:?}");
    assert_eq!(rig.trace(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_another_process_has_now_is_no_running_job() {
    let rig = Rig::new();
    let job = accepted(&rig).await;
    grant(&rig, &job, &this_boot());
    let claim = format!("{} 1 {}\n", std::process::id(), this_boot());
    fs::write(rig.folder("live", &job).join("pid"), claim).unwrap();
    let adapter = rig.open().await;
    let outcome = ended(&adapter, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::NodeFailure, "{outcome:?}");
    adapter.cancel(&job).await.unwrap();
    assert_eq!(rig.trace(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_after_a_cancel_leaves_a_cancelled_job() {
    let rig = Rig::new();
    let job = accepted(&rig).await;
    fs::write(rig.folder("live", &job).join("cancelled"), "").unwrap();
    let adapter = rig.open().await;
    let outcome = ended(&adapter, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{outcome:?}");
    assert_eq!(rig.trace(), "");
    assert_eq!(adapter.usage(&job).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_written_submit_is_no_job() {
    let rig = Rig::new();
    let job = accepted(&rig).await;
    let half = rig
        .config
        .data
        .join("tmp")
        .join(format!("{}-0", job.marker));
    fs::rename(rig.folder("live", &job), &half).unwrap();
    let adapter = rig.open().await;
    let found = adapter.find(&rig.account, &job.marker).await.unwrap();
    assert_eq!(found, None);
    assert!(!half.exists());
    assert_eq!(rig.trace(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_agents_do_not_share_a_folder() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let second = ProcessAdapter::open(rig.config.clone(), rig.clock.clone()).await;
    let error = second.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Local);
    assert!(error.message.contains("another agent"), "{error}");
    // Whoever only asks how it is does not need the folder to itself.
    let beside = probe_beside(&rig.config);
    assert!(
        beside.iter().all(|probe| probe.problem.is_none()),
        "{beside:?}"
    );
    drop(adapter);
    rig.open().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_folders_go_once_their_usage_was_read_and_not_before() {
    let rig = Rig::new();
    let first = rig.open().await;
    let read = rig.submit(&first, &rig.submission("exit 0")).await;
    let unread = rig.submit(&first, &rig.submission("exit 0")).await;
    for job in [&read, &unread] {
        completed(&first, job).await;
    }
    assert!(first.usage(&read).await.unwrap().is_some());
    rig.leave(first).await;

    let second = rig.open_with(|config| config.keep_days = 0).await;
    wait_for("the old folder is gone", async || {
        (!rig.folder("ended", &read).exists()).then_some(())
    })
    .await;
    let found = second.find(&rig.account, &read.marker).await.unwrap();
    assert_eq!(found, None);
    assert!(second.usage(&unread).await.unwrap().is_some());
}
