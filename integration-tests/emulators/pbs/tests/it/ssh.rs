//! The same over ssh: a program in its place that gives the one string to a shell, as sshd does.

use std::os::unix::fs::PermissionsExt as _;

use broker_model::OutcomeKind;
use site_adapter::{Activity, ErrorKind, SiteAdapter as _, conformance};
use site_adapter_pbs::TransportSettings;

use crate::rig::{Rig, open_for_all};

/// Like ssh(1): the last argument goes to the login's shell. `broken` beside it says how it fails.
const SSH: &str = r#"#!/bin/sh
here=$(dirname "$0")
for last; do :; done
case "$(cat "$here/broken" 2>/dev/null)" in
refused) echo 'ssh: connect to host login.example.org port 22: Connection refused' >&2; exit 255 ;;
cut) /bin/sh -c "$last" >/dev/null 2>&1
    echo 'client_loop: send disconnect: Broken pipe' >&2; exit 255 ;;
once) rm "$here/broken"; exit 255 ;;
denied) /bin/sh -c "$last" >/dev/null 2>&1
    echo '/home/alice/.bashrc: line 3: /opt/site/env.sh: Permission denied' >&2
    echo 'git@example.org: Permission denied (publickey).' >&2; exit 255 ;;
esac
exec /bin/sh -c "$last"
"#;

fn over_ssh() -> Rig {
    Rig::with(|settings, folder| {
        let ssh = folder.join("ssh");
        std::fs::create_dir(&ssh).unwrap();
        open_for_all(&ssh);
        let program = ssh.join("ssh");
        std::fs::write(&program, SSH).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        settings.partitions.retain(|id, _| id.as_str() == "gpu");
        settings.settle_seconds = 12;
        settings.transport = TransportSettings::Ssh {
            host: "login.example.org".to_owned(),
            port: None,
            login: if settings.run_as.is_empty() {
                "{user}"
            } else {
                "alcyone"
            }
            .to_owned(),
            identity_file: None,
            known_hosts_file: folder.join("known_hosts"),
            control_dir: folder.join("kept"),
            connect_seconds: 1,
            program,
        };
    })
}

fn breaks(rig: &Rig, how: &str) {
    let path = rig.folder.path().join("ssh/broken");
    std::fs::write(path, how).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_keeps_the_contract_over_ssh() {
    let rig = over_ssh();
    conformance::all(&rig.site("gpu")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_not_reached_has_surely_not_got_the_job() {
    let rig = over_ssh();
    breaks(&rig, "refused");
    let error = rig
        .adapter
        .submit(&rig.submission("exit 0"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    let probes = rig.adapter.probe().await;
    let ssh = probes
        .iter()
        .find(|probe| probe.subsystem == "ssh")
        .unwrap();
    assert!(
        ssh.problem.as_ref().unwrap().contains("Connection refused"),
        "{ssh:?}"
    );
}

/// A start-up file of the login's is not let in somewhere, and then the connection breaks under a qsub.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_up_file_that_is_denied_something_proves_nothing_of_the_submission() {
    let rig = over_ssh();
    breaks(&rig, "denied");
    let submission = rig.submit_unanswered("echo ran").await;
    breaks(&rig, "");
    let outcome = rig.adopted_and_run_once(&submission).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed);
}

/// Only what asks is given again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_asked_again_when_its_connection_broke() {
    let rig = over_ssh();
    let job = rig.submit(&rig.submission("sleep 600")).await;
    breaks(&rig, "once");
    let told = rig.poll_one(&job).await.unwrap();
    assert_ne!(told.activity, Activity::Unknown);
    breaks(&rig, "once");
    let submission = rig.submit_unanswered("exit 0").await;
    assert_eq!(rig.pbs.jobs(&submission.marker()).unwrap(), 0);
}

/// The connection breaks after qsub ran there: one job, found by its marker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_after_the_submission_does_not_run_it_twice() {
    let rig = over_ssh();
    breaks(&rig, "cut");
    let submission = rig.submit_unanswered("echo ran").await;
    breaks(&rig, "");
    let outcome = rig.adopted_and_run_once(&submission).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed);
}
