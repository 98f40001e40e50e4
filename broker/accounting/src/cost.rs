use broker_model::{
    AllocationScope, Billed, BillingTerm, Charge, GpuMillis, Partition, Resources, UnitMillis,
    Walltime,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Error, in_allocation_unit};

/// What something costs at one partition, in the site's unit and in physical GPU-time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    pub site_units: UnitMillis,
    /// The site's word for its unit: `GPU-hour`, `node-hour`, `core-hour`.
    pub site_unit: String,
    pub gpu: GpuMillis,
}

impl Cost {
    /// Adds what an allocation of this scope is charged for it.
    pub fn charged_to(self, scope: &AllocationScope) -> Charge {
        Charge {
            charged: in_allocation_unit(scope, self.site_units, self.gpu),
            site_units: self.site_units,
            site_unit: self.site_unit,
            gpu: self.gpu,
        }
    }
}

/// What the site's record says a job used, on all nodes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// How long, where that is not its end less its start: the tasks of an array added up, which
    /// make the counts below those of one task; or the pieces between requeues.
    pub elapsed_seconds: Option<u64>,
    pub nodes: u32,
    /// As the scheduler counts them: GCDs on LUMI.
    pub scheduler_gpus: u32,
    pub cpus: u32,
    pub memory_gib: u32,
}

/// The cost of a job that runs for its whole walltime, each of its `tasks` (1 but for an array): what
/// is held while it waits and runs.
///
/// On a shared partition a job that names no CPUs or memory is quoted one CPU per node and no memory;
/// a site whose defaults are higher charges more in the end, and the balance takes the overrun.
pub fn quote(
    partition: &Partition,
    resources: &Resources,
    walltime: Walltime,
    tasks: u32,
) -> Result<Cost, Error> {
    let nodes = u64::from(resources.nodes);
    let physical = u64::from(resources.gpus_per_node);
    let asked = Amounts {
        nodes,
        scheduler_gpus: (nodes * physical)
            .saturating_mul(u64::from(partition.scheduler_gpus_per_gpu)),
        cpus: nodes * u64::from(resources.cpus_per_node.unwrap_or(1)),
        memory_gib: nodes * u64::from(resources.memory_gib_per_node.unwrap_or(0)),
    };
    let longest = i128::from(walltime.seconds()) * i128::from(tasks) * 1000;
    cost(partition, asked, longest)
}

/// The cost of what the site's record says ran, to the millisecond.
pub fn charge(partition: &Partition, used: &Used) -> Result<Cost, Error> {
    let milliseconds = used.ended_at.duration_since(used.started_at).as_millis();
    if milliseconds < 0 {
        return Err(Error::EndsBeforeStart {
            started_at: used.started_at,
            ended_at: used.ended_at,
        });
    }
    let milliseconds = match used.elapsed_seconds {
        Some(seconds) => i128::from(seconds) * 1000,
        None => milliseconds,
    };
    let recorded = Amounts {
        nodes: u64::from(used.nodes),
        scheduler_gpus: u64::from(used.scheduler_gpus),
        cpus: u64::from(used.cpus),
        memory_gib: u64::from(used.memory_gib),
    };
    cost(partition, recorded, milliseconds)
}

#[derive(Clone, Copy)]
struct Amounts {
    nodes: u64,
    scheduler_gpus: u64,
    cpus: u64,
    memory_gib: u64,
}

impl Amounts {
    /// Whole nodes, where the partition gives nothing less, however little of them was asked for.
    fn as_taken_from(self, partition: &Partition) -> Self {
        if !partition.exclusive {
            return self;
        }
        let whole = |per_node: Option<u32>, asked: u64| {
            per_node.map_or(asked, |per_node| self.nodes * u64::from(per_node))
        };
        let gpus_per_node = u64::from(partition.gpus_per_node);
        Self {
            nodes: self.nodes,
            scheduler_gpus: (self.nodes * gpus_per_node)
                .saturating_mul(u64::from(partition.scheduler_gpus_per_gpu)),
            cpus: whole(partition.cpus_per_node, self.cpus),
            memory_gib: whole(partition.memory_gib_per_node, self.memory_gib),
        }
    }

    fn of(self, billed: Billed) -> u64 {
        match billed {
            Billed::Nodes => self.nodes,
            Billed::SchedulerGpus => self.scheduler_gpus,
            Billed::Cpus => self.cpus,
            Billed::MemoryGib => self.memory_gib,
        }
    }
}

fn cost(partition: &Partition, amounts: Amounts, milliseconds: i128) -> Result<Cost, Error> {
    let taken = amounts.as_taken_from(partition);
    let billing = partition.billing.as_ref();
    let billing = billing.ok_or_else(|| Error::NoBilling {
        partition: partition.id.to_string(),
    })?;
    let mut milliunits = 0;
    for term in &billing.terms {
        milliunits = milliunits.max(term_milliunits(partition, *term, taken)?);
    }
    Ok(Cost {
        site_units: UnitMillis(over_time(milliunits, milliseconds, 1000, "the charge")?),
        site_unit: billing.unit.clone(),
        gpu: gpu_time(partition, taken.scheduler_gpus, milliseconds)?,
    })
}

fn term_milliunits(
    partition: &Partition,
    term: BillingTerm,
    taken: Amounts,
) -> Result<u128, Error> {
    let per = nonzero(partition, term.per, "billing.terms.per")?;
    let steps = taken.of(term.of).div_ceil(u64::from(per));
    Ok(u128::from(steps) * u128::from(term.milliunits))
}

/// Physical time. Exact while a module is 1, 2, 4, 5 or 8 scheduler GPUs; a seventh of one is
/// rounded up to the GPU-millisecond.
fn gpu_time(
    partition: &Partition,
    scheduler_gpus: u64,
    milliseconds: i128,
) -> Result<GpuMillis, Error> {
    let per_gpu = nonzero(
        partition,
        partition.scheduler_gpus_per_gpu,
        "scheduler_gpus_per_gpu",
    )?;
    let gpus = u128::from(scheduler_gpus);
    over_time(gpus, milliseconds, per_gpu, "the GPU-time").map(GpuMillis)
}

/// `rate` x `milliseconds` / `divisor`, rounded up: no started millisecond is lost.
fn over_time(
    rate: u128,
    milliseconds: i128,
    divisor: u32,
    what: &'static str,
) -> Result<i64, Error> {
    u128::try_from(milliseconds)
        .ok()
        .and_then(|milliseconds| rate.checked_mul(milliseconds))
        .and_then(|product| i64::try_from(product.div_ceil(u128::from(divisor))).ok())
        .ok_or(Error::Overflow { what })
}

fn nonzero(partition: &Partition, value: u32, key: &'static str) -> Result<u32, Error> {
    if value == 0 {
        let partition = partition.id.to_string();
        return Err(Error::ZeroDivisor { partition, key });
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
