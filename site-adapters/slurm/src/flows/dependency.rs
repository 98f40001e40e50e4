//! What a job waits for, in Slurm's words.
//!
//! slurmctld knows a job for some minutes after its end (`MinJobAge`), and decides a dependency on it
//! itself as long as it does. Of one that it no longer knows, 22.05 takes the dependency for never
//! satisfied and 24.11 refuses the whole submission: those are decided here, by the accounting.

use broker_model::{AfterWhen, OutcomeKind};
use site_adapter::{Activity, RemoteAfter, Result, Submission};

use crate::adapter::SlurmAdapter;
use crate::record::JobRecord;
use crate::whole::Records;

use super::submit::refused;

impl SlurmAdapter {
    /// `None` if there is nothing left to wait for. A condition that can no longer come true is a
    /// refusal: nothing is submitted.
    pub(super) async fn dependency(&self, submission: &Submission) -> Result<Option<String>> {
        let mut clauses = Vec::new();
        for after in &submission.work.after {
            clauses.extend(self.clause(&submission.account.user, after).await?);
        }
        Ok((!clauses.is_empty()).then(|| clauses.join(",")))
    }

    async fn clause(&self, user: &str, after: &RemoteAfter) -> Result<Option<String>> {
        let id = &after.remote.0;
        if id.parse::<u32>().is_err() {
            return Err(refused(format!(
                "waits for `{id}`, which is no Slurm job's id"
            )));
        }
        let carries = |job: &JobRecord| job.carries(&after.marker);
        if self.jobs(user, id).await?.iter().any(carries) {
            let word = match after.when {
                AfterWhen::Completed => "afterok",
                AfterWhen::Failed => "afternotok",
                AfterWhen::Ended => "afterany",
            };
            return Ok(Some(format!("{word}:{id}")));
        }
        let mut records = self.accounted(user, &[id]).await?;
        records.retain(|record| carries(&record.job));
        let whole = Records::of(records.iter().map(|record| &record.job)).and_then(|it| it.whole());
        match whole.map(|whole| whole.activity) {
            Some(Activity::Ended { outcome, .. }) if is_met(after.when, outcome.kind) => Ok(None),
            Some(Activity::Ended { outcome, .. }) => Err(refused(format!(
                "waits for job {id} to be {}, and it ended {}",
                after.when.as_str(),
                outcome.site_words
            ))),
            // Lost with slurmctld's state: it will never end, and never run again.
            _ if after.when == AfterWhen::Ended => Ok(None),
            _ => Err(refused(format!(
                "waits for job {id}, which Slurm no longer knows"
            ))),
        }
    }
}

const fn is_met(when: AfterWhen, kind: OutcomeKind) -> bool {
    match when {
        AfterWhen::Completed => matches!(kind, OutcomeKind::Completed),
        AfterWhen::Failed => !matches!(kind, OutcomeKind::Completed),
        AfterWhen::Ended => true,
    }
}
