//! The adapter over the system's ssh and a real sshd.

use std::time::{Duration, Instant};

use broker_model::OutcomeKind;
use site_adapter::{Activity, ErrorKind, LogStream, SiteAdapter as _, conformance};
use site_adapter_pbs::{PbsAdapter, PbsSettings, TransportSettings};

use crate::rig::Rig;
use crate::sshd::{LOGIN, Sshd, is_there};

/// `None` where there is no sshd and none is required.
fn over_sshd(change: impl FnOnce(&mut PbsSettings, &mut Sshd)) -> Option<(Rig, Sshd)> {
    if !is_there() {
        return None;
    }
    let mut started = None;
    let mut rig = Rig::with(|settings, folder| {
        let mut sshd = Sshd::start(folder);
        settings.partitions.retain(|id, _| id.as_str() == "gpu");
        settings.settle_seconds = 14;
        LOGIN.clone_into(&mut settings.reader);
        settings.run_as = Vec::new();
        settings.transport = sshd.transport();
        change(settings, &mut sshd);
        started = Some(sshd);
    });
    LOGIN.clone_into(&mut rig.user);
    Some((rig, started.unwrap()))
}

fn plain() -> Option<(Rig, Sshd)> {
    over_sshd(|_, _| {})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_keeps_the_contract_over_a_real_sshd() {
    let Some((rig, _sshd)) = plain() else { return };
    let site = rig.site("gpu");
    conformance::a_job_runs_to_its_end(&site).await;
    conformance::the_same_attempt_submitted_twice_runs_once(&site).await;
    conformance::many_jobs_are_polled_at_once(&site).await;
    conformance::an_exit_code_is_told(&site).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_commands_log_in_once() {
    let Some((rig, sshd)) = plain() else { return };
    let job = rig.submit(&rig.submission("sleep 600")).await;
    for _ in 0..50 {
        rig.poll_one(&job).await.unwrap();
    }
    let together = (0..50).map(|_| rig.poll_one(&job));
    for told in futures::future::join_all(together).await {
        assert!(told.is_some());
    }
    assert_eq!(sshd.logins(), 1, "{}", sshd.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_shows_another_key_is_refused_in_clear_words() {
    let Some((rig, sshd)) = plain() else { return };
    let told = async || {
        let error = rig.adapter.submit(&rig.submission("exit 0")).await;
        error.unwrap_err()
    };
    sshd.trust("other");
    let changed = told().await;
    assert_eq!(changed.kind, ErrorKind::Unauthorized, "{changed}");
    assert!(changed.message.contains("shows another key"), "{changed}");
    assert!(changed.message.contains("known_hosts"), "{changed}");
    std::fs::write(sshd.path("known_hosts"), "").unwrap();
    let unknown = told().await;
    assert_eq!(unknown.kind, ErrorKind::Unauthorized, "{unknown}");
    assert!(
        unknown.message.contains("has no key of 127.0.0.1"),
        "{unknown}"
    );
    assert_eq!(sshd.logins(), 0);
    assert!(rig.pbs.calls().unwrap().is_empty());
    let probes = rig.adapter.probe().await;
    let ssh = probes
        .iter()
        .find(|probe| probe.subsystem == "ssh")
        .unwrap();
    assert!(
        ssh.problem.as_ref().unwrap().contains("has no key"),
        "{ssh:?}"
    );
}

/// The server would take a password; nobody is asked for one, and nothing waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_not_accepted_asks_nobody_for_a_password() {
    let Some((rig, sshd)) = plain() else { return };
    std::fs::copy(sshd.path("other.pub"), sshd.path("authorized_keys")).unwrap();
    let began = Instant::now();
    let error = rig.adapter.submit(&rig.submission("exit 0")).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized, "{error}");
    assert!(error.message.contains("Permission denied"), "{error}");
    assert!(error.message.contains("identity_file"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// Names, accounts and paths that a shell would act on; there are three shells on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_words_arrive_letter_by_letter() {
    const FOLDER: &str = "it's \"a\" $(touch pwned) `id` \\n; #";
    let made = over_sshd(|settings, sshd| {
        let folder = sshd.folder.with_file_name("work").join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        crate::rig::open_for_all(&folder);
        settings.work_dir = folder.display().to_string();
    });
    let Some((rig, sshd)) = made else { return };
    let name = "'; touch pwned; '\"$(touch pwned)\" `touch pwned`\n\\n $HOME ~ * !! %s\t\u{e9}";
    let mut submission = rig.submission("printf %s \"$ALCYONE_JOB_NAME\"; pwd >&2");
    name.clone_into(&mut submission.work.name);
    let job = rig.submit(&submission).await;
    assert_eq!(
        rig.wait_until_ended(&job).await.kind,
        OutcomeKind::Completed
    );
    let log = async |stream| rig.adapter.read_log(&job, stream, 0, 1000).await.unwrap();
    assert_eq!(log(LogStream::Stdout).await, name.as_bytes());
    let folder = rig.work_dir().join(FOLDER);
    let said = String::from_utf8(log(LogStream::Stderr).await).unwrap();
    assert_eq!(said.trim_end_matches('\n'), folder.to_str().unwrap());
    let piece = rig.adapter.read_log(&job, LogStream::Stdout, 3, 5).await;
    assert_eq!(piece.unwrap(), name.as_bytes()[3..8]);
    for folder in [folder.as_path(), &sshd.path("home"), rig.folder.path()] {
        assert!(!folder.join("pwned").exists(), "{}", folder.display());
    }
    for account in ["a;touch pwned", "$(id)", "a b", "'", "-x", "a\nb", ""] {
        let mut submission = rig.submission("exit 0");
        submission.account.account = Some(account.to_owned());
        let error = rig.adapter.submit(&submission).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{account}: {error}");
    }
}

/// qsub is at work there when the line goes; the job is found by its marker before anything else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_under_a_submission_starts_nothing_twice() {
    let Some((rig, sshd)) = plain() else { return };
    rig.adapter.snapshot().await.unwrap();
    rig.pbs.switch("lose_answer", "1").unwrap();
    let mut submission = rig.submission("echo ran");
    let submit = rig.adapter.submit(&submission);
    let cut = async {
        rig.wait_for("qsub is at work", async || {
            (rig.pbs.jobs(&submission.marker()).unwrap() == 1).then_some(())
        })
        .await;
        sshd.cut();
    };
    let (error, ()) = tokio::join!(submit, cut);
    let error = error.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unclear, "{error}");
    rig.pbs.clear("hang").unwrap();
    submission.may_exist = true;
    let outcome = rig.adopted_and_run_once(&submission).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed);
    let calls = rig.pbs.calls().unwrap();
    let submits = calls.iter().filter(|call| call.starts_with("qsub"));
    assert_eq!(submits.count(), 1, "{calls:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_that_died_is_made_anew() {
    let Some((rig, sshd)) = plain() else { return };
    let job = rig.submit(&rig.submission("sleep 600")).await;
    // Its socket stays behind, and nobody listens at it.
    sshd.kill_master();
    let told = rig.poll_one(&job).await.unwrap();
    assert_ne!(told.activity, Activity::Unknown);
    sshd.cut();
    rig.wait_for("the cut is noticed and a new connection made", async || {
        rig.adapter
            .poll(std::slice::from_ref(&job))
            .await
            .ok()
            .map(drop)
    })
    .await;
    assert_eq!(sshd.logins(), 3, "{}", sshd.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_node_that_is_down_has_surely_not_got_the_job() {
    let Some((rig, mut sshd)) = plain() else {
        return;
    };
    let job = rig.submit(&rig.submission("sleep 600")).await;
    sshd.stop();
    // The first command may still find the kept connection, which breaks under it.
    let _ = rig.adapter.poll(std::slice::from_ref(&job)).await;
    let refused = rig.adapter.submit(&rig.submission("exit 0")).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
    assert!(refused.message.contains("Connection refused"), "{refused}");
    let asked = rig.adapter.poll(std::slice::from_ref(&job)).await;
    assert_eq!(asked.unwrap_err().kind, ErrorKind::Unavailable);
    sshd.run();
    rig.wait_until_running(&job).await;
}

/// qstat and ssh both exit 255.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_behind_a_login_node_is_not_taken_for_ssh() {
    let Some((rig, _sshd)) = plain() else { return };
    rig.pbs.switch("server_down", "").unwrap();
    let probes = rig.adapter.probe().await;
    let problem = |name: &str| {
        let probe = probes.iter().find(|probe| probe.subsystem == name);
        probe.unwrap().problem.clone()
    };
    assert_eq!(problem("ssh"), None);
    assert!(problem("server").unwrap().contains("errno=15010"));
    rig.pbs.clear("server_down").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_hangs_there_is_ended_there() {
    let made = over_sshd(|settings, _| settings.command_seconds = 1);
    let Some((rig, sshd)) = made else { return };
    let job = rig.submit(&rig.submission("sleep 600")).await;
    rig.pbs.switch("hang", "qstat").unwrap();
    let began = Instant::now();
    let asked = rig.adapter.poll(std::slice::from_ref(&job)).await;
    let error = asked.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.message.contains("124"), "timeout(1) there: {error}");
    assert!(began.elapsed() < Duration::from_secs(6));
    rig.pbs.clear("hang").unwrap();
    rig.wait_until_running(&job).await;
    assert_eq!(sshd.logins(), 1);
}

/// Something listens and says nothing, as behind a firewall.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_says_nothing_is_given_up_in_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let its_port = silent.local_addr().unwrap().port();
    let made = over_sshd(|settings, _| {
        if let TransportSettings::Ssh { port, .. } = &mut settings.transport {
            *port = Some(its_port);
        }
    });
    let Some((rig, _sshd)) = made else { return };
    let began = Instant::now();
    let error = rig.adapter.submit(&rig.submission("exit 0")).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

/// As the login itself, or by words that bring its command to another; never as another by chance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_login_runs_nothing_as_another_without_the_words_for_it() {
    let made = over_sshd(|settings, _| {
        if let TransportSettings::Ssh { login, .. } = &mut settings.transport {
            LOGIN.clone_into(login);
        }
    });
    let Some((rig, _sshd)) = made else { return };
    let mut submission = rig.submission("exit 0");
    submission.account.user = "somebody".to_owned();
    let error = rig.adapter.submit(&submission).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized, "{error}");
    assert!(error.message.contains("set `run_as`"), "{error}");
}

#[test]
fn a_folder_that_others_write_to_holds_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    crate::rig::open_for_all(folder.path());
    let settings = format!(
        "system = \"polaris\"\nreader = \"{LOGIN}\"\nwork_dir = \"/tmp\"\n\
         [partitions.gpu]\n[transport]\nkind = \"ssh\"\nhost = \"login\"\n\
         known_hosts_file = \"/etc/hosts\"\ncontrol_dir = \"{}\"\n",
        folder.path().display()
    );
    let settings: PbsSettings = toml::from_str(&settings).unwrap();
    let clock = std::sync::Arc::new(broker_model::SystemClock);
    let error = PbsAdapter::new(settings, clock).unwrap_err().to_string();
    assert!(
        error.contains("control_dir") && error.contains("0700"),
        "{error}"
    );
}
