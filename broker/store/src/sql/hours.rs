use broker_model::{AllocationId, Balance, UnitMillis};

use super::steps::Hours;
use crate::{CommitError, Entity};

/// The balance after hours were moved. `remaining` is what is left of `granted`, so the equation of
/// invariant 5 holds by itself; what is checked here is that no part goes below zero.
pub(super) fn moved(
    id: AllocationId,
    mut balance: Balance,
    hours: Hours,
) -> Result<Balance, CommitError> {
    let (held, used) = match hours {
        Hours::Hold(amount) | Hours::Release(amount) => (amount, UnitMillis::ZERO),
        Hours::Settle { held, used } => (held, used),
    };
    if held < UnitMillis::ZERO || used < UnitMillis::ZERO {
        return Err(CommitError::Conflict(Entity::Allocation));
    }
    if let Hours::Hold(amount) = hours {
        let remaining = balance.remaining();
        if amount > remaining {
            return Err(CommitError::HoursExceeded {
                allocation: id,
                remaining,
            });
        }
        balance.held = balance.held + amount;
        return Ok(balance);
    }
    if held > balance.held {
        return Err(CommitError::Conflict(Entity::Allocation));
    }
    balance.held = balance.held - held;
    balance.used = balance.used + used;
    Ok(balance)
}
