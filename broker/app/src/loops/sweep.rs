use jiff::SignedDuration;

use crate::{Broker, Result};

impl Broker {
    /// Forgets idempotency keys that are past their time.
    pub async fn sweep_once(&self) -> Result<u64> {
        let keep = SignedDuration::try_from(self.inner.limits.idempotency).unwrap_or(SignedDuration::MAX);
        let Ok(before) = self.inner.clock.now().saturating_sub(keep) else { return Ok(0) };
        Ok(self.inner.store.forget_keys(before).await?)
    }
}
