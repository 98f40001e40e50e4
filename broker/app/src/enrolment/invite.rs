use agent_link::{InviteText, KeyPair};
use broker_model::{EntryKind, InvalidSpec, Invite, InviteFate, InviteId, InviteState, SiteId};
use broker_store::{Change, CommitError, Write};
use jiff::SignedDuration;

use super::entry;
use crate::{Broker, Caller, Error, Once, Result};

const LONGEST_HOURS: u32 = 7 * 24;
const LONGEST_NOTE: usize = 200;

/// For how long an invite is to be good, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteOrder {
    hours: u32,
    note: Option<String>,
}

impl InviteOrder {
    /// A day if no hours are given. An empty note is none.
    pub fn new(hours: Option<u32>, note: Option<&str>) -> Result<Self, InvalidSpec> {
        let refuse = |field: &str, reason: String, allowed: String| InvalidSpec {
            field: field.to_owned(),
            reason,
            allowed,
        };
        let hours = hours.unwrap_or(24);
        if !(1..=LONGEST_HOURS).contains(&hours) {
            let allowed = format!("1 to {LONGEST_HOURS}");
            return Err(refuse(
                "valid_hours",
                format!("{hours} is out of range"),
                allowed,
            ));
        }
        let note = note.map(str::trim).filter(|note| !note.is_empty());
        let is_long = |note: &str| note.chars().count() > LONGEST_NOTE;
        if note.is_some_and(|note| is_long(note) || note.contains(char::is_control)) {
            let allowed = format!("one line of at most {LONGEST_NOTE} characters");
            return Err(refuse(
                "note",
                "it is too long or has several lines".to_owned(),
                allowed,
            ));
        }
        Ok(Self {
            hours,
            note: note.map(str::to_owned),
        })
    }
}

/// An invite, with the text that is shown this once: the broker keeps nothing that could make it again.
#[derive(Clone, Debug)]
pub struct NewInvite {
    pub invite: Invite,
    pub text: String,
}

impl Broker {
    /// Makes an invite for one agent of a site. Without a caller: for an operator on the broker's machine.
    pub async fn invite_agent(
        &self,
        caller: Option<&Caller>,
        site: &SiteId,
        order: InviteOrder,
    ) -> Result<NewInvite> {
        self.invite_agent_once(caller, site, (order, None)).await
    }

    /// The same, done once by its key. The answer that is kept is of the invite alone: its text is
    /// shown this once and stored nowhere.
    pub async fn invite_agent_once(
        &self,
        caller: Option<&Caller>,
        site: &SiteId,
        (order, once): (InviteOrder, Option<&Once<Invite>>),
    ) -> Result<NewInvite> {
        self.may_manage_agents(caller, site)?;
        let now = self.inner.clock.now();
        let key = KeyPair::generate();
        let mut invite = Invite {
            id: self.inner.ids.next(&*self.inner.clock),
            site: site.clone(),
            public_key: key.public().to_string(),
            note: order.note,
            made_by: caller.map(|caller| caller.person),
            created_at: now,
            expires_at: now + SignedDuration::from_hours(order.hours.into()),
            wrong_proofs: 0,
            fate: InviteFate::Open,
            version: 0,
        };
        let mut entry = entry(now, EntryKind::AgentInvited, site)
            .with("invite", invite.id.to_string())
            .with("expires_at", invite.expires_at.to_string());
        entry.actor = invite.made_by;
        let mut writes = vec![Write::InsertInvite(Box::new(invite.clone()))];
        writes.extend(once.and_then(|it| it.remember(&invite, now)));
        let change = Change {
            writes,
            entries: vec![entry],
        };
        self.commit(change).await?;
        invite.version = 1;
        let door = self.agent_door();
        let text = InviteText {
            id: invite.id,
            site: site.clone(),
            broker: door.url.clone(),
            broker_key: *door.key.public(),
            key,
        };
        Ok(NewInvite {
            invite,
            text: text.to_string(),
        })
    }

    /// Invites of a site, newest first.
    pub async fn agent_invites(
        &self,
        caller: Option<&Caller>,
        site: &SiteId,
    ) -> Result<Vec<Invite>> {
        self.may_manage_agents(caller, site)?;
        Ok(self.inner.store.invites_of(site).await?)
    }

    /// Takes an invite back that nobody has used. Again changes nothing.
    pub async fn withdraw_invite(
        &self,
        caller: Option<&Caller>,
        site: &SiteId,
        id: InviteId,
    ) -> Result<Invite> {
        self.may_manage_agents(caller, site)?;
        loop {
            let found = self.inner.store.find_invite(id).await?;
            let Some(mut invite) = found.filter(|invite| invite.site == *site) else {
                return Err(Error::NotFound("invite"));
            };
            let now = self.inner.clock.now();
            if matches!(
                invite.state(now),
                InviteState::Used | InviteState::Withdrawn
            ) {
                return Ok(invite);
            }
            invite.fate = InviteFate::Withdrawn { at: now };
            let mut entry = entry(now, EntryKind::AgentInviteWithdrawn, site)
                .with("invite", invite.id.to_string());
            entry.actor = caller.map(|caller| caller.person);
            let change = Change {
                writes: vec![Write::UpdateInvite(Box::new(invite.clone()))],
                entries: vec![entry],
            };
            match self.commit(change).await {
                Ok(_) => return Ok(invite),
                Err(CommitError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn may_manage_agents(&self, caller: Option<&Caller>, site: &SiteId) -> Result<()> {
        match caller {
            Some(caller) => self.check_manages(caller, site),
            None => self.site(site).map(drop),
        }
    }
}
