//! Into a site by its agent, by its agent once a person of the site has confirmed, or in the hands of
//! a person: what becomes of a job for which a partition is chosen.

use broker_model::{
    AgentId, Attempt, AttemptState, Entrance, EntryKind, FundingShare, Hold, HoldReason, Job,
    JobEvent, PartitionRef,
};
use broker_store::{Change, Write};
use jiff::Timestamp;

use crate::Broker;
use crate::agents::attempt_entry;

impl Broker {
    /// Brings a pending job to the chosen partition; returns whether its state let it.
    ///
    /// What is added to the change belongs behind the job's own row.
    pub(crate) fn bring_in(
        &self,
        job: &mut Job,
        at: &PartitionRef,
        share: &FundingShare,
        change: &mut Change,
    ) -> bool {
        let since = job.updated_at;
        let hold = |reason| {
            let partition = Some(at.clone());
            JobEvent::Hold(Hold {
                reason,
                partition,
                since,
            })
        };
        let entrance = self.board().entrance(at, share);
        let event = match entrance {
            Entrance::Agent => JobEvent::Place(at.clone()),
            Entrance::Confirmation => hold(HoldReason::Confirmation),
            Entrance::Handoff => hold(HoldReason::Handoff),
        };
        let Ok(state) = job.state.clone().apply(event) else {
            return false;
        };
        job.state = state;
        if entrance == Entrance::Handoff {
            let attempt = self.handed_over(job, at);
            job.attempt = Some(attempt.id);
            let entry = attempt_entry(job, &attempt, EntryKind::AttemptLeased);
            change.entries.push(entry.with("handed_over", true));
            change.writes.push(Write::InsertAttempt(Box::new(attempt)));
        }
        true
    }

    /// The one attempt of a job that a person hands in: its id is the marker in the script, no agent
    /// has it, and no lease runs out.
    fn handed_over(&self, job: &Job, at: &PartitionRef) -> Attempt {
        Attempt {
            id: self.inner.ids.next(&*self.inner.clock),
            job: job.id,
            partition: at.clone(),
            state: AttemptState::Leased,
            leased_by: AgentId::NOBODY,
            instance: None,
            scheduler: None,
            lease_until: Timestamp::MAX,
            settled: false,
            created_at: job.updated_at,
            updated_at: job.updated_at,
            version: 1,
        }
    }
}
