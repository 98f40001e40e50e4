//! One placement over federations of today's size and ten times that.
//!
//! Half of the partitions fit; the others are rejected by one to three clauses, in words.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first thing that is wrong"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;

use broker_model::{
    Allocation, AllocationScope, Balance, FundingShare, JobSpec, PartitionSnapshot, Site,
    SiteReadiness, SiteSnapshot, SiteState, UnitMillis,
};
use broker_placement::{Input, SiteView, place};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::{SignedDuration, Timestamp};

const JOB: &str = r#"
    name = "finetune-7b"
    project = "prj_0192f0c1d2e37abc8def0123456789ab"
    [resources]
    nodes = 2
    gpus_per_node = 4
    gpu_memory_gib = 64
    walltime = "6h"
    [variants."x86_64+cuda"]
    script = "srun python train.py"
    [data]
    residency = "EU"
    [placement]
    prefer = ["site-3"]
"#;

/// A site with this many partitions, of which every other one fits.
fn site(number: u32, partitions: u32) -> Site {
    use std::fmt::Write as _;
    let mut text = format!(
        r#"
        id = "site-{number}"
        name = "A site"
        hosting_entity = "A host"
        city = "Kajaani"
        country = "FI"
        source = {{ checked_on = "2026-11-20", from = ["made for a benchmark"] }}
        [[system]]
        id = "machine"
        status = "operational"
        "#
    );
    for partition in 0..partitions {
        let (gpus, target) = if partition % 2 == 0 {
            (4, "x86_64+cuda")
        } else {
            (2, "x86_64+rocm")
        };
        write!(
            text,
            r#"
            [[system.partition]]
            id = "partition-{partition}"
            nodes = 100
            gpus_per_node = {gpus}
            gpu_memory_gib = 64
            cpus_per_node = 64
            container_target = "{target}"
            max_walltime = "2d"
            billing = {{ unit = "GPU-hour", terms = [{{ of = "scheduler_gpus", milliunits = 1000 }}] }}
            "#
        )
        .unwrap();
    }
    toml::from_str(&text).unwrap()
}

fn snapshot(site: &Site, now: Timestamp) -> SiteSnapshot {
    let system = &site.systems[0];
    let live = |(number, partition): (u32, &broker_model::Partition)| PartitionSnapshot {
        reason: None,
        expected_start: None,
        gpus: Vec::new(),
        nodes_drained: 0,
        system: system.id.clone(),
        partition: partition.id.clone(),
        accepting: true,
        nodes_total: 100,
        nodes_free: number % 4,
        gpus_total: 400,
        gpus_free: 4 * (number % 4),
        max_walltime_seconds: Some(172_800),
        max_nodes_per_job: None,
        jobs_running: 40,
        jobs_queued: number * 3,
        backlog_node_seconds: Some(u64::from(number) * 90_000),
    };
    SiteSnapshot {
        observed_at: now,
        readiness: SiteReadiness::Ready,
        reason: None,
        partitions: (0..).zip(&system.partitions).map(live).collect(),
    }
}

fn allocation(spec: &JobSpec, now: Timestamp) -> Allocation {
    Allocation {
        id: "alc_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
        project: spec.project,
        scope: AllocationScope::Federation,
        share: FundingShare::Union,
        unit: "GPU-hour".to_owned(),
        balance: Balance {
            granted: UnitMillis::from_hours(5000),
            ..Balance::default()
        },
        valid_from: now,
        valid_until: now + SignedDuration::from_hours(1000),
        local_accounts: BTreeMap::new(),
        suspended: false,
        mode: None,
        account_named_at: None,
    }
}

struct Heard {
    site: Site,
    state: SiteState,
    snapshot: SiteSnapshot,
}

impl Heard {
    fn new(site: Site, now: Timestamp) -> Self {
        let state = SiteState {
            site: site.id.clone(),
            readiness: SiteReadiness::Ready,
            reason: None,
            observed_at: now,
            ttl_seconds: 300,
            agents: Vec::new(),
            systems: Vec::new(),
            version: 0,
        };
        Self {
            snapshot: snapshot(&site, now),
            site,
            state,
        }
    }

    fn view(&self) -> SiteView<'_> {
        SiteView {
            site: &self.site,
            state: Some(&self.state),
            snapshot: Some(&self.snapshot),
            controls: None,
        }
    }
}

fn benchmark(criterion: &mut Criterion) {
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let spec: JobSpec = toml::from_str(JOB).unwrap();
    let allocation = allocation(&spec, now);
    let tally = broker_model::Tally::default();
    let (unaccepted, shut) = (BTreeMap::new(), broker_model::ShutSystems::new());
    let zones = BTreeMap::from([("EU".to_owned(), BTreeSet::from(["FI".to_owned()]))]);
    for (sites, each) in [(5, 4), (20, 10), (1, 200)] {
        let heard: Vec<_> = (0..sites)
            .map(|one| Heard::new(site(one, each), now))
            .collect();
        let views: Vec<_> = heard.iter().map(Heard::view).collect();
        let input = Input {
            now,
            spec: &spec,
            sites: &views,
            allocation: &allocation,
            refused_by: &[],
            zones: &zones,
            tally: &tally,
            bound: None,
            unaccepted: &unaccepted,
            shut: &shut,
            sectors: &[],
        };
        assert!(place(&input).chosen.is_some());
        let name = format!("{} partitions on {sites} sites", sites * each);
        criterion.bench_function(&name, |bencher| bencher.iter(|| place(black_box(&input))));
    }
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
