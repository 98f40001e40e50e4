//! What somebody else used.

use broker_model::{Charge, FundingShare, GpuMillis, PartitionRef, UnitMillis, UsageRecord};
use broker_store::Write;
use jiff::SignedDuration;

use crate::world::World;

/// Of the Union's share, in an hour that has just ended.
pub(crate) fn at(world: &World, [site, system, partition]: [&str; 3], gpu_hours: u32) -> Write {
    let hours = i64::from(gpu_hours);
    let ended_at = world.now() - SignedDuration::from_secs(1);
    Write::InsertUsage(Box::new(UsageRecord {
        attempt: world.ids.next(&*world.clock),
        job: world.ids.next(&*world.clock),
        allocation: world.ids.next(&*world.clock),
        project: world.ids.next(&*world.clock),
        organisation: world.ids.next(&*world.clock),
        share: FundingShare::Union,
        mode: None,
        organisation_was: None,
        partition: PartitionRef {
            site: site.parse().unwrap(),
            system: system.parse().unwrap(),
            partition: partition.parse().unwrap(),
        },
        started_at: ended_at - SignedDuration::from_hours(1),
        ended_at,
        nodes: 1,
        scheduler_gpus: 4,
        cpus: 0,
        energy_joules: None,
        local_account: None,
        charge: Charge {
            site_units: UnitMillis::from_hours(hours),
            site_unit: "GPU-hour".to_owned(),
            gpu: GpuMillis::from_hours(hours),
            charged: UnitMillis::from_hours(hours),
        },
    }))
}
