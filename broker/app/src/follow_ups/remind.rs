use broker_model::{EntryKind, FollowUp};
use broker_store::{Change, CommitError};
use policy_engine::day_in_brussels;

use super::opened::scheduled;
use crate::dossiers::filed;
use crate::{Broker, MOST_AT_ONCE, Result};

impl Broker {
    /// Records the reminders whose day has come, as `tables/follow_ups.toml` had them when the last day was set; returns how
    /// many. Each is one change on the version that was read, so that of several replicas one gives it, and
    /// after a crash it is either given or still to come.
    pub async fn remind_once(&self) -> Result<u32> {
        let mut given = 0;
        loop {
            let (due, count) = self.readable_due::<FollowUp>().await?;
            let is_last = count < MOST_AT_ONCE as usize;
            let mut dealt_with = 0;
            for one in due {
                dealt_with += u32::from(self.remind(one).await?);
            }
            given += dealt_with;
            if is_last || dealt_with == 0 {
                return Ok(given);
            }
        }
    }

    async fn remind(&self, one: FollowUp) -> Result<bool> {
        let now = self.inner.clock.now();
        let Some((due_on, days_before)) = one.due_on.zip(one.reminder_on(day_in_brussels(now)))
        else {
            return Ok(false);
        };
        let entry = { self.follow_up_entry(EntryKind::FollowUpReminded, &one) }
            .with("due_on", due_on.to_string())
            .with("days_before", u64::from(days_before));
        let change = Change {
            writes: vec![filed(&scheduled(one.reminded(days_before, now)))],
            entries: vec![entry],
        };
        match self.commit(change).await {
            Ok(_) => Ok(true),
            // Another replica was faster, or it was handed in meanwhile.
            Err(CommitError::Conflict(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
