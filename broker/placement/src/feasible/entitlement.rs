use broker_accounting::{Cost, check_payable, in_allocation_unit, quote};
use broker_model::{AllocationScope, Clause, GpuMillis, ShutSystems, UnitMillis};

use super::Against;
use crate::Input;
use crate::spot::Spot;

/// What the job costs if it runs for its whole walltime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Priced {
    /// In the allocation's unit.
    pub(crate) charge: UnitMillis,
    pub(crate) gpu: GpuMillis,
}

pub(super) fn check(input: &Input<'_>, spot: &Spot<'_>, against: &mut Against) -> Option<Priced> {
    check_term(input, against);
    let priced = if covers(input, spot, against) {
        price(input, spot, against)
    } else {
        None
    };
    if let Some(priced) = priced {
        check_hours(input, priced.charge, against);
    }
    if input.refused_by.iter().any(|refused| spot.is_at(refused)) {
        against.for_good(Clause::RefusedBefore, "the site refused this job before");
    }
    priced
}

/// What the rules say against the system; of an allocation of one system they were asked before.
pub(super) fn check_shut(shut: &ShutSystems, spot: &Spot<'_>, against: &mut Against) {
    let of_site = shut.get(&spot.site.id);
    let said = of_site.and_then(|it| it.get(&spot.system.id));
    against.0.extend(said.into_iter().flatten().cloned());
}

fn price(input: &Input<'_>, spot: &Spot<'_>, against: &mut Against) -> Option<Priced> {
    let (resources, scope) = (&input.spec.resources, &input.allocation.scope);
    let cost: Cost = match quote(
        spot.partition,
        resources,
        resources.walltime,
        input.spec.tasks(),
    ) {
        Ok(cost) => cost,
        Err(error) => {
            against.for_good(
                Clause::HoursLeft,
                format!("its price cannot be told: {error}"),
            );
            return None;
        }
    };
    if check_payable(scope, &cost).is_err() {
        against.for_good(
            Clause::Entitlement,
            "the allocation pays for the time of GPUs, and the job takes none",
        );
        return None;
    }
    let charge = in_allocation_unit(scope, cost.site_units, cost.gpu);
    Some(Priced {
        charge,
        gpu: cost.gpu,
    })
}

fn check_term(input: &Input<'_>, against: &mut Against) {
    let allocation = input.allocation;
    if allocation.suspended {
        against.for_now(Clause::Entitlement, "the allocation is suspended");
    }
    if input.now < allocation.valid_from {
        let from = allocation.valid_from;
        against.for_now(
            Clause::Entitlement,
            format!("the allocation is valid from {from}"),
        );
    }
    if input.now >= allocation.valid_until {
        let until = allocation.valid_until;
        against.for_good(
            Clause::Entitlement,
            format!("the allocation ended at {until}"),
        );
    }
}

/// Whether the allocation is for this system and counted in what the partition charges.
fn covers(input: &Input<'_>, spot: &Spot<'_>, against: &mut Against) -> bool {
    let AllocationScope::System { site, system } = &input.allocation.scope else {
        return true;
    };
    if *site != spot.site.id || *system != spot.system.id {
        against.for_good(
            Clause::Entitlement,
            format!("the allocation is for {site}/{system}"),
        );
        return false;
    }
    let granted = &input.allocation.unit;
    // Without one its price cannot be told, which is said where it is looked for.
    let Some(charged) = spot.partition.billing.as_ref().map(|it| &it.unit) else {
        return true;
    };
    if !granted.eq_ignore_ascii_case(charged) {
        against.for_good(
            Clause::Entitlement,
            format!("the allocation is in {granted}s, here {charged}s are charged"),
        );
        return false;
    }
    true
}

fn check_hours(input: &Input<'_>, charge: UnitMillis, against: &mut Against) {
    let balance = input.allocation.balance;
    let (remaining, held) = (balance.remaining(), balance.held);
    if charge <= remaining {
        return;
    }
    let unit = &input.allocation.unit;
    let words = format!("costs up to {charge} {unit}s, {remaining} are left");
    if charge <= balance.unspent() {
        let words = format!("{words} while other jobs hold {held}");
        against.for_now(Clause::HoursLeft, words);
    } else {
        against.for_good(Clause::HoursLeft, words);
    }
}
