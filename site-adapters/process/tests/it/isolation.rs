use std::collections::BTreeSet;
use std::fs;

use broker_model::OutcomeKind;
use rustix::process::{Pid, test_kill_process};
use site_adapter::{LogStream, SiteAdapter as _};

use crate::rig::{Rig, completed, ended, log, running, wait_for};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_the_agents_environment_reaches_a_job() {
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok(), "this one has");
    let rig = Rig::new();
    let mut site = rig.config.environment.clone();
    site.insert("SITE_PROXY".to_owned(), "a b;$(id)".to_owned());
    site.insert("HOME".to_owned(), "/root".to_owned());
    let adapter = rig.open_with(|config| config.environment = site).await;
    let job = rig.submit(&adapter, &rig.submission("env")).await;
    completed(&adapter, &job).await;
    let log = log(&adapter, &job, LogStream::Stdout).await;
    let names: BTreeSet<&str> = log
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        // Set by bash itself where it is the site's `sh`.
        .filter(|name| !matches!(*name, "SHLVL" | "_"))
        .collect();
    let expected = BTreeSet::from([
        "ALCYONE_ATTEMPT",
        "ALCYONE_CPUS",
        "ALCYONE_GPUS",
        "ALCYONE_JOB_NAME",
        "ALCYONE_NODES",
        "ALCYONE_PARTITION",
        "CUDA_VISIBLE_DEVICES",
        "HOME",
        "OLDPWD",
        "PATH",
        "PWD",
        "SITE_PROXY",
    ]);
    assert_eq!(names, expected);
    assert!(log.contains("SITE_PROXY=a b;$(id)\n"), "{log}");
    let home = format!("HOME={}\n", rig.folder("live", &job).join("work").display());
    assert!(log.contains(&home), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_starts_in_an_empty_folder_of_its_own() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let job = rig.submission("[ \"$PWD\" = \"$HOME\" ] || exit 1\nls -A | wc -l; umask");
    let job = rig.submit(&adapter, &job).await;
    completed(&adapter, &job).await;
    let log = log(&adapter, &job, LogStream::Stdout).await;
    assert_eq!(log.lines().next(), Some("0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_line_is_read_as_the_kernel_would() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let job = rig.submission("#! /bin/sh -e\nfalse\nexit 0\n");
    let job = rig.submit(&adapter, &job).await;
    assert_eq!(ended(&adapter, &job).await.exit_code, Some(1));
    let job = rig.submission("#!/usr/bin/env bash\necho \"${BASH_VERSION:+bash}\"");
    let job = rig.submit(&adapter, &job).await;
    completed(&adapter, &job).await;
    assert_eq!(log(&adapter, &job, LogStream::Stdout).await, "bash\n");
    let job = rig
        .submit(&adapter, &rig.submission("#!/no/such/shell\n"))
        .await;
    let outcome = ended(&adapter, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed, "{outcome:?}");
    assert!(outcome.site_words.contains("interpreter"), "{outcome:?}");
    assert_eq!(adapter.usage(&job).await.unwrap(), None, "nothing ran");
    let own = rig.submit(&adapter, &rig.submission("exit 127")).await;
    let outcome = ended(&adapter, &own).await;
    assert_eq!(
        (outcome.kind, outcome.exit_code),
        (OutcomeKind::Failed, Some(127))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_is_asked_for_is_a_limit() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let mut submission = rig.submission("ulimit -v");
    submission.work.resources.memory_gib_per_node = Some(2);
    let job = rig.submit(&adapter, &submission).await;
    completed(&adapter, &job).await;
    assert_eq!(log(&adapter, &job, LogStream::Stdout).await, "2097152\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_ignores_the_signal_is_stopped_all_the_same() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let script = "trap 'echo no' TERM\necho $$ > ready\nwhile :; do sleep 0.05; done";
    let job = rig.submit(&adapter, &rig.submission(script)).await;
    running(&adapter, &job).await;
    let script = pid_in(&rig, &job.marker, "ready").await;
    adapter.cancel(&job).await.unwrap();
    let outcome = ended(&adapter, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{outcome:?}");
    assert_eq!(outcome.signal, Some(9), "{outcome:?}");
    let log = log(&adapter, &job, LogStream::Stdout).await;
    assert_eq!(log, "no\n", "it was asked politely first");
    assert!(test_kill_process(script).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_takes_the_signal_well_is_cancelled_nevertheless() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let script = "trap 'echo saved; exit 0' TERM\necho $$ > ready\nwhile :; do sleep 0.05; done";
    let job = rig.submit(&adapter, &rig.submission(script)).await;
    running(&adapter, &job).await;
    pid_in(&rig, &job.marker, "ready").await;
    adapter.cancel(&job).await.unwrap();
    let outcome = ended(&adapter, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{outcome:?}");
    assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
    assert_eq!(log(&adapter, &job, LogStream::Stdout).await, "saved\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_job_leaves_in_the_background_ends_with_it() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let script = "sleep 600 &\necho $! > ready\nexit 0";
    let job = rig.submit(&adapter, &rig.submission(script)).await;
    completed(&adapter, &job).await;
    let left = pid_in(&rig, &job.marker, "ready").await;
    wait_for("the child is gone", async || {
        test_kill_process(left).is_err().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_left_the_session_is_stopped_by_a_cancel() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let script = "setsid sh -c 'echo $$ > ready; exec sleep 600' &\nsleep 600\n";
    let job = rig.submit(&adapter, &rig.submission(script)).await;
    running(&adapter, &job).await;
    let runaway = pid_in(&rig, &job.marker, "ready").await;
    adapter.cancel(&job).await.unwrap();
    ended(&adapter, &job).await;
    wait_for("the runaway is gone", async || {
        test_kill_process(runaway).is_err().then_some(())
    })
    .await;
}

/// The number that a script has written into a file of its folder, once it is there.
async fn pid_in(rig: &Rig, marker: &str, file: &str) -> Pid {
    wait_for("the script has written its number", async || {
        ["live", "ended"].into_iter().find_map(|state| {
            let folder = rig.config.data.join(state).join(marker);
            let text = fs::read_to_string(folder.join("work").join(file)).ok()?;
            Pid::from_raw(text.trim().parse().ok()?)
        })
    })
    .await
}
