use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use broker_model::SiteSnapshot;
use site_adapter::{
    BrokerLink, LeaseReply, LeaseRequest, LinkError, LocalAccount, LogStream, ProbeResult,
    RemoteJob, RemoteRef, Report, ReportReply, Result, SiteAdapter, Submission, Submitted,
    UsageReport,
};
use tokio_util::sync::CancellationToken;

/// Stops an agent for good before or after its n-th call.
#[derive(Debug)]
pub(crate) struct Fuse {
    left: AtomicI64,
    pub(crate) blown: CancellationToken,
}

impl Fuse {
    pub(crate) fn after(points: i64) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicI64::new(points),
            blown: CancellationToken::new(),
        })
    }

    async fn point(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            self.blown.cancel();
            std::future::pending::<()>().await;
        }
    }
}

#[derive(Debug)]
pub(crate) struct FusedLink {
    pub(crate) fuse: Arc<Fuse>,
    pub(crate) inner: Arc<dyn BrokerLink>,
}

#[derive(Debug)]
pub(crate) struct FusedSite {
    pub(crate) fuse: Arc<Fuse>,
    pub(crate) inner: Arc<dyn SiteAdapter>,
}

macro_rules! between_points {
    ($self:ident, $call:ident($($argument:expr),*)) => {{
        $self.fuse.point().await;
        let answer = $self.inner.$call($($argument),*).await;
        $self.fuse.point().await;
        answer
    }};
}

#[async_trait]
impl BrokerLink for FusedLink {
    async fn lease(&self, request: LeaseRequest) -> Result<LeaseReply, LinkError> {
        between_points!(self, lease(request))
    }

    async fn report(&self, report: Report) -> Result<ReportReply, LinkError> {
        between_points!(self, report(report))
    }
}

#[async_trait]
impl SiteAdapter for FusedSite {
    async fn snapshot(&self) -> Result<SiteSnapshot> {
        self.inner.snapshot().await
    }

    async fn submit(&self, submission: &Submission) -> Result<Submitted> {
        between_points!(self, submit(submission))
    }

    async fn find(&self, account: &LocalAccount, marker: &str) -> Result<Option<RemoteJob>> {
        between_points!(self, find(account, marker))
    }

    async fn poll(&self, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        between_points!(self, poll(jobs))
    }

    async fn cancel(&self, job: &RemoteRef) -> Result<()> {
        between_points!(self, cancel(job))
    }

    async fn usage(&self, job: &RemoteRef) -> Result<Option<UsageReport>> {
        between_points!(self, usage(job))
    }

    async fn read_log(
        &self,
        job: &RemoteRef,
        stream: LogStream,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>> {
        between_points!(self, read_log(job, stream, offset, max_bytes))
    }

    async fn probe(&self) -> Vec<ProbeResult> {
        self.inner.probe().await
    }
}
