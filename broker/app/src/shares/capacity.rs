use broker_model::{Billed, BillingTerm, Partition, System, UnitMillis};
use jiff::civil::Date;
use policy_engine::{Engine, SharesFacts};

use super::{Spent, YEAR};

/// What a system has in a year, where the regulation says how much of it may be the Union's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Capacity {
    class: String,
    /// In GPU-milliseconds, more than none.
    year: i128,
    /// What of it is the Union's.
    unions: i128,
}

impl Capacity {
    pub(super) fn of(engine: &Engine, system: &System, today: Date) -> Option<Self> {
        let class = system.class.clone()?;
        let ceiling = ceiling(engine, &class, today)?;
        let year = i128::from(gpus(system)?) * YEAR.as_millis();
        let share = {
            system
                .union_share_permille
                .or(system.union_share_max_permille)
        }
        .map_or_else(|| i128::from(ceiling), i128::from);
        let unions = year * share / 1000;
        (unions > 0).then_some(Self {
            class,
            year,
            unions,
        })
    }

    pub(super) fn facts(&self, had: Spent, of: Option<String>) -> SharesFacts {
        SharesFacts {
            class: self.class.clone(),
            commercial_permille_used: permille(had.sold, self.unions),
            of,
            union_permille_used: permille(had.union, self.year),
        }
    }
}

/// Rounded down: what is not whole is not used.
fn permille(part: Option<i128>, whole: i128) -> Option<u32> {
    let thousandths = part?.max(0) * 1000 / whole;
    Some(u32::try_from(thousandths).unwrap_or(u32::MAX))
}

fn ceiling(engine: &Engine, class: &str, today: Date) -> Option<u64> {
    let of_class = engine.limits().filter(|it| {
        it.id == "union_share"
            && it.class.as_deref() == Some(class)
            && it.since <= today
            && it.until.is_none_or(|until| today < until)
    });
    of_class.last().map(|it| it.value)
}

/// Physical accelerators; none where a partition that has some does not say how many.
fn gpus(system: &System) -> Option<u64> {
    if let Some(total) = system.gpus_total {
        return Some(total.into());
    }
    let with_some = system.partitions.iter().filter(|it| it.gpus_per_node > 0);
    let counted: Option<u64> = with_some
        .map(|it| Some(u64::from(it.nodes?) * u64::from(it.gpus_per_node)))
        .sum();
    counted
}

/// The most GPU-milliseconds that so much of a unit buys: by whole nodes where they are cheapest. None where the system
/// does not charge in it, or does not say what a whole node costs.
pub(crate) fn gpu_bought(system: &System, unit: &str, amount: UnitMillis) -> Option<i128> {
    let partitions = system.partitions.iter();
    let charged = partitions.filter(|it| it.billing.as_ref().is_some_and(|it| it.unit == unit));
    let bought = charged.map(|it| {
        let amount = i128::from(amount.0.max(0));
        if it.gpus_per_node == 0 {
            return Some(0);
        }
        Some(amount * 1000 * i128::from(it.gpus_per_node) / milliunits_of_a_node(it)?)
    });
    let bought: Option<Vec<i128>> = bought.collect();
    bought?.into_iter().max()
}

/// What a whole node costs for as long as it runs, in thousandths; never none.
fn milliunits_of_a_node(partition: &Partition) -> Option<i128> {
    let steps = |term: &BillingTerm| {
        let count = match term.of {
            Billed::Nodes => 1,
            Billed::SchedulerGpus => partition.gpus_per_node * partition.scheduler_gpus_per_gpu,
            Billed::Cpus => partition.cpus_per_node?,
            Billed::MemoryGib => partition.memory_gib_per_node?,
        };
        let steps = i128::from(count.div_ceil(term.per.max(1)));
        Some(steps * i128::from(term.milliunits))
    };
    let terms = partition.billing.as_ref()?.terms.iter();
    terms.filter_map(steps).max().filter(|it| *it > 0)
}

#[cfg(test)]
mod tests {
    use broker_model::Site;

    use super::*;

    fn system(site: &str, system: &str) -> System {
        let text = match site {
            "lumi" => include_str!("../../../../config/sites/lumi.toml"),
            "bsc" => include_str!("../../../../config/sites/bsc.toml"),
            "mimer" => include_str!("../../../../config/sites/mimer.toml"),
            "pharos" => include_str!("../../../../config/sites/pharos.toml"),
            _ => include_str!("../../../../config/sites/meluxina.toml"),
        };
        let site: Site = toml::from_str(text).unwrap();
        let site = site.with_assumed_billing();
        let mut systems = site.systems.into_iter();
        systems.find(|it| it.id.as_str() == system).unwrap()
    }

    fn capacity(of: &System) -> Option<Capacity> {
        let engine = Engine::shipped().unwrap();
        Capacity::of(&engine, of, "2026-11-20".parse().unwrap())
    }

    const HOUR: i128 = 3_600_000;

    #[test]
    fn a_system_has_its_accelerators_for_a_year_and_the_union_its_part_of_them() {
        let meluxina = capacity(&system("meluxina", "meluxina")).unwrap();
        assert_eq!(meluxina.class, "mid_range");
        assert_eq!(meluxina.year, 800 * 365 * 24 * HOUR);
        assert_eq!(meluxina.unions, 280 * 365 * 24 * HOUR);
        // Its site does not say its part: the ceiling of its class counts.
        let marenostrum = capacity(&system("bsc", "marenostrum5")).unwrap();
        assert_eq!(marenostrum.year, 4480 * 365 * 24 * HOUR);
        assert_eq!(marenostrum.unions * 2, marenostrum.year);
        // Its partitions share nodes, so its site says how many accelerators there are in all.
        let lumi = capacity(&system("lumi", "lumi")).unwrap();
        assert_eq!(lumi.year, 11_912 * 365 * 24 * HOUR);
        assert_eq!(lumi.unions * 2, lumi.year);
    }

    #[test]
    fn what_is_not_known_or_not_of_the_union_has_no_capacity() {
        // Its partition does not say how many nodes it has.
        assert_eq!(capacity(&system("pharos", "daedalus")), None);
        assert_eq!(
            capacity(&system("mimer", "berzelius")),
            None,
            "a national system"
        );
        let mut counted = system("pharos", "daedalus");
        counted.gpus_total = Some(400);
        assert_eq!(capacity(&counted).unwrap().year, 400 * 365 * 24 * HOUR);
        counted.gpus_total = Some(0);
        assert_eq!(capacity(&counted), None);
    }

    #[test]
    fn a_unit_buys_as_much_gpu_time_as_its_cheapest_node_gives() {
        let hours = |count| UnitMillis::from_hours(count);
        let meluxina = system("meluxina", "meluxina");
        let bought = |unit, count| gpu_bought(&meluxina, unit, hours(count));
        assert_eq!(bought("node-hour", 10), Some(40 * HOUR));
        assert_eq!(bought("node-hour", -10), Some(0));
        assert_eq!(bought("GPU-hour", 10), None);
        // 80 cores and 4 GPUs a node.
        let marenostrum = system("bsc", "marenostrum5");
        assert_eq!(
            gpu_bought(&marenostrum, "core-hour", hours(80)),
            Some(4 * HOUR)
        );
    }
}
