use broker_model::{
    AllocationScope, Bound, Clause, JobSpec, Sensitivity, SiteReadiness, SystemStatus, UnitMillis,
};

use super::federation::{Federation, Member, at, entry, hour, now, site, spec};
use crate::never_feasible;

/// What one site answers to the usual job after both were changed: clause, permanence, words.
fn against(edit: impl FnOnce(&mut Federation, &mut JobSpec)) -> Vec<(Clause, bool, String)> {
    let mut federation = Federation::of([Member::new(site("lumi"))]);
    let mut spec = spec();
    edit(&mut federation, &mut spec);
    let placement = federation.place(&spec);
    assert_eq!(
        placement.chosen.is_none(),
        !placement.considered[0].rejections.is_empty()
    );
    let rejections = placement.considered[0].rejections.clone();
    rejections
        .into_iter()
        .map(|r| (r.clause, r.temporary, r.words))
        .collect()
}

fn member(federation: &mut Federation) -> &mut Member {
    &mut federation.members[0]
}

fn forever(clause: Clause, words: &str) -> Vec<(Clause, bool, String)> {
    vec![(clause, false, words.to_owned())]
}

fn for_now(clause: Clause, words: &str) -> Vec<(Clause, bool, String)> {
    vec![(clause, true, words.to_owned())]
}

#[test]
fn nothing_speaks_against_a_site_that_fits() {
    assert_eq!(against(|_, _| {}), []);
}

#[test]
fn a_system_that_is_not_in_operation_takes_nothing() {
    let got = against(|f, _| member(f).system().status = SystemStatus::Contracted);
    let words = "the system is contracted, not yet in operation";
    assert_eq!(got, forever(Clause::SystemStatus, words));
}

#[test]
fn a_site_that_drains_may_come_back() {
    let got = against(|f, _| {
        member(f).is(SiteReadiness::Draining);
        member(f).state.as_mut().unwrap().reason = Some("cooling".to_owned());
    });
    assert_eq!(
        got,
        for_now(Clause::SiteState, "the site takes no new jobs: cooling")
    );
}

#[test]
fn a_site_that_was_ready_and_fell_silent_is_unknown() {
    let got = against(|f, _| member(f).state.as_mut().unwrap().observed_at = now() - hour());
    assert_eq!(
        got,
        for_now(Clause::SiteState, "the site has fallen silent")
    );
    let got = against(|f, _| member(f).state = None);
    assert_eq!(
        got,
        for_now(Clause::SiteState, "the site was never heard of")
    );
}

#[test]
fn a_site_whose_last_agent_was_put_out_is_not_said_to_be_silent() {
    let got = against(|f, _| {
        member(f).is(SiteReadiness::Unknown);
        member(f).state.as_mut().unwrap().reason = Some("its agent was revoked".to_owned());
    });
    let words = "nobody speaks for the site: its agent was revoked";
    assert_eq!(got, for_now(Clause::SiteState, words));
}

#[test]
fn a_limited_site_takes_jobs() {
    assert_eq!(against(|f, _| member(f).is(SiteReadiness::Limited)), []);
}

#[test]
fn a_partition_that_is_closed_or_unknown_to_its_scheduler_takes_nothing_now() {
    let got = against(|f, _| member(f).live().accepting = false);
    assert_eq!(
        got,
        for_now(Clause::PartitionState, "it takes no new jobs now")
    );
    let got = against(|f, _| member(f).live().partition = "other".parse().unwrap());
    let words = "the site's scheduler does not tell of this partition";
    assert_eq!(got, for_now(Clause::PartitionState, words));
}

#[test]
fn wishes_bind() {
    let got = against(|_, s| s.placement.require = vec!["bsc".parse().unwrap()]);
    assert_eq!(got, forever(Clause::Wishes, "the job requires bsc"));
    let got = against(|_, s| s.placement.exclude = vec!["lumi".parse().unwrap()]);
    assert_eq!(got, forever(Clause::Wishes, "the job excludes lumi"));
}

#[test]
fn an_experimental_partition_needs_a_job_that_says_so() {
    let got = against(|f, _| member(f).partition().rules.experimental = true);
    let words = "experimental, and the job does not set `placement.experimental`";
    assert_eq!(got, forever(Clause::Wishes, words));
    let got = against(|f, s| {
        member(f).partition().rules.experimental = true;
        s.placement.experimental = true;
    });
    assert_eq!(got, []);
}

