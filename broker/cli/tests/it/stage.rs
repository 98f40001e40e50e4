//! A served broker, a person signed in, and a site that can run a job.

use std::path::{Path, PathBuf};

use axum::Router;
use broker_cli::Cli;
use broker_model::{AttemptId, Outcome, OutcomeKind, RemoteId};
use clap::Parser as _;
use serde_json::Value;
use site_adapter::{AttemptReport, LeaseRequest, LogChunk, LogStream, Report, Seen, UsageReport};
use tokio::task::JoinHandle;
use url::Url;

use crate::world::{World, agent_id, project};

pub(crate) const SITE: &str = "meluxina";

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) url: Url,
    server: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What one run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Stage {
    pub(crate) async fn open() -> Self {
        Self::open_behind(|router| router).await
    }

    /// With something between client and broker.
    pub(crate) async fn open_behind(wrap: impl FnOnce(Router) -> Router) -> Self {
        let world = World::start().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let router = wrap(world.router.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { world, url, server }
    }

    /// The folder where a person's client keeps things.
    pub(crate) fn home(&self, person: &str) -> PathBuf {
        self.world.folder.path().join("home").join(person)
    }

    pub(crate) async fn sign_in(&self, person: &str) {
        let device = broker_cli::start_login(&self.url).await.unwrap();
        self.world
            .issuer
            .approve_device(device.user_code(), person)
            .await
            .unwrap();
        broker_cli::finish_login(&self.url, &self.home(person), &device)
            .await
            .unwrap();
    }

    pub(crate) fn cli(&self, person: &str, words: &[&str]) -> Cli {
        let home = self.home(person);
        let first = [
            "alcyone",
            "--broker",
            self.url.as_str(),
            "--home",
            home.to_str().unwrap(),
        ];
        Cli::try_parse_from(first.iter().chain(words)).unwrap()
    }

    pub(crate) async fn run(&self, person: &str, words: &[&str]) -> Ran {
        let mut out = Vec::new();
        let answer = broker_cli::run(self.cli(person, words), &mut out).await;
        let out = String::from_utf8(out).unwrap();
        match answer {
            Ok(code) => Ran {
                code,
                out,
                error: String::new(),
            },
            Err(error) => Ran {
                code: broker_cli::exit_code(&error),
                out,
                error: format!("{error:#}"),
            },
        }
    }

    /// Runs a verb that must end with exit code 0, and reads what it prints as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self, person: &str, words: &[&str]) -> impl Future<Output = Value> {
        let words: Vec<String> = words
            .iter()
            .map(|word| (*word).to_owned())
            .chain(["--json".to_owned()])
            .collect();
        async move {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let ran = self.run(person, &words).await;
            assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
            serde_json::from_str(&ran.out).unwrap()
        }
    }

    /// A job file in the person's folder; `{project}` stands for a project's id.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.world.folder.path().join(name);
        std::fs::write(
            &path,
            text.replace("{project}", &project("main").to_string()),
        )
        .unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) async fn submitted(&self, person: &str) -> String {
        let file = self.file("job.toml", JOB);
        let job = self.json(person, &["submit", &file]).await;
        job["id"].as_str().unwrap().to_owned()
    }

    /// Leases the attempt that waits and takes it up to running.
    pub(crate) async fn started(&self) -> AttemptId {
        let request = LeaseRequest {
            agent: agent_id(),
            instance: None,
            site: SITE.parse().unwrap(),
            scheduler: None,
            systems: Vec::new(),
            only_sent: false,
            want: 1,
            wait_seconds: 10,
            working_on: Vec::new(),
        };
        let reply = self.world.broker.lease(&request).await.unwrap();
        let attempt = reply.attempts[0].attempt;
        let at = "2026-11-20T12:00:00Z".parse().unwrap();
        let seen = Seen {
            remote_id: RemoteId("4711".to_owned()),
            submitted_at: at,
        };
        self.tell(vec![
            AttemptReport::Submitting { attempt },
            AttemptReport::Accepted { attempt, seen },
            AttemptReport::Started {
                attempt,
                started_at: at,
            },
        ])
        .await;
        attempt
    }

    pub(crate) async fn wrote(&self, attempt: AttemptId, offset: usize, text: &[u8]) {
        let offset = offset as u64;
        let chunk = LogChunk {
            attempt,
            stream: LogStream::Stdout,
            offset,
            bytes: text.to_vec(),
        };
        self.report(Vec::new(), vec![chunk]).await;
    }

    pub(crate) async fn ended(&self, attempt: AttemptId, kind: OutcomeKind) {
        let ended_at = "2026-11-20T12:30:00Z".parse().unwrap();
        let outcome = Outcome {
            kind,
            exit_code: Some(0),
            signal: None,
            site_words: "DONE".to_owned(),
        };
        let usage = UsageReport {
            elapsed_seconds: None,
            started_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            ended_at,
            nodes: 1,
            scheduler_gpus: 4,
            cpus: 64,
            memory_gib: 512,
            energy_joules: None,
        };
        self.tell(vec![
            AttemptReport::Ended {
                attempt,
                ended_at,
                outcome,
            },
            AttemptReport::Usage {
                attempt,
                usage: Some(usage),
                account: Some("p200001".to_owned()),
            },
        ])
        .await;
    }

    /// Takes the job that waits through to its end.
    pub(crate) async fn ran(&self) {
        let attempt = self.started().await;
        self.wrote(attempt, 0, b"hello\n").await;
        self.ended(attempt, OutcomeKind::Completed).await;
    }

    async fn tell(&self, attempts: Vec<AttemptReport>) {
        self.report(attempts, Vec::new()).await;
    }

    async fn report(&self, attempts: Vec<AttemptReport>, logs: Vec<LogChunk>) {
        let site = SITE.parse().unwrap();
        let (agent, snapshot, working_on) = (agent_id(), None, Vec::new());
        let report = Report {
            snapshot_ttl_seconds: None,
            agent,
            instance: None,
            site,
            snapshot,
            attempts,
            logs,
            working_on,
        };
        self.world.broker.report(report).await.unwrap();
    }
}

/// Goes to one partition only.
pub(crate) const JOB: &str = r#"name = "train"
project = "{project}"

[resources]
gpus_per_node = 2
walltime = "1h"

[variants."x86_64+cuda"]
script = "echo hello"

[placement]
require = ["meluxina"]
"#;

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
