use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use broker_model::Clock;
use site_adapter::{
    Error, InvalidSettings, LocalAccount, LogStream, Patience, ProbeResult, RemoteJob, RemoteRef,
    Result, SiteAdapter, SiteSnapshot, Submission, Submitted, UsageReport,
};

use crate::answer::Answer;
use crate::calls::{accounting, job};
use crate::config::SlurmSettings;
use crate::dialect::ApiVersion;
use crate::flows::in_time::Proofs;
use crate::flows::queue::Stateless;
use crate::known::Known;
use crate::logs;
use crate::minute::Minute;
use crate::record::JobRecord;
use crate::token::Tokens;
use crate::transport::{Request, Transport};

/// One Slurm cluster, by its slurmrestd.
#[derive(Debug)]
pub struct SlurmAdapter {
    pub(crate) settings: SlurmSettings,
    pub(crate) transport: Transport,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) known: Known,
    pub(crate) minute: Minute,
    pub(crate) stateless: Stateless,
    pub(crate) proofs: Proofs,
    pub(crate) patience: Patience,
}

impl SlurmAdapter {
    /// Checks the settings; asks the site nothing yet.
    pub fn new(settings: SlurmSettings, clock: Arc<dyn Clock>) -> Result<Self, InvalidSettings> {
        settings.validate()?;
        let tokens = Tokens::new(settings.clone(), Arc::clone(&clock));
        Ok(Self {
            transport: Transport::new(&settings, tokens)?,
            settings,
            clock,
            known: Known::default(),
            minute: Minute::default(),
            stateless: Stateless::default(),
            proofs: Proofs::default(),
            patience: Patience::default(),
        })
    }

    /// The API version spoken with the server; asks it when `auto` and not yet known.
    pub async fn api_version(&self) -> Result<ApiVersion> {
        self.transport.version().await
    }

    pub(crate) async fn ask(&self, request: impl Fn(ApiVersion) -> Request) -> Result<Answer> {
        self.transport.call(self.transport.reader(), request).await
    }

    /// One job as slurmctld knows it now, or an array's tasks, seen with its owner's eyes
    /// (`PrivateData`).
    pub(crate) async fn jobs(&self, user: &str, id: &str) -> Result<Vec<JobRecord>> {
        let answer = self.transport.call(user, |_| job::request(id)).await?;
        job::parse(&answer)
    }

    /// What the accounting has of these ids, seen with a user's eyes.
    pub(crate) async fn accounted(
        &self,
        user: &str,
        ids: &[&str],
    ) -> Result<Vec<accounting::Accounted>> {
        let request = |version| accounting::by_ids(version, ids);
        let answer = self.transport.call(user, request).await?;
        Ok(self.with_what_is_known(accounting::parse(&answer)?))
    }

    /// With what the accounting does not keep and this agent remembers.
    pub(crate) fn with_what_is_known(
        &self,
        mut records: Vec<accounting::Accounted>,
    ) -> Vec<accounting::Accounted> {
        for record in &mut records {
            record.job.waited = self.known.was_to_wait(&record.job.name);
        }
        records
    }

    pub(crate) const fn settle(&self) -> Duration {
        Duration::from_secs(self.settings.settle_seconds)
    }
}

#[async_trait]
impl SiteAdapter for SlurmAdapter {
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
        let records = self.accounted(&job.account.user, &[plain_id(job)?]).await?;
        let ours: Vec<_> = records
            .iter()
            .filter(|record| record.job.carries(&job.marker))
            .collect();
        let is_it = ours.iter().any(|record| record.job.is(job));
        Ok(is_it.then(|| accounting::usage(&ours)).flatten())
    }

    async fn read_log(
        &self,
        job: &RemoteRef,
        stream: LogStream,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>> {
        let folder = logs::folder(&self.settings, &job.account.user)?;
        logs::read(folder, &job.marker, stream, offset, max_bytes).await
    }

    async fn probe(&self) -> Vec<ProbeResult> {
        self.probe_site().await
    }
}

/// The id, if it is one of Slurm's: it goes into paths and queries.
pub(crate) fn plain_id(job: &RemoteRef) -> Result<&str> {
    let id = job.remote_id.0.as_str();
    if id.parse::<u32>().is_ok_and(|number| number > 0) {
        return Ok(id);
    }
    Err(Error::new(
        site_adapter::ErrorKind::Protocol,
        "job id",
        format!("`{}` is not a Slurm job id", id.escape_debug()),
    ))
}