#[test]
fn a_job_built_for_cuda_does_not_go_to_rocm() {
    let rocm = "x86_64+rocm".parse().unwrap();
    let got = against(|f, _| member(f).partition().container_target = rocm);
    let words = "needs a variant for x86_64+rocm, the job has x86_64+cuda";
    assert_eq!(got, forever(Clause::ContainerTarget, words));
}

#[test]
fn gpus_are_counted_as_the_vendor_sells_them() {
    let got = against(|f, s| {
        member(f).partition().scheduler_gpus_per_gpu = 2;
        s.resources.gpus_per_node = 8;
    });
    assert_eq!(
        got,
        forever(Clause::GpuCount, "asks for 8 GPUs a node, has 4")
    );
}

#[test]
fn a_job_with_gpus_never_goes_to_a_partition_without() {
    let got = against(|f, s| {
        member(f).partition().gpus_per_node = 0;
        s.resources.gpu_memory_gib = Some(64);
    });
    assert_eq!(
        got[0],
        (
            Clause::GpuCount,
            false,
            "asks for 4 GPUs a node, has none".to_owned()
        )
    );
    let quantum = against(|f, _| {
        member(f).partition().gpus_per_node = 0;
        member(f).partition().accelerator_kind = Some("qpu".to_owned());
    });
    assert_eq!(quantum[0].2, "asks for 4 GPUs a node, is a qpu");
    assert!(
        got.iter().all(|(clause, ..)| *clause != Clause::GpuMemory),
        "{got:?}"
    );
}

#[test]
fn a_job_without_gpus_is_kept_off_nodes_whose_site_wants_them_used() {
    let got = against(|f, s| {
        member(f).partition().exclusive = true;
        member(f).partition().rules.gpu_jobs_only = true;
        s.resources.gpus_per_node = 0;
    });
    let words = "asks for no GPUs, and the site wants them used here";
    assert_eq!(got, forever(Clause::GpuCount, words));
}

#[test]
fn gpu_memory_must_be_known_and_enough() {
    let got = against(|_, s| s.resources.gpu_memory_gib = Some(80));
    assert_eq!(
        got,
        forever(Clause::GpuMemory, "asks for 80 GiB a GPU, has 64")
    );
    let got = against(|f, s| {
        member(f).partition().gpu_memory_gib = None;
        s.resources.gpu_memory_gib = Some(1);
    });
    let words = "asks for 1 GiB a GPU, how much it has is not known";
    assert_eq!(got, forever(Clause::GpuMemory, words));
}

#[test]
fn nodes_are_bounded_by_the_limit_and_by_what_there_is() {
    let got = against(|_, s| s.resources.nodes = 11);
    let words: Vec<_> = got.iter().map(|(_, _, words)| words.as_str()).collect();
    assert_eq!(
        words,
        [
            "asks for 11 nodes, a job may have 8",
            "asks for 11 nodes, has 10"
        ]
    );
}

#[test]
fn the_schedulers_own_limits_go_before_those_of_the_file() {
    let got = against(|f, s| {
        member(f).live().max_nodes_per_job = Some(1);
        member(f).live().max_walltime_seconds = Some(7200);
        s.resources.nodes = 2;
    });
    let words: Vec<_> = got.iter().map(|(_, _, words)| words.as_str()).collect();
    assert_eq!(
        words,
        [
            "asks for 2 nodes, a job may have 1",
            "asks for 6h, a job may run 2h"
        ]
    );
    let got = against(|f, s| {
        member(f).live().max_nodes_per_job = Some(10);
        s.resources.nodes = 9;
    });
    assert_eq!(got, []);
}

#[test]
fn nodes_that_are_out_of_service_may_come_back() {
    let got = against(|f, _| member(f).live().nodes_total = 1);
    assert_eq!(
        got,
        for_now(Clause::Nodes, "asks for 2 nodes, 1 of 10 are in service")
    );
}

