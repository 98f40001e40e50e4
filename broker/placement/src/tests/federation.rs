//! A federation to place on: sites that differ in what a test sets and in nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use broker_model::{
    Allocation, AllocationScope, Balance, Bound, Considered, Controls, FundingShare, JobSpec,
    Partition, PartitionRef, PartitionSnapshot, Placement, ShutSystems, Site, SiteId,
    SiteReadiness, SiteSnapshot, SiteState, System, Tally, UnitMillis, Zones,
};
use jiff::{SignedDuration, Timestamp};

use crate::{Input, SiteView, place};

pub(super) fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(super) fn hour() -> SignedDuration {
    SignedDuration::from_hours(1)
}

/// Two nodes with four GPUs each for six hours, built for CUDA.
pub(super) fn spec() -> JobSpec {
    toml::from_str(
        r#"
        name = "finetune-7b"
        project = "prj_0192f0c1d2e37abc8def0123456789ab"
        [resources]
        nodes = 2
        gpus_per_node = 4
        walltime = "6h"
        [variants."x86_64+cuda"]
        script = "srun python train.py"
        "#,
    )
    .unwrap()
}

/// Ten nodes with four GPUs, all known of them, in Finland.
pub(super) fn site(id: &str) -> Site {
    static SITE: LazyLock<Site> = LazyLock::new(|| toml::from_str(SITE_FILE).unwrap());
    Site {
        id: id.parse().unwrap(),
        ..SITE.clone()
    }
}

const SITE_FILE: &str = r#"
    id = "x"
    name = "A site"
    hosting_entity = "A host"
    city = "Kajaani"
    country = "FI"
    source = { checked_on = "2026-11-20", from = ["made for a test"] }
    [[system]]
    id = "m"
    status = "operational"
    [[system.partition]]
    id = "p"
    nodes = 10
    gpus_per_node = 4
    gpu_memory_gib = 64
    cpus_per_node = 64
    memory_gib_per_node = 512
    container_target = "x86_64+cuda"
    max_walltime = "1d"
    max_nodes_per_job = 8
    billing = { unit = "GPU-hour", terms = [{ of = "scheduler_gpus", milliunits = 1000 }] }
"#;

pub(super) fn allocation() -> Allocation {
    Allocation {
        id: "alc_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
        project: spec().project,
        scope: AllocationScope::Federation,
        share: FundingShare::Union,
        unit: "GPU-hour".to_owned(),
        balance: Balance {
            granted: UnitMillis::from_hours(5000),
            ..Balance::default()
        },
        valid_from: now() - hour() * 24,
        valid_until: now() + hour() * 24 * 90,
        local_accounts: BTreeMap::new(),
        suspended: false,
        mode: None,
        account_named_at: None,
    }
}

pub(super) fn zones() -> &'static BTreeMap<String, BTreeSet<String>> {
    static ZONES: LazyLock<Zones> =
        LazyLock::new(|| toml::from_str(include_str!("../../../../config/zones.toml")).unwrap());
    &ZONES.zones
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) site: Site,
    pub(super) state: Option<SiteState>,
    pub(super) snapshot: Option<SiteSnapshot>,
    pub(super) controls: Controls,
}

impl Member {
    /// A ready site whose scheduler has told of every partition: all nodes free, nothing queued.
    pub(super) fn new(site: Site) -> Self {
        let mut member = Self {
            site: site.with_assumed_billing(),
            state: None,
            snapshot: None,
            controls: Controls::default(),
        };
        member.is(SiteReadiness::Ready);
        member.snapshot = Some(SiteSnapshot {
            observed_at: now(),
            readiness: SiteReadiness::Ready,
            reason: None,
            partitions: all_idle(&member.site),
        });
        member
    }

    pub(super) fn is(&mut self, readiness: SiteReadiness) {
        self.state = Some(SiteState {
            site: self.site.id.clone(),
            readiness,
            reason: None,
            observed_at: now(),
            ttl_seconds: 300,
            agents: Vec::new(),
            systems: Vec::new(),
            version: 0,
        });
    }

    pub(super) fn system(&mut self) -> &mut System {
        &mut self.site.systems[0]
    }

    pub(super) fn partition(&mut self) -> &mut Partition {
        &mut self.site.systems[0].partitions[0]
    }

    pub(super) fn live(&mut self) -> &mut PartitionSnapshot {
        &mut self.snapshot.as_mut().unwrap().partitions[0]
    }
}

fn all_idle(site: &Site) -> Vec<PartitionSnapshot> {
    let of = |system: &System, partition: &Partition| {
        let nodes = partition.nodes.unwrap_or(10);
        let gpus = nodes * partition.gpus_per_node * partition.scheduler_gpus_per_gpu;
        PartitionSnapshot {
            reason: None,
            expected_start: None,
            gpus: Vec::new(),
            nodes_drained: 0,
            system: system.id.clone(),
            partition: partition.id.clone(),
            accepting: true,
            nodes_total: nodes,
            nodes_free: nodes,
            gpus_total: gpus,
            gpus_free: gpus,
            max_walltime_seconds: None,
            max_nodes_per_job: None,
            jobs_running: 0,
            jobs_queued: 0,
            backlog_node_seconds: None,
        }
    };
    let systems = site.systems.iter();
    systems
        .flat_map(|s| s.partitions.iter().map(move |p| of(s, p)))
        .collect()
}

#[derive(Clone, Debug)]
pub(super) struct Federation {
    pub(super) members: Vec<Member>,
    pub(super) allocation: Allocation,
    pub(super) refused_by: Vec<PartitionRef>,
    pub(super) tally: Tally,
    pub(super) bound: Option<Bound>,
    pub(super) unaccepted: BTreeMap<SiteId, String>,
    pub(super) shut: ShutSystems,
    pub(super) sectors: Vec<String>,
}

impl Federation {
    pub(super) fn of(members: impl IntoIterator<Item = Member>) -> Self {
        Self {
            members: members.into_iter().collect(),
            allocation: allocation(),
            refused_by: Vec::new(),
            tally: Tally::default(),
            bound: None,
            unaccepted: BTreeMap::new(),
            shut: ShutSystems::new(),
            sectors: Vec::new(),
        }
    }

    pub(super) fn place(&self, spec: &JobSpec) -> Placement {
        let sites: Vec<_> = self
            .members
            .iter()
            .map(|member| SiteView {
                site: &member.site,
                state: member.state.as_ref(),
                snapshot: member.snapshot.as_ref(),
                controls: Some(&member.controls),
            })
            .collect();
        place(&Input {
            now: now(),
            spec,
            sites: &sites,
            allocation: &self.allocation,
            refused_by: &self.refused_by,
            zones: zones(),
            tally: &self.tally,
            bound: self.bound.as_ref(),
            unaccepted: &self.unaccepted,
            shut: &self.shut,
            sectors: &self.sectors,
        })
    }
}

/// The partition of [`site`] with this id.
pub(super) fn at(site: &str) -> PartitionRef {
    PartitionRef {
        site: site.parse().unwrap(),
        system: "m".parse().unwrap(),
        partition: "p".parse().unwrap(),
    }
}

pub(super) fn entry<'a>(placement: &'a Placement, at: &PartitionRef) -> &'a Considered {
    placement
        .considered
        .iter()
        .find(|one| one.partition == *at)
        .unwrap()
}
