use std::collections::BTreeMap;

use broker_model::{
    Invitation, InvitationId, InvitationState, InvitationStateName, InvitedRole, OrganisationId,
    PersonId, ProjectId,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{Broker, Result};

/// Somebody, by the name that their issuer gives them if it gives one: never by an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonName {
    pub person: PersonId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An invitation as it is now, with the names of what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvitationView {
    pub id: InvitationId,
    pub organisation: OrganisationId,
    pub organisation_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    pub role: InvitedRole,
    /// While it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meant_for: Option<String>,
    pub state: InvitationStateName,
    pub invited_by: PersonName,
    pub invited_at: Timestamp,
    pub expires_at: Timestamp,
    /// Who accepted or revoked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_by: Option<PersonName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// In the answer that made it, and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl InvitationView {
    /// `named` knows what organisation, project and people are called.
    pub(super) fn new(invitation: &Invitation, now: Timestamp, named: &Named) -> Self {
        let state = invitation.state_at(now);
        let settled = match invitation.state {
            InvitationState::Open => None,
            InvitationState::Accepted(settled) | InvitationState::Revoked(settled) => Some(settled),
        };
        let meant_for = invitation.meant_for.clone();
        Self {
            id: invitation.id,
            organisation: invitation.organisation,
            organisation_name: named.organisation.clone(),
            project: invitation.project,
            project_name: { invitation.project }.and_then(|it| named.projects.get(&it).cloned()),
            role: invitation.role,
            meant_for: meant_for.filter(|_| state == InvitationStateName::Open),
            state,
            invited_by: named.person(invitation.invited_by),
            invited_at: invitation.invited_at,
            expires_at: invitation.expires_at,
            settled_by: settled.map(|it| named.person(it.by)),
            settled_at: settled.map(|it| it.at),
            code: None,
        }
    }
}

/// What things and people are called.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) organisation: String,
    pub(super) projects: BTreeMap<ProjectId, String>,
    /// Those whose names the reader may see.
    pub(super) persons: BTreeMap<PersonId, String>,
}

impl Named {
    fn person(&self, person: PersonId) -> PersonName {
        PersonName {
            person,
            name: self.persons.get(&person).cloned(),
        }
    }
}

impl Broker {
    /// The names of these people, as far as they have one.
    pub(super) async fn names(
        &self,
        persons: impl IntoIterator<Item = PersonId>,
    ) -> Result<BTreeMap<PersonId, String>> {
        let mut names = BTreeMap::new();
        for id in persons {
            if names.contains_key(&id) {
                continue;
            }
            let person = self.inner.store.find_person(id).await?;
            names.extend(person.and_then(|it| it.name).map(|name| (id, name)));
        }
        Ok(names)
    }
}
