//! The contract between Alcyone and a site: what an adapter does ([`SiteAdapter`]), what an agent
//! says to the broker ([`BrokerLink`]), and the plain data both speak in.
//!
//! An adapter holds no job state. Whatever it submits carries the attempt's id (its *marker*) into
//! the scheduler's own job name or comment, and whatever it is asked about it asks the scheduler.
//! After a restart of agent or broker nothing has to be remembered: it is looked up.

mod confirm;
pub mod conformance;
mod error;
mod handoff;
mod link;
pub mod local;
mod patience;
mod readiness;
mod settings;

mod tasks;
mod work;

use std::fmt;

use async_trait::async_trait;

pub use broker_model::{GpuCount, PartitionSnapshot, SiteSnapshot};
pub use confirm::{ConfirmReply, ConfirmRequest, ConfirmationsReply, ConfirmationsRequest};
pub use error::{Error, ErrorKind, Result};
pub use handoff::{
    HandoffReport, HandoffReportReply, HandoffReportRequest, HandoffScriptReply,
    HandoffScriptRequest, HandoffsReply, HandoffsRequest,
};
pub use link::{
    AttemptReport, BrokerLink, LeaseReply, LeaseRequest, LeasedAttempt, LinkError, LogChunk,
    PersonRef, Report, ReportReply, Seen,
};
pub use patience::Patience;
pub use readiness::readiness_of;
pub use settings::InvalidSettings;
pub use tasks::outcome_of_tasks;
pub use work::{
    Activity, LocalAccount, LogStream, ProbeResult, RemoteAfter, RemoteJob, RemoteRef, Submission,
    Submitted, TaskCounts, UsageReport, Work,
};

/// One site's scheduler.
///
/// Every method may be called again after a crash at any point, by this process or by another agent
/// of the same site. Calls end in bounded time: each adapter sets its own timeouts, long enough that
/// the scheduler's own come first (slurmrestd answers some calls after 20 s).
#[async_trait]
pub trait SiteAdapter: fmt::Debug + Send + Sync + 'static {
    /// Returns what the site offers now. Costs a bounded number of calls, whatever the queue's length.
    async fn snapshot(&self) -> Result<SiteSnapshot>;

    /// Hands a job to the scheduler, under `submission.marker`.
    ///
    /// With `submission.may_exist` the scheduler is asked for the marker first and what it has is
    /// returned. An error of kind [`ErrorKind::Unclear`] means the scheduler may have it: the caller
    /// asks [`find`](Self::find) before anything else. [`ErrorKind::Refused`] means it has not.
    async fn submit(&self, submission: &Submission) -> Result<Submitted>;

    /// Looks a marker up: queue first, then accounting. `None` is proof that it is not there: an
    /// adapter that cannot be sure (accounting down, state not yet saved) returns an error.
    async fn find(&self, account: &LocalAccount, marker: &str) -> Result<Option<RemoteJob>>;

    /// Returns what the scheduler says of these jobs now, in no particular order.
    ///
    /// One bulk query, never one per job. A job that is no longer in the queue is looked up in
    /// accounting; one found nowhere is left out, and so is one whose remote id now belongs to
    /// somebody else (ids are given out again): identity is marker and submit time. One that nobody
    /// can tell of just now is [`Activity::Unknown`].
    async fn poll(&self, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>>;

    /// Asks the scheduler to stop a job. Succeeds for one that has ended or is not there.
    async fn cancel(&self, job: &RemoteRef) -> Result<()>;

    /// Returns what the site's accounting says the job used, or `None` until it is written.
    async fn usage(&self, job: &RemoteRef) -> Result<Option<UsageReport>>;

    /// Reads up to `max_bytes` of a log from a byte offset. Empty at the end, and while the file is
    /// not there yet; a short read says nothing about the end.
    async fn read_log(
        &self,
        job: &RemoteRef,
        stream: LogStream,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>>;

    /// Checks each subsystem the adapter needs and says what is wrong in a sentence.
    async fn probe(&self) -> Vec<ProbeResult>;
}
