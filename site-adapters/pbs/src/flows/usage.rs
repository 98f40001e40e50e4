use site_adapter::{RemoteRef, Result, UsageReport};

use crate::adapter::PbsAdapter;
use crate::calls::is_job_id;
use crate::record::{JobRecord, run_seconds};
use crate::record_file::RecordFile;
use crate::states::Phase;

use super::questions::Said;
use super::records::Own;

impl PbsAdapter {
    /// By the history; where there is none, by the accounting log, and where that is not ours to read by
    /// the wrapper's own record.
    pub(crate) async fn usage_of(&self, job: &RemoteRef) -> Result<Option<UsageReport>> {
        let id = job.remote_id.0.as_str();
        if !is_job_id(id) {
            return Ok(None);
        }
        let user = &job.account.user;
        match self.say_of(user, id).await? {
            Said::Job(seen) if seen.is(job) && seen.is_array() => {
                self.array_usage(user, &seen).await
            }
            Said::Job(seen) if seen.is(job) && seen.phase() == Phase::Elsewhere => {
                self.usage_by_traces(job).await
            }
            Said::Job(seen) if seen.is(job) => self.single_usage(job, &seen).await,
            Said::Job(_) | Said::Nothing => Ok(None),
            Said::Unknown => self.usage_by_traces(job).await,
        }
    }

    async fn single_usage(&self, job: &RemoteRef, seen: &JobRecord) -> Result<Option<UsageReport>> {
        let Some(mut usage) = seen.usage() else {
            return Ok(None);
        };
        if seen.ran_again() {
            usage.elapsed_seconds = self.pieces(job).await?.or(usage.elapsed_seconds);
        }
        Ok(Some(usage))
    }

    /// A job that was started again ran in several pieces, which only the accounting log adds up.
    async fn pieces(&self, job: &RemoteRef) -> Result<Option<u64>> {
        let pieces = self.pieces_of(job).await?;
        Ok((!pieces.is_empty()).then(|| run_seconds(&pieces)))
    }

    async fn array_usage(&self, user: &str, seen: &JobRecord) -> Result<Option<UsageReport>> {
        let tasks = self.tasks_of(user, &seen.id).await?;
        // Nothing but the tasks tells how long it ran.
        if tasks.is_empty() && seen.has_started() {
            return Ok(None);
        }
        let Some(mut usage) = seen.clone().started_with(&tasks).usage() else {
            return Ok(None);
        };
        let started = tasks.iter().filter(|task| task.ran());
        usage.elapsed_seconds = Some(run_seconds(started));
        Ok(Some(usage))
    }

    async fn usage_by_traces(&self, job: &RemoteRef) -> Result<Option<UsageReport>> {
        let own = self.own_traces(&job.account.user, &job.marker).await?;
        if let Own::Array(array) = &own {
            return Ok(array.usage());
        }
        let pieces = self.pieces_of(job).await?;
        if let Some(last) = pieces.iter().rfind(|piece| piece.is(job)) {
            let mut usage = last.usage();
            if let Some(usage) = usage.as_mut().filter(|_| pieces.len() > 1) {
                usage.elapsed_seconds = Some(run_seconds(&pieces));
            }
            return Ok(usage);
        }
        Ok(own.job().and_then(RecordFile::usage))
    }
}
