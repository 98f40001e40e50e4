//! Evidence that organisations hand in, its files, and what reviewers find.

mod check;
pub(crate) mod days;
mod files;
mod hand_in;
mod screen;

use broker_model::{Evidence, EvidenceId, OrganisationId};

pub use files::{FileStore, Upload};

use crate::{Broker, Caller, Error, Result};

impl Broker {
    /// All that an organisation ever handed in, oldest first, and what reviewers recorded of it. What they recorded of
    /// one of its people is for that one and for reviewers.
    pub async fn evidence(&self, caller: &Caller, of: OrganisationId) -> Result<Vec<Evidence>> {
        self.organisation(caller, of).await?;
        let mut evidence: Vec<Evidence> = self.dossiers_of(of).await?;
        evidence.retain(|it| may_see(caller, it));
        Ok(evidence)
    }

    /// Evidence that nobody has looked at, oldest first; for reviewers.
    pub async fn unchecked_evidence(
        &self,
        caller: &Caller,
        after: Option<EvidenceId>,
    ) -> Result<Vec<Evidence>> {
        if !caller.is_reviewer() {
            return Err(Error::Forbidden("`reviewer`"));
        }
        let desk = broker_model::Desk::Reviewers;
        self.dossiers_on(&desk, after.as_ref()).await
    }

    /// One of this organisation's, for who may see that.
    pub(crate) async fn one_evidence(
        &self,
        caller: &Caller,
        (of, id): (OrganisationId, EvidenceId),
    ) -> Result<Evidence> {
        self.organisation(caller, of).await?;
        let found: Option<Evidence> = self.dossier(&id).await?;
        let found = found.filter(|it| it.organisation == of && may_see(caller, it));
        found.ok_or(Error::NotFound("evidence"))
    }
}

fn may_see(caller: &Caller, evidence: &Evidence) -> bool {
    caller.is_reviewer() || evidence.person.is_none_or(|it| it == caller.person)
}
