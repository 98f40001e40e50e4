//! What a site's administrators decide beside the description of their machines: what a share may use
//! when, what takes no jobs for now, what they refuse, and what they tell users.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::QueuedJobs;
use crate::{
    AllocationId, DrainId, FundingShare, GpuMillis, IncidentId, OrganisationId, PartitionId,
    SystemId, VetoId, WindowId,
};

/// All of it for one site. What is over stays for a while, so that people can read about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controls {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<CapacityWindow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drains: Vec<Drain>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Incident>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vetoes: Vec<Veto>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organisation_vetoes: Vec<OrganisationVeto>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<OrganisationLimit>,
}

/// A part of a site: a partition, a system, or with neither the whole site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteScope {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemId>,
    /// Only together with its system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionId>,
}

/// What jobs of one funding share may use here in a period.
///
/// A job counts in the window that was open when it was placed, to its end. A share without any window
/// at a partition is not limited there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacityWindow {
    pub id: WindowId,
    pub share: FundingShare,
    #[serde(default)]
    pub scope: SiteScope,
    pub from: Timestamp,
    /// The first moment that it is closed; earlier than agreed when it was closed by hand.
    pub to: Timestamp,
    pub gpu: GpuMillis,
}

/// No new jobs for a while; those that run or wait there stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    pub id: DrainId,
    #[serde(default)]
    pub scope: SiteScope,
    pub reason: String,
    pub from: Timestamp,
    /// None: until somebody ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What users are told of a site's trouble. Only maintenance keeps jobs away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    pub id: IncidentId,
    pub kind: IncidentKind,
    pub severity: Severity,
    pub title: String,
    pub words: String,
    pub from: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// None listed: the whole site.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affects: Vec<SiteScope>,
    /// Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub updates: Vec<IncidentUpdate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    Incident,
    /// Planned: a job that could still be running at its start is not placed there.
    Maintenance,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Degraded,
    Outage,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentUpdate {
    pub at: Timestamp,
    pub words: String,
}

/// The site does not serve an allocation, at some of its systems or all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Veto {
    pub id: VetoId,
    pub allocation: AllocationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemId>,
    pub reason: String,
    pub since: Timestamp,
    /// What becomes of the allocation's jobs that wait there.
    #[serde(default, skip_serializing_if = "QueuedJobs::stay")]
    pub queued: QueuedJobs,
}

/// The site does not serve an organisation, at some of its systems or all: it applies for nothing there, and no job of
/// its projects is placed there. What is placed already stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationVeto {
    pub id: VetoId,
    pub organisation: OrganisationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemId>,
    pub reason: String,
    pub since: Timestamp,
    /// None: until somebody lifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What jobs of one organisation may have at the site; absent is not limited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationLimit {
    pub organisation: OrganisationId,
    /// Running jobs, and those handed over that may start any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_at_once: Option<u32>,
    /// Placed or queued at the site, and not running yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_queued: Option<u32>,
    /// Used in the month (UTC) and held by jobs that are not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_per_month: Option<GpuMillis>,
}

impl Controls {
    pub const fn is_empty(&self) -> bool {
        self.windows.is_empty()
            && self.drains.is_empty()
            && self.incidents.is_empty()
            && self.vetoes.is_empty()
            && self.organisation_vetoes.is_empty()
            && self.limits.is_empty()
    }

    /// The windows that say what a share may use at a partition, whenever they are open.
    pub fn windows_of<'a>(
        &'a self,
        share: &'a FundingShare,
        (system, partition): (&'a SystemId, &'a PartitionId),
    ) -> impl Iterator<Item = &'a CapacityWindow> {
        let is_for = move |window: &&CapacityWindow| {
            window.share == *share && window.scope.covers(system, partition)
        };
        self.windows.iter().filter(is_for)
    }

    /// What the site has against an organisation at one of these systems: one and those that it hangs on.
    pub fn veto_of(
        &self,
        organisation: OrganisationId,
        systems: &[&SystemId],
        now: Timestamp,
    ) -> Option<&OrganisationVeto> {
        let mut vetoes = self.organisation_vetoes.iter();
        vetoes.find(|it| {
            let is_there = it.system.as_ref().is_none_or(|at| systems.contains(&at));
            it.organisation == organisation && !it.is_over(now) && is_there
        })
    }

    pub fn limit_of(&self, organisation: OrganisationId) -> Option<&OrganisationLimit> {
        { self.limits.iter() }.find(|limit| limit.organisation == organisation)
    }
}

impl SiteScope {
    pub fn covers(&self, system: &SystemId, partition: &PartitionId) -> bool {
        self.system.as_ref().is_none_or(|it| it == system)
            && self.partition.as_ref().is_none_or(|it| it == partition)
    }

    /// Whether it is this system by name, and all of it: then it is what hangs on the system too.
    pub fn is_all_of(&self, system: &SystemId) -> bool {
        self.partition.is_none() && self.system.as_ref() == Some(system)
    }
}

/// `m/p`, `m`, or `the whole site`.
impl fmt::Display for SiteScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.system, &self.partition) {
            (Some(system), Some(partition)) => write!(f, "{system}/{partition}"),
            (Some(system), None) => write!(f, "{system}"),
            (None, _) => f.write_str("the whole site"),
        }
    }
}

impl CapacityWindow {
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.to
    }
}

impl OrganisationVeto {
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Drain {
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    pub fn is_on(&self, now: Timestamp) -> bool {
        self.from <= now && !self.is_over(now)
    }
}

impl Incident {
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.to.is_some_and(|to| to <= now)
    }

    pub fn covers(&self, system: &SystemId, partition: &PartitionId) -> bool {
        self.affects.is_empty() || self.affects.iter().any(|it| it.covers(system, partition))
    }

    pub fn is_all_of(&self, system: &SystemId) -> bool {
        self.affects.iter().any(|it| it.is_all_of(system))
    }
}

impl OrganisationLimit {
    /// Says nothing: to set it is to lift the limit.
    pub const fn is_none(&self) -> bool {
        self.max_at_once.is_none() && self.max_queued.is_none() && self.gpu_per_month.is_none()
    }
}
