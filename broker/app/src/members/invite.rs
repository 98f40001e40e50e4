use broker_model::{
    DEFAULT_INVITATION_DAYS, EntryBody, EntryKind, Invitation, InvitationDraft, InvitationId,
    InvitationState, InvitationStateName, InvitedRole, LONGEST_INVITATION_DAYS, MembersOf, Settled,
};
use broker_store::{Change, CommitError, Entity, Write};
use jiff::SignedDuration;

use super::view::Named;
use super::{InvitationView, Place, code};
use crate::dossiers::filed;
use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Order, Result};

const LONGEST_MEANT_FOR: usize = 200;
/// More that are open at once are asked out of one place by no person.
const MOST_OPEN: usize = 100;

impl Broker {
    /// Asks somebody in. The code is in this answer only; the answer that is kept by a key is without it.
    pub async fn invite<'o>(
        &self,
        caller: &Caller,
        of: MembersOf,
        order: impl Into<Order<'o, InvitationDraft, InvitationView>>,
    ) -> Result<InvitationView> {
        let Order { draft, once } = order.into();
        let place = self.managed_members(caller, of).await?;
        let role = check(of, draft)?;
        self.check_room(&place).await?;
        let code = code::fresh();
        let name = code::claim(&code).ok_or(Error::Contended)?;
        let invitation = self.made(caller, &place, (role, draft));
        let entry = { self.invitation_entry(EntryKind::InvitationMade, (caller, &invitation)) }
            .with("role", role.as_str())
            .with("expires_at", invitation.expires_at.to_string());
        let named = self.named(&place, [&invitation]).await?;
        let mut view = InvitationView::new(&invitation, entry.at, &named);
        let holder = invitation.id.to_string();
        let mut writes = vec![filed(&invitation), Write::Claim { name, holder }];
        // Nor does the kept answer say whom it is for: that is forgotten when the code is spent.
        let meant_for = view.meant_for.take();
        writes.extend(once.and_then(|it| it.remember(&view, entry.at)));
        let entries = vec![entry];
        self.commit(Change { writes, entries }).await?;
        (view.code, view.meant_for) = (Some(code), meant_for);
        Ok(view)
    }

    fn made(
        &self,
        caller: &Caller,
        place: &Place,
        (role, draft): (InvitedRole, &InvitationDraft),
    ) -> Invitation {
        let now = self.inner.clock.now();
        let days = draft.valid_days.unwrap_or(DEFAULT_INVITATION_DAYS);
        Invitation {
            id: self.inner.ids.next(&*self.inner.clock),
            organisation: place.organisation.id,
            project: place.project.as_ref().map(|it| it.id),
            role,
            meant_for: Some(draft.meant_for.trim().to_owned()),
            invited_by: caller.person,
            invited_at: now,
            expires_at: now + SignedDuration::from_hours(24 * i64::from(days)),
            state: InvitationState::Open,
            version: 0,
        }
    }

    async fn check_room(&self, place: &Place) -> Result<()> {
        let now = self.inner.clock.now();
        let all = self.invitations_into(place).await?;
        let open = all.iter().filter(|it| it.of() == place.of);
        let open = open.filter(|it| it.state_at(now) == InvitationStateName::Open);
        if open.count() < MOST_OPEN {
            return Ok(());
        }
        Err(Error::AlreadySo(format!(
            "{MOST_OPEN} invitations are open already: revoke those that nobody will use"
        )))
    }

    /// Into an organisation all of its own and those into its projects; newest first. For who may make them.
    pub async fn invitations(&self, caller: &Caller, of: MembersOf) -> Result<Vec<InvitationView>> {
        let place = self.managed_members(caller, of).await?;
        let all = self.invitations_into(&place).await?;
        let named = self.named(&place, &all).await?;
        let now = self.inner.clock.now();
        let views = all.iter().rev();
        Ok(views
            .map(|it| InvitationView::new(it, now, &named))
            .collect())
    }

    /// Takes an invitation back. Again changes nothing; one that was accepted is not to be taken back.
    pub async fn revoke_invitation(
        &self,
        caller: &Caller,
        (of, id): (MembersOf, InvitationId),
    ) -> Result<InvitationView> {
        let place = self.managed_members(caller, of).await?;
        loop {
            let found: Option<Invitation> = self.dossier(&id).await?;
            let found = found.filter(|it| is_into(it, &place));
            let found = found.ok_or(Error::NotFound("invitation"))?;
            let is_open = check_revocable(&found)?;
            let after = if is_open {
                self.revoked(caller, found)
            } else {
                found
            };
            let named = self.named(&place, [&after]).await?;
            let view = InvitationView::new(&after, self.inner.clock.now(), &named);
            if !is_open {
                return Ok(view);
            }
            let entry = self.invitation_entry(EntryKind::InvitationRevoked, (caller, &after));
            let change = Change {
                writes: vec![filed(&after)],
                entries: vec![entry],
            };
            match self.commit(change).await {
                Ok(_) => return Ok(view),
                // It was accepted or revoked at this moment.
                Err(CommitError::Conflict(Entity::Dossier)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn revoked(&self, caller: &Caller, invitation: Invitation) -> Invitation {
        invitation.settled(InvitationState::Revoked(Settled {
            by: caller.person,
            at: self.inner.clock.now(),
        }))
    }

    pub(super) fn invitation_entry(
        &self,
        kind: EntryKind,
        (caller, invitation): (&Caller, &Invitation),
    ) -> EntryBody {
        let mut entry = self.organisation_entry(kind, (caller, invitation.organisation));
        entry.project = invitation.project;
        entry.with("invitation", invitation.id.to_string())
    }

    /// Oldest first.
    pub(super) async fn invitations_into(&self, place: &Place) -> Result<Vec<Invitation>> {
        let mut all: Vec<Invitation> = self.dossiers_of(place.organisation.id).await?;
        all.retain(|it| is_into(it, place));
        Ok(all)
    }

    async fn named(
        &self,
        place: &Place,
        invitations: impl IntoIterator<Item = &Invitation>,
    ) -> Result<Named> {
        let projects = match &place.project {
            Some(project) => vec![project.clone()],
            None => self.inner.store.projects_of(place.organisation.id).await?,
        };
        let persons = invitations.into_iter().flat_map(|it| {
            let settled = match it.state {
                InvitationState::Open => None,
                InvitationState::Accepted(it) | InvitationState::Revoked(it) => Some(it.by),
            };
            [Some(it.invited_by), settled].into_iter().flatten()
        });
        let persons: Vec<_> = persons.collect();
        Ok(Named {
            organisation: place.organisation.name.clone(),
            projects: projects.into_iter().map(|it| (it.id, it.name)).collect(),
            persons: self.names(persons).await?,
        })
    }
}

/// Whether there is something to take back; what was accepted has made somebody a member.
fn check_revocable(invitation: &Invitation) -> Result<bool> {
    match invitation.state {
        InvitationState::Open => Ok(true),
        InvitationState::Revoked(_) => Ok(false),
        InvitationState::Accepted(Settled { at, .. }) => Err(Error::NotWaiting(format!(
            "it was accepted at {at}: remove who came in by it"
        ))),
    }
}

/// Who speaks for an organisation lets people into its projects, too.
fn is_into(invitation: &Invitation, place: &Place) -> bool {
    match place.of {
        MembersOf::Organisation(organisation) => invitation.organisation == organisation,
        MembersOf::Project(project) => invitation.project == Some(project),
    }
}

/// The role that is meant, if nothing is wrong with the draft.
fn check(of: MembersOf, draft: &InvitationDraft) -> Result<InvitedRole> {
    let mut faults = Faults::default();
    let role = draft.role.unwrap_or(of.usual_role());
    if role.of(of).is_none() {
        let allowed: Vec<&str> = of.roles().iter().map(|it| it.as_str()).collect();
        let reason = format!("`{role}` is no role there");
        faults.add("role", reason, &allowed.join(", "));
    }
    faults.check_name("meant_for", &draft.meant_for, LONGEST_MEANT_FOR);
    if let Some(days) = draft.valid_days
        && !(1..=LONGEST_INVITATION_DAYS).contains(&days)
    {
        let allowed = format!("1 to {LONGEST_INVITATION_DAYS}");
        faults.add("valid_days", format!("is {days}"), &allowed);
    }
    faults.check("invitation")?;
    Ok(role)
}
