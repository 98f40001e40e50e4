//! What a poll tells, and the questions it may ask.

use jiff::SignedDuration;
use site_adapter::{Activity, RemoteJob, RemoteRef, SiteAdapter as _};

use crate::server::Fake;

pub(crate) const STATES: &str = "GET /slurm/jobs/state/";
pub(crate) const ACCOUNTING: &str = "GET /slurmdb/jobs";
pub(crate) const QUEUE: &str = "GET /slurm/jobs";
pub(crate) const DIAG: &str = "GET /slurm/diag";
/// One job, by its id.
pub(crate) const LOOK: &str = "GET /slurm/job/";

pub(crate) async fn poll(fake: &Fake, jobs: &[RemoteRef]) -> Vec<RemoteJob> {
    fake.clock.advance(SignedDuration::from_secs(1));
    fake.adapter.poll(jobs).await.unwrap()
}

pub(crate) fn unknown(told: &[RemoteJob]) -> usize {
    let unknown = |job: &&RemoteJob| job.activity == Activity::Unknown;
    told.iter().filter(unknown).count()
}

pub(crate) fn running(told: &[RemoteJob]) -> usize {
    let runs = |job: &&RemoteJob| matches!(job.activity, Activity::Running { .. });
    told.iter().filter(runs).count()
}