#[test]
fn cpus_memory_and_walltime_are_bounded() {
    let got = against(|_, s| s.resources.cpus_per_node = Some(65));
    assert_eq!(
        got,
        forever(Clause::Cpus, "asks for 65 CPUs a node, has 64")
    );
    let got = against(|f, s| {
        member(f).partition().memory_gib_per_node = None;
        s.resources.memory_gib_per_node = Some(1);
    });
    let words = "asks for 1 GiB a node, how many it has is not known";
    assert_eq!(got, forever(Clause::Memory, words));
    let got = against(|_, s| s.resources.walltime = "25h".parse().unwrap());
    assert_eq!(
        got,
        forever(Clause::Walltime, "asks for 1d1h, a job may run 1d")
    );
}

#[test]
fn residency_is_a_zone_or_a_country() {
    for (residency, country, words) in [
        ("EU", "FI", None),
        ("FI", "FI", None),
        ("EL", "GR", None),
        (
            "EU",
            "CH",
            Some("the data must stay in EU, the site is in CH"),
        ),
        (
            "DE",
            "FI",
            Some("the data must stay in DE, the site is in FI"),
        ),
    ] {
        let got = against(|f, s| {
            member(f).site.country = country.to_owned();
            s.data.residency = Some(residency.to_owned());
        });
        let expected = words.map_or(vec![], |words| forever(Clause::Residency, words));
        assert_eq!(got, expected, "{residency} {country}");
    }
}

#[test]
fn a_system_that_says_nothing_of_sensitivity_takes_internal_data_at_most() {
    assert_eq!(
        against(|_, s| s.data.sensitivity = Sensitivity::Internal),
        []
    );
    let got = against(|_, s| s.data.sensitivity = Sensitivity::Personal);
    let words = "the data is personal, the system may process internal at most";
    assert_eq!(got, forever(Clause::Sensitivity, words));
    let got = against(|f, s| {
        member(f).system().max_sensitivity = Some(Sensitivity::Special);
        s.data.sensitivity = Sensitivity::Personal;
    });
    assert_eq!(got, []);
}

fn at_system(site: &str) -> AllocationScope {
    AllocationScope::System {
        site: site.parse().unwrap(),
        system: "m".parse().unwrap(),
    }
}

#[test]
fn an_allocation_at_one_system_pays_there_only() {
    assert_eq!(against(|f, _| f.allocation.scope = at_system("lumi")), []);
    let got = against(|f, _| f.allocation.scope = at_system("bsc"));
    assert_eq!(
        got,
        forever(Clause::Entitlement, "the allocation is for bsc/m")
    );
}

#[test]
fn an_allocation_pays_in_its_own_unit_only() {
    let got = against(|f, _| {
        f.allocation.scope = at_system("lumi");
        f.allocation.unit = "core-hour".to_owned();
    });
    let words = "the allocation is in core-hours, here GPU-hours are charged";
    assert_eq!(got, forever(Clause::Entitlement, words));
}

#[test]
fn gpu_hours_of_the_federation_do_not_pay_for_a_job_that_takes_none() {
    let got = against(|f, s| {
        let billing = member(f).partition().billing.as_mut().unwrap();
        billing.unit = "core-hour".to_owned();
        billing.terms[0].of = broker_model::Billed::Cpus;
        s.resources.gpus_per_node = 0;
    });
    let words = "the allocation pays for the time of GPUs, and the job takes none";
    assert_eq!(got, forever(Clause::Entitlement, words));
}

#[test]
fn a_charge_by_what_is_assumed_says_so_and_a_price_that_nothing_tells_is_a_clause() {
    let mut federation = Federation::of([Member::new(site("lumi"))]);
    federation.members[0].partition().billing = None;
    let words = "its price cannot be told: how partition `p` charges is not known";
    let told = entry(&federation.place(&spec()), &at("lumi"))
        .rejections
        .clone();
    assert_eq!(told[0].words, words);
    let unsaid = federation.members[0].site.clone();
    federation.members[0].site = unsaid.with_assumed_billing();
    let placement = federation.place(&spec());
    let candidate = entry(&placement, &at("lumi")).candidate.clone().unwrap();
    assert_eq!(candidate.charge, UnitMillis::from_hours(48));
    assert!(candidate.billing_assumed_since.is_some());
    let said = Federation::of([Member::new(site("lumi"))]).place(&spec());
    let candidate = entry(&said, &at("lumi")).candidate.clone().unwrap();
    assert_eq!(candidate.billing_assumed_since, None);
}

