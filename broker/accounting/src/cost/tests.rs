use proptest::prelude::*;

use super::*;
use crate::{check_payable, month_of};

const HOUR: u32 = 3600;

fn term(of: Billed, per: u32, milliunits: u32) -> BillingTerm {
    BillingTerm {
        of,
        per,
        milliunits,
    }
}

/// Read as a site's file is, so that a key with a default needs no mention here.
fn partition(id: &str, unit: &str, terms: Vec<BillingTerm>) -> Partition {
    let text = format!(
        "id = '{id}'\ngpus_per_node = 4\ncontainer_target = 'x86_64+cuda'\n\
         billing = {{ unit = '{unit}', terms = [] }}"
    );
    let mut partition: Partition = toml::from_str(&text).unwrap();
    partition.billing.as_mut().unwrap().terms = terms;
    partition
}

fn leonardo(unit: &str, milliunits: u32) -> Partition {
    Partition {
        cpus_per_node: Some(32),
        exclusive: true,
        ..partition(
            "boost_usr_prod",
            unit,
            vec![term(Billed::Nodes, 1, milliunits)],
        )
    }
}

/// `max(ceil(cores / 8), ceil(GB / 64), GCDs) x hours x 0.5` (LUMI user guide, billing).
fn small_g() -> Partition {
    Partition {
        scheduler_gpus_per_gpu: 2,
        ..partition(
            "small-g",
            "GPU-hour",
            vec![
                term(Billed::SchedulerGpus, 1, 500),
                term(Billed::Cpus, 8, 500),
                term(Billed::MemoryGib, 64, 500),
            ],
        )
    }
}

fn standard_g() -> Partition {
    Partition {
        scheduler_gpus_per_gpu: 2,
        cpus_per_node: Some(64),
        memory_gib_per_node: Some(512),
        exclusive: true,
        ..partition("standard-g", "GPU-hour", vec![term(Billed::Nodes, 1, 4000)])
    }
}

fn hunter() -> Partition {
    Partition {
        cpus_per_node: Some(96),
        exclusive: true,
        ..partition("hunter", "node-hour", vec![term(Billed::Nodes, 1, 1000)])
    }
}

fn used(seconds: u32, nodes: u32, scheduler_gpus: u32) -> Used {
    let started_at: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    Used {
        started_at,
        ended_at: started_at + jiff::SignedDuration::from_secs(i64::from(seconds)),
        elapsed_seconds: None,
        nodes,
        scheduler_gpus,
        cpus: 0,
        memory_gib: 0,
    }
}

fn system() -> AllocationScope {
    AllocationScope::System {
        site: "lumi".parse().unwrap(),
        system: "lumi".parse().unwrap(),
    }
}

#[test]
fn leonardos_1250_node_hours_are_5000_gpu_hours_and_40000_core_hours() {
    let run = used(HOUR, 1250, 5000);
    let nodes = charge(&leonardo("node-hour", 1000), &run).unwrap();
    assert_eq!(nodes.site_units, UnitMillis::from_hours(1250));
    assert_eq!(nodes.gpu, GpuMillis::from_hours(5000));

    let cores = charge(&leonardo("core-hour", 32_000), &run).unwrap();
    assert_eq!(cores.site_units, UnitMillis::from_hours(40_000));
    assert_eq!(cores.site_unit, "core-hour");
}

#[test]
fn four_nodes_of_standard_g_for_a_day_are_384_gpu_hours_however_few_gcds_were_used() {
    for gcds in [32, 1, 0] {
        let cost = charge(&standard_g(), &used(24 * HOUR, 4, gcds)).unwrap();
        assert_eq!(cost.site_units, UnitMillis::from_hours(384));
        assert_eq!(cost.gpu, GpuMillis::from_hours(384));
    }
}

#[test]
fn the_tasks_of_an_array_are_quoted_and_charged_each() {
    let array = Used {
        elapsed_seconds: Some(10 * u64::from(HOUR)),
        ..used(2 * HOUR, 1, 2)
    };
    let cost = charge(&small_g(), &array).unwrap();
    assert_eq!(
        cost.gpu,
        GpuMillis::from_hours(10),
        "ten tasks within two hours"
    );
    let resources = Resources {
        nodes: 1,
        gpus_per_node: 1,
        gpu_memory_gib: None,
        cpus_per_node: None,
        memory_gib_per_node: None,
        walltime: Walltime::from_seconds(HOUR).unwrap(),
    };
    let quoted = quote(&small_g(), &resources, resources.walltime, 10).unwrap();
    assert_eq!(quoted.gpu, GpuMillis::from_hours(10));
}

