//! Where a job goes: which partitions could take it, when each would start it, and which is first.
//!
//! Pure. The same input gives the same [`Placement`], whatever order the sites come in, so a stored
//! document can be checked by placing again. A site still has the last word: what it refuses comes
//! back in [`Input::refused_by`].

mod feasible;
mod forecast;
mod rank;
mod spot;

use std::collections::{BTreeMap, BTreeSet};

use broker_model::{
    Allocation, Bound, Candidate, Clause, Considered, Controls, JobSpec, PartitionRef, Placement,
    Rejection, ShutSystems, Site, SiteId, SiteSnapshot, SiteState, Tally,
};
use jiff::Timestamp;

use crate::rank::Ranked;
use crate::spot::Spot;

pub use feasible::window_for;
pub use forecast::{CONFIRMATION_DAYS, HANDOFF_DAYS, NO_SNAPSHOT_SECONDS, START_SECONDS};
pub use rank::{LIMITED_SECONDS, MOVE_SECONDS, PREFERENCE_SECONDS};

/// All that a placement rests on.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub now: Timestamp,
    pub spec: &'a JobSpec,
    pub sites: &'a [SiteView<'a>],
    /// What pays. A hold that this very job still has must be taken out of it first.
    pub allocation: &'a Allocation,
    /// Partitions whose site refused this job before.
    pub refused_by: &'a [PartitionRef],
    /// Residency zones (`EU`) as sets of country codes; a name that is none is a country.
    pub zones: &'a BTreeMap<String, BTreeSet<String>>,
    /// What is used where a site has set windows or limits; what is not in it counts as nothing.
    pub tally: &'a Tally,
    /// What the jobs that it waits for leave open, if they leave anything open.
    pub bound: Option<&'a Bound>,
    /// Sites whose terms the job's owner has not accepted, with the version in force.
    pub unaccepted: &'a BTreeMap<SiteId, String>,
    /// Systems that the rules keep the allocation from, though it is not of one system.
    pub shut: &'a ShutSystems,
    /// Of the project.
    pub sectors: &'a [String],
}

/// A site and what was last heard of it.
#[derive(Clone, Copy, Debug)]
pub struct SiteView<'a> {
    pub site: &'a Site,
    pub state: Option<&'a SiteState>,
    pub snapshot: Option<&'a SiteSnapshot>,
    /// What its administrators have set, if anything.
    pub controls: Option<&'a Controls>,
}

/// Considers every partition of every site and chooses the one that finishes the job first.
///
/// `chosen` is `None` when no partition can take it now.
pub fn place(input: &Input<'_>) -> Placement {
    let mut ranked = Vec::new();
    let mut rejected = Vec::new();
    for view in input.sites {
        for spot in spot::of_site(input.now, view, &input.allocation.share) {
            match consider(input, &spot) {
                Ok(candidate) => ranked.push(Ranked::new(input.spec, &spot, candidate)),
                Err(rejections) => rejected.push((spot.reference(), rejections)),
            }
        }
    }
    ranked.sort_unstable_by(|a, b| a.order().cmp(&b.order()));
    rejected.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let reason = match ranked.first() {
        Some(first) => rank::why_first(first, ranked.get(1)),
        None => why_none(&rejected),
    };
    Placement {
        decided_at: input.now,
        chosen: ranked.first().map(|first| first.partition.clone()),
        considered: document(ranked, rejected),
        reason,
    }
}

/// What a site's drains, maintenance and vetoes say now against a job that was placed at a partition
/// and has not gone in. Windows and limits are left out: they count the job already.
pub fn barred(input: &Input<'_>, at: &PartitionRef) -> Vec<Rejection> {
    let views = input.sites.iter().filter(|view| view.site.id == at.site);
    let mut spots = views.flat_map(|view| spot::of_site(input.now, view, &input.allocation.share));
    let spot = spots.find(|spot| spot.is_at(at));
    spot.map_or_else(Vec::new, |spot| feasible::barred(input, &spot))
}

