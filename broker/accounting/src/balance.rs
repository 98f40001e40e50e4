//! The only operations that change a balance. Each returns a new one or leaves it as it was.

use broker_model::{Balance, UnitMillis};

use crate::Error;

/// Adds hours to what was granted.
pub fn grant(balance: Balance, amount: UnitMillis) -> Result<Balance, Error> {
    let mut sum = Parts::of("grant", balance, &[amount])?;
    sum.granted += wide(amount);
    sum.into_balance()
}

/// Takes hours back from what was granted; refused when some of them are used, held or lost.
pub fn cut(balance: Balance, amount: UnitMillis) -> Result<Balance, Error> {
    let mut sum = Parts::of("cut", balance, &[amount])?;
    if wide(amount) > sum.remaining() {
        let to = narrow(sum.granted - wide(amount), "what would be granted")?;
        let taken = balance.used + balance.held + balance.lost;
        return Err(Error::GrantTooSmall { to, taken });
    }
    sum.granted -= wide(amount);
    sum.into_balance()
}

/// Sets hours aside for a job; refused when fewer remain.
pub fn hold(balance: Balance, amount: UnitMillis) -> Result<Balance, Error> {
    let mut sum = Parts::of("hold", balance, &[amount])?;
    if wide(amount) > sum.remaining() {
        let remaining = balance.remaining();
        return Err(Error::Insufficient {
            needed: amount,
            remaining,
        });
    }
    sum.held += wide(amount);
    sum.into_balance()
}

/// Gives back what was held for a job and takes what its site charged.
///
/// `used` may be more than `held`: the site's record is what is owed, so `remaining` may go below
/// zero, and nothing more can be held until it is above. Hours that were declared lost come first: a
/// record that is late shows that they did not go unused.
pub fn settle(balance: Balance, held: UnitMillis, used: UnitMillis) -> Result<Balance, Error> {
    let mut sum = Parts::of("settle", balance, &[held, used])?;
    sum.take_from_hold(held)?;
    sum.used += wide(used);
    sum.lost -= sum.overdrawn().min(sum.lost);
    sum.into_balance()
}

/// Gives back what was held for a job that will use nothing.
pub fn release(balance: Balance, held: UnitMillis) -> Result<Balance, Error> {
    let mut sum = Parts::of("release", balance, &[held])?;
    sum.take_from_hold(held)?;
    sum.into_balance()
}

/// Declares remaining hours lost: the term has ended and they were not used.
///
/// Held hours cannot be lost; they are settled or released first. Of an overdrawn balance nothing can
/// be lost, which is no error.
pub fn lose(balance: Balance, amount: UnitMillis) -> Result<Balance, Error> {
    let mut sum = Parts::of("lose", balance, &[amount])?;
    if wide(amount) > sum.remaining().max(0) {
        let remaining = balance.remaining();
        return Err(Error::RemainsTooLittle {
            asked: amount,
            remaining,
        });
    }
    sum.lost += wide(amount);
    sum.into_balance()
}

/// Gives back hours that were declared lost, since the term goes on.
pub fn recover(balance: Balance, amount: UnitMillis) -> Result<Balance, Error> {
    let mut sum = Parts::of("recover", balance, &[amount])?;
    if amount > balance.lost {
        return Err(Error::LostTooLittle {
            asked: amount,
            lost: balance.lost,
        });
    }
    sum.lost -= wide(amount);
    sum.into_balance()
}

/// A balance in integers that no sum of these operations can overflow.
struct Parts {
    granted: i128,
    used: i128,
    held: i128,
    lost: i128,
}

impl Parts {
    fn of(
        operation: &'static str,
        balance: Balance,
        amounts: &[UnitMillis],
    ) -> Result<Self, Error> {
        let negative = amounts.iter().find(|amount| **amount < UnitMillis::ZERO);
        if let Some(&amount) = negative {
            return Err(Error::NegativeAmount { operation, amount });
        }
        let Balance {
            granted,
            used,
            held,
            lost,
        } = balance;
        for (part, amount) in [
            ("granted", granted),
            ("used", used),
            ("held", held),
            ("lost", lost),
        ] {
            if amount < UnitMillis::ZERO {
                return Err(Error::BrokenBalance { part, amount });
            }
        }
        Ok(Self {
            granted: wide(granted),
            used: wide(used),
            held: wide(held),
            lost: wide(lost),
        })
    }

    fn remaining(&self) -> i128 {
        self.granted - self.used - self.held - self.lost
    }

    /// How far `remaining` is below zero.
    fn overdrawn(&self) -> i128 {
        (-self.remaining()).max(0)
    }

    fn take_from_hold(&mut self, asked: UnitMillis) -> Result<(), Error> {
        if wide(asked) > self.held {
            let held = narrow(self.held, "what is held")?;
            return Err(Error::HeldTooLittle { asked, held });
        }
        self.held -= wide(asked);
        Ok(())
    }

    /// Every part must fit, `remaining` too: `Balance::remaining` saturates and would not tell.
    fn into_balance(self) -> Result<Balance, Error> {
        narrow(self.remaining(), "what remains")?;
        // The parts leave `remaining` no room to saturate on the way either.
        narrow(
            self.used + self.held + self.lost,
            "what is used, held and lost",
        )?;
        Ok(Balance {
            granted: narrow(self.granted, "what was granted")?,
            used: narrow(self.used, "what was used")?,
            held: narrow(self.held, "what is held")?,
            lost: narrow(self.lost, "what was lost")?,
        })
    }
}

fn wide(amount: UnitMillis) -> i128 {
    i128::from(amount.0)
}

fn narrow(amount: i128, what: &'static str) -> Result<UnitMillis, Error> {
    i64::try_from(amount)
        .map(UnitMillis)
        .map_err(|_| Error::Overflow { what })
}

#[cfg(test)]
mod tests;
