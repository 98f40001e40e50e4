//! The last look at a job before it leaves for the site where it is placed: whether it still may.

use broker_model::{Allocation, Bound, Clause, Entrance, Job, PartitionRef, Verdict};
use broker_store::StoreError;
use site_adapter::RemoteAfter;

use super::Dependencies;
use crate::Broker;

/// Whether a job that was placed and never sent may be sent there now.
#[derive(Debug)]
pub(crate) enum Leave {
    /// With the jobs that the scheduler has to watch over for it.
    Sent(Vec<RemoteAfter>),
    /// It is placed again, for these words.
    Stays(String),
}

impl Broker {
    pub(crate) async fn leave(&self, job: &Job, at: &PartitionRef) -> Result<Leave, StoreError> {
        if let Some(words) = self.kept_back(job, at).await? {
            return Ok(Leave::Stays(words));
        }
        let watched = match self.dependencies(&job.spec).await? {
            Dependencies::Open { bound: None, .. } => Some(Vec::new()),
            Dependencies::Open {
                bound: Some(Bound::To { site, system, .. }),
                live,
            } => (at.site == site && at.system == system).then_some(live),
            Dependencies::Open { .. } | Dependencies::Broken { .. } => None,
        };
        let otherwise = || "a job that it waits for has moved or ended meanwhile".to_owned();
        Ok(watched.map_or_else(|| Leave::Stays(otherwise()), Leave::Sent))
    }

    /// What the site's people have set, or asked for, since it was placed. A veto is not among it: whoever
    /// made it has said what becomes of the jobs that were there.
    async fn kept_back(&self, job: &Job, at: &PartitionRef) -> Result<Option<String>, StoreError> {
        let heard = self.board().heard();
        let Some(site) = heard.find(&at.site) else {
            return Ok(None);
        };
        if site.controls.is_empty() && !site.site.asks_people() {
            return Ok(None);
        }
        let allocation = self.inner.store.find_allocation(job.allocation).await?;
        let Some(allocation) = allocation else {
            return Ok(None);
        };
        let bars = self.bars(job, &allocation, at).into_iter();
        let mut bars = bars.filter(|it| it.clause != Clause::Vetoed);
        match bars.next() {
            Some(bar) => Ok(Some(bar.words)),
            None => self.not_let_in(job, &allocation, at).await,
        }
    }

    /// What the site wants of people now, and has not had for this job.
    async fn not_let_in(
        &self,
        job: &Job,
        allocation: &Allocation,
        at: &PartitionRef,
    ) -> Result<Option<String>, StoreError> {
        let words = match self.board().entrance(at, &allocation.share) {
            Entrance::Agent => return Ok(None),
            Entrance::Handoff => "its site takes such jobs by its own route now",
            Entrance::Confirmation => {
                let said = self.inner.store.confirmations_of(job.id).await?;
                let lets = |it: &broker_model::Confirmation| {
                    it.verdict == Verdict::Confirmed && it.partition == *at
                };
                if said.last().is_some_and(lets) {
                    return Ok(None);
                }
                "a person of its site has to confirm it now"
            }
        };
        Ok(Some(words.to_owned()))
    }
}
