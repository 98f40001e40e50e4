//! What `alcyone-agent` costs a site with ten thousand jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use broker_model::{AttemptId, RemoteId};
use jiff::Timestamp;
use serde_json::{Value, json};
use site_adapter::Seen;
use tokio::net::TcpListener;

use crate::binary::{Running, agent};
use crate::http::Served;
use crate::stage::leased;

const POLL: &str = "/slurm/jobs/state/";
const POLLS: usize = 11;
const JOBS: u64 = 10_000;
/// 64 MiB less what the code of a release takes; unoptimized futures are larger besides.
const MOST_KIB: u64 = 56 * 1024;
const SUBMITTED: i64 = 1_795_173_809;
/// An unoptimized agent under a loaded test machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// A slurmrestd of v0.0.42 with ten thousand jobs that wait, and a count of what it was asked.
#[derive(Debug, Default)]
struct Slurm {
    names: Vec<String>,
    asked: BTreeMap<String, usize>,
    /// Whose memory is looked at whenever it asks for all states.
    agent: Option<u32>,
    /// In KiB, one of each such poll.
    resident: Vec<u64>,
}

impl Slurm {
    fn answer(&mut self, request: &Request) -> Response {
        let path = request.uri().path().replace("/v0.0.42", "");
        *self.asked.entry(path.clone()).or_default() += 1;
        if path == POLL {
            self.resident.extend(self.agent.map(resident));
        }
        let query = request.uri().query().unwrap_or_default();
        let steps: BTreeSet<&str> = query
            .split('&')
            .filter_map(|it| it.strip_prefix("step="))
            .collect();
        let jobs = self.names.iter().zip(1_u64..);
        let jobs: Vec<Value> = match path.as_str() {
            POLL => jobs
                .map(|(_, id)| json!({"job_id": id.to_string(), "state": ["PENDING"]}))
                .collect(),
            "/slurm/diag" => {
                let pending = self.names.len();
                let counters = json!({"jobs_pending": pending, "jobs_running": 0,
                    "dbd_agent_queue_size": 0});
                return json_answer(&json!({"statistics": counters, "errors": []}));
            }
            "/slurmdb/jobs" => jobs
                .filter(|(_, id)| steps.contains(id.to_string().as_str()))
                .map(|(name, id)| accounted(name, id))
                .collect(),
            path => match path.strip_prefix("/slurm/job/").map(str::parse::<u64>) {
                Some(Ok(id)) => jobs
                    .filter(|(_, it)| *it == id)
                    .map(|(name, id)| queued(name, id))
                    .collect(),
                _ => {
                    return (StatusCode::NOT_FOUND, "Unable to find requested URL").into_response();
                }
            },
        };
        json_answer(&json!({"jobs": jobs, "errors": [], "warnings": []}))
    }
}

fn json_answer(body: &Value) -> Response {
    ([("content-type", "application/json")], body.to_string()).into_response()
}

/// Ids in one query of the accounting.
const AT_ONCE: usize = 500;
/// What a minute may see beside the one query of each tick: the accounting for jobs that do not
/// change, slurmctld for why some wait, its counters for whether the queue is short.
const A_MINUTE: usize = 6 + 8 + 1;
/// Nodes, partitions, and counters; with it the probe of slurmctld, its counters and the accounting.
const A_SNAPSHOT: usize = 3 + 3;

fn accounted(name: &str, id: u64) -> Value {
    json!({"job_id": id, "name": name, "comment": {"job": name}, "nodes": "",
        "state": {"current": ["PENDING"], "reason": "None"},
        "time": {"submission": SUBMITTED, "start": 0, "end": 0},
        "exit_code": {"return_code": {"set": true, "infinite": false, "number": 0}},
        "tres": {"allocated": []}})
}

fn queued(name: &str, id: u64) -> Value {
    let number = |set: bool, number: i64| json!({"set": set, "infinite": false, "number": number});
    json!({"job_id": id, "name": name, "comment": name, "job_state": ["PENDING"],
        "state_reason": "Priority", "nodes": "", "submit_time": number(true, SUBMITTED),
        "start_time": number(false, 0), "end_time": number(false, 0)})
}

