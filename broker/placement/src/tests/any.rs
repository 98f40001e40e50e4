//! Federations and jobs of every kind, of which about every sixth pair fits.

use broker_model::{
    AllocationScope, Billed, JobSpec, Sensitivity, SiteReadiness, SystemStatus, UnitMillis,
};
use jiff::SignedDuration;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::federation::{Federation, Member, at, hour, now, site, spec};

const TARGETS: [&str; 3] = ["x86_64+cuda", "x86_64+rocm", "x86_64"];
const SITES: [&str; 4] = ["s0", "s1", "s2", "s3"];
const READINESS: [SiteReadiness; 5] = [
    SiteReadiness::Ready,
    SiteReadiness::Limited,
    SiteReadiness::Draining,
    SiteReadiness::Unavailable,
    SiteReadiness::Unknown,
];

/// Mostly the first, so that a fair part of the partitions is feasible.
fn mostly<T: Clone + std::fmt::Debug + 'static>(
    usual: T,
    others: Vec<T>,
) -> impl Strategy<Value = T> {
    prop_oneof![20 => Just(usual), 1 => select(others)]
}

fn any_hardware() -> impl Strategy<Value = Member> {
    let gpus = mostly(4, vec![0, 2, 8]);
    let size = (option::of(4..12_u32), gpus, 1..3_u32, any::<bool>());
    let amounts = (
        option::weighted(0.8, select(vec![16, 64, 128])),
        option::weighted(0.8, select(vec![8, 64])),
        option::weighted(0.8, select(vec![64, 512])),
    );
    let target = mostly(TARGETS[0], TARGETS.to_vec());
    let limits = (
        option::of(10..50_u32),
        option::weighted(0.3, 1..8_u32),
        target,
    );
    let rules = (
        mostly(false, vec![true]),
        mostly(false, vec![true]),
        mostly(0_u8, vec![1, 2]),
    );
    (size, amounts, limits, rules).prop_map(|(size, amounts, limits, rules)| {
        let mut member = Member::new(site("x"));
        let partition = member.partition();
        partition.nodes = size.0;
        partition.gpus_per_node = size.1;
        partition.scheduler_gpus_per_gpu = size.2;
        partition.exclusive = size.3;
        (
            partition.gpu_memory_gib,
            partition.cpus_per_node,
            partition.memory_gib_per_node,
        ) = amounts;
        partition.max_walltime = limits.0.map(|hours| format!("{hours}h").parse().unwrap());
        partition.max_nodes_per_job = limits.1;
        partition.container_target = limits.2.parse().unwrap();
        partition.rules.experimental = rules.0;
        partition.rules.gpu_jobs_only = rules.1;
        let (of, unit) = [
            (Billed::SchedulerGpus, "GPU-hour"),
            (Billed::Nodes, "node-hour"),
            (Billed::Cpus, "core-hour"),
        ][usize::from(rules.2)];
        let billing = partition.billing.as_mut().unwrap();
        billing.terms[0].of = of;
        billing.unit = unit.to_owned();
        member
    })
}

pub(super) fn any_member() -> impl Strategy<Value = Member> {
    let law = (
        mostly("FI", vec!["NO", "DE"]),
        mostly(
            SystemStatus::Operational,
            vec![SystemStatus::Planned, SystemStatus::Retired],
        ),
        option::weighted(
            0.2,
            select(vec![Sensitivity::Public, Sensitivity::Personal]),
        ),
    );
    let heard = (
        option::weighted(0.9, mostly(READINESS[0], READINESS.to_vec())),
        0..305_i64,
    );
    let live = (
        option::weighted(0.8, mostly(true, vec![false])),
        2..12_u32,
        0..12_u32,
    );
    let more = (
        option::weighted(0.3, 10..40_u32),
        option::weighted(0.2, 1..8_u32),
        mostly(true, vec![false]),
    );
    let busy = (
        0..20_u32,
        0..20_u32,
        option::of(0..4_000_000_u64),
        0..40_u32,
    );
    (any_hardware(), law, heard, live, more, busy).prop_map(
        |(mut member, law, heard, live, more, busy)| {
            member.site.country = law.0.to_owned();
            member.system().status = law.1;
            member.system().max_sensitivity = law.2;
            match heard.0 {
                Some(readiness) => member.is(readiness),
                None => member.state = None,
            }
            if let Some(state) = &mut member.state {
                state.observed_at = now() - SignedDuration::from_secs(heard.1);
            }
            let seen = member.live();
            (seen.nodes_total, seen.nodes_free) = (live.1.max(live.2), live.2);
            seen.max_walltime_seconds = more.0.map(|hours| hours * 3600);
            seen.max_nodes_per_job = more.1;
            (seen.jobs_running, seen.jobs_queued) = (busy.0, busy.1);
            (seen.backlog_node_seconds, seen.gpus_free) = (busy.2, busy.3);
            match live.0 {
                Some(accepting) => seen.accepting = accepting,
                None => member.snapshot = None,
            }
            if let Some(snapshot) = member.snapshot.as_mut().filter(|_| !more.2) {
                snapshot.partitions.clear();
            }
            member
        },
    )
}

