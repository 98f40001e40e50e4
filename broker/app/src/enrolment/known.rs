use agent_link::PublicKey;
use agent_link::request::Claims;
use broker_model::{AgentId, AgentKey, EnrolledAgent, SiteId};
use broker_store::{AgentNonce, Change, CommitError, Entity, Write};
use jiff::{SignedDuration, Timestamp};

use crate::{AgentRefusal, Broker, Result};

/// How far an agent's clock may be from the broker's.
const SKEW_SECONDS: i64 = 60;
/// For how long what was said is remembered: a signature counts for twice the skew, and replicas have
/// clocks of their own. It is also how long one sees when an agent was last heard.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);

/// An agent that has proven who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAgent {
    pub agent: AgentId,
    pub site: SiteId,
    /// The id of the key that it signed with.
    pub key: String,
}

impl KnownAgent {
    /// An agent speaks in its own name, and for its own site.
    pub fn may_speak(&self, agent: AgentId, site: &SiteId) -> Result<(), AgentRefusal> {
        if self.site != *site {
            return Err(AgentRefusal::AnotherSite {
                speaks_for: self.site.to_string(),
                asked: site.to_string(),
            });
        }
        if self.agent != agent {
            return Err(AgentRefusal::AnotherAgent {
                is: self.agent.to_string(),
                says: agent.to_string(),
            });
        }
        Ok(())
    }
}

impl Broker {
    /// Whose request this is, by its head alone; a stranger's body need not be read.
    pub async fn recognize(&self, claims: &Claims) -> Result<KnownAgent> {
        let found = self.inner.store.find_agent_key(&claims.key_id).await?;
        let (key, agent) = found.ok_or(AgentRefusal::UnknownKey)?;
        if !is_by(claims, &key.public_key) {
            return Err(AgentRefusal::BadSignature.into());
        }
        // Only who has the key is told what became of it.
        self.check_clock(claims)?;
        counts(&key, &agent, self.inner.clock.now())?;
        Ok(KnownAgent {
            agent: agent.id,
            site: agent.site,
            key: key.id,
        })
    }

    /// Takes a recognized request in, once: its body must be the one that was signed, and its nonce one
    /// that this key never used, at this replica or another, before a restart or after.
    pub async fn admit(&self, claims: &Claims, body: &[u8]) -> Result<()> {
        if !claims.covers(body) {
            return Err(AgentRefusal::AnotherBody.into());
        }
        let nonce = AgentNonce {
            key: claims.key_id.clone(),
            nonce: claims.nonce.clone(),
            seen_at: self.inner.clock.now(),
        };
        let change = Change {
            writes: vec![Write::InsertNonce(nonce)],
            entries: Vec::new(),
        };
        match self.commit(change).await {
            Ok(_) => Ok(()),
            Err(CommitError::Duplicate(Entity::Nonce)) => Err(AgentRefusal::Replayed.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether an agent that was recognized may still go on. One that may not any more loses what it
    /// holds, also what it was given since it was revoked.
    pub async fn still_counts(&self, known: &KnownAgent) -> Result<()> {
        let found = self.inner.store.find_agent_key(&known.key).await?;
        let (key, agent) = found.ok_or(AgentRefusal::UnknownKey)?;
        let refused = counts(&key, &agent, self.inner.clock.now());
        if agent.revoked.is_some() {
            self.release_leases(&agent).await?;
        }
        Ok(refused?)
    }

    pub(super) fn check_clock(&self, claims: &Claims) -> Result<(), AgentRefusal> {
        let ours = self.inner.clock.now();
        let apart = claims.created.saturating_sub(ours.as_second());
        if apart.saturating_abs() <= SKEW_SECONDS {
            return Ok(());
        }
        let theirs = Timestamp::from_second(claims.created);
        Err(AgentRefusal::Clock {
            theirs: theirs.map_or_else(|_| claims.created.to_string(), |time| time.to_string()),
            ours,
        })
    }

    pub(crate) async fn forget_what_agents_said(&self, now: Timestamp) -> Result<u64> {
        let Ok(before) = now.saturating_sub(REMEMBERED) else {
            return Ok(0);
        };
        Ok(self.inner.store.forget_nonces(before).await?)
    }
}

pub(super) fn is_by(claims: &Claims, public_key: &str) -> bool {
    let key = public_key.parse::<PublicKey>();
    key.is_ok_and(|key| claims.is_by(&key))
}

fn counts(key: &AgentKey, agent: &EnrolledAgent, now: Timestamp) -> Result<(), AgentRefusal> {
    if let Some(revoked) = &agent.revoked {
        return Err(AgentRefusal::Revoked {
            at: revoked.at,
            reason: revoked.reason.clone(),
        });
    }
    match key.until {
        Some(until) if now >= until => Err(AgentRefusal::KeyReplaced(until)),
        _ => Ok(()),
    }
}
