use agent_link::{RotateReply, RotateRequest};
use broker_model::{AgentKey, EntryKind};
use broker_store::{Change, CommitError, Write};
use jiff::{SignedDuration, Timestamp};

use super::entry;
use crate::{AgentRefusal, Broker, KnownAgent, Result};

/// For how long the old key counts beside the new one: the agent's other processes (`check`, one that is
/// just starting) read the new one meanwhile.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);

impl Broker {
    /// Puts a new key in the place of the agent's. The same again, as after a lost answer, changes
    /// nothing; a key that was replaced itself replaces no other.
    pub async fn rotate_key(
        &self,
        known: &KnownAgent,
        request: &RotateRequest,
    ) -> Result<RotateReply> {
        if !request.is_possessed(known.agent) {
            return Err(AgentRefusal::NotPossessed.into());
        }
        let now = self.inner.clock.now();
        let new = AgentKey {
            id: request.public_key.id(),
            agent: known.agent,
            public_key: request.public_key.to_string(),
            added_at: now,
            until: None,
            version: 0,
        };
        let keys = self.inner.store.keys_of(known.agent).await?;
        if let Some(there) = keys.iter().find(|key| key.id == new.id) {
            return repeated(there, &keys, now);
        }
        let old = keys.into_iter().find(|key| key.id == known.key);
        let mut old = old.ok_or(AgentRefusal::UnknownKey)?;
        if let Some(until) = old.until {
            return Err(AgentRefusal::KeyReplaced(until).into());
        }
        let until = now + OVERLAP;
        old.until = Some(until);
        let entry = entry(now, EntryKind::AgentRotated, &known.site)
            .with("agent", known.agent.to_string())
            .with("key", new.id.as_str())
            .with("replaces", old.id.as_str());
        let change = Change {
            writes: vec![
                Write::UpdateAgentKey(Box::new(old)),
                Write::InsertAgentKey(Box::new(new)),
            ],
            entries: vec![entry],
        };
        match self.commit(change).await {
            Ok(_) => Ok(RotateReply {
                old_key_until: until,
            }),
            Err(CommitError::Conflict(_)) => Err(AgentRefusal::KeyTaken.into()),
            Err(error) => Err(error.into()),
        }
    }
}

fn repeated(there: &AgentKey, keys: &[AgentKey], now: Timestamp) -> Result<RotateReply> {
    if let Some(until) = there.until {
        return Err(AgentRefusal::KeyReplaced(until).into());
    }
    let ends = keys.iter().filter_map(|key| key.until);
    Ok(RotateReply {
        old_key_until: ends.max().unwrap_or(now),
    })
}