#[test]
fn an_allocation_must_be_in_its_term() {
    let got = against(|f, _| f.allocation.valid_until = now());
    let words = "the allocation ended at 2026-11-20T12:00:00Z";
    assert_eq!(got, forever(Clause::Entitlement, words));
    let got = against(|f, _| f.allocation.valid_from = now() + hour());
    let words = "the allocation is valid from 2026-11-20T13:00:00Z";
    assert_eq!(got, for_now(Clause::Entitlement, words));
    let got = against(|f, _| f.allocation.suspended = true);
    assert_eq!(
        got,
        for_now(Clause::Entitlement, "the allocation is suspended")
    );
}

#[test]
fn the_whole_walltime_must_be_left_on_the_allocation() {
    let got = against(|f, _| f.allocation.balance.granted = UnitMillis::from_hours(48));
    assert_eq!(got, []);
    let got = against(|f, _| f.allocation.balance.granted = UnitMillis::from_hours(47));
    let words = "costs up to 48.0000 GPU-hours, 47.0000 are left";
    assert_eq!(got, forever(Clause::HoursLeft, words));
    let got = against(|f, _| {
        f.allocation.balance.granted = UnitMillis::from_hours(50);
        f.allocation.balance.held = UnitMillis::from_hours(20);
    });
    let words = "costs up to 48.0000 GPU-hours, 30.0000 are left while other jobs hold 20.0000";
    assert_eq!(got, for_now(Clause::HoursLeft, words));
}

#[test]
fn a_site_that_refused_the_job_is_not_asked_again() {
    let got = against(|f, _| f.refused_by = vec![at("lumi")]);
    assert_eq!(
        got,
        forever(Clause::RefusedBefore, "the site refused this job before")
    );
}

#[test]
fn every_clause_is_told_and_not_only_the_first() {
    let got = against(|f, s| {
        member(f).is(SiteReadiness::Unavailable);
        s.placement.exclude = vec!["lumi".parse().unwrap()];
        s.resources.gpus_per_node = 8;
        s.resources.walltime = "3d".parse().unwrap();
        f.refused_by = vec![at("lumi")];
    });
    let clauses: Vec<_> = got.iter().map(|(clause, ..)| *clause).collect();
    let expected = [
        Clause::SiteState,
        Clause::Wishes,
        Clause::GpuCount,
        Clause::Walltime,
        Clause::RefusedBefore,
    ];
    assert_eq!(clauses, expected);
}

#[test]
fn a_job_is_hopeless_only_when_every_partition_says_so_for_good() {
    let mut federation = Federation::of([Member::new(site("a")), Member::new(site("b"))]);
    let mut spec = spec();
    spec.resources.gpus_per_node = 8;
    assert!(never_feasible(&federation.place(&spec)));
    federation.members[1].partition().gpus_per_node = 8;
    federation.members[1].is(SiteReadiness::Unavailable);
    let placement = federation.place(&spec);
    assert!(!never_feasible(&placement));
    assert_eq!(
        placement.reason,
        "none of the 2 partitions can take this job now; 1 may later"
    );
    assert_eq!(
        entry(&placement, &at("a")).rejections[0].clause,
        Clause::GpuCount
    );
}

#[test]
fn a_federation_without_partitions_says_nothing_about_a_job() {
    let placement = Federation::of([]).place(&spec());
    assert!(!never_feasible(&placement));
    assert_eq!(placement.reason, "no site has a partition to consider");
}

#[test]
fn a_job_that_waits_for_another_goes_where_that_one_is_and_nowhere_before() {
    let job = "job_0192f0c1d2e37abc8def0123456789ab".parse().unwrap();
    let to = |site: &str| Bound::To {
        job,
        site: site.parse().unwrap(),
        system: "m".parse().unwrap(),
    };
    let members = || [Member::new(site("a")), Member::new(site("b"))];
    let mut federation = Federation::of(members());
    federation.bound = Some(to("b"));
    let placement = federation.place(&spec());
    assert_eq!(placement.chosen, Some(at("b")));
    let rejected = &entry(&placement, &at("a")).rejections[0];
    assert_eq!(rejected.clause, Clause::Dependency);
    assert_eq!(
        rejected.words,
        format!("it waits for {job}, which is at b/m")
    );
    federation.bound = Some(Bound::Nowhere { job });
    let placement = federation.place(&spec());
    assert_eq!(placement.chosen, None);
    assert!(!never_feasible(&placement), "it may go somewhere later");
}
