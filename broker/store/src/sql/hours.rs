use broker_accounting as accounting;
use broker_model::{AllocationId, Balance, UnitMillis};

use super::steps::Hours;
use crate::{CommitError, Entity, StoreError};

/// The balance after hours were moved, as `broker-accounting` computes it.
pub(super) fn moved(
    id: AllocationId,
    balance: Balance,
    hours: Hours,
) -> Result<Balance, CommitError> {
    match hours {
        Hours::Hold(amount) => accounting::hold(balance, amount),
        Hours::Release(amount) => accounting::release(balance, amount),
        Hours::Settle { held, used } => accounting::settle(balance, held, used),
        Hours::Recover(amount) => accounting::recover(balance, amount),
        Hours::Grant { from, .. } if from != balance.granted => return Err(changed()),
        Hours::Grant { from, to } if to >= from => accounting::grant(balance, to - from),
        Hours::Grant { from, to } => accounting::cut(balance, from - to),
        Hours::Lose { amount, .. } => {
            let unused = balance.remaining().max(UnitMillis::ZERO);
            if balance.held != UnitMillis::ZERO || amount != unused {
                return Err(changed());
            }
            accounting::lose(balance, amount)
        }
    }
    .map_err(|error| refusal(id, error))
}

const fn changed() -> CommitError {
    CommitError::Conflict(Entity::Allocation)
}

fn refusal(allocation: AllocationId, error: accounting::Error) -> CommitError {
    use accounting::Error;

    match error {
        Error::Insufficient { remaining, .. } => CommitError::HoursExceeded {
            allocation,
            remaining,
        },
        // Somebody settled, released or gave back first; or the caller computed a wrong amount.
        Error::HeldTooLittle { .. }
        | Error::RemainsTooLittle { .. }
        | Error::LostTooLittle { .. }
        | Error::NegativeAmount { .. } => changed(),
        Error::BrokenBalance { .. } => CommitError::Store(StoreError::Unreadable {
            table: "balances",
            reason: format!("{allocation}: {error}"),
        }),
        reason => CommitError::Hours { allocation, reason },
    }
}
