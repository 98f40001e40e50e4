//! Legal entities as their own people describe them, and who speaks for them.

mod audited;
mod describe;
mod draft;
mod linked;
mod size;

use broker_model::{EntryBody, EntryKind, Organisation, OrganisationId, Role};
use broker_store::Page;

pub(crate) use draft::check_country;
pub use linked::{Undertaking, UndertakingMember};
pub use size::OrganisationSize;
pub(crate) use size::size_on;

use crate::replay::digest;
use crate::{Broker, Caller, Error, Result};

impl Caller {
    /// Speaks for the organisation.
    pub fn represents(&self, organisation: OrganisationId) -> bool {
        self.roles.contains(&Role::Representative { organisation })
    }

    pub fn is_reviewer(&self) -> bool {
        self.roles.contains(&Role::Reviewer)
    }

    /// Sees every organisation with what it handed in.
    pub(crate) fn sees_all_organisations(&self) -> bool {
        self.is_operator() || self.is_reviewer()
    }

    /// The organisations this person speaks for.
    pub fn organisations(&self) -> Vec<OrganisationId> {
        let organisation = |role: &Role| match role {
            Role::Representative { organisation } => Some(*organisation),
            _ => None,
        };
        self.roles.iter().filter_map(organisation).collect()
    }
}

impl Broker {
    /// Those the caller speaks for, by id. Reviewers, auditors and operators see all, newest first, page by page;
    /// auditors of one share what belongs to it.
    pub async fn organisations(
        &self,
        caller: &Caller,
        page: &Page<OrganisationId>,
    ) -> Result<Vec<Organisation>> {
        let store = &self.inner.store;
        if caller.sees_all_organisations() || caller.audits_every_share() {
            return Ok(store.list_organisations(page).await?);
        }
        if caller.is_auditor() {
            return self.audited_organisations(caller, page).await;
        }
        Ok(store.find_organisations(&caller.organisations()).await?)
    }

    /// One that the caller speaks for, or may look at.
    pub async fn organisation(&self, caller: &Caller, id: OrganisationId) -> Result<Organisation> {
        let found = self.inner.store.find_organisation(id).await?;
        let found = found.ok_or(Error::NotFound("organisation"))?;
        let is_seen = caller.represents(id)
            || caller.sees_all_organisations()
            || self.is_audited(caller, &found).await?;
        is_seen
            .then_some(found)
            .ok_or(Error::NotFound("organisation"))
    }

    /// The same for who acts in its name.
    pub(crate) async fn represented(
        &self,
        caller: &Caller,
        id: OrganisationId,
    ) -> Result<Organisation> {
        let organisation = self.organisation(caller, id).await?;
        if caller.represents(id) {
            return Ok(organisation);
        }
        Err(Error::Forbidden("`representative` of this organisation"))
    }

    /// Refuses who belongs to an organisation and would decide about it.
    pub(crate) async fn check_reviews(&self, caller: &Caller, of: OrganisationId) -> Result<()> {
        if !caller.is_reviewer() {
            return Err(Error::Forbidden("`reviewer`"));
        }
        let mut own = caller.represents(of);
        for project in self.inner.store.projects_of(of).await? {
            own |= caller.may_use(project.id);
        }
        if own {
            return Err(Error::ConflictOfInterest);
        }
        Ok(())
    }

    /// An entry on something of an organisation, by somebody.
    pub(crate) fn organisation_entry(
        &self,
        kind: EntryKind,
        (caller, of): (&Caller, OrganisationId),
    ) -> EntryBody {
        let mut entry = EntryBody::new(self.inner.clock.now(), kind);
        entry.actor = Some(caller.person);
        entry.organisation = Some(of);
        entry
    }

    /// Facts of an organisation are read for each of its projects.
    pub(crate) async fn forget_standings_of(&self, of: OrganisationId) -> Result<()> {
        for project in self.inner.store.projects_of(of).await? {
            self.forget_standing(project.id).await;
        }
        Ok(())
    }
}

/// Names the state that an organisation is described in.
#[expect(
    clippy::expect_used,
    reason = "plain structs with text keys are always JSON"
)]
pub fn organisation_tag(organisation: &Organisation) -> String {
    let text = serde_json::to_string(organisation).expect("an organisation is always JSON");
    digest(&text)
}
