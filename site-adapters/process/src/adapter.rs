use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use broker_model::{Clock, SiteReadiness, SiteSnapshot};
use site_adapter::{
    LocalAccount, LogStream, ProbeResult, RemoteJob, RemoteRef, Result, SiteAdapter, Submission,
    Submitted, UsageReport,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cgroup::Cgroups;
use crate::config::Config;
use crate::inner::{Inner, local};
use crate::{identity, probe, procfs, recovery, rounds};

/// An agent that is just ending holds the lock for a moment.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// The adapter, with a small loop of its own. Dropping it leaves the jobs running.
#[derive(Debug)]
pub struct ProcessAdapter {
    inner: Arc<Inner>,
    folder_id: String,
    stop: watch::Sender<bool>,
    rounds: Mutex<Option<JoinHandle<()>>>,
}

impl ProcessAdapter {
    /// Takes the data folder, makes it if it is not there, and finds again what is in it.
    ///
    /// Needs a tokio runtime. Fails when another adapter holds the folder for longer than two seconds.
    pub async fn open(mut config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let place = config.data.clone();
        let failed = |error: std::io::Error| {
            let words = format!("{}: {error}; name a writable folder", place.display());
            local("open", words).caused_by(error)
        };
        fs::create_dir_all(&config.data).map_err(failed)?;
        // Jobs run elsewhere, so a relative path would mean another place to them.
        config.data = fs::canonicalize(&config.data).map_err(failed)?;
        let lock = File::create(config.data.join("lock")).map_err(failed)?;
        hold(&lock, &config.data).await?;

        let folder_id = identity::of(&config.data).map_err(failed)?;
        let boot = procfs::boot_id().map_err(failed)?;
        let cgroups = Cgroups::choose(&config).map_err(|why| {
            let words = format!("`cgroups`: {why}; name one that the agent may write to");
            local("open", words)
        })?;
        let inner = blocking("open", move || {
            recovery::prepare(&config)?;
            let inner = Arc::new(Inner::new(config, cgroups, clock, boot, lock));
            recovery::recover(&inner)?;
            inner.start_ready();
            Ok(inner)
        })
        .await?
        .map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        let rounds = tokio::spawn(rounds::run(Arc::downgrade(&inner), stopped));
        Ok(Self {
            inner,
            folder_id,
            stop,
            rounds: Mutex::new(Some(rounds)),
        })
    }

    /// The name of the data folder, by which agents of one site can tell whose jobs are in whose hands.
    pub fn folder_id(&self) -> &str {
        &self.folder_id
    }

    /// Ends the loop and waits for its last round. Jobs go on, and queued ones wait for the next
    /// adapter or for a job that ends.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        let rounds = self
            .rounds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(rounds) = rounds {
            // It ends by itself; a panic in it was reported by tokio.
            let _ = rounds.await;
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Arc<Inner>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        blocking(operation, move || work(&inner)).await?
    }
}

impl Drop for ProcessAdapter {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| local(operation, "the agent is shutting down").caused_by(error))
}

async fn hold(lock: &File, data: &Path) -> Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let held = tokio::time::timeout(LOCK_PATIENCE, async {
        loop {
            ticks.tick().await;
            match lock.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    })
    .await;
    match held {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            let words = format!("{}: cannot be locked; use a local disk", data.display());
            Err(local("open", words).caused_by(error))
        }
        Err(_) => Err(local(
            "open",
            format!(
                "another agent works in {}; stop it, or give each its own folder",
                data.display()
            ),
        )),
    }
}

#[async_trait]
impl SiteAdapter for ProcessAdapter {
    async fn snapshot(&self) -> Result<SiteSnapshot> {
        let now = self.inner.clock.now();
        let partitions = self.inner.roster().snapshot(now);
        Ok(SiteSnapshot {
            observed_at: now,
            readiness: SiteReadiness::Ready,
            reason: None,
            partitions,
        })
    }

    async fn submit(&self, submission: &Submission) -> Result<Submitted> {
        let submission = submission.clone();
        self.run("submit", move |inner| inner.submit(&submission))
            .await
    }

    /// The account says nothing here: all jobs are this user's.
    async fn find(&self, _: &LocalAccount, marker: &str) -> Result<Option<RemoteJob>> {
        let marker = marker.to_owned();
        self.run("find", move |inner| inner.find(&marker)).await
    }

    async fn poll(&self, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        let jobs = jobs.to_vec();
        self.run("poll", move |inner| inner.poll(&jobs)).await
    }

    async fn cancel(&self, job: &RemoteRef) -> Result<()> {
        let job = job.clone();
        self.run("cancel", move |inner| inner.cancel(&job)).await
    }

    async fn usage(&self, job: &RemoteRef) -> Result<Option<UsageReport>> {
        let job = job.clone();
        self.run("usage", move |inner| inner.usage(&job)).await
    }

    async fn read_log(
        &self,
        job: &RemoteRef,
        stream: LogStream,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>> {
        let job = job.clone();
        self.run("read log", move |inner| {
            inner.read_log(&job, stream, offset, max_bytes)
        })
        .await
    }

    async fn probe(&self) -> Vec<ProbeResult> {
        let checked = self
            .run("probe", |inner| Ok(probe::all(&inner.config)))
            .await;
        checked.unwrap_or_else(|error| vec![probe::result("agent", Some(error.to_string()))])
    }
}
