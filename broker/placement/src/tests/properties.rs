//! What must hold for any federation and any job.

use broker_model::{
    AllocationScope, Considered, JobSpec, PartitionRef, Sensitivity, SiteReadiness, SystemStatus,
    UnitMillis, Walltime,
};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

use super::any::{any_federation, any_member, any_spec};
use super::federation::{Federation, Member, now, site, spec, zones};
use crate::never_feasible;

/// Whether a job may go to the one partition of a member: the rules once more, all as one condition
/// and with nothing of the crate's own.
fn fits(federation: &Federation, spec: &JobSpec, member: &Member) -> bool {
    let (system, site) = (&member.site.systems[0], &member.site.id);
    let partition = &system.partitions[0];
    let (asks, wishes) = (&spec.resources, &spec.placement);
    let enough = |asked: Option<u32>, has: Option<u32>| asked.is_none_or(|a| has >= Some(a));

    let listening = member.state.as_ref().is_some_and(|state| {
        now().as_second() - state.observed_at.as_second() <= i64::from(state.ttl_seconds)
            && [SiteReadiness::Ready, SiteReadiness::Limited].contains(&state.readiness)
    });
    let live = member
        .snapshot
        .as_ref()
        .map(|snapshot| snapshot.partitions.first());
    let open = live.is_none_or(|live| live.is_some_and(|live| live.accepting));
    let live = live.flatten();
    let most_nodes = [
        live.and_then(|l| l.max_nodes_per_job)
            .or(partition.max_nodes_per_job),
        live.map(|l| l.nodes_total).or(partition.nodes),
    ];
    let longest = live
        .and_then(|l| l.max_walltime_seconds)
        .or(partition.max_walltime.map(Walltime::seconds));
    let roomy = most_nodes.iter().flatten().all(|most| asks.nodes <= *most)
        && longest.is_none_or(|longest| asks.walltime.seconds() <= longest)
        && asks.gpus_per_node <= partition.gpus_per_node
        && (asks.gpus_per_node > 0 || !partition.rules.gpu_jobs_only)
        && (asks.gpus_per_node == 0 || enough(asks.gpu_memory_gib, partition.gpu_memory_gib))
        && enough(asks.cpus_per_node, partition.cpus_per_node)
        && enough(asks.memory_gib_per_node, partition.memory_gib_per_node);
    let welcome = (wishes.require.is_empty() || wishes.require.contains(site))
        && !wishes.exclude.contains(site)
        && (wishes.experimental || !partition.rules.experimental)
        && spec
            .variants
            .keys()
            .any(|target| *target == partition.container_target);
    let country = member.site.country.as_str();
    let lawful = spec.data.sensitivity <= system.max_sensitivity.unwrap_or(Sensitivity::Internal)
        && match spec.data.residency.as_deref() {
            None => true,
            Some("EU") => zones()["EU"].contains(country),
            Some(code) => code == country,
        };
    system.status == SystemStatus::Operational
        && listening
        && open
        && roomy
        && welcome
        && lawful
        && is_paid(federation, spec, member)
        && federation
            .refused_by
            .iter()
            .all(|refused| refused.site != *site)
}

fn is_paid(federation: &Federation, spec: &JobSpec, member: &Member) -> bool {
    let (allocation, partition) = (
        &federation.allocation,
        &member.site.systems[0].partitions[0],
    );
    let entitled = match &allocation.scope {
        AllocationScope::Federation => true,
        AllocationScope::System { site, .. } => {
            *site == member.site.id
                && Some(&allocation.unit) == partition.billing.as_ref().map(|it| &it.unit)
        }
    };
    let charge = charge(federation, spec, member);
    let at_site = broker_accounting::quote(partition, &spec.resources, spec.resources.walltime, 1);
    let is_free = at_site.unwrap().site_units.0 == 0;
    let valid = allocation.valid_from <= now() && now() < allocation.valid_until;
    let balance = allocation.balance;
    let left = balance.granted.0 - balance.used.0 - balance.held.0 - balance.lost.0;
    entitled && valid && !allocation.suspended && (charge > 0 || is_free) && charge <= left
}

fn charge(federation: &Federation, spec: &JobSpec, member: &Member) -> i64 {
    let partition = &member.site.systems[0].partitions[0];
    let walltime = spec.resources.walltime;
    let cost = broker_accounting::quote(partition, &spec.resources, walltime, 1).unwrap();
    match federation.allocation.scope {
        AllocationScope::Federation => cost.gpu.0,
        AllocationScope::System { .. } => cost.site_units.0,
    }
}

fn found<'a>(federation: &'a Federation, at: &PartitionRef) -> &'a Member {
    federation
        .members
        .iter()
        .find(|member| member.site.id == at.site)
        .unwrap()
}

