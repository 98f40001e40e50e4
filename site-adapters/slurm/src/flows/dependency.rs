//! What a job waits for, in Slurm's words.
//!
//! slurmctld knows a job for some minutes after its end (`MinJobAge`), and decides a dependency on it
//! itself as long as it does. Of one that it no longer knows, 22.05 takes the dependency for never
//! satisfied and 24.11 refuses the whole submission: those are decided here, by the accounting.

use broker_model::{AfterWhen, OutcomeKind};
use site_adapter::{Activity, Error, ErrorKind, RemoteAfter, Result, Submission};

use crate::adapter::SlurmAdapter;
use crate::whole::Records;

use super::submit::{OPERATION, refused};

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
        if self.is_in_slurmctld(user, after).await? {
            let word = match after.when {
                AfterWhen::Completed => "afterok",
                AfterWhen::Failed => "afternotok",
                AfterWhen::Ended => "afterany",
            };
            return Ok(Some(format!("{word}:{id}")));
        }
        let Some(told) = self.told_by_accounting(user, after).await? else {
            return Err(not_told(id));
        };
        match &told.activity {
            Activity::Ended { outcome, .. } if is_met(after.when, outcome.kind) => Ok(None),
            Activity::Ended { outcome, .. } => Err(refused(format!(
                "waits for job {id} to be {}, and it ended {}",
                after.when.as_str(),
                outcome.site_words
            ))),
            _ if self.is_gone(user, id, &told).await? => lost(after),
            // It may be hidden, or its record is on its way: nothing is decided by that.
            _ => Err(not_told(id)),
        }
    }

    /// Whether a job that slurmctld shows to neither is not there: to its owner it would, and the
    /// states tell of everybody's (`PrivateData` in slurm.conf alone).
    async fn is_gone(&self, user: &str, id: &str, told: &Told) -> Result<bool> {
        if self.counters().await?.accounting_backlog > 0 {
            return Ok(false);
        }
        let reader = self.transport.reader();
        let sees = |owner: &str| owner == user || owner == reader;
        if told.owner.as_deref().is_some_and(sees) {
            return Ok(true);
        }
        let states = self.states(reader, &[id]).await?;
        Ok(states.is_some_and(|queue| queue.ids().next().is_none()))
    }

    /// Another person's job may be hidden from this one (`PrivateData`), and this one's from the reader.
    async fn is_in_slurmctld(&self, user: &str, after: &RemoteAfter) -> Result<bool> {
        for eyes in [user, self.transport.reader()] {
            let seen = self.jobs(eyes, &after.remote.0).await?;
            if seen.iter().any(|job| job.carries(&after.marker)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn told_by_accounting(&self, user: &str, after: &RemoteAfter) -> Result<Option<Told>> {
        for eyes in [user, self.transport.reader()] {
            let mut records = self.accounted(eyes, &[&after.remote.0]).await?;
            records.retain(|record| record.job.carries(&after.marker));
            let whole = Records::of(records.iter().map(|record| &record.job));
            if let Some(whole) = whole.and_then(|records| records.whole()) {
                let mut owners = records.into_iter().map(|record| record.job.owner);
                return Ok(Some(Told {
                    activity: whole.activity,
                    owner: owners.find_map(|owner| owner?.name),
                }));
            }
        }
        Ok(None)
    }
}

/// What the accounting says of a job that others wait for.
struct Told {
    activity: Activity,
    owner: Option<String>,
}

/// Lost with slurmctld's state: it will never end, and never run again.
fn lost(after: &RemoteAfter) -> Result<Option<String>> {
    if after.when == AfterWhen::Ended {
        return Ok(None);
    }
    Err(refused(format!(
        "waits for job {}, which Slurm no longer knows",
        after.remote.0
    )))
}

fn not_told(id: &str) -> Error {
    let words = format!(
        "waits for job {id}, of which slurmctld and the accounting do not tell whether it is over; \
         where `PrivateData` hides jobs the agent's `reader` must be an operator"
    );
    Error::new(ErrorKind::Unavailable, OPERATION, words)
}

const fn is_met(when: AfterWhen, kind: OutcomeKind) -> bool {
    match when {
        AfterWhen::Completed => matches!(kind, OutcomeKind::Completed),
        AfterWhen::Failed => !matches!(kind, OutcomeKind::Completed),
        AfterWhen::Ended => true,
    }
}
