//! The seven sites as they are shipped, and what well-known jobs cost there.

use broker_model::{
    Automation, Billed, Candidate, Clause, FundingShare, JobSpec, Placement, Site, SiteReadiness,
    UnitMillis,
};

use super::federation::{Federation, Member, spec};

/// With every site letting programs submit: what jobs cost does not hang on that.
fn shipped() -> Federation {
    let mut federation = as_shipped();
    for member in &mut federation.members {
        member.site.automation = Automation::Allowed;
        for system in &mut member.site.systems {
            system.access.route_by_share.clear();
        }
    }
    federation
}

fn as_shipped() -> Federation {
    edited(str::to_owned)
}

/// With each file changed before it is read.
fn edited(edit: impl Fn(&str) -> String) -> Federation {
    let files = [
        include_str!("../../../../config/sites/bsc.toml"),
        include_str!("../../../../config/sites/cineca.toml"),
        include_str!("../../../../config/sites/lumi.toml"),
        include_str!("../../../../config/sites/meluxina.toml"),
        include_str!("../../../../config/sites/mimer.toml"),
        include_str!("../../../../config/sites/hammerhai.toml"),
        include_str!("../../../../config/sites/pharos.toml"),
    ];
    let read = |text: &str| toml::from_str::<Site>(&edit(text)).unwrap();
    let mut federation = Federation::of(files.map(|text| Member::new(read(text))));
    federation.allocation.balance.granted = UnitMillis::from_hours(10_000_000);
    federation
}

fn job(nodes: u32, gpus_per_node: u32, walltime: &str) -> JobSpec {
    let mut spec = spec();
    let variant = spec.variants.values().next().unwrap().clone();
    for target in ["x86_64+cuda", "x86_64+rocm", "aarch64+cuda", "x86_64"] {
        spec.variants
            .insert(target.parse().unwrap(), variant.clone());
    }
    spec.resources.nodes = nodes;
    spec.resources.gpus_per_node = gpus_per_node;
    spec.resources.walltime = walltime.parse().unwrap();
    spec
}

fn named<'a>(placement: &'a Placement, name: &str) -> &'a broker_model::Considered {
    placement
        .considered
        .iter()
        .find(|one| one.partition.to_string() == name)
        .unwrap()
}

fn candidate<'a>(placement: &'a Placement, name: &str) -> &'a Candidate {
    let one = named(placement, name);
    one.candidate
        .as_ref()
        .unwrap_or_else(|| panic!("{:?}", one.rejections))
}

/// GPU-hours, whatever the site counts in.
fn gpu_hours(spec: &JobSpec, name: &str) -> String {
    candidate(&shipped().place(spec), name).charge.to_string()
}

/// What an allocation at the system itself is charged, in its own unit.
fn site_units(spec: &JobSpec, name: &str, unit: &str) -> String {
    let mut federation = shipped();
    let mut words = name.split('/');
    federation.allocation.unit = unit.to_owned();
    federation.allocation.scope = broker_model::AllocationScope::System {
        site: words.next().unwrap().parse().unwrap(),
        system: words.next().unwrap().parse().unwrap(),
    };
    candidate(&federation.place(spec), name).charge.to_string()
}

#[test]
fn what_a_site_is_unsure_of_changes_nothing_of_a_placement() {
    let sure = edited(|text| {
        let lines = text.lines().filter(|it| !it.starts_with("uncertain = "));
        lines.collect::<Vec<_>>().join("\n")
    });
    let is_sure = |it: &Member| it.site.uncertainties().is_empty();
    assert!(sure.members.iter().all(is_sure));
    let shipped = as_shipped();
    assert!(!shipped.members.iter().any(is_sure));
    for spec in [job(2, 4, "6h"), job(1, 0, "1h"), job(400, 4, "2h")] {
        assert_eq!(shipped.place(&spec), sure.place(&spec));
    }
}

/// The examples of LUMI's user guide, `docs/runjobs/lumi_env/billing.md`.
#[test]
fn lumi_charges_as_its_user_guide_says() {
    assert_eq!(
        gpu_hours(&job(4, 1, "24h"), "lumi/lumi/standard-g"),
        "384.0000"
    );
    let small = "lumi/lumi/small-g";
    assert_eq!(site_units(&job(1, 1, "24h"), small, "GPU-hour"), "24.0000");
    let mut much_memory = job(1, 0, "24h");
    much_memory.resources.memory_gib_per_node = Some(128);
    assert_eq!(site_units(&much_memory, small, "GPU-hour"), "24.0000");
    let mut many_cores = job(1, 0, "1h");
    many_cores.resources.cpus_per_node = Some(17);
    assert_eq!(site_units(&many_cores, small, "GPU-hour"), "1.5000");
    assert_eq!(
        site_units(&job(2, 0, "1h"), "lumi/lumi/standard", "core-hour"),
        "256.0000"
    );
}

/// A playground grant: 1250 node-hours, 5000 GPU-hours, 40 000 local core-hours.
#[test]
fn a_playground_grant_on_leonardo_comes_out_in_all_three_units() {
    let (spec, name) = (job(125, 4, "10h"), "cineca/leonardo/boost_usr_prod");
    assert_eq!(gpu_hours(&spec, name), "5000.0000");
    assert_eq!(site_units(&spec, name, "core-hour"), "40000.0000");
}

