//! What somebody else used.

use broker_model::PartitionRef;
use broker_store::Write;
use broker_store::conformance::usage_of_others;

use crate::world::World;

/// Of the Union's share, in an hour that has just ended.
pub(crate) fn at(world: &World, [site, system, partition]: [&str; 3], gpu_hours: u32) -> Write {
    let at = PartitionRef {
        site: site.parse().unwrap(),
        system: system.parse().unwrap(),
        partition: partition.parse().unwrap(),
    };
    let used = usage_of_others(&*world.clock, at, i64::from(gpu_hours));
    Write::InsertUsage(Box::new(used))
}
