use agent_link::request::Claims;
use agent_link::{EnrolReply, EnrolRequest};
use broker_model::{
    AgentId, AgentKey, EnrolledAgent, EntryKind, Invite, InviteFate, InviteId, InviteState,
    WRONG_PROOFS,
};
use broker_store::{Change, CommitError, Entity, Write};

use super::entry;
use super::known::is_by;
use crate::{AgentRefusal, Broker, Error, Result};

const LONGEST_HOST: usize = 253;
const LONGEST_VERSION: usize = 64;

impl Broker {
    /// The invite that a request was signed with. Who has the wrong secret is counted: five times, and
    /// the invite is good for nothing.
    pub async fn recognize_invite(&self, claims: &Claims) -> Result<InviteId> {
        let id: InviteId = claims.key_id.parse().map_err(|_| AgentRefusal::NoInvite)?;
        let found = self.inner.store.find_invite(id).await?;
        let invite = found.ok_or(AgentRefusal::NoInvite)?;
        if invite.state(self.inner.clock.now()) == InviteState::Blocked {
            return Err(AgentRefusal::InviteBlocked.into());
        }
        if !is_by(claims, &invite.public_key) {
            self.count_wrong_proof(invite).await?;
            return Err(AgentRefusal::WrongProof.into());
        }
        self.check_clock(claims)?;
        Ok(id)
    }

    async fn count_wrong_proof(&self, mut invite: Invite) -> Result<()> {
        let now = self.inner.clock.now();
        if invite.state(now) != InviteState::Open {
            return Ok(());
        }
        invite.wrong_proofs += 1;
        let mut entries = Vec::new();
        if invite.wrong_proofs == WRONG_PROOFS {
            let kind = EntryKind::AgentInviteBlocked;
            entries.push(entry(now, kind, &invite.site).with("invite", invite.id.to_string()));
        }
        let writes = vec![Write::UpdateInvite(Box::new(invite))];
        match self.commit(Change { writes, entries }).await {
            // Another wrong proof of this moment was counted.
            Ok(_) | Err(CommitError::Conflict(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets an agent in with its key. The same key again, as after a lost answer, gets the same agent.
    pub async fn enrol(&self, invite: InviteId, request: &EnrolRequest) -> Result<EnrolReply> {
        if !request.is_possessed(&invite.to_string()) {
            return Err(AgentRefusal::NotPossessed.into());
        }
        loop {
            let found = self.inner.store.find_invite(invite).await?;
            let invite = found.ok_or(AgentRefusal::NoInvite)?;
            if let Some(agent) = self.enrolled_before(&invite, request).await? {
                return Ok(self.enrolled(&agent));
            }
            match self.enrol_now(invite, request).await {
                // Somebody else used it at this moment, or this very request came twice.
                Err(CommitError::Conflict(Entity::Invite)) => {}
                Err(CommitError::Conflict(Entity::AgentKey)) => {
                    return Err(AgentRefusal::KeyTaken.into());
                }
                done => return Ok(done.map(|agent| self.enrolled(&agent))?),
            }
        }
    }

    /// The agent that came in by this invite with this key; `None` while the invite is open.
    async fn enrolled_before(
        &self,
        invite: &Invite,
        request: &EnrolRequest,
    ) -> Result<Option<EnrolledAgent>> {
        let refusal = match (&invite.fate, invite.state(self.inner.clock.now())) {
            (
                InviteFate::Used {
                    agent, public_key, ..
                },
                _,
            ) => {
                if *public_key == request.public_key.to_string() {
                    let agent = self.inner.store.find_agent(*agent).await?;
                    return agent.map(Some).ok_or(Error::NotFound("agent"));
                }
                AgentRefusal::InviteUsed
            }
            (_, InviteState::Open) => return Ok(None),
            (_, InviteState::Expired) => AgentRefusal::InviteExpired(invite.expires_at),
            (_, InviteState::Withdrawn) => AgentRefusal::InviteWithdrawn,
            _ => AgentRefusal::InviteBlocked,
        };
        Err(refusal.into())
    }

    async fn enrol_now(
        &self,
        mut invite: Invite,
        request: &EnrolRequest,
    ) -> Result<EnrolledAgent, CommitError> {
        let now = self.inner.clock.now();
        let id: AgentId = self.inner.ids.next(&*self.inner.clock);
        let agent = EnrolledAgent {
            id,
            site: invite.site.clone(),
            invite: invite.id,
            host: line(&request.host, LONGEST_HOST),
            program_version: line(&request.version, LONGEST_VERSION),
            enrolled_at: now,
            revoked: None,
            version: 0,
        };
        let key = AgentKey {
            id: request.public_key.id(),
            agent: id,
            public_key: request.public_key.to_string(),
            added_at: now,
            until: None,
            version: 0,
        };
        let entry = entry(now, EntryKind::AgentEnrolled, &agent.site)
            .with("agent", id.to_string())
            .with("invite", invite.id.to_string())
            .with("key", key.id.as_str());
        invite.fate = InviteFate::Used {
            agent: id,
            at: now,
            public_key: key.public_key.clone(),
        };
        let change = Change {
            writes: vec![
                Write::UpdateInvite(Box::new(invite)),
                Write::InsertAgent(Box::new(agent.clone())),
                Write::InsertAgentKey(Box::new(key)),
            ],
            entries: vec![entry],
        };
        self.commit(change).await?;
        tracing::info!(agent.id = %id, site.id = %agent.site, "agent enrolled");
        Ok(agent)
    }

    fn enrolled(&self, agent: &EnrolledAgent) -> EnrolReply {
        EnrolReply {
            agent: agent.id,
            site: agent.site.clone(),
            broker_key: *self.agent_door().key.public(),
        }
    }
}

/// What an agent says of itself, as one line that a list can show.
fn line(text: &str, longest: usize) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(longest).collect()
}
