//! `alcyone-agent` itself, beside a machine that runs jobs as processes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use agent_link::{InviteText, KeyPair};
use broker_model::OutcomeKind;
use site_adapter_slurm::SlurmSettings;
use site_agent::Identity;

use crate::crash::DEADLINE;
use crate::http::Served;
use crate::stage::leased;

/// A running agent, killed with the test if it is still there.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processes run as nobody else.
pub(crate) fn own_user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    let name = String::from_utf8(output.stdout).unwrap();
    name.trim().to_owned()
}

pub(crate) fn write_config(served: &Served) -> PathBuf {
    let folder = served.folder.path();
    let text = format!(
        r#"
        [agent]
        site = "meluxina"
        broker = "{url}"
        data_dir = "{data}"
        tick_seconds = 1
        allow_own_account = true
        [adapter]
        kind = "process"
        [[adapter.settings.partition]]
        system = "meluxina"
        partition = "cpu"
        nodes = 2
        [[accounts]]
        project = "*"
        user = "{user}"
        "#,
        url = served.url,
        data = served.data().display(),
        user = own_user(),
    );
    let path = folder.join("agent.toml");
    std::fs::write(&path, text).unwrap();
    path
}

pub(crate) fn agent(config: &PathBuf) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alcyone-agent"));
    command
        .arg("--config")
        .arg(config)
        .env("ALCYONE_LOG", "debug");
    command
}

pub(crate) async fn check(config: &PathBuf) -> Output {
    let mut command = agent(config);
    command.arg("check");
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn the_program_runs_a_job_and_ends_when_it_is_told_to() {
    let served = Served::start().await;
    let config = write_config(&served);
    let broker = served.front.broker.clone();
    let offered = leased("echo from the program");
    let attempt = offered.attempt;
    broker.offer(offered);
    let log = served.folder.path().join("log");
    let child = agent(&config)
        .stderr(Stdio::from(std::fs::File::create(&log).unwrap()))
        .spawn()
        .unwrap();
    let mut running = Running(child);

    let started = Instant::now();
    while !broker.row(attempt).is_settled() {
        let words = std::fs::read_to_string(&log).unwrap();
        assert!(started.elapsed() < DEADLINE, "{words}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let row = broker.row(attempt);
    assert_eq!(row.outcome(), Some(OutcomeKind::Completed));
    assert_eq!(row.stdout, b"from the program\n");

    let terminate = format!("kill -TERM {}", running.0.id());
    assert!(
        Command::new("sh")
            .args(["-c", &terminate])
            .status()
            .unwrap()
            .success()
    );
    let ended = loop {
        if let Some(status) = running.0.try_wait().unwrap() {
            break status;
        }
        assert!(started.elapsed() < DEADLINE, "does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let words = std::fs::read_to_string(&log).unwrap();
    assert!(ended.success(), "{words}");
    for line in words.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    let key = Identity::load(&served.data()).unwrap().key.secret();
    for secret in ["Bearer", &key, "from the program"] {
        assert!(!words.contains(secret), "`{secret}` is in the log: {words}");
    }
}

#[tokio::test]
async fn a_second_agent_on_the_same_data_folder_does_not_start_and_names_the_first() {
    let served = Served::start().await;
    let config = write_config(&served);
    let quiet = || Stdio::null();
    let first = agent(&config).stderr(quiet()).spawn().unwrap();
    let first = Running(first);
    let held = served.folder.path().join("agent/lock");
    let started = Instant::now();
    let pid = format!("{}\n", first.0.id());
    while std::fs::read_to_string(&held).ok().as_ref() != Some(&pid) {
        assert!(started.elapsed() < DEADLINE, "the first does not start");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut second = agent(&config);
    let second = tokio::task::spawn_blocking(move || second.output().unwrap());
    let second = second.await.unwrap();
    let words = String::from_utf8(second.stderr).unwrap();
    assert!(!second.status.success(), "{words}");
    let folder = served.folder.path().join("agent").display().to_string();
    let holder = format!("process {}", first.0.id());
    assert!(
        words.contains(&folder) && words.contains(&holder),
        "{words}"
    );
}

#[tokio::test]
async fn check_says_ok_line_by_line() {
    let served = Served::start().await;
    let output = check(&write_config(&served)).await;
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{words}");
    assert!(words.contains("broker: ok"), "{words}");
    assert!(words.lines().count() >= 3, "{words}");
}

#[tokio::test]
async fn check_names_what_is_wrong() {
    let served = Served::start().await;
    let config = write_config(&served);
    served.enrolled(KeyPair::generate());
    let output = check(&config).await;
    let words = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        words.contains("broker: the broker does not accept this agent"),
        "{words}"
    );
    std::fs::remove_file(served.data().join("identity.toml")).unwrap();
    let output = check(&config).await;
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(
        words.contains("identity: this agent is not enrolled") && words.contains("enrol`"),
        "{words}"
    );

    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("nodes = 2", "nodez = 2")).unwrap();
    let output = check(&config).await;
    let words = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(words.contains("nodez"), "{words}");
}

#[test]
fn the_example_file_has_settings_that_the_slurm_adapter_takes() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../config/agent.example.toml"
    );
    let settings = site_agent::settings::Settings::load(Path::new(path)).unwrap();
    let own: SlurmSettings = settings.adapter.settings.try_into().unwrap();
    own.validate().unwrap();
}

#[tokio::test]
async fn an_invite_for_another_site_or_half_of_one_is_refused_before_anybody_is_asked() {
    let served = Served::start().await;
    let config = write_config(&served);
    std::fs::remove_file(served.data().join("identity.toml")).unwrap();
    let invite = InviteText {
        id: "inv_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
        site: "lumi".parse().unwrap(),
        broker: "https://broker.example.eu/".parse().unwrap(),
        broker_key: *KeyPair::generate().public(),
        key: KeyPair::generate(),
    };
    let line = invite.to_string();
    for (text, word) in [
        (line.as_str(), "the invite is for the site lumi"),
        (&line[..40], "not whole"),
        ("hello", "this is no invite"),
    ] {
        let mut command = agent(&config);
        let output = command.args(["enrol", text]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(word), "{said}");
        assert!(!said.contains(&invite.key.secret()), "{said}");
    }
}

#[tokio::test]
async fn check_refuses_a_cluster_that_forgets_jobs_before_their_usage_is_read() {
    let served = Served::start().await;
    let config = write_config(&served);
    let text = std::fs::read_to_string(&config).unwrap();
    let (before, _) = text.split_once("[adapter]").unwrap();
    for (keep_hours, give_up, refused) in [(24, 24, true), (25, 24, false), (25, 30, true)] {
        let agent = before.replace(
            "tick_seconds = 1",
            &format!("tick_seconds = 1\nusage_give_up_hours = {give_up}"),
        );
        let text = format!(
            r#"{agent}
            [adapter]
            kind = "kubernetes"
            [adapter.settings]
            system = "meluxina"
            keep_hours = {keep_hours}
            access = {{ kind = "token", server = "https://127.0.0.1:9", token_file = "/no/token" }}
            [adapter.settings.partitions.cpu]
            default_image = "docker://busybox:1"
            [[accounts]]
            project = "*"
            user = "alice"
            "#
        );
        std::fs::write(&config, text).unwrap();
        let words = String::from_utf8(check(&config).await.stdout).unwrap();
        let names_it = words.contains("keep_hours") && words.contains("usage_give_up_hours");
        assert_eq!(names_it, refused, "{words}");
    }
}
