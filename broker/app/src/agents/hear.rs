use std::collections::BTreeSet;

use broker_model::{AgentId, AgentWord, EntryBody, EntryKind, SiteId, SiteReadiness, SiteState};
use broker_store::{Change, CommitError, Entity, Write};
use jiff::Timestamp;
use site_adapter::SiteSnapshot;

use crate::agents::TRIES;
use crate::{AgentRefusal, Broker, Error, Result};

impl Broker {
    /// Takes in what a site offers; a change of its readiness is an entry, the numbers are not.
    pub(super) async fn hear(
        &self,
        (agent, site): (AgentId, &SiteId),
        (snapshot, told_ttl): (SiteSnapshot, Option<u32>),
    ) -> Result<()> {
        let now = self.inner.clock.now();
        let systems: BTreeSet<_> = snapshot.partitions.iter().map(|it| &it.system).collect();
        let said = AgentWord {
            agent,
            readiness: snapshot.readiness,
            reason: snapshot.reason.clone(),
            observed_at: now,
            ttl_seconds: self.inner.limits.site_ttl_seconds(told_ttl),
            systems: systems.into_iter().cloned().collect(),
        };
        for _ in 0..TRIES {
            match self.hear_once(site, said.clone(), &snapshot).await {
                Ok(()) => return Ok(()),
                // Another of the site's agents spoke at another replica, or this one was put out there.
                Err(CommitError::Conflict(Entity::SiteState)) => {
                    self.board().refresh(&*self.inner.store).await?;
                    self.check_not_revoked(agent).await?;
                }
                Err(error) => {
                    self.inner.hearing.interrupted_at(now);
                    return Err(error.into());
                }
            }
        }
        Err(Error::Contended)
    }

    async fn hear_once(
        &self,
        site: &SiteId,
        said: AgentWord,
        told: &SiteSnapshot,
    ) -> Result<(), CommitError> {
        let agent = said.agent;
        let (known, numbers) = self.board().known_of(site);
        let before = known.as_ref().map(|state| state.readiness);
        let state = SiteState::told_by(site.clone(), said, known);
        let snapshot = state.numbers(agent, told.clone(), numbers.as_deref());
        let now = state.observed_at;
        self.put_state(state, Some(snapshot), (before, now)).await?;
        if before != Some(SiteReadiness::Ready) {
            self.nudges().pending();
        }
        Ok(())
    }

    async fn put_state(
        &self,
        mut state: SiteState,
        snapshot: Option<SiteSnapshot>,
        (before, now): (Option<SiteReadiness>, Timestamp),
    ) -> Result<(), CommitError> {
        let mut change = Change::default();
        state_writes(&state, snapshot.as_ref(), &mut change);
        if before != Some(state.readiness) {
            change.entries.push(readiness_entry(&state, now));
        }
        self.commit(change).await?;
        state.version += 1;
        self.board().hear(state, snapshot);
        Ok(())
    }

    /// Takes back what an agent said of its site that is put out: it would count for as long as it said.
    pub(crate) async fn unhear(
        &self,
        (agent, at): (AgentId, Timestamp),
        site: &SiteId,
    ) -> Result<()> {
        let why = format!(
            "the last agent that spoke for it was revoked at {at}; another of its agents must report, or one be \
             enrolled (`alcyone site invite {site}`)"
        );
        for _ in 0..TRIES {
            self.board().refresh(&*self.inner.store).await?;
            let (known, numbers) = self.board().known_of(site);
            let left = { known.as_ref() }.and_then(|it| it.without(agent, &why));
            let (Some(known), Some(left)) = (known, left) else {
                return Ok(());
            };
            let numbers = numbers.map(|it| left.numbers_left(&it));
            let on = (Some(known.readiness), self.inner.clock.now());
            match self.put_state(left, numbers, on).await {
                Err(CommitError::Conflict(Entity::SiteState)) => {}
                done => return Ok(done?),
            }
        }
        Err(Error::Contended)
    }

    async fn check_not_revoked(&self, agent: AgentId) -> Result<()> {
        let found = self.inner.store.find_agent(agent).await?;
        match found.and_then(|it| it.revoked) {
            Some(revoked) => Err(AgentRefusal::Revoked {
                at: revoked.at,
                reason: revoked.reason,
            }
            .into()),
            None => Ok(()),
        }
    }
}

fn state_writes(state: &SiteState, snapshot: Option<&SiteSnapshot>, change: &mut Change) {
    let writes = &mut change.writes;
    writes.push(Write::PutSiteState(Box::new(state.clone())));
    writes.extend(snapshot.map(|snapshot| Write::PutSiteSnapshot {
        site: state.site.clone(),
        snapshot: Box::new(snapshot.clone()),
    }));
}

fn readiness_entry(state: &SiteState, now: Timestamp) -> EntryBody {
    let readiness = serde_json::to_value(state.readiness).unwrap_or_default();
    let mut entry = EntryBody::new(now, EntryKind::SiteStateChanged).with("readiness", readiness);
    entry.site = Some(state.site.clone());
    entry
}
