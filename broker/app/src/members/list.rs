use std::collections::BTreeMap;

use broker_model::{InvitedRole, MembersOf, PersonId, Project};
use serde::Serialize;

use crate::{Broker, Caller, Result};

/// Somebody who belongs there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    pub person: PersonId,
    /// As their issuer calls them, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub roles: Vec<InvitedRole>,
    /// Who asks.
    pub you: bool,
}

/// Who belongs to an organisation or a project, as one of them sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    pub of: MembersOf,
    pub organisation_name: String,
    pub project_name: Option<String>,
    /// Whether the caller lets people in and puts them out.
    pub managed: bool,
    pub members: Vec<Member>,
    /// Of an organisation, whose people let others into these, too.
    pub projects: Vec<Project>,
}

impl Broker {
    /// Everybody who was given a role there, those who can do most first. Roles by entitlement are in no row,
    /// so who has one only by that is not among them.
    pub async fn members(&self, caller: &Caller, of: MembersOf) -> Result<Members> {
        let place = self.place_of_members(caller, of).await?;
        let mut roles: BTreeMap<PersonId, Vec<InvitedRole>> = BTreeMap::new();
        for (invited, role) in of.roles().iter().filter_map(|it| Some((*it, it.of(of)?))) {
            for person in self.inner.store.holders_of(&role).await? {
                roles.entry(person).or_default().push(invited);
            }
        }
        let projects = match of {
            MembersOf::Organisation(id) => self.inner.store.projects_of(id).await?,
            MembersOf::Project(_) => Vec::new(),
        };
        let mut names = self.names(roles.keys().copied()).await?;
        let member = |(person, roles)| Member {
            person,
            name: names.remove(&person),
            roles,
            you: person == caller.person,
        };
        let mut members: Vec<Member> = roles.into_iter().map(member).collect();
        members.sort_by(|a, b| (&a.roles, a.person).cmp(&(&b.roles, b.person)));
        Ok(Members {
            of,
            managed: place.is_managed_by(caller),
            organisation_name: place.organisation.name,
            project_name: place.project.map(|it| it.name),
            members,
            projects,
        })
    }
}