#[test]
fn whole_node_sites_charge_the_node() {
    let spec = job(1, 1, "1h");
    assert_eq!(
        site_units(&spec, "hammerhai/hunter/mi300a", "node-hour"),
        "1.0000"
    );
    assert_eq!(gpu_hours(&spec, "hammerhai/hunter/mi300a"), "4.0000");
    assert_eq!(
        site_units(&spec, "meluxina/meluxina/gpu", "node-hour"),
        "1.0000"
    );
    assert_eq!(gpu_hours(&spec, "meluxina/meluxina/gpu"), "4.0000");
}

#[test]
fn a_gpu_of_marenostrum_takes_its_twenty_cores() {
    let spec = job(1, 1, "1h");
    assert_eq!(
        site_units(&spec, "bsc/marenostrum5/acc", "core-hour"),
        "20.0000"
    );
    assert_eq!(gpu_hours(&spec, "mimer/arrhenius/gpu"), "1.0000");
}

#[test]
fn machines_that_are_not_built_take_nothing_whatever_the_job() {
    let placement = shipped().place(&job(1, 1, "1h"));
    for name in ["pharos/daedalus/gpu", "meluxina/meluxina-ai/gb200"] {
        let first = &named(&placement, name).rejections[0];
        assert_eq!(
            (first.clause, first.temporary),
            (Clause::SystemStatus, false),
            "{name}"
        );
    }
}

#[test]
fn a_site_that_wants_a_person_to_confirm_goes_behind_those_that_do_not() {
    let placement = as_shipped().place(&job(1, 1, "1h"));
    let asked = named(&placement, "hammerhai/hunter/mi300a");
    let forecast = &asked.candidate.as_ref().unwrap().forecast;
    assert_eq!(
        forecast.wait_seconds,
        crate::START_SECONDS + u64::from(crate::CONFIRMATION_DAYS) * 86_400
    );
    let words = ", a person of the site confirms each job, 3 days for that assumed";
    assert!(forecast.basis.ends_with(words), "{}", forecast.basis);
    assert_ne!(placement.chosen.as_ref(), Some(&asked.partition));
    let mut wants = job(1, 1, "1h");
    wants.placement.require = vec!["hammerhai".parse().unwrap()];
    let placement = as_shipped().place(&wants);
    assert_eq!(placement.chosen.unwrap().site.as_str(), "hammerhai");
}

#[test]
fn what_the_union_pays_for_is_carried_to_lumi_and_needs_no_agent_there() {
    let mut federation = as_shipped();
    for member in &mut federation.members {
        member.is(SiteReadiness::Unknown);
    }
    let placement = federation.place(&job(1, 1, "1h"));
    let chosen = placement.chosen.clone().unwrap();
    assert_eq!(chosen.site.as_str(), "lumi");
    let basis = &named(&placement, &chosen.to_string()).candidate;
    let basis = &basis.as_ref().unwrap().forecast.basis;
    let words = ", somebody hands it in by the site's own route, a day for that assumed";
    assert!(basis.ends_with(words), "{basis}");
    federation.allocation.share = FundingShare::Commercial;
    assert_eq!(federation.place(&job(1, 1, "1h")).chosen, None);
}

#[test]
fn every_partition_of_the_seven_is_considered_once() {
    let federation = shipped();
    let systems = federation
        .members
        .iter()
        .flat_map(|member| &member.site.systems);
    let partitions: usize = systems.map(|system| system.partitions.len()).sum();
    let placement = federation.place(&spec());
    assert_eq!(placement.considered.len(), partitions);
}

#[test]
fn hunter_does_not_take_jobs_that_leave_its_gpus_idle() {
    let placement = shipped().place(&job(1, 0, "1h"));
    let words = &named(&placement, "hammerhai/hunter/mi300a").rejections[0].words;
    assert_eq!(words, "asks for no GPUs, and the site wants them used here");
}

#[test]
fn a_federation_that_is_silent_takes_nothing_and_may_later() {
    let mut federation = shipped();
    for member in &mut federation.members {
        member.is(SiteReadiness::Unknown);
    }
    let placement = federation.place(&job(1, 1, "1h"));
    assert_eq!(placement.chosen, None);
    assert!(!crate::never_feasible(&placement));
}

#[test]
fn each_partition_with_gpus_charges_by_gpus_or_by_whole_nodes() {
    for member in shipped().members {
        for partition in member
            .site
            .systems
            .iter()
            .flat_map(|system| &system.partitions)
        {
            let terms = &partition.billing.as_ref().unwrap().terms;
            assert!(
                terms.iter().all(|term| term.per > 0 && term.milliunits > 0),
                "{partition:?}"
            );
            let by_gpu = terms.iter().any(|term| term.of == Billed::SchedulerGpus);
            let by_node = partition.exclusive && terms.iter().any(|t| t.of == Billed::Nodes);
            assert!(
                partition.gpus_per_node == 0 || by_gpu || by_node,
                "{partition:?}"
            );
        }
    }
}