#[test]
fn two_gcds_of_small_g_for_a_day_are_24_gpu_hours() {
    let cost = charge(&small_g(), &used(24 * HOUR, 1, 2)).unwrap();
    assert_eq!(cost.site_units, UnitMillis::from_hours(24));
    assert_eq!(cost.gpu, GpuMillis::from_hours(24));
}

#[test]
fn one_gcd_with_the_memory_of_two_is_charged_as_two_and_is_half_a_module() {
    let run = Used {
        memory_gib: 128,
        ..used(24 * HOUR, 1, 1)
    };
    let cost = charge(&small_g(), &run).unwrap();
    assert_eq!(cost.site_units, UnitMillis::from_hours(24));
    assert_eq!(cost.gpu, GpuMillis::from_hours(12));
}

#[test]
fn a_begun_step_of_cores_or_memory_counts_whole() {
    let nine_cores = Used {
        cpus: 9,
        ..used(HOUR, 1, 1)
    };
    let cost = charge(&small_g(), &nine_cores).unwrap();
    assert_eq!(cost.site_units, UnitMillis::from_hours(1));
    let memory = Used {
        memory_gib: 129,
        ..used(HOUR, 1, 1)
    };
    let cost = charge(&small_g(), &memory).unwrap();
    assert_eq!(cost.site_units.to_string(), "1.5000");
}

#[test]
fn a_node_of_hunter_for_an_hour_is_four_apu_hours_whatever_is_used() {
    for apus in 0..=4 {
        let cost = charge(&hunter(), &used(HOUR, 1, apus)).unwrap();
        assert_eq!(cost.site_units, UnitMillis::from_hours(1));
        assert_eq!(cost.gpu, GpuMillis::from_hours(4));
    }
}

#[test]
fn a_gcd_second_is_half_a_gpu_second_exactly() {
    let cost = charge(&small_g(), &used(1, 1, 1)).unwrap();
    assert_eq!(cost.gpu, GpuMillis(500));
    assert_eq!(cost.site_units, UnitMillis(500));
}

#[test]
fn a_site_that_splits_a_module_in_seven_loses_no_time_to_rounding() {
    let sliced = Partition {
        scheduler_gpus_per_gpu: 7,
        ..small_g()
    };
    let cost = charge(&sliced, &used(1, 1, 1)).unwrap();
    assert_eq!(cost.gpu, GpuMillis(143));
}

#[test]
fn a_job_of_part_of_a_second_costs_something() {
    let start: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let run = Used {
        ended_at: start + jiff::SignedDuration::from_millis(3),
        ..used(0, 1, 1)
    };
    let cost = charge(&small_g(), &run).unwrap();
    assert_eq!((cost.gpu, cost.site_units), (GpuMillis(2), UnitMillis(2)));
}

#[test]
fn a_quote_is_the_charge_of_a_job_that_runs_to_its_walltime() {
    let resources = Resources {
        nodes: 2,
        gpus_per_node: 3,
        gpu_memory_gib: None,
        cpus_per_node: Some(24),
        memory_gib_per_node: Some(100),
        walltime: Walltime::from_seconds(5400).unwrap(),
    };
    for partition in [
        small_g(),
        standard_g(),
        hunter(),
        leonardo("core-hour", 32_000),
    ] {
        let gpus = 6 * partition.scheduler_gpus_per_gpu;
        let run = Used {
            cpus: 48,
            memory_gib: 200,
            ..used(5400, 2, gpus)
        };
        assert_eq!(
            quote(&partition, &resources, resources.walltime, 1).unwrap(),
            charge(&partition, &run).unwrap()
        );
    }
}

#[test]
fn an_allocation_is_charged_in_its_own_unit() {
    let run = Used {
        memory_gib: 128,
        ..used(24 * HOUR, 1, 1)
    };
    let cost = charge(&small_g(), &run).unwrap();
    let at_lumi = cost.clone().charged_to(&system());
    assert_eq!(at_lumi.charged, UnitMillis::from_hours(24));
    let anywhere = cost.charged_to(&AllocationScope::Federation);
    assert_eq!(anywhere.charged, UnitMillis::from_hours(12));
    assert_eq!(anywhere.site_units, at_lumi.site_units);
}

