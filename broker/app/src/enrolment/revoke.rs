use broker_model::{
    AgentId, AgentRevoked, Attempt, AttemptState, EnrolledAgent, EntryKind, SiteId, checked_reason,
};
use broker_store::{Change, CommitError, Write};
use jiff::Timestamp;

use super::entry;
use crate::{Broker, Caller, Error, Result};

const AT_ONCE: u32 = 1000;

impl Broker {
    /// Puts an agent out: its very next request is refused at every replica, and what it waits for just
    /// now is ended. Its work goes to the site's other agents. Again does what was left to do.
    pub async fn revoke_agent(
        &self,
        caller: Option<&Caller>,
        site: &SiteId,
        id: AgentId,
        reason: &str,
    ) -> Result<EnrolledAgent> {
        self.may_manage_agents(caller, site)?;
        let reason = checked_reason(reason);
        let reason = reason.map_err(|it| Error::InvalidSite(vec![it]))?;
        loop {
            let found = self.inner.store.find_agent(id).await?;
            let Some(mut agent) = found.filter(|agent| agent.site == *site) else {
                return Err(Error::NotFound("agent"));
            };
            if let Some(before) = agent.revoked.clone() {
                // What was left to do when the one who revoked it was cut off.
                self.put_out(&agent, before.at).await?;
                check_same_reason(id, &before, reason)?;
                return Ok(agent);
            }
            let now = self.inner.clock.now();
            agent.revoked = Some(AgentRevoked {
                at: now,
                reason: reason.to_owned(),
            });
            let mut entry = entry(now, EntryKind::AgentRevoked, site).with("agent", id.to_string());
            entry.actor = caller.map(|caller| caller.person);
            let change = Change {
                writes: vec![Write::UpdateAgent(Box::new(agent.clone()))],
                entries: vec![entry],
            };
            match self.commit(change).await {
                Ok(_) => {}
                Err(CommitError::Conflict(_)) => continue,
                Err(error) => return Err(error.into()),
            }
            tracing::info!(agent.id = %id, site.id = %site, "agent revoked");
            self.put_out(&agent, now).await?;
            return Ok(agent);
        }
    }

    async fn put_out(&self, agent: &EnrolledAgent, at: Timestamp) -> Result<()> {
        self.release_leases(agent).await?;
        self.unhear((agent.id, at), &agent.site).await?;
        self.nudges().site(&agent.site);
        Ok(())
    }

    /// Gives what a revoked agent holds to whoever asks next.
    ///
    /// What it has announced it may be sending at this moment, and is not listened to about it any more:
    /// that stays its own until the lease is over, and whoever gets it then looks it up first.
    pub(crate) async fn release_leases(&self, agent: &EnrolledAgent) -> Result<()> {
        let mut after = None;
        loop {
            let store = &self.inner.store;
            let open = store.open_attempts(&agent.site, after, AT_ONCE).await?;
            after = open.last().map(|attempt| attempt.id);
            for attempt in open {
                if attempt.leased_by == agent.id {
                    self.release_lease(attempt, agent.id).await?;
                }
            }
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn release_lease(&self, mut attempt: Attempt, agent: AgentId) -> Result<()> {
        while attempt.leased_by == agent && attempt.state != AttemptState::Submitting {
            let id = attempt.id;
            // Nobody's: what the agent still says of it, in a request that is under way, is not heard.
            attempt.leased_by = AgentId::RELEASED;
            attempt.instance = None;
            attempt.lease_until = self.inner.clock.now();
            let change = Change {
                writes: vec![Write::UpdateAttempt(Box::new(attempt))],
                entries: Vec::new(),
            };
            match self.commit(change).await {
                Err(CommitError::Conflict(_)) => {}
                done => return Ok(done.map(drop)?),
            }
            let Some(again) = self.inner.store.find_attempt(id).await? else {
                return Ok(());
            };
            attempt = again;
        }
        Ok(())
    }
}

/// The reason is in the ledger as it was given: a second one is not taken, and not dropped without a word.
fn check_same_reason(agent: AgentId, before: &AgentRevoked, reason: &str) -> Result<()> {
    let AgentRevoked { at, reason: first } = before;
    if first == reason {
        return Ok(());
    }
    Err(Error::AlreadySo(format!(
        "{agent} was revoked at {at} already, and the reason stays what it was: {first}"
    )))
}
