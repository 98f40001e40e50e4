use jiff::SignedDuration;

use crate::{Broker, Result};

impl Broker {
    /// Forgets idempotency keys, sessions, what agents said and whom invitations were meant for, once
    /// they are past their time; returns how many.
    pub async fn sweep_once(&self) -> Result<u64> {
        let now = self.inner.clock.now();
        let days = i64::from(self.inner.limits.retention.sessions);
        let ended = now.saturating_sub(SignedDuration::from_hours(24 * days));
        let ended = ended.unwrap_or(jiff::Timestamp::MIN);
        let sessions = self.inner.store.forget_sessions(ended).await?;
        let sessions = sessions + self.forget_what_agents_said(now).await?;
        let sessions = sessions + self.forget_who_did_not_come().await?;
        let keep =
            SignedDuration::try_from(self.inner.limits.idempotency).unwrap_or(SignedDuration::MAX);
        let Ok(before) = now.saturating_sub(keep) else {
            return Ok(sessions);
        };
        Ok(sessions + self.inner.store.forget_keys(before).await?)
    }
}
