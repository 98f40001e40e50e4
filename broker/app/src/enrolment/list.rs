use broker_model::{EnrolledAgent, SiteId};
use jiff::Timestamp;

use crate::{Broker, Caller, Result};

/// An agent as its site's administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentView {
    pub agent: EnrolledAgent,
    /// Since when it has the key that counts now.
    pub key_since: Option<Timestamp>,
    /// `None`: it has been silent for ten minutes or longer.
    pub heard_at: Option<Timestamp>,
}

impl Broker {
    /// Agents of a site, newest first; the revoked ones among them.
    pub async fn agents_of(
        &self,
        caller: Option<&Caller>,
        site: &SiteId,
    ) -> Result<Vec<AgentView>> {
        self.may_manage_agents(caller, site)?;
        let mut views = Vec::new();
        for agent in self.inner.store.agents_of(site).await? {
            let keys = self.inner.store.keys_of(agent.id).await?;
            let mut heard_at = None;
            for key in &keys {
                heard_at = heard_at.max(self.inner.store.heard_at(&key.id).await?);
            }
            let current = keys.iter().find(|key| key.until.is_none());
            views.push(AgentView {
                key_since: current.map(|key| key.added_at),
                agent,
                heard_at,
            });
        }
        Ok(views)
    }
}
