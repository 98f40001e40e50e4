//! What somebody still has to accept, and what that does to their jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use broker_model::{Job, PersonId, Placement, SiteId, TermsDocument, TermsScope};
use broker_store::{StoreError, StoredPlacement};
use serde::Deserialize;

use super::accept::accepted_at;
use crate::{Broker, Caller, Error, Result};

/// Sites that may not have somebody's job, with the version of their terms in force.
pub(crate) type UnacceptedSites = BTreeMap<SiteId, String>;

/// As much as is needed of what the first placing of a job rested on.
#[derive(Deserialize)]
struct First {
    #[serde(default)]
    unaccepted: UnacceptedSites,
}

impl Broker {
    /// The documents in force that somebody has not accepted. Where nothing is asked, nothing is read.
    pub(crate) async fn unaccepted_terms(
        &self,
        person: PersonId,
    ) -> Result<Vec<Arc<TermsDocument>>, StoreError> {
        let mut terms = self.terms_in_force();
        if !terms.is_empty() {
            let accepted = self.terms_accepted_by(person).await?;
            terms.retain(|it| accepted_at(it, &accepted).is_none());
        }
        Ok(terms)
    }

    /// Refuses whoever has not accepted the platform's terms. It comes before eligibility is decided, as
    /// nothing is to be decided, stored or entered of a project for somebody who has not agreed to it.
    pub(crate) async fn check_platform_terms(&self, caller: &Caller) -> Result<()> {
        let mut lacking = self.unaccepted_terms(caller.person).await?;
        lacking.retain(|it| it.scope == TermsScope::Platform);
        if lacking.is_empty() {
            return Ok(());
        }
        Err(Error::TermsNotAccepted(lacking))
    }

    /// Refuses a job that only sites could take whose terms its owner has not accepted.
    pub(crate) async fn check_site_terms(
        &self,
        caller: &Caller,
        placement: &Placement,
    ) -> Result<()> {
        let sites = broker_placement::only_for_terms(placement);
        if sites.is_empty() {
            return Ok(());
        }
        let lacking = self.unaccepted_terms_of(caller.person, &sites).await?;
        Err(Error::TermsNotAccepted(lacking))
    }

    pub(crate) async fn unaccepted_terms_of(
        &self,
        person: PersonId,
        sites: &BTreeSet<SiteId>,
    ) -> Result<Vec<Arc<TermsDocument>>, StoreError> {
        let mut lacking = self.unaccepted_terms(person).await?;
        lacking.retain(|it| it.scope.site().is_some_and(|site| sites.contains(site)));
        Ok(lacking)
    }

    pub(crate) async fn unaccepted_sites(
        &self,
        person: PersonId,
    ) -> Result<UnacceptedSites, StoreError> {
        let lacking = self.unaccepted_terms(person).await?;
        let of_site = |it: &Arc<TermsDocument>| {
            let site = it.scope.site()?.clone();
            Some((site, it.version.clone()))
        };
        Ok(lacking.iter().filter_map(of_site).collect())
    }

    /// Sites that an accepted job was kept from when it was handed in, and whose terms its owner has not
    /// accepted since. Terms that came into force later do not touch it.
    pub(crate) async fn still_unaccepted(&self, job: &Job) -> Result<UnacceptedSites, StoreError> {
        let mut lacking = self.unaccepted_sites(job.owner).await?;
        if lacking.is_empty() {
            return Ok(lacking);
        }
        let placings = self.inner.store.placements_of(job.id).await?;
        let first = placings.first().map(first).transpose()?;
        lacking.retain(|site, _| {
            first
                .as_ref()
                .is_some_and(|it| it.unaccepted.contains_key(site))
        });
        Ok(lacking)
    }
}

fn first(stored: &StoredPlacement) -> Result<First, StoreError> {
    serde_json::from_str(&stored.inputs).map_err(|error| StoreError::Unreadable {
        table: "placings",
        reason: format!("{}: {error}", stored.job),
    })
}
