//! Evidence that organisations hand in, its files, and what reviewers find.

mod check;
mod files;
mod hand_in;

use broker_model::{Evidence, EvidenceId, OrganisationId};

pub use files::{FileStore, Upload};

use crate::{Broker, Caller, Error, Result};

impl Broker {
    /// All that an organisation ever handed in, oldest first.
    pub async fn evidence(&self, caller: &Caller, of: OrganisationId) -> Result<Vec<Evidence>> {
        self.organisation(caller, of).await?;
        self.dossiers_of(of).await
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
        let found = found.filter(|it| it.organisation == of);
        found.ok_or(Error::NotFound("evidence"))
    }
}
