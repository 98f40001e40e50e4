use broker_model::{Allocation, Entrance, Job, OutcomeKind, SiteId, StateName, Verdict};
use broker_store::{Change, CommitError};
use jiff::Timestamp;

use super::answer::{Asked, Said, released};
use crate::jobs::end_unplaced;
use crate::{Broker, Result};

const AT_ONCE: u32 = 200;
const GONE: &str =
    "its partition is no longer in the federation, or asks for no confirmation any more";

impl Broker {
    /// Ends the waiting that has gone on for too long: what a site did not answer in time counts as
    /// declined, what waited beyond its allocation's term ends, and what waits for a partition that is
    /// gone, or that lets jobs in without being asked by now, is placed again. Returns how many jobs moved on.
    pub async fn expire_confirmations_once(&self) -> Result<u32> {
        let mut moved = 0;
        for (state, site, _) in self.inner.store.count_active().await? {
            if let (StateName::Held, Some(site)) = (state, site) {
                moved += self.expire_at(&site).await?;
            }
        }
        Ok(moved)
    }

    async fn expire_at(&self, site: &SiteId) -> Result<u32> {
        let (mut moved, mut after) = (0, None);
        loop {
            let held = self.inner.store.held_jobs(site, after, AT_ONCE).await?;
            let Some(newest) = held.last() else {
                return Ok(moved);
            };
            after = Some(newest.id);
            for job in held {
                match self.expire_one(job).await {
                    Ok(expired) => moved += u32::from(expired),
                    // Somebody answered just now.
                    Err(CommitError::Conflict(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    async fn expire_one(&self, job: Job) -> Result<bool, CommitError> {
        let Some(asked) = Asked::of(job) else {
            return Ok(false);
        };
        let now = self.inner.clock.now();
        let allocation = self
            .inner
            .store
            .find_allocation(asked.job.allocation)
            .await?;
        let asks =
            |it: &Allocation| self.board().entrance(&asked.at, &it.share) == Entrance::Confirmation;
        let is_asked = allocation.as_ref().is_none_or(asks);
        let ended = allocation.map(|it| it.valid_until).filter(|it| *it <= now);
        if let Some(ended) = ended {
            self.end_over(asked, ended).await?;
            return Ok(true);
        }
        if !is_asked || self.board().partition(&asked.at).is_none() {
            let mut job = asked.job;
            job.updated_at = now;
            let mut change = Change::default();
            released(&mut job, &mut change);
            tracing::warn!(job.id = %job.id, partition = %asked.at, "{GONE}");
            self.answered(job, change).await?;
            return Ok(true);
        }
        if now < self.confirmation_ends(asked.since) {
            return Ok(false);
        }
        let hours = self.inner.limits.confirmation.as_secs() / 3600;
        let said = Said {
            verdict: Verdict::Expired,
            reason: Some(format!("nobody there answered within {hours} hours")),
            by: None,
        };
        self.decline(asked, &said).await?;
        Ok(true)
    }

    /// Ends a job that still waits when its allocation's term is over; says why.
    pub(super) async fn end_over(
        &self,
        asked: Asked,
        until: Timestamp,
    ) -> Result<String, CommitError> {
        let mut job = asked.job;
        job.updated_at = self.inner.clock.now();
        let words = format!("its allocation ended at {until}, before its site had confirmed it");
        let mut change = Change::default();
        end_unplaced(&mut job, OutcomeKind::Failed, &words, &mut change);
        self.answered(job, change).await?;
        Ok(words)
    }
}
