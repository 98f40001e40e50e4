//! Why jobs wait and when they are expected to start: only slurmctld tells, and not in the states
//! that a tick asks for.
//!
//! Once a minute all of its queue is read, if that is short. `jobs` takes no filter and with 10,000
//! jobs it is 76 MB and some 20 s of slurmctld's time: of a long queue a few jobs are asked for in a
//! minute, those that were asked for longest ago.

use std::collections::HashMap;

use site_adapter::{Activity, RemoteRef, Result};

use crate::adapter::SlurmAdapter;
use crate::calls::job;
use crate::record::JobRecord;
use crate::states::Phase;
use crate::whole::Whole;

use super::poll::Polled;
use super::questions::{Believed, Question};

/// Jobs in slurmctld, of everybody: some 4 MB of an answer.
const SHORT_QUEUE: u32 = 500;

impl SlurmAdapter {
    /// Asks why jobs wait, as far as it is time; returns the positions of those that are gone.
    pub(super) async fn ask_why(&self, polled: &Polled<'_>) -> Result<Vec<usize>> {
        let now = self.clock.now();
        let due = self.known.due(&polled.jobs, polled.tells_states(), now);
        if due.len() > 1 && self.minute.may_read_queue(now) {
            match self.short_queue().await {
                Ok(None) => {}
                Ok(Some(queue)) => {
                    self.learn_why(polled, &due, &queue);
                    return Ok(Vec::new());
                }
                Err(error) => {
                    tracing::warn!(%error, "the queue could not be read for why jobs wait");
                    return Ok(Vec::new());
                }
            }
        }
        if !polled.tells_states() {
            // There a few are asked for in every tick.
            return Ok(Vec::new());
        }
        let granted = self.minute.looks(due.len(), now);
        let few = due.into_iter().take(granted);
        let questions = few.filter_map(|position| self.question(polled, position));
        self.ask_singly(questions.collect(), false).await
    }

    fn question<'a>(&self, polled: &Polled<'a>, position: usize) -> Option<Question<'a>> {
        let job = *polled.jobs.get(position)?;
        Some(Question {
            position,
            job,
            sight: polled.sight(job, &self.known.own_ids(job)),
            believed: Believed::Answer(self.known.whole(job), None),
        })
    }

    /// slurmctld's whole queue with the reader's eyes; `None` if it is long.
    async fn short_queue(&self) -> Result<Option<Vec<JobRecord>>> {
        let counters = self.counters().await?;
        let queue = counters.jobs_pending.saturating_add(counters.jobs_running);
        if queue > SHORT_QUEUE {
            return Ok(None);
        }
        let answer = self.ask(|_| job::all()).await?;
        job::parse_all(&answer).map(Some)
    }

    /// What the reader does not see of it (`PrivateData`) is asked for singly, as its owner.
    fn learn_why(&self, polled: &Polled<'_>, due: &[usize], queue: &[JobRecord]) {
        let mut by_id: HashMap<u64, Vec<&JobRecord>> = HashMap::new();
        for record in queue {
            by_id.entry(record.whole_id()).or_default().push(record);
        }
        for job in due.iter().filter_map(|position| polled.jobs.get(*position)) {
            let id: Option<u64> = job.remote_id.0.parse().ok();
            let records = id.and_then(|id| by_id.get(&id)).into_iter().flatten();
            let ours: Vec<&JobRecord> = records.copied().filter(|it| it.is(job)).collect();
            self.learn(polled, job, &ours);
        }
    }

    fn learn(&self, polled: &Polled<'_>, job: &RemoteRef, ours: &[&JobRecord]) {
        let now = self.clock.now();
        let waits = ours.iter().find(|it| it.state.phase == Phase::Waiting);
        let before = self.known.whole(job).filter(is_queued);
        match (before, waits) {
            (Some(before), Some(waits)) => {
                let whole = Whole {
                    activity: waits.queued(),
                    ..before
                };
                let sight = polled.sight(job, &self.known.own_ids(job));
                self.known.told(&job.marker, sight, whole, (now, true));
            }
            _ if ours.is_empty() => {}
            // It has begun since; the next tick tells.
            _ => self.known.asked_in_vain(job, now),
        }
    }
}

const fn is_queued(whole: &Whole) -> bool {
    matches!(whole.activity, Activity::Queued { .. })
}