async fn slurmrestd(slurm: Arc<Mutex<Slurm>>) -> String {
    let app = Router::new().fallback(move |request: Request| {
        let answer = slurm.lock().unwrap().answer(&request);
        async move { answer }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

fn write_config(served: &Served, slurm: &str) -> std::path::PathBuf {
    let folder = served.folder.path();
    std::fs::write(folder.join("jwt"), [7_u8; 32]).unwrap();
    let text = format!(
        r#"
        [agent]
        site = "meluxina"
        broker = "{url}"
        data_dir = "{data}"
        max_attempts = 20000
        [adapter]
        kind = "slurm"
        [adapter.settings]
        url = "{slurm}"
        system = "meluxina"
        reader = "bob"
        work_dir = "/home/{{user}}"
        api_version = "v0.0.42"
        token = {{ kind = "signed", key_file = "{key}" }}
        [adapter.settings.partitions.cpu]
        [[accounts]]
        project = "*"
        user = "alice"
        "#,
        url = served.url,
        data = served.data().display(),
        key = folder.join("jwt").display(),
    );
    let path = folder.join("agent.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// `RssAnon` of a process, in KiB: what it has allocated. Its code is a file that the kernel may drop,
/// and unoptimized code with every adapter in it is three times that of a release.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    let status = status.unwrap();
    let line = status
        .lines()
        .find(|it| it.starts_with("RssAnon:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn polls(slurm: &Mutex<Slurm>) -> usize {
    let slurm = slurm.lock().unwrap();
    slurm.asked.get(POLL).copied().unwrap_or(0)
}

async fn until(what: &str, log: &Path, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        if started.elapsed() > PATIENCE {
            let words = std::fs::read_to_string(log).unwrap_or_default();
            let tail: String = words.lines().rev().take(20).collect();
            panic!("{what}: {tail}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_jobs_take_less_than_64_mib_and_one_query_a_tick() {
    let served = Served::start().await;
    let broker = served.front.broker.clone();
    let slurm = Arc::new(Mutex::new(Slurm::default()));
    let mut attempts: Vec<AttemptId> = Vec::new();
    for id in 1..=JOBS {
        let offered = leased(&"# a script as long as most are\n".repeat(64));
        let attempt = offered.attempt;
        slurm.lock().unwrap().names.push(attempt.to_string());
        let seen = Seen {
            remote_id: RemoteId(id.to_string()),
            submitted_at: Timestamp::from_second(SUBMITTED).unwrap(),
        };
        broker.offer_accepted(offered, seen);
        attempts.push(attempt);
    }
    let url = slurmrestd(slurm.clone()).await;
    let config = write_config(&served, &url);
    let log = served.folder.path().join("log");
    let started = Instant::now();
    let child = agent(&config)
        .env("ALCYONE_LOG", "warn")
        .stderr(Stdio::from(std::fs::File::create(&log).unwrap()))
        .spawn()
        .unwrap();
    let running = Running(child);
    let last = attempts.last().copied().unwrap();
    // Renewed: the agent works on it.
    until("all jobs are tracked", &log, || {
        broker.rows().renewed.contains(&last)
    })
    .await;
    slurm.lock().unwrap().agent = Some(running.0.id());
    let looked_at = || slurm.lock().unwrap().resident.len();
    until("eleven polls of all", &log, || looked_at() >= POLLS).await;

    let (asked, mut resident) = {
        let slurm = slurm.lock().unwrap();
        (slurm.asked.clone(), slurm.resident.clone())
    };
    println!("{resident:?} KiB; asked: {asked:?}");
    // What it keeps, and not what one answer or another takes for a moment.
    resident.sort_unstable();
    let usual = resident[resident.len() / 2];
    assert!(usual < MOST_KIB, "{usual} KiB");
    // One query a tick; each job is new once; the rest is by the minute and not by the job.
    let (ticks, seconds) = (polls(&slurm), started.elapsed().as_secs());
    assert!(ticks as u64 <= seconds + 1, "{ticks} polls in {seconds} s");
    let all: usize = asked.values().sum();
    let seconds = usize::try_from(seconds).unwrap();
    let minutes = seconds / 60 + 1;
    let new = usize::try_from(JOBS).unwrap().div_ceil(AT_ONCE);
    let snapshots = asked.get("/slurm/nodes").copied().unwrap_or(0);
    let most = ticks + new + minutes * A_MINUTE + snapshots * A_SNAPSHOT;
    println!("{ticks} ticks in {seconds} s, {all} requests of {most} at most");
    assert!(all <= most, "{all} requests of {most} at most: {asked:?}");
    assert!(snapshots <= seconds / 30 + 2, "{snapshots} in {seconds} s");
}