/// Whether no partition could take the job later either: each has a reason that does not pass.
///
/// A federation without a single partition has said nothing about the job, so the answer is no.
pub fn never_feasible(placement: &Placement) -> bool {
    let for_good = |one: &Considered| one.rejections.iter().any(|r| !r.temporary);
    !placement.considered.is_empty() && placement.considered.iter().all(for_good)
}

/// Sites whose terms have to be accepted before anything can take the job, now or later: every partition
/// that ever could is one of theirs.
///
/// Empty as soon as one of them needs no acceptance, and where none could take the job anyway.
pub fn only_for_terms(placement: &Placement) -> BTreeSet<SiteId> {
    let mut sites = BTreeSet::new();
    for one in &placement.considered {
        if one.rejections.iter().any(|it| !it.temporary) {
            continue;
        }
        if !one.rejections.iter().any(|it| it.clause == Clause::Terms) {
            return BTreeSet::new();
        }
        sites.insert(one.partition.site.clone());
    }
    sites
}

/// Whether ceilings alone keep the job away: each partition that could ever take it is at a system where what its share
/// may have is used up.
pub fn only_for_ceilings(placement: &Placement) -> bool {
    let against = placement.considered.iter().map(|it| &it.rejections[..]);
    are_ceilings(against)
}

fn are_ceilings<'a>(against: impl Iterator<Item = &'a [Rejection]>) -> bool {
    let mut open = against.filter(|why| why.iter().all(|it| it.temporary));
    let is_shut = |why: &[Rejection]| why.iter().any(|it| it.clause == Clause::Ceiling);
    open.next().is_some_and(is_shut) && open.all(is_shut)
}

fn consider(input: &Input<'_>, spot: &Spot<'_>) -> Result<Candidate, Vec<Rejection>> {
    let resources = &input.spec.resources;
    let priced = match feasible::weigh(input, spot) {
        (against, Some(priced)) if against.is_empty() => priced,
        (against, _) => return Err(against),
    };
    let forecast = forecast::forecast(input.now, resources, spot);
    Ok(Candidate {
        target: spot.partition.container_target.clone(),
        score_seconds: rank::score(input.spec, spot, forecast.wait_seconds),
        forecast,
        charge: priced.charge,
        charge_unit: input.allocation.unit.clone(),
        billing_assumed_since: { spot.partition.billing.as_ref() }.and_then(|it| it.assumed_since),
        terms_url: spot.partition.rules.terms_url.clone(),
        gpu: priced.gpu,
        sector: rank::sector(input.sectors, spot),
    })
}

fn document(ranked: Vec<Ranked>, rejected: Vec<(PartitionRef, Vec<Rejection>)>) -> Vec<Considered> {
    let feasible = ranked.into_iter().map(|one| Considered {
        partition: one.partition,
        rejections: Vec::new(),
        candidate: Some(one.candidate),
    });
    let infeasible = rejected
        .into_iter()
        .map(|(partition, rejections)| Considered {
            partition,
            rejections,
            candidate: None,
        });
    feasible.chain(infeasible).collect()
}

fn why_none(rejected: &[(PartitionRef, Vec<Rejection>)]) -> String {
    let later = rejected
        .iter()
        .filter(|(_, why)| why.iter().all(|r| r.temporary))
        .count();
    if are_ceilings(rejected.iter().map(|(_, why)| &why[..])) {
        return "what the share of the allocation may have is used up at every system that could take this job"
            .to_owned();
    }
    match (rejected.len(), later) {
        (0, _) => "no site has a partition to consider".to_owned(),
        (all, 0) => format!("none of the {all} partitions can ever take this job"),
        (all, some) => {
            format!("none of the {all} partitions can take this job now; {some} may later")
        }
    }
}

#[cfg(test)]
mod tests;
