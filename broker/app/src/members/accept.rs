use std::collections::BTreeSet;

use broker_model::{
    EntryKind, Invitation, InvitationId, InvitationState, InvitationStateName, InvitedRole,
    MembersOf, PersonId, ProjectId, Role, Settled,
};
use broker_store::{Change, CommitError, Entity, StoredGrant, Write};

use super::remove::may_invite;
use super::view::Named;
use super::{InvitationRefusal, InvitationView, code};
use crate::dossiers::filed;
use crate::{Broker, Caller, Error, Result};

impl Broker {
    /// Lets whoever comes with a code in, once. The same person again is told that it is done, as long as they are there.
    ///
    /// Nobody is named in the answer: whoever comes with a code is not yet somebody who may know.
    pub async fn accept_invitation(&self, caller: &Caller, code: &str) -> Result<InvitationView> {
        let name = code::claim(code).ok_or(InvitationRefusal::Unknown)?;
        let id = self.inner.store.claim_holder(&name).await?;
        let id: Option<InvitationId> = id.and_then(|it| it.parse().ok());
        let id = id.ok_or(InvitationRefusal::Unknown)?;
        loop {
            let found: Option<Invitation> = self.dossier(&id).await?;
            let found = found.ok_or(InvitationRefusal::Unknown)?;
            if self.is_accepted_by(caller.person, &found)? {
                self.check_still_there(caller.person, &found).await?;
                return self.told(&found).await;
            }
            let (after, change) = self.acceptance(caller, found).await?;
            match self.commit(change).await {
                Ok(_) => {
                    self.forget_callers();
                    return self.told(&after).await;
                }
                // Somebody else came with it, or it was revoked, at this moment.
                Err(CommitError::Conflict(Entity::Dossier)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// `false` where it is still to be done.
    fn is_accepted_by(
        &self,
        person: PersonId,
        invitation: &Invitation,
    ) -> Result<bool, InvitationRefusal> {
        match invitation.state {
            InvitationState::Accepted(it) if it.by == person => return Ok(true),
            InvitationState::Accepted(_) => return Err(InvitationRefusal::Used),
            InvitationState::Revoked(_) => return Err(InvitationRefusal::Revoked),
            InvitationState::Open => {}
        }
        match invitation.state_at(self.inner.clock.now()) {
            InvitationStateName::Expired => Err(InvitationRefusal::Expired(invitation.expires_at)),
            _ => Ok(false),
        }
    }

    /// Whoever came in by it and was removed since is not told that all is well.
    async fn check_still_there(&self, person: PersonId, invitation: &Invitation) -> Result<()> {
        let held = self.inner.store.grants_of(person).await?;
        match check_news(invitation, &held) {
            Ok(()) => Err(InvitationRefusal::Used.into()),
            Err(_) => Ok(()),
        }
    }

    /// The role, its entry and the spent code, in one change.
    async fn acceptance(
        &self,
        caller: &Caller,
        invitation: Invitation,
    ) -> Result<(Invitation, Change)> {
        let role = invitation.granted().ok_or(InvitationRefusal::Unknown)?;
        self.check_inviter(&invitation).await?;
        let held = self.inner.store.grants_of(caller.person).await?;
        check_news(&invitation, &held)?;
        let by = caller.person;
        let mut granted = self.role_entry(EntryKind::RoleGranted, by, &role);
        granted.organisation = Some(invitation.organisation);
        let granted = granted
            .with("invitation", invitation.id.to_string())
            .with("invited_by", invitation.invited_by.to_string());
        let at = granted.at;
        let mut entries = vec![granted];
        let after = invitation.settled(InvitationState::Accepted(Settled { by, at }));
        let grant = |role| StoredGrant { person: by, role };
        let mut writes = vec![filed(&after), Write::PutGrant(grant(role))];
        // Whoever leads is no mere member.
        if let Some(less) = lesser(&after).filter(|it| held.contains(it)) {
            entries.push(self.role_entry(EntryKind::RoleRemoved, by, &less));
            writes.push(Write::RemoveGrant(grant(less)));
        }
        Ok((after, Change { writes, entries }))
    }

    /// Whoever was removed or erased since lets nobody in any more, themselves least of all.
    async fn check_inviter(&self, invitation: &Invitation) -> Result<()> {
        let store = &self.inner.store;
        let by = invitation.invited_by;
        let mut roles = store.grants_of(by).await?;
        if let Some(person) = store.find_person(by).await? {
            roles.extend(self.roles_given_by(&person.issuer));
        }
        if may_invite(&roles, invitation) {
            return Ok(());
        }
        Err(InvitationRefusal::Revoked.into())
    }

    async fn told(&self, invitation: &Invitation) -> Result<InvitationView> {
        let store = &self.inner.store;
        let organisation = store.find_organisation(invitation.organisation).await?;
        let mut named = Named {
            organisation: organisation.map(|it| it.name).unwrap_or_default(),
            ..Named::default()
        };
        if let Some(id) = invitation.project {
            let project = store.find_project(id).await?;
            named.projects.extend(project.map(|it| (id, it.name)));
        }
        let now = self.inner.clock.now();
        Ok(InvitationView::new(invitation, now, &named))
    }

    /// Who has which role in a project by an invitation.
    pub(crate) async fn invited_into(
        &self,
        project: ProjectId,
    ) -> Result<BTreeSet<(PersonId, Role)>> {
        let Some(found) = self.inner.store.find_project(project).await? else {
            return Ok(BTreeSet::new());
        };
        let all: Vec<Invitation> = self.dossiers_of(found.organisation).await?;
        let into = all.iter().filter(|it| it.project == Some(project));
        let accepted = into.filter_map(|it| match it.state {
            InvitationState::Accepted(Settled { by, .. }) => Some((by, it.granted()?)),
            _ => None,
        });
        Ok(accepted.collect())
    }

    /// Forgets whom invitations were meant for that nobody came with in time. No state changes by that, so
    /// there is nothing for the ledger.
    pub(crate) async fn forget_who_did_not_come(&self) -> Result<u64> {
        let mut forgotten = 0;
        for mut invitation in self.readable_due::<Invitation>().await?.0 {
            invitation.meant_for = None;
            let change = Change {
                writes: vec![filed(&invitation)],
                entries: Vec::new(),
            };
            match self.commit(change).await {
                Ok(_) => forgotten += 1,
                // Revoked, or forgotten by another replica, at this moment.
                Err(CommitError::Conflict(Entity::Dossier)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(forgotten)
    }
}

/// What somebody who is let in has no need of any more.
fn lesser(invitation: &Invitation) -> Option<Role> {
    match (invitation.role, invitation.of()) {
        (InvitedRole::Lead, of @ MembersOf::Project(_)) => InvitedRole::Member.of(of),
        _ => None,
    }
}

/// Whoever is there already leaves the code to whom it is meant for.
fn check_news(invitation: &Invitation, held: &[Role]) -> Result<()> {
    let of = invitation.of();
    let is_enough = |role: &&InvitedRole| match (invitation.role, role) {
        (InvitedRole::Lead, InvitedRole::Member) => false,
        _ => role.of(of).is_some_and(|it| held.contains(&it)),
    };
    let Some(role) = of.roles().iter().find(is_enough) else {
        return Ok(());
    };
    Err(Error::AlreadySo(format!(
        "you are {role} there already: the code is still good, for somebody else"
    )))
}
