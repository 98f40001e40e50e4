//! Who used how much in a period, and how long it took to get in: read here, computed in `compute`.

mod compute;
mod read;

use broker_model::{FundingShare, Indicators, Role};
use jiff::civil::Date;

use crate::invalid::Faults;
use crate::states::check_share;
use crate::{Broker, Caller, Error, Result};

const DAYS_AT_MOST: i32 = 3660;

/// The days that are asked about, of UTC as those of usage are; and the only share that counts, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndicatorQuery {
    pub from: Date,
    pub to: Date,
    pub share: Option<FundingShare>,
}

impl Caller {
    pub(crate) fn is_auditor(&self) -> bool {
        let is_it = |role: &Role| matches!(role, Role::Auditor { .. });
        self.roles.iter().any(is_it)
    }

    /// Looks at a share as who funds it does; `None` is all of them.
    pub(crate) fn audits(&self, share: Option<&FundingShare>) -> bool {
        self.roles.iter().any(|role| match role {
            Role::Operator | Role::Auditor { share: None } => true,
            Role::Auditor { share: Some(own) } => share == Some(own),
            _ => false,
        })
    }
}

impl Broker {
    /// For auditors and operators; an auditor of one share asks for that share.
    pub async fn indicators(&self, caller: &Caller, asked: IndicatorQuery) -> Result<Indicators> {
        if !caller.audits(asked.share.as_ref()) {
            return Err(Error::Forbidden(
                "`auditor`, of this share where one is asked for, or `operator`",
            ));
        }
        let mut faults = Faults::default();
        check_period((asked.from, asked.to), &mut faults);
        if let Some(share) = &asked.share {
            check_share(&self.policy(), share, &mut faults);
        }
        faults.check("period")?;
        self.computed(asked).await
    }
}

pub(crate) fn check_period((from, to): (Date, Date), faults: &mut Faults) {
    let days = from.until(to).map_or(i32::MAX, |it| it.get_days());
    if !(0..DAYS_AT_MOST).contains(&days) {
        let reason = format!("{to} does not end a period that begins with {from}");
        let allowed = format!("a day from {from} on, at most {DAYS_AT_MOST} days in all");
        faults.add("to", reason, &allowed);
    }
}
