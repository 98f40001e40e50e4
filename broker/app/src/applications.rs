//! Requests for access: what a mode asks for, handing one in, and what people decide.

mod aid;
mod apply;
mod choices;
mod decide;
mod exceeded;
mod form;
mod granted;
mod need;
mod share;

use broker_model::{Application, ApplicationId, Desk, OrganisationId};
use policy_engine::AccessMode;

pub(crate) use aid::may_be_aid;
pub(crate) use apply::{ai_act_facts, check_ai_act, check_sectors, fair_access_at};
pub use choices::{GrantChoices, UnitChoice};
pub use form::{ApplicationForm, FormClosed, FormField};
pub(crate) use share::{no_hours_there, share_asked, share_by};

use crate::{Broker, Caller, Error, Result};

impl Broker {
    /// Every application of an organisation that the caller may see, oldest first.
    pub async fn applications_of(
        &self,
        caller: &Caller,
        of: OrganisationId,
    ) -> Result<Vec<Application>> {
        let organisation = self.organisation(caller, of).await?;
        let mut seen = Vec::new();
        for one in self.dossiers_of::<Application>(of).await? {
            if self.sees_application(caller, (&one, &organisation)).await? {
                seen.push(one);
            }
        }
        Ok(seen)
    }

    /// Those of every organisation that the caller speaks for, oldest first within each.
    pub async fn my_applications(&self, caller: &Caller) -> Result<Vec<Application>> {
        let mut mine = Vec::new();
        for organisation in caller.organisations() {
            mine.extend(self.dossiers_of::<Application>(organisation).await?);
        }
        Ok(mine)
    }

    /// What waits for a decision, oldest first; for reviewers.
    pub async fn applications_to_decide(
        &self,
        caller: &Caller,
        after: Option<ApplicationId>,
    ) -> Result<Vec<Application>> {
        if !caller.is_reviewer() {
            return Err(Error::Forbidden("`reviewer`"));
        }
        self.dossiers_on(&Desk::Reviewers, after.as_ref()).await
    }

    /// One that the caller may see.
    pub async fn application(&self, caller: &Caller, id: ApplicationId) -> Result<Application> {
        let found: Option<Application> = self.dossier(&id).await?;
        let found = found.ok_or(Error::NotFound("application"))?;
        let organisation = match self.organisation(caller, found.organisation).await {
            Err(Error::NotFound(_)) => return Err(Error::NotFound("application")),
            organisation => organisation?,
        };
        let about = (&found, &organisation);
        if self.sees_application(caller, about).await? {
            return Ok(found);
        }
        Err(Error::NotFound("application"))
    }
}

pub(crate) fn find_mode<'e>(engine: &'e policy_engine::Engine, id: &str) -> Option<&'e AccessMode> {
    engine.modes().iter().find(|mode| mode.id == id)
}
