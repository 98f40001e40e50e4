use std::collections::BTreeMap;

use broker_model::{
    Controls, Entrance, FundingShare, Partition, PartitionRef, PartitionSnapshot, Site,
    SiteReadiness, SiteState, System,
};
use jiff::Timestamp;

use crate::SiteView;

/// One partition with all that is known around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot<'a> {
    pub(crate) site: &'a Site,
    pub(crate) system: &'a System,
    pub(crate) partition: &'a Partition,
    pub(crate) site_state: Heard<'a>,
    pub(crate) snapshot: Option<Seen<'a>>,
    /// How a job that the allocation pays for gets in.
    pub(crate) entrance: Entrance,
    pub(crate) controls: Option<&'a Controls>,
}

/// What a site says of itself, true now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard<'a> {
    pub(crate) readiness: SiteReadiness,
    pub(crate) reason: Option<&'a str>,
    pub(crate) ever: bool,
    /// See [`broker_model::SiteState::unspoken_for`].
    pub(crate) unspoken_for: Option<&'a str>,
}

/// A site's snapshot, and in it this partition if the scheduler told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) observed_at: Timestamp,
    pub(crate) partition: Option<&'a PartitionSnapshot>,
}

impl<'a> Spot<'a> {
    pub(crate) fn reference(&self) -> PartitionRef {
        PartitionRef {
            site: self.site.id.clone(),
            system: self.system.id.clone(),
            partition: self.partition.id.clone(),
        }
    }

    pub(crate) fn is_at(&self, partition: &PartitionRef) -> bool {
        self.partition.id == partition.partition
            && self.system.id == partition.system
            && self.site.id == partition.site
    }

    /// What the system hangs on: without it nothing of the system can be used.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &'a System> + use<'a> {
        self.site.hosts_of(self.system)
    }

    pub(crate) fn live(&self) -> Option<&'a PartitionSnapshot> {
        self.snapshot.and_then(|seen| seen.partition)
    }
}

/// Every partition of a site, in the order of its file.
pub(crate) fn of_site<'a>(
    now: Timestamp,
    view: &SiteView<'a>,
    share: &'a FundingShare,
) -> impl Iterator<Item = Spot<'a>> + use<'a> {
    let SiteView {
        site,
        state,
        snapshot,
        controls,
    } = *view;
    let site_state = Heard {
        readiness: state.map_or(SiteReadiness::Unknown, |state| state.readiness_at(now)),
        reason: state.and_then(|state| state.reason.as_deref()),
        ever: state.is_some(),
        unspoken_for: state.and_then(SiteState::unspoken_for),
    };
    let told: BTreeMap<_, _> = snapshot
        .into_iter()
        .flat_map(|snapshot| &snapshot.partitions)
        .map(|one| ((one.system.as_str(), one.partition.as_str()), one))
        .collect();
    let all = site.systems.iter().flat_map(|system| {
        system
            .partitions
            .iter()
            .map(move |partition| (system, partition))
    });
    all.map(move |(system, partition)| Spot {
        site,
        system,
        partition,
        site_state,
        entrance: site.entrance(system, share),
        controls,
        snapshot: snapshot.map(|snapshot| Seen {
            observed_at: snapshot.observed_at,
            partition: told
                .get(&(system.id.as_str(), partition.id.as_str()))
                .copied(),
        }),
    })
}