#[test]
fn a_job_without_gpus_is_paid_by_a_system_allocation_only() {
    let cpus_only = Used {
        cpus: 8,
        ..used(HOUR, 1, 0)
    };
    let cost = charge(&small_g(), &cpus_only).unwrap();
    assert_eq!(cost.site_units.to_string(), "0.5000");
    assert_eq!(check_payable(&system(), &cost), Ok(()));
    let federation = AllocationScope::Federation;
    assert_eq!(check_payable(&federation, &cost), Err(Error::NoGpuTime));
    assert_eq!(cost.charged_to(&federation).charged, UnitMillis::ZERO);

    let whole_node = charge(&hunter(), &cpus_only).unwrap();
    assert_eq!(check_payable(&federation, &whole_node), Ok(()));
}

#[test]
fn a_record_that_ends_before_it_starts_is_refused() {
    let mut run = used(HOUR, 1, 1);
    std::mem::swap(&mut run.started_at, &mut run.ended_at);
    let error = charge(&small_g(), &run).unwrap_err();
    assert!(matches!(error, Error::EndsBeforeStart { .. }), "{error}");
}

#[test]
fn a_zero_where_the_site_file_divides_is_an_error_and_no_panic() {
    let mut bad = small_g();
    bad.scheduler_gpus_per_gpu = 0;
    assert_eq!(
        charge(&bad, &used(1, 1, 1)).unwrap_err().to_string(),
        "`scheduler_gpus_per_gpu` of partition `small-g` is 0; it divides, so it must be 1 or more"
    );
    let bad = partition("p", "GPU-hour", vec![term(Billed::Cpus, 0, 1)]);
    assert!(matches!(
        charge(&bad, &used(1, 1, 1)),
        Err(Error::ZeroDivisor { .. })
    ));
}

#[test]
fn a_charge_beyond_64_bits_is_refused() {
    let dear = partition("p", "x", vec![term(Billed::Cpus, 1, u32::MAX)]);
    let run = Used {
        cpus: u32::MAX,
        ..used(u32::MAX, 1, 1)
    };
    assert!(matches!(charge(&dear, &run), Err(Error::Overflow { .. })));
}

#[test]
fn the_month_is_the_one_the_usage_record_counts_in() {
    let run = used(31 * 24 * HOUR, 1, 1);
    assert_eq!(month_of(run.ended_at), "2026-12");
}

proptest! {
    #[test]
    fn using_more_never_costs_less(
        seconds in 0..1_000_000_u32, nodes in 1..100_u32, gpus in 0..400_u32,
        cpus in 0..10_000_u32, memory in 0..10_000_u32, more in 0..100_u32,
    ) {
        let run = Used { cpus, memory_gib: memory, ..used(seconds, nodes, gpus) };
        let longer = Used { cpus, memory_gib: memory, ..used(seconds + more, nodes, gpus) };
        let wider = Used {
            scheduler_gpus: gpus + more, cpus: cpus + more, memory_gib: memory + more,
            nodes: nodes + more, ..run
        };
        for partition in [small_g(), standard_g(), hunter()] {
            let base = charge(&partition, &run).unwrap();
            for bigger in [&longer, &wider] {
                let cost = charge(&partition, bigger).unwrap();
                prop_assert!(cost.site_units >= base.site_units && cost.gpu >= base.gpu);
            }
        }
    }

    #[test]
    fn any_record_is_charged_or_refused_without_a_panic(
        amounts in any::<[u32; 4]>(), per in any::<u32>(), milliunits in any::<u32>(),
        gpus_per_node in any::<u32>(), split in any::<u32>(), exclusive in any::<bool>(),
    ) {
        let [nodes, scheduler_gpus, cpus, memory_gib] = amounts;
        let run = Used { cpus, memory_gib, ..used(u32::MAX, nodes, scheduler_gpus) };
        let odd = Partition {
            gpus_per_node,
            scheduler_gpus_per_gpu: split,
            exclusive,
            ..partition("p", "x", vec![term(Billed::SchedulerGpus, per, milliunits)])
        };
        if let Ok(cost) = charge(&odd, &run) {
            prop_assert!(cost.site_units >= UnitMillis::ZERO && cost.gpu >= GpuMillis::ZERO);
        }
    }
}
