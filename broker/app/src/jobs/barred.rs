use std::sync::Arc;

use broker_model::{Allocation, Clause, Job, PartitionRef, Rejection, Tally};
use broker_placement::Input;
use broker_store::StoreError;

use crate::Broker;
use crate::board::Listed;

impl Broker {
    /// Why a job that was placed at a site must not go in there now: what its administrators have set
    /// since. All of it may pass, so the job goes on waiting.
    pub(crate) fn barred(
        &self,
        job: &Job,
        allocation: &Allocation,
        at: &PartitionRef,
    ) -> Option<String> {
        let words: Vec<String> = { self.bars(job, allocation, at).into_iter() }
            .map(|it| it.words)
            .collect();
        (!words.is_empty()).then(|| format!("{}; the job goes on waiting", words.join("; ")))
    }

    /// Why a job that was placed and never sent must not be sent now. A veto is not among it: whoever
    /// made it has said what becomes of the jobs that were there.
    pub(crate) async fn barred_from_leaving(
        &self,
        job: &Job,
        at: &PartitionRef,
    ) -> Result<Option<String>, StoreError> {
        let heard = self.board().heard();
        let sets = |it: &Arc<Listed>| !it.controls.is_empty();
        if !heard.find(&at.site).is_some_and(sets) {
            return Ok(None);
        }
        let allocation = self.inner.store.find_allocation(job.allocation).await?;
        let Some(allocation) = allocation else {
            return Ok(None);
        };
        let bars = self.bars(job, &allocation, at).into_iter();
        let mut bars = bars.filter(|it| it.clause != Clause::Vetoed);
        Ok(bars.next().map(|it| it.words))
    }

    fn bars(&self, job: &Job, allocation: &Allocation, at: &PartitionRef) -> Vec<Rejection> {
        let heard = self.board().heard();
        let views = heard.views();
        let input = Input {
            now: self.inner.clock.now(),
            spec: &job.spec,
            sites: &views,
            allocation,
            refused_by: &[],
            zones: self.board().zones(),
            tally: &Tally::default(),
            bound: None,
        };
        broker_placement::barred(&input, at)
    }
}
