use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker_model::{
    Clock, Ids, Outcome, OutcomeKind, PartitionRef, Resources, SystemClock, Walltime,
};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use site_adapter::{
    Activity, LocalAccount, LogStream, RemoteRef, SiteAdapter as _, Submission, Work,
};
use site_adapter_process::{Config, ProcessAdapter};
use tempfile::TempDir;

/// A machine that says it has two nodes of four GPUs.
pub(crate) struct Rig {
    home: TempDir,
    pub(crate) config: Config,
    pub(crate) ids: Ids,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) account: LocalAccount,
    pub(crate) partition: PartitionRef,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = format!(
            "site = 'here'\n\
             data = '{}/data'\n\
             grace_seconds = 1\n\
             [[partition]]\n\
             system = 'desk'\n\
             partition = 'gpu'\n\
             nodes = 2\n\
             gpus_per_node = 4\n\
             max_walltime = '1h'\n",
            home.path().display()
        );
        Self {
            config: toml::from_str(&config).unwrap(),
            home,
            ids: Ids::from_os(),
            clock: Arc::new(SystemClock),
            account: LocalAccount {
                user: "p1234".to_owned(),
                account: None,
                qos: None,
            },
            partition: PartitionRef {
                site: "here".parse().unwrap(),
                system: "desk".parse().unwrap(),
                partition: "gpu".parse().unwrap(),
            },
        }
    }

    pub(crate) async fn open(&self) -> ProcessAdapter {
        self.open_with(|_| {}).await
    }

    pub(crate) async fn open_with(&self, change: impl FnOnce(&mut Config)) -> ProcessAdapter {
        let mut config = self.config.clone();
        change(&mut config);
        ProcessAdapter::open(config, Arc::clone(&self.clock))
            .await
            .unwrap()
    }

    /// Ends the adapter as a crash would leave things, apart from the crash.
    pub(crate) async fn leave(&self, adapter: ProcessAdapter) {
        adapter.close().await;
        drop(adapter);
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn folder(&self, state: &str, job: &RemoteRef) -> PathBuf {
        self.config.data.join(state).join(&job.marker)
    }

    pub(crate) fn submission(&self, script: &str) -> Submission {
        Submission {
            attempt: self.ids.next(&*self.clock),
            account: self.account.clone(),
            work: Work {
                after: Vec::new(),
                array: None,
                restartable: false,
                name: "test".to_owned(),
                resources: Resources {
                    nodes: 1,
                    gpus_per_node: 0,
                    gpu_memory_gib: None,
                    cpus_per_node: None,
                    memory_gib_per_node: None,
                    walltime: Walltime::from_seconds(120).unwrap(),
                },
                image: None,
                script: script.to_owned(),
                partition: self.partition.clone(),
                scheduler_gpus_per_gpu: 1,
                exclusive: false,
            },
            may_exist: false,
        }
    }

    pub(crate) fn exclusive(&self, script: &str) -> Submission {
        let mut submission = self.submission(script);
        submission.work.exclusive = true;
        submission.work.resources.nodes = 2;
        submission
    }

    pub(crate) async fn submit(&self, adapter: &ProcessAdapter, what: &Submission) -> RemoteRef {
        let submitted = adapter.submit(what).await.unwrap();
        RemoteRef {
            marker: what.marker(),
            remote_id: submitted.remote_id,
            submitted_at: submitted.submitted_at,
            account: self.account.clone(),
        }
    }

    /// Wrappers, timers and jobs: whatever works in the data folder.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries
            .filter(|entry| {
                fs::read_link(entry.path().join("cwd"))
                    .is_ok_and(|cwd| cwd.starts_with(&self.config.data))
            })
            .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
            .collect()
    }

    /// A script that goes on once [`Rig::open_gate`] was called, and then runs `rest`.
    pub(crate) fn gated(&self, rest: &str) -> String {
        let gate = self.file("gate");
        format!(
            "while [ ! -e '{}' ]; do sleep 0.01; done\n{rest}",
            gate.display()
        )
    }

    pub(crate) fn open_gate(&self) {
        fs::write(self.file("gate"), "").unwrap();
    }

    /// A script that leaves a line behind each time it runs.
    pub(crate) fn tracing(&self, word: &str) -> String {
        format!("echo {word} >> '{}'", self.file("trace").display())
    }

    pub(crate) fn trace(&self) -> String {
        fs::read_to_string(self.file("trace")).unwrap_or_default()
    }
}

/// A test that failed half way leaves nothing running.
impl Drop for Rig {
    fn drop(&mut self) {
        for pid in self.processes() {
            // Gone by itself: fine.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

pub(crate) async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let found = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    });
    found
        .await
        .unwrap_or_else(|_| panic!("no sign in 30 s that {what}"))
}

pub(crate) async fn activity(adapter: &ProcessAdapter, job: &RemoteRef) -> Activity {
    let mut told = adapter.poll(std::slice::from_ref(job)).await.unwrap();
    told.pop().expect("the job is known").activity
}

pub(crate) async fn running(adapter: &ProcessAdapter, job: &RemoteRef) -> Timestamp {
    wait_for("the job runs", async || {
        match activity(adapter, job).await {
            Activity::Running { started_at } => Some(started_at),
            Activity::Queued { .. } | Activity::Unknown => None,
            ended @ Activity::Ended { .. } => panic!("{ended:?}"),
        }
    })
    .await
}

pub(crate) async fn ended(adapter: &ProcessAdapter, job: &RemoteRef) -> Outcome {
    wait_for("the job ends", async || {
        match activity(adapter, job).await {
            Activity::Ended { outcome, .. } => Some(outcome),
            Activity::Running { .. } | Activity::Queued { .. } | Activity::Unknown => None,
        }
    })
    .await
}

pub(crate) async fn completed(adapter: &ProcessAdapter, job: &RemoteRef) {
    let outcome = ended(adapter, job).await;
    let errors = log(adapter, job, LogStream::Stderr).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?} {errors}");
}

pub(crate) async fn log(adapter: &ProcessAdapter, job: &RemoteRef, stream: LogStream) -> String {
    let bytes = adapter.read_log(job, stream, 0, 1 << 20).await.unwrap();
    String::from_utf8(bytes).unwrap()
}
