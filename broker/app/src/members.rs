//! Who belongs to an organisation or a project, how others are let in, and how people leave.
//!
//! What an issuer's entitlements give is no matter of this: it is in no row, so it is neither listed nor
//! taken away here.

mod accept;
mod code;
mod invite;
mod list;
mod refusal;
mod remove;
mod view;

use broker_model::{MembersOf, Organisation, Project, Role};

pub use list::{Member, Members};
pub use refusal::InvitationRefusal;
pub use view::{InvitationView, PersonName};

use crate::{Broker, Caller, Error, Result};

/// Where people belong to, as it is stored now.
struct Place {
    of: MembersOf,
    organisation: Organisation,
    project: Option<Project>,
}

impl Place {
    /// Lets people in and puts them out.
    fn is_managed_by(&self, caller: &Caller) -> bool {
        let leads = |project: &Project| {
            let lead = Role::Lead {
                project: project.id,
            };
            caller.roles.contains(&lead)
        };
        caller.represents(self.organisation.id) || self.project.as_ref().is_some_and(leads)
    }
}

impl Broker {
    /// For those who belong there, who speak for the organisation, and operators.
    async fn place_of_members(&self, caller: &Caller, of: MembersOf) -> Result<Place> {
        let store = &self.inner.store;
        match of {
            MembersOf::Organisation(id) => {
                let organisation = self.organisation(caller, id).await?;
                if !caller.represents(id) && !caller.is_operator() {
                    return Err(Error::Forbidden("`representative` of this organisation"));
                }
                Ok(Place {
                    of,
                    organisation,
                    project: None,
                })
            }
            MembersOf::Project(id) => {
                let project = store.find_project(id).await?;
                let is_seen =
                    |it: &Project| caller.may_see(id) || caller.represents(it.organisation);
                let project = project.filter(is_seen).ok_or(Error::NotFound("project"))?;
                let organisation = store.find_organisation(project.organisation).await?;
                Ok(Place {
                    of,
                    organisation: organisation.ok_or(Error::NotFound("organisation"))?,
                    project: Some(project),
                })
            }
        }
    }

    /// The same for who lets people in and puts them out.
    async fn managed_members(&self, caller: &Caller, of: MembersOf) -> Result<Place> {
        let place = self.place_of_members(caller, of).await?;
        if place.is_managed_by(caller) {
            return Ok(place);
        }
        Err(Error::Forbidden(match of {
            MembersOf::Organisation(_) => "`representative` of this organisation",
            MembersOf::Project(_) => {
                "`lead` of this project, or `representative` of its organisation"
            }
        }))
    }
}
