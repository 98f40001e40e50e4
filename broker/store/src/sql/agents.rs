use async_trait::async_trait;
use broker_model::{AgentId, AgentKey, EnrolledAgent, Invite, InviteId, SiteId};
use jiff::Timestamp;

use super::SqlStore;
use super::committer::Forgettable;
use super::db::Kind::{Int, Text};
use super::db::{Cell, Select};
use super::rows;
use crate::{Agents, StoreError};

const INVITE: Select = Select::new(
    "agent_invites",
    "SELECT document FROM agent_invites WHERE id = $1",
    &[Text],
);
pub(super) const INVITES: Select = Select::new(
    "agent_invites",
    "SELECT document FROM agent_invites WHERE site_id = $1 ORDER BY id DESC LIMIT 200",
    &[Text],
);
const AGENT: Select = Select::new(
    "agents",
    "SELECT document FROM agents WHERE id = $1",
    &[Text],
);
pub(super) const AGENTS: Select = Select::new(
    "agents",
    "SELECT document FROM agents WHERE site_id = $1 ORDER BY id DESC LIMIT 200",
    &[Text],
);
pub(super) const KEY: Select = Select::new(
    "agent_keys",
    "SELECT k.document, a.document FROM agent_keys AS k JOIN agents AS a ON a.id = k.agent_id \
     WHERE k.id = $1",
    &[Text, Text],
);
pub(super) const KEYS: Select = Select::new(
    "agent_keys",
    "SELECT document FROM agent_keys WHERE agent_id = $1 ORDER BY id",
    &[Text],
);
/// `!` is what follows the space between key and nonce.
pub(super) const HEARD: Select = Select::new(
    "agent_nonces",
    "SELECT COALESCE(MAX(seen_at_us), -1) FROM agent_nonces WHERE id > $1 AND id < $2",
    &[Int],
);

#[async_trait]
impl Agents for SqlStore {
    async fn find_invite(&self, id: InviteId) -> Result<Option<Invite>, StoreError> {
        let row = self.row(&INVITE, &[Cell::text(id)]).await?;
        row.map(|row| row.json(0)).transpose()
    }

    async fn invites_of(&self, site: &SiteId) -> Result<Vec<Invite>, StoreError> {
        self.documents(&INVITES, &[Cell::text(site)]).await
    }

    async fn find_agent(&self, id: AgentId) -> Result<Option<EnrolledAgent>, StoreError> {
        let row = self.row(&AGENT, &[Cell::text(id)]).await?;
        row.map(|row| row.json(0)).transpose()
    }

    async fn agents_of(&self, site: &SiteId) -> Result<Vec<EnrolledAgent>, StoreError> {
        self.documents(&AGENTS, &[Cell::text(site)]).await
    }

    async fn find_agent_key(
        &self,
        id: &str,
    ) -> Result<Option<(AgentKey, EnrolledAgent)>, StoreError> {
        let row = self.row(&KEY, &[Cell::text(id)]).await?;
        row.map(|row| Ok((row.json(0)?, row.json(1)?))).transpose()
    }

    async fn keys_of(&self, agent: AgentId) -> Result<Vec<AgentKey>, StoreError> {
        self.documents(&KEYS, &[Cell::text(agent)]).await
    }

    async fn heard_at(&self, key: &str) -> Result<Option<Timestamp>, StoreError> {
        let args = [
            Cell::text(rows::nonce_id(key, "")),
            Cell::text(format!("{key}!")),
        ];
        match self.row(&HEARD, &args).await? {
            Some(row) if row.int(0)? >= 0 => Ok(Some(row.time(0)?)),
            _ => Ok(None),
        }
    }

    async fn forget_nonces(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.forget(Forgettable::Nonces, before).await
    }
}
