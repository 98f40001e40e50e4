use std::sync::Arc;

use async_trait::async_trait;
use broker_model::Clock;
use jiff::{SignedDuration, Timestamp};
use site_adapter::{
    Error, ErrorKind, InvalidSettings, LocalAccount, LogStream, Patience, ProbeResult, RemoteJob,
    RemoteRef, Result, SiteAdapter, SiteSnapshot, Submission, Submitted, UsageReport,
};

use tokio::sync::Semaphore;

use crate::calls::server::{self, Server};
use crate::config::PbsSettings;
use crate::forecasts::Forecasts;
use crate::history::{KnownServer, MissingResources};
use crate::record::Names;
use crate::transport::{self, Command, Pace, Ran, Transport};

/// One PBS complex, by its commands.
#[derive(Debug)]
pub struct PbsAdapter {
    pub(crate) settings: PbsSettings,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) known_server: KnownServer,
    pub(crate) patience: Patience,
    pub(crate) forecasts: Forecasts,
    pub(crate) missing: MissingResources,
    pace: Pace,
    /// Of logs and records; sshd lets a connection have ten sessions at once.
    readers: Semaphore,
}

impl PbsAdapter {
    /// Checks the settings; asks the site nothing yet.
    pub fn new(settings: PbsSettings, clock: Arc<dyn Clock>) -> Result<Self, InvalidSettings> {
        settings.validate()?;
        settings.transport.prepare()?;
        for (id, partition) in &settings.partitions {
            if partition.memory_gib_per_node.is_none() {
                tracing::warn!(partition = %id,
                    "a job that names no memory gets 1 GiB a node here: set `memory_gib_per_node`");
            }
        }
        Ok(Self {
            transport: transport::open(&settings),
            pace: Pace::new(settings.commands_per_second, settings.concurrent_commands),
            readers: Semaphore::new(settings.concurrent_commands),
            settings,
            clock,
            known_server: KnownServer::default(),
            patience: Patience::default(),
            forecasts: Forecasts::default(),
            missing: MissingResources::default(),
        })
    }

    /// For tests over an emulator, whose host has no reserved ports to run out of.
    #[doc(hidden)]
    #[must_use]
    pub fn at_pace(mut self, commands_per_second: u32) -> Self {
        self.pace = Pace::new(commands_per_second, self.settings.concurrent_commands);
        self
    }

    /// Runs a command of PBS's, in its turn.
    pub(crate) async fn pbs(&self, user: &str, mut command: Command) -> Result<Ran> {
        command.program = format!("{}/{}", self.settings.bin_dir, command.program);
        let _seat = self.pace.turn().await;
        self.with_limit(&mut command);
        if command.operation == "qsub" && self.transport.is_remote() {
            let delay = i64::try_from(self.settings.transport.delay_seconds()).unwrap_or(i64::MAX);
            let now = self.clock.now();
            let until = now.checked_add(SignedDuration::from_secs(delay));
            command.not_after = Some(until.unwrap_or(now));
        }
        self.twice(user, &command, self.pace.begin()).await
    }

    /// Runs a command that takes none of PBS's ports: it reads a file.
    pub(crate) async fn run(&self, user: &str, mut command: Command) -> Result<Ran> {
        let _seat = self.readers.acquire().await;
        self.with_limit(&mut command);
        self.twice(user, &command, std::future::ready(())).await
    }

    /// Once more, in its turn, where a question's kept connection died under it or just before: the next
    /// one is made anew.
    async fn twice(
        &self,
        user: &str,
        command: &Command,
        turn: impl Future<Output = ()> + Send,
    ) -> Result<Ran> {
        let answer = self.transport.run(user, command).await;
        if command.acts || !answer.as_ref().is_err_and(transport::broke) {
            return answer;
        }
        turn.await;
        self.transport.run(user, command).await
    }

    const fn with_limit(&self, command: &mut Command) {
        if command.seconds == 0 {
            command.seconds = self.settings.command_seconds;
        }
    }

    pub(crate) async fn ask(&self, command: Command) -> Result<Ran> {
        self.pbs(&self.settings.reader, command).await
    }

    /// What the server says of itself, at most a minute old.
    pub(crate) async fn server(&self) -> Result<Server> {
        if let Some(known) = self.known_server.get() {
            return Ok(known);
        }
        let server = server::parse(&self.ask(server::command()).await?)?;
        self.known_server.set(server.clone());
        Ok(server)
    }

    pub(crate) fn with_names<T>(&self, read: impl FnOnce(Names<'_>) -> T) -> T {
        let partitions = self.settings.partitions.values();
        let own = partitions.filter_map(|partition| partition.gpu_resource.as_deref());
        let mut gpus = vec![self.settings.gpu_resource.as_str()];
        gpus.extend(own);
        read(Names {
            cpus: &self.settings.cpu_resource,
            memory: &self.settings.memory_resource,
            gpus: &gpus,
        })
    }
}

#[async_trait]
impl SiteAdapter for PbsAdapter {
    async fn snapshot(&self) -> Result<SiteSnapshot> {
        self.take_snapshot().await
    }

    async fn submit(&self, submission: &Submission) -> Result<Submitted> {
        self.submit_job(submission).await
    }

    async fn find(&self, account: &LocalAccount, marker: &str) -> Result<Option<RemoteJob>> {
        self.find_job(account, marker).await
    }

    async fn poll(&self, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        self.poll_jobs(jobs).await
    }

    async fn cancel(&self, job: &RemoteRef) -> Result<()> {
        self.cancel_job(job).await
    }

    async fn usage(&self, job: &RemoteRef) -> Result<Option<UsageReport>> {
        self.usage_of(job).await
    }

    async fn read_log(
        &self,
        job: &RemoteRef,
        stream: LogStream,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>> {
        self.read_piece(job, stream, offset, max_bytes).await
    }

    async fn probe(&self) -> Vec<ProbeResult> {
        self.probe_site().await
    }
}

/// The marker, if it is one: it goes into arguments and paths.
pub(crate) fn checked_marker(marker: &str) -> Result<&str> {
    let attempt: Result<broker_model::AttemptId, _> = marker.parse();
    attempt.map(|_| marker).map_err(|_| {
        let message = format!("`{}` is not an attempt's id", marker.escape_debug());
        Error::new(ErrorKind::Local, "marker", message)
    })
}

/// When the marker was made, which its id tells; no job carries one from before.
pub(crate) fn marked_at(marker: &str) -> Option<Timestamp> {
    let attempt: broker_model::AttemptId = marker.parse().ok()?;
    let (seconds, _) = attempt.as_uuid().get_timestamp()?.to_unix();
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}