pub(super) fn any_federation() -> impl Strategy<Value = Federation> {
    let scope = option::weighted(0.2, select(SITES.to_vec()));
    let hours = (50..3000_i64, 0..100_i64, 0..100_i64);
    let term = (mostly(0, vec![-400, 400]), mostly(false, vec![true]));
    let refused = option::weighted(0.2, select(SITES.to_vec()));
    (
        vec(any_member(), 0..=SITES.len()),
        scope,
        hours,
        term,
        refused,
    )
        .prop_map(|(mut members, scope, hours, term, refused)| {
            for (member, id) in members.iter_mut().zip(SITES) {
                member.site.id = id.parse().unwrap();
            }
            let mut federation = Federation::of(members);
            let allocation = &mut federation.allocation;
            if let Some(site) = scope {
                let (site, system) = (site.parse().unwrap(), "m".parse().unwrap());
                allocation.scope = AllocationScope::System { site, system };
            }
            allocation.balance.granted = UnitMillis::from_hours(hours.0);
            allocation.balance.used = UnitMillis::from_hours(hours.1);
            allocation.balance.held = UnitMillis::from_hours(hours.2);
            allocation.valid_from += hour() * (term.0 / 2);
            allocation.valid_until = allocation.valid_from + hour() * 200;
            allocation.suspended = term.1;
            federation.refused_by = refused.map(at).into_iter().collect();
            federation
        })
}

pub(super) fn any_spec() -> impl Strategy<Value = JobSpec> {
    let size = (1..5_u32, 0..5_u32, 1..24_u32);
    let amounts = (
        option::weighted(0.15, 16..100_u32),
        option::weighted(0.15, 1..80_u32),
        option::weighted(0.15, 1..600_u32),
    );
    let targets = subsequence(TARGETS.to_vec(), 1..=3);
    let data = (
        option::weighted(0.2, select(vec!["EU", "FI", "NO"])),
        mostly(
            Sensitivity::Public,
            vec![Sensitivity::Internal, Sensitivity::Personal],
        ),
    );
    let few = || prop_oneof![8 => Just(vec![]), 1 => subsequence(SITES.to_vec(), 1..=3)];
    let wishes = (few(), few(), few(), any::<bool>());
    (size, amounts, targets, data, wishes).prop_map(|(size, amounts, targets, data, wishes)| {
        let mut spec = spec();
        let variant = spec.variants.pop_first().unwrap().1;
        spec.variants = targets
            .iter()
            .map(|t| (t.parse().unwrap(), variant.clone()))
            .collect();
        spec.resources.nodes = size.0;
        spec.resources.gpus_per_node = size.1;
        spec.resources.walltime = format!("{}h", size.2).parse().unwrap();
        spec.resources.gpu_memory_gib = amounts.0;
        spec.resources.cpus_per_node = amounts.1;
        spec.resources.memory_gib_per_node = amounts.2;
        spec.data.residency = data.0.map(str::to_owned);
        spec.data.sensitivity = data.1;
        let ids = |names: Vec<&str>| names.iter().map(|name| name.parse().unwrap()).collect();
        spec.placement.prefer = ids(wishes.0);
        spec.placement.require = ids(wishes.1);
        spec.placement.exclude = ids(wishes.2);
        spec.placement.experimental = wishes.3;
        spec
    })
}

/// Without this the properties could hold for want of anything to place.
#[test]
fn enough_of_what_is_made_fits_and_enough_does_not() {
    let mut runner = TestRunner::deterministic();
    let (mut considered, mut feasible, mut contested) = (0, 0, 0);
    for _ in 0..1000 {
        let federation = any_federation().new_tree(&mut runner).unwrap().current();
        let spec = any_spec().new_tree(&mut runner).unwrap().current();
        let placement = federation.place(&spec);
        let fit = placement
            .considered
            .iter()
            .filter(|one| one.candidate.is_some())
            .count();
        considered += placement.considered.len();
        feasible += fit;
        contested += usize::from(fit > 1);
    }
    assert!(
        (considered / 10..considered / 2).contains(&feasible),
        "{feasible} of {considered}"
    );
    assert!(contested > 40, "{contested} of 1000 had a choice");
}
