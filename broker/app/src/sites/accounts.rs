use broker_model::SiteId;
use broker_store::AccountUse;
use jiff::{SignedDuration, Timestamp};

use crate::{Broker, Caller, Result};

/// How far back usage is looked at: a year, and a month for what is told late.
const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(24 * 396);

impl Broker {
    /// Local accounts that a site told of in the last thirteen months and that no allocation names for it
    /// now, the latest first; for its administrators and for operators. One that an allocation names from
    /// now on is here no more.
    pub async fn unknown_accounts(
        &self,
        caller: &Caller,
        site: &SiteId,
    ) -> Result<Vec<AccountUse>> {
        self.check_manages(caller, site)?;
        let now = self.inner.clock.now();
        let since = now.saturating_sub(LOOKED_BACK).unwrap_or(Timestamp::MIN);
        Ok(self.inner.store.unknown_accounts(site, since).await?)
    }
}
