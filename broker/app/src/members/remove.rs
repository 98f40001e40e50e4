use broker_model::{
    EntryKind, Invitation, InvitationState, InvitedRole, MembersOf, Organisation, PersonId, Role,
};
use broker_store::{Change, CommitError, Entity, StoredGrant, Write};

use super::{Member, Place};
use crate::dossiers::filed;
use crate::{Broker, Caller, Error, Result};

impl Broker {
    /// Takes from somebody what they were given there, at once. Everybody may leave; nobody is the last to.
    ///
    /// What an entitlement gives them stays, as it is their issuer's word. What they had invited others to is
    /// taken back with it: else they could let themselves in again.
    pub async fn remove_member(
        &self,
        caller: &Caller,
        (of, person): (MembersOf, PersonId),
    ) -> Result<Member> {
        let place = if person == caller.person {
            self.place_of_members(caller, of).await?
        } else {
            self.managed_members(caller, of).await?
        };
        let roles = loop {
            let store = &self.inner.store;
            let organisation = store.find_organisation(place.organisation.id).await?;
            let organisation = organisation.ok_or(Error::NotFound("organisation"))?;
            let roles = self.roles_there(of, person).await?;
            if roles.is_empty() {
                return Err(nothing_granted(caller, (of, person)));
            }
            let change = self.removal(caller, (&place, organisation), (person, &roles));
            match self.commit(change.await?).await {
                Ok(_) => break roles,
                // Somebody else left, or came in by one of these invitations, at this moment.
                Err(CommitError::Conflict(Entity::Organisation | Entity::Dossier)) => {}
                Err(error) => return Err(error.into()),
            }
        };
        self.forget_callers();
        Ok(Member {
            person,
            name: self.names([person]).await?.remove(&person),
            roles: roles.into_iter().map(|(invited, _)| invited).collect(),
            you: person == caller.person,
        })
    }

    /// What somebody was given there. Refuses the last of those who are always to be there.
    async fn roles_there(
        &self,
        of: MembersOf,
        person: PersonId,
    ) -> Result<Vec<(InvitedRole, Role)>> {
        let mut found = Vec::new();
        for (at, invited) in of.roles().iter().enumerate() {
            let Some(role) = invited.of(of) else { continue };
            let holders = self.inner.store.holders_of(&role).await?;
            if at == 0 && holders == [person] {
                return Err(Error::LastOne(*invited));
            }
            if holders.contains(&person) {
                found.push((*invited, role));
            }
        }
        Ok(found)
    }

    async fn removal(
        &self,
        caller: &Caller,
        (place, organisation): (&Place, Organisation),
        (person, roles): (PersonId, &[(InvitedRole, Role)]),
    ) -> Result<Change> {
        let mut change = Change::default();
        for (_, role) in roles {
            let mut entry = self.role_entry(EntryKind::RoleRemoved, person, role);
            entry.organisation = Some(organisation.id);
            if person != caller.person {
                entry = entry.with("removed_by", caller.person.to_string());
            }
            change.entries.push(entry);
            let role = role.clone();
            change
                .writes
                .push(Write::RemoveGrant(StoredGrant { person, role }));
        }
        for orphan in self.orphans(place, (person, roles)).await? {
            let entry = self.invitation_entry(EntryKind::InvitationRevoked, (caller, &orphan));
            change.entries.push(entry);
            change.writes.push(filed(&self.revoked(caller, orphan)));
        }
        // Stored as it is: its version moves on, so that of two who leave at once the second looks again
        // whether it is the last.
        change
            .writes
            .push(Write::PutOrganisation(Box::new(organisation)));
        Ok(change)
    }

    /// Open invitations of somebody who could not make them without these roles.
    async fn orphans(
        &self,
        place: &Place,
        (person, roles): (PersonId, &[(InvitedRole, Role)]),
    ) -> Result<Vec<Invitation>> {
        let mut left = self.inner.store.grants_of(person).await?;
        left.retain(|role| !roles.iter().any(|(_, it)| it == role));
        let mut all = self.invitations_into(place).await?;
        all.retain(|it| {
            let is_theirs = it.invited_by == person && it.state == InvitationState::Open;
            is_theirs && !may_invite(&left, it)
        });
        Ok(all)
    }
}

pub(super) fn may_invite(roles: &[Role], invitation: &Invitation) -> bool {
    let organisation = invitation.organisation;
    let lead = InvitedRole::Lead.of(invitation.of());
    roles.contains(&Role::Representative { organisation })
        || lead.is_some_and(|it| roles.contains(&it))
}

fn nothing_granted(caller: &Caller, (of, person): (MembersOf, PersonId)) -> Error {
    let there = of.roles().iter().filter_map(|it| it.of(of));
    let is_entitled = { there }.any(|role| caller.roles.contains(&role));
    if person == caller.person && is_entitled {
        return Error::AlreadySo(
            "nothing is granted to you there: your issuer gives you the role by an entitlement, and takes \
             it away"
                .to_owned(),
        );
    }
    Error::NotFound("member")
}