fn wait(federation: &Federation, spec: &JobSpec) -> Option<u64> {
    let placement = federation.place(spec);
    placement.considered[0]
        .candidate
        .as_ref()
        .map(|one| one.forecast.wait_seconds)
}

/// A site that takes the usual job, with this load.
fn loaded(exclusive: bool, load: (u32, u32, u32, Option<u64>)) -> Federation {
    let mut member = Member::new(site("s0"));
    member.partition().exclusive = exclusive;
    let live = member.live();
    (live.nodes_free, live.jobs_queued, live.jobs_running) = (load.0, load.1, load.2);
    (live.gpus_free, live.backlog_node_seconds) = (load.0 * 4, load.3);
    Federation::of([member])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_partition_is_feasible_exactly_when_a_naive_check_says_so(
        federation in any_federation(),
        spec in any_spec(),
    ) {
        let placement = federation.place(&spec);
        prop_assert_eq!(placement.considered.len(), federation.members.len());
        for Considered { partition, rejections, candidate } in &placement.considered {
            let fits = fits(&federation, &spec, found(&federation, partition));
            prop_assert_eq!(fits, rejections.is_empty(), "{}: {:?}", partition, rejections);
            prop_assert_eq!(fits, candidate.is_some());
        }
        let first = placement.considered.first().filter(|first| first.rejections.is_empty());
        prop_assert_eq!(placement.chosen.as_ref(), first.map(|first| &first.partition));
    }

    #[test]
    fn a_charge_is_what_accounting_quotes(federation in any_federation(), spec in any_spec()) {
        for one in &federation.place(&spec).considered {
            let Some(candidate) = &one.candidate else { continue };
            let member = found(&federation, &one.partition);
            prop_assert_eq!(candidate.charge.0, charge(&federation, &spec, member));
        }
    }

    #[test]
    fn the_order_of_the_sites_does_not_matter(
        federation in any_federation(),
        spec in any_spec(),
        turn in any::<Index>(),
    ) {
        let mut turned = federation.clone();
        if !turned.members.is_empty() {
            let by = turn.index(turned.members.len());
            turned.members.rotate_left(by);
            turned.members.reverse();
        }
        prop_assert_eq!(federation.place(&spec), turned.place(&spec));
    }

    #[test]
    fn a_site_that_cannot_take_the_job_changes_no_choice(
        federation in any_federation(),
        spec in any_spec(),
        mut other in any_member(),
    ) {
        other.site.id = "a-first-by-name".parse().unwrap();
        other.system().status = SystemStatus::Planned;
        let before = federation.place(&spec);
        let mut larger = federation;
        larger.members.push(other);
        let after = larger.place(&spec);
        prop_assert_eq!(&before.chosen, &after.chosen);
        if before.chosen.is_some() {
            prop_assert_eq!(before.reason, after.reason);
        }
    }

    #[test]
    fn what_is_hopeless_stays_so_when_all_sites_wake_up(
        federation in any_federation(),
        spec in any_spec(),
    ) {
        // Half of them: too many to be told to proptest as rejected.
        if !never_feasible(&federation.place(&spec)) {
            return Ok(());
        }
        let mut later = federation;
        for member in &mut later.members {
            member.is(SiteReadiness::Ready);
            let built = member.partition().nodes;
            for live in member.snapshot.iter_mut().flat_map(|s| &mut s.partitions) {
                live.accepting = true;
                live.nodes_total = live.nodes_total.max(built.unwrap_or(0));
                live.nodes_free = live.nodes_total;
            }
        }
        later.allocation.suspended = false;
        later.allocation.balance.held = UnitMillis::ZERO;
        prop_assert_eq!(later.place(&spec).chosen, None);
    }

    #[test]
    fn more_free_nodes_never_forecast_a_later_start(
        exclusive in any::<bool>(),
        free in 0..10_u32,
        queued in 0..100_u32,
        running in 0..100_u32,
        backlog in option::of(0..10_000_000_u64),
    ) {
        let less = wait(&loaded(exclusive, (free, queued, running, backlog)), &spec());
        let more = wait(&loaded(exclusive, (free + 1, queued, running, backlog)), &spec());
        prop_assert!(more <= less && more.is_some(), "{:?} {:?}", more, less);
    }

    #[test]
    fn a_longer_queue_never_forecasts_an_earlier_start(
        exclusive in any::<bool>(),
        free in 0..10_u32,
        queued in 0..100_u32,
        running in 0..100_u32,
        backlog in option::of((0..10_000_000_u64, 0..10_000_000_u64)),
    ) {
        let now = backlog.map(|(now, _)| now);
        let then = backlog.map(|(now, more)| now + more);
        let short = wait(&loaded(exclusive, (free, queued, running, now)), &spec());
        let long = wait(&loaded(exclusive, (free, queued + 1, running, then)), &spec());
        prop_assert!(short <= long && short.is_some(), "{:?} {:?}", short, long);
    }
}
