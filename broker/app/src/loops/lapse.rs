use broker_model::{Allocation, EntryKind, UnitMillis};
use broker_store::{Change, CommitError, Write};
use futures::future::join_all;
use jiff::Timestamp;

use crate::{Broker, Result};

const AT_ONCE: u32 = 500;

impl Broker {
    /// Declares lost what allocations have not used whose term has ended and that hold nothing any
    /// more; returns how many were dealt with. Of several replicas one does it: the store takes it
    /// only of the balance that was read.
    pub async fn lapse_once(&self) -> Result<u32> {
        let now = self.inner.clock.now();
        let mut lapsed = 0;
        loop {
            let ended = self.inner.store.ended_allocations(now, AT_ONCE).await?;
            let is_last = ended.len() < AT_ONCE as usize;
            let mut dealt_with = 0;
            for one in join_all(ended.iter().map(|it| self.lapse(it, now))).await {
                dealt_with += u32::from(one?);
            }
            lapsed += dealt_with;
            if is_last || dealt_with == 0 {
                return Ok(lapsed);
            }
        }
    }

    async fn lapse(&self, allocation: &Allocation, at: Timestamp) -> Result<bool> {
        let amount = allocation.balance.remaining().max(UnitMillis::ZERO);
        let mut change = Change::default();
        if amount > UnitMillis::ZERO {
            let entry = self.hours_entry(EntryKind::HoursLost, allocation);
            change.entries.push(entry.with("unit_ms", amount.0));
        }
        change.writes.push(Write::Lose {
            allocation: allocation.id,
            amount,
            at,
        });
        match self.commit(change).await {
            Ok(_) => {}
            // Another replica was faster, or its hours or its term changed since.
            Err(CommitError::Conflict(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        self.forget_standing(allocation.project).await;
        Ok(true)
    }
}
