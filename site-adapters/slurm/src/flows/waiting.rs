//! Why jobs wait and when they are expected to start: only slurmctld tells, and not in the states
//! that a tick asks for.
//!
//! Once a minute all of its queue is read, if that is short; `jobs` takes no filter. Of a long queue a
//! few jobs are asked for in a minute, those that were asked for longest ago.

use site_adapter::{Activity, RemoteRef, Result};

use crate::adapter::SlurmAdapter;
use crate::record::JobRecord;
use crate::states::Phase;
use crate::whole::Whole;

use super::poll::Polled;
use super::questions::{Believed, Question};
use super::queue::Live;

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
        self.ask_singly(questions.collect(), granted, false).await
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
    async fn short_queue(&self) -> Result<Option<Live>> {
        if !self.is_short().await? {
            return Ok(None);
        }
        self.live(self.transport.reader()).await.map(Some)
    }

    /// What the reader does not see of it (`PrivateData`) is asked for singly, as its owner.
    fn learn_why(&self, polled: &Polled<'_>, due: &[usize], queue: &Live) {
        for job in due.iter().filter_map(|position| polled.jobs.get(*position)) {
            self.learn(polled, job, &queue.tells(job).unwrap_or_default());
        }
    }

    fn learn(&self, polled: &Polled<'_>, job: &RemoteRef, ours: &[JobRecord]) {
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
