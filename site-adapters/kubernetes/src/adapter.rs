use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use broker_model::Clock;
use k8s_openapi::List;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use site_adapter::{
    Error, ErrorKind, InvalidSettings, LocalAccount, LogStream, ProbeResult, RemoteJob, RemoteRef,
    Result, SiteAdapter, SiteSnapshot, Submission, Submitted, UsageReport,
};

use crate::answer::Asked;
use crate::calls::{jobs, pods};
use crate::client::Transport;
use crate::config::KubernetesSettings;
use crate::flows::reasons::Reasons;
use crate::logs::Followers;
use crate::names;
use crate::record::{JobFacts, PodFacts};
use crate::states::View;
use crate::watch::Watches;

/// One Kubernetes cluster, by its API server.
#[derive(Debug)]
pub struct KubernetesAdapter {
    pub(crate) settings: KubernetesSettings,
    pub(crate) transport: Arc<Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) watches: Watches,
    pub(crate) reasons: Reasons,
    pub(crate) followers: Followers,
}

/// A Job as it is stored now, with its pods.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) job: JobFacts,
    pub(crate) pods: Vec<PodFacts>,
}

impl Seen {
    pub(crate) fn view(&self) -> View<'_> {
        View {
            job: &self.job,
            pods: &self.pods,
        }
    }
}

impl KubernetesAdapter {
    /// Checks the settings; asks the site nothing yet.
    pub fn new(
        settings: KubernetesSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidSettings> {
        settings.validate()?;
        Ok(Self {
            transport: Arc::new(Transport::new(&settings)),
            clock,
            watches: Watches::default(),
            reasons: Reasons::default(),
            followers: Followers::new(settings.followed_logs),
            settings,
        })
    }

    /// Where a local account's jobs are.
    pub(crate) fn namespace(&self, account: &LocalAccount) -> Result<String> {
        let namespace = self.settings.namespace_of(&account.user);
        if names::is_dns_label(&namespace) {
            return Ok(namespace);
        }
        let words = format!("`{}` is not a namespace's name", namespace.escape_debug());
        Err(Error::new(ErrorKind::Refused, "namespace", words))
    }

    /// The Job of that name as it is stored, whoever made it. `None` is the server's own word.
    pub(crate) async fn stored(&self, namespace: &str, name: &str) -> Result<Option<Job>> {
        let answer = self.transport.call(jobs::one(namespace, name)?).await?;
        answer.read_opt(jobs::GET, Asked::Read)
    }

    /// The Job of that name, if it is ours.
    pub(crate) async fn job(&self, namespace: &str, name: &str) -> Result<Option<JobFacts>> {
        let job = self.stored(namespace, name).await?;
        Ok(job.as_ref().and_then(JobFacts::of))
    }

    /// A Job with its pods as they are stored, and with what is remembered of pods that are gone.
    pub(crate) async fn seen(&self, namespace: &str, name: &str) -> Result<Option<Seen>> {
        let Some(job) = self.job(namespace, name).await? else {
            return Ok(None);
        };
        let mut pods = self.pods(&job).await?;
        if let Some(cache) = self.watches.known(namespace) {
            let known = cache.departed(&job.uid).into_iter();
            pods.extend(
                known
                    .filter(|old| pods.iter().all(|pod| pod.name != old.name))
                    .collect::<Vec<_>>(),
            );
        }
        Ok(Some(Seen { job, pods }))
    }

    pub(crate) async fn pods(&self, job: &JobFacts) -> Result<Vec<PodFacts>> {
        let request = pods::of_job(&job.namespace, &job.uid)?;
        let answer = self.transport.call(request).await?;
        let list: List<Pod> = answer.read(pods::LIST, Asked::Read)?;
        Ok(pods::facts(&list.items))
    }

    pub(crate) const fn settle(&self) -> Duration {
        Duration::from_secs(self.settings.settle_seconds)
    }
}

#[async_trait]
impl SiteAdapter for KubernetesAdapter {
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
        let (namespace, name) = (self.namespace(&job.account)?, names::job_name(&job.marker)?);
        let seen = self.seen(&namespace, &name).await?;
        let ours = seen.filter(|seen| seen.job.is(job));
        Ok(ours.and_then(|seen| seen.view().usage()))
    }

    /// Standard output and error are one stream in Kubernetes; it is told as standard output.
    async fn read_log(
        &self,
        job: &RemoteRef,
        stream: LogStream,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>> {
        match stream {
            LogStream::Stdout => self.read_output(job, offset, max_bytes).await,
            LogStream::Stderr => Ok(Vec::new()),
        }
    }

    async fn probe(&self) -> Vec<ProbeResult> {
        self.probe_site().await
    }
}
