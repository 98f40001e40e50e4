use std::collections::BTreeMap;

use broker_model::{Allocation, Job, PartitionRef, Rejection, ShutSystems, Tally};
use broker_placement::Input;

use crate::Broker;

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

    pub(super) fn bars(
        &self,
        job: &Job,
        allocation: &Allocation,
        at: &PartitionRef,
    ) -> Vec<Rejection> {
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
            // A job that is there already was let in under the terms of its day.
            unaccepted: &BTreeMap::new(),
            shut: &ShutSystems::new(),
            sectors: &[],
        };
        broker_placement::barred(&input, at)
    }
}
