//! A slurmrestd in memory: a queue, an accounting, and a list of what was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker_model::{ManualClock, RemoteId, Resources, Walltime};
use jiff::Timestamp;
use serde_json::{Value, json};
use site_adapter::{LocalAccount, RemoteRef, Submission, Work};
use site_adapter_slurm::{SlurmAdapter, SlurmSettings};
use tokio::net::TcpListener;

pub(crate) use crate::job::{Job, marker};

pub(crate) const SUBMITTED: i64 = 1_795_173_809;

/// Where nobody sees the jobs of others (`PrivateData`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Privacy {
    #[default]
    Nowhere,
    /// In slurm.conf alone.
    Queue,
    Everywhere,
}

#[derive(Debug, Default)]
pub(crate) struct Slurm {
    pub(crate) queue: BTreeMap<u64, Job>,
    pub(crate) accounting: Vec<Job>,
    pub(crate) accounting_is_down: bool,
    /// Records that slurmctld has not handed over yet.
    pub(crate) backlog: u32,
    /// The one version that it speaks.
    pub(crate) version: &'static str,
    /// As before 24.05: no `jobs/state/`.
    pub(crate) tells_no_states: bool,
    pub(crate) privacy: Privacy,
    /// Paths that are answered with this, whatever there is.
    pub(crate) instead: BTreeMap<String, (u16, Value)>,
    /// What a submission leaves in the queue, and what a deletion turns a job into.
    pub(crate) on_submit: Option<Job>,
    pub(crate) on_delete: Option<Job>,
    /// Fields of a submission that are passed over with a warning.
    pub(crate) ignores: Vec<&'static str>,
    /// Method and path below the version, in order.
    pub(crate) calls: Vec<String>,
    /// Of the last call.
    pub(crate) headers: axum::http::HeaderMap,
    /// Of the last submission.
    pub(crate) body: String,
}

/// A server, an adapter to it, and the clock that the adapter goes by.
#[derive(Debug)]
pub(crate) struct Fake {
    slurm: Arc<Mutex<Slurm>>,
    pub(crate) adapter: SlurmAdapter,
    pub(crate) clock: Arc<ManualClock>,
    _key: tempfile::NamedTempFile,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        Self::with_settings("v0.0.42", json!({"api_version": "v0.0.42"})).await
    }

    /// A server of this version, and an adapter with these settings beside what it needs.
    pub(crate) async fn with_settings(version: &'static str, more: Value) -> Self {
        let slurm = Arc::new(Mutex::new(Slurm {
            version,
            ..Slurm::default()
        }));
        let served = Arc::clone(&slurm);
        let app = Router::new().fallback(move |request: Request| {
            let served = Arc::clone(&served);
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                let mut slurm = lock(&served);
                if !body.is_empty() {
                    slurm.body = String::from_utf8(body.to_vec()).unwrap();
                }
                slurm.answer(&Request::from_parts(head, Body::empty()))
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let key = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(key.path(), [7u8; 32]).unwrap();
        let mut settings = json!({
            "url": url, "system": "s", "reader": "bob", "work_dir": "/home/{user}",
            "partitions": {"main": {}},
            "token": {"kind": "signed", "key_file": key.path()},
        });
        let more = more.as_object().unwrap().clone();
        settings.as_object_mut().unwrap().extend(more);
        let settings: SlurmSettings = serde_json::from_value(settings).unwrap();
        let now = Timestamp::from_second(SUBMITTED + 100).unwrap();
        let clock = Arc::new(ManualClock::at(now));
        Self {
            slurm,
            adapter: SlurmAdapter::new(settings, clock.clone()).unwrap(),
            clock,
            _key: key,
        }
    }

    pub(crate) fn slurm(&self) -> MutexGuard<'_, Slurm> {
        lock(&self.slurm)
    }

    /// Jobs in the queue and in the accounting, and what an agent polls them by.
    pub(crate) fn with(&self, jobs: impl IntoIterator<Item = Job>) -> Vec<RemoteRef> {
        let mut slurm = self.slurm();
        let jobs = jobs.into_iter().map(|job| {
            let reference = reference(&job);
            slurm.accounting.push(job.clone());
            slurm.queue.insert(job.id, job);
            reference
        });
        jobs.collect()
    }

    /// What was asked since the last time.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.slurm().calls)
    }
}

fn lock(slurm: &Mutex<Slurm>) -> MutexGuard<'_, Slurm> {
    slurm
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(crate) fn reference(job: &Job) -> RemoteRef {
    RemoteRef {
        marker: job.name.clone(),
        remote_id: RemoteId(job.id.to_string()),
        submitted_at: Timestamp::from_second(job.submitted_at).unwrap(),
        account: account(),
    }
}

pub(crate) fn account() -> LocalAccount {
    LocalAccount {
        user: "alice".to_owned(),
        account: None,
        qos: None,
    }
}

pub(crate) fn submission(id: u64) -> Submission {
    Submission {
        attempt: marker(id).parse().unwrap(),
        account: account(),
        work: Work {
            after: Vec::new(),
            array: None,
            restartable: false,
            name: "job".to_owned(),
            resources: Resources {
                nodes: 1,
                gpus_per_node: 0,
                gpu_memory_gib: None,
                cpus_per_node: None,
                memory_gib_per_node: None,
                walltime: Walltime::from_seconds(60).unwrap(),
            },
            image: None,
            script: "true".to_owned(),
            partition: broker_model::PartitionRef {
                site: "s".parse().unwrap(),
                system: "s".parse().unwrap(),
                partition: "main".parse().unwrap(),
            },
            scheduler_gpus_per_gpu: 1,
            exclusive: false,
        },
        may_exist: false,
    }
}

