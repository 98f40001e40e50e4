//! The part that submitting and quoting share: who asks, under which allocation, and where it would run.

use std::sync::Arc;

use broker_model::{Allocation, Bound, Candidate, JobSpec, PartitionRef, Placement};

use crate::eligibility::{Decided, reluctance};
use crate::jobs::placing::Placing;
use crate::standing::Standing;
use crate::tally::Turn;
use crate::terms::UnacceptedSites;
use crate::{Broker, Caller, Error, Result};

/// A job that could be accepted, or why not: the decision and the placement under one allocation.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) standing: Arc<Standing>,
    pub(crate) allocation: Allocation,
    pub(crate) decided: Decided,
    /// `None` when the decision says no: nothing is placed for who may not compute.
    pub(crate) placing: Option<Placing>,
}

/// What holds for a job under whatever allocation.
struct Conditions {
    bound: Option<Bound>,
    unaccepted: UnacceptedSites,
}

/// Ranks from here on say no.
const REFUSED: u8 = 3;

impl Prepared {
    fn rank(&self) -> u8 {
        match self.placing.as_ref().map(|placing| &placing.placement) {
            Some(placement) if placement.chosen.is_some() => 0,
            // Refused, too, and yet nearest to an acceptance.
            Some(placement) if !broker_placement::only_for_terms(placement).is_empty() => 2,
            Some(placement) if broker_placement::only_for_ceilings(placement) => 2,
            Some(placement) if !broker_placement::never_feasible(placement) => 1,
            Some(_) => REFUSED,
            None => REFUSED + reluctance(self.decided.decision().result),
        }
    }
}

/// The chosen partition of a placement with its forecast and charge.
pub(crate) fn chosen(placement: &Placement) -> Option<(&PartitionRef, &Candidate)> {
    let partition = placement.chosen.as_ref()?;
    let considered = placement
        .considered
        .iter()
        .find(|c| c.partition == *partition)?;
    Some((partition, considered.candidate.as_ref()?))
}

impl Broker {
    /// Decides and places under each allocation of the project and returns the best answer: one that
    /// can run now, else one that can run later, else the one that says most about why not.
    pub(crate) async fn prepare(&self, caller: &Caller, spec: &JobSpec) -> Result<Prepared> {
        spec.validate().map_err(Error::InvalidSpec)?;
        self.check_wishes(spec).await?;
        if !caller.may_use(spec.project) {
            return Err(Error::NotFound("project"));
        }
        let standing = self.standing(spec.project).await?;
        let conditions = Conditions {
            bound: self.bound_at_submission(spec).await?,
            unaccepted: self.unaccepted_sites(caller.person).await?,
        };
        let mut best: Option<Prepared> = None;
        for allocation in &standing.allocations {
            let prepared = self
                .prepare_under(caller, spec, (&standing, &conditions), allocation)
                .await?;
            if prepared.rank() == 0 {
                return Ok(prepared);
            }
            // Of equal refusals the last: what ails an allocation that ended long ago helps nobody.
            let is_better = |best: &Prepared| match prepared.rank() {
                REFUSED.. => prepared.rank() <= best.rank(),
                rank => rank < best.rank(),
            };
            if best.as_ref().is_none_or(is_better) {
                best = Some(prepared);
            }
        }
        best.ok_or(Error::NoAllocation)
    }

    async fn prepare_under(
        &self,
        caller: &Caller,
        spec: &JobSpec,
        (standing, conditions): (&Arc<Standing>, &Conditions),
        allocation: &Allocation,
    ) -> Result<Prepared> {
        let decided = self.decide(caller, standing, allocation);
        let placing = if decided.is_eligible() {
            let Conditions { bound, unaccepted } = conditions;
            let placing = self.place(spec, allocation, &[], bound.clone(), unaccepted);
            Some(placing.await?)
        } else {
            None
        };
        Ok(Prepared {
            standing: standing.clone(),
            allocation: allocation.clone(),
            decided,
            placing,
        })
    }

    /// Prepares likewise; where windows or limits count the job, once more in turn with others, until
    /// the commit.
    pub(crate) async fn prepare_in_turn(
        &self,
        caller: &Caller,
        spec: &JobSpec,
    ) -> Result<(Prepared, Option<Turn>)> {
        let prepared = self.prepare(caller, spec).await?;
        if !prepared.placing.as_ref().is_some_and(Placing::is_counted) {
            return Ok((prepared, None));
        }
        let turn = self.inner.tallies.turn().await;
        Ok((self.prepare(caller, spec).await?, Some(turn)))
    }
}