impl Slurm {
    fn answer(&mut self, request: &Request<Body>) -> Response {
        let (method, path) = (request.method(), request.uri().path());
        let path = path.replace(&format!("/{}", self.version), "");
        self.calls.push(format!("{method} {path}"));
        self.headers = request.headers().clone();
        if let Some((status, body)) = self.instead.get(&path) {
            return answer(*status, body);
        }
        let query: Vec<(String, String)> = query(request);
        let user = request.headers()["x-slurm-user-name"].to_str().unwrap();
        let sees = |job: &&Job| self.privacy == Privacy::Nowhere || job.user == user;
        let counts = |job: &&Job| self.privacy != Privacy::Everywhere || job.user == user;
        let one = path
            .strip_prefix("/slurm/job/")
            .and_then(|id| id.parse::<u64>().ok());
        match (method, path.as_str(), one) {
            (_, "/slurm/jobs/state/", _) if self.tells_no_states => unknown_path(),
            (&Method::POST, "/slurm/job/submit", _) => self.submit(),
            (&Method::DELETE, _, Some(id)) => self.delete(id),
            (_, _, Some(id)) => match self.queue.get(&id).filter(sees) {
                Some(job) => list("jobs", vec![job.in_slurmctld()]),
                None => unknown_job(),
            },
            (_, "/slurm/jobs/state/", _) => {
                let wanted = |job: &&Job| asked(&query, "job_id", &job.id.to_string());
                let jobs = self.queue.values().filter(wanted);
                let state =
                    |job: &Job| json!({"job_id": job.id.to_string(), "state": job.states()});
                list("jobs", jobs.map(state).collect())
            }
            (_, "/slurm/jobs", _) => {
                let jobs = self.queue.values().filter(sees);
                list("jobs", jobs.map(Job::in_slurmctld).collect())
            }
            (_, "/slurmdb/jobs", _) if self.accounting_is_down => answer(
                502,
                &json!({"errors": [{"error_number": 7000, "error": "Unable to connect to database"}]}),
            ),
            (_, "/slurmdb/jobs", _) => {
                let wanted = |job: &&Job| {
                    asked(&query, "step", &job.id.to_string())
                        && asked(&query, "job_name", &job.name)
                };
                let jobs = self.accounting.iter().filter(counts).filter(wanted);
                list("jobs", jobs.map(Job::in_accounting).collect())
            }
            (_, "/slurm/ping", _) => list("pings", Vec::new()),
            (_, "/slurm/diag", _) => answer(
                200,
                &json!({"statistics": {"jobs_pending": self.count("PENDING"),
                    "jobs_running": self.count("RUNNING"), "dbd_agent_queue_size": self.backlog}}),
            ),
            _ => unknown_path(),
        }
    }

    fn count(&self, state: &str) -> usize {
        let jobs = self.queue.values();
        jobs.filter(|job| job.states().contains(&state)).count()
    }

    /// As 24.11 does with a key that it does not know: a job is made all the same.
    fn submit(&mut self) -> Response {
        let Some(job) = self.on_submit.clone() else {
            return answer(500, &json!({"errors": []}));
        };
        let warning = |field: &&str| {
            let words = format!("Ignoring unknown field \"{field}\"");
            json!({"description": words, "source": format!("#/job/{field}/")})
        };
        let warnings: Vec<Value> = self.ignores.iter().map(warning).collect();
        let made = json!({"job_id": job.id, "errors": [], "warnings": warnings});
        self.queue.insert(job.id, job);
        answer(200, &made)
    }

    fn delete(&mut self, id: u64) -> Response {
        match self.on_delete.clone() {
            Some(job) => drop(self.queue.insert(id, job)),
            None => drop(self.queue.remove(&id)),
        }
        list("status", Vec::new())
    }
}

/// A parameter that is not there asks for everything.
fn asked(query: &[(String, String)], name: &str, value: &str) -> bool {
    let mut given = query.iter().filter(|(key, _)| key == name).peekable();
    given.peek().is_none() || given.any(|(_, given)| given == value)
}

fn query(request: &Request<Body>) -> Vec<(String, String)> {
    let pairs = request.uri().query().unwrap_or_default().split('&');
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

pub(crate) fn nodes(node: Value) -> (u16, Value) {
    (200, json!({"nodes": [node], "errors": []}))
}

fn list(name: &str, entries: Vec<Value>) -> Response {
    answer(200, &json!({name: entries, "errors": [], "warnings": []}))
}

fn unknown_path() -> Response {
    (StatusCode::NOT_FOUND, "Unable to find requested URL").into_response()
}

fn unknown_job() -> Response {
    let errors = json!([{"error_number": 2017, "error": "Invalid job id specified"}]);
    answer(404, &json!({"jobs": [], "errors": errors}))
}

fn answer(status: u16, body: &Value) -> Response {
    let head = [(header::CONTENT_TYPE, "application/json")];
    let status = StatusCode::from_u16(status).unwrap();
    (status, head, body.to_string()).into_response()
}
