use std::sync::Arc;

use broker_model::{
    Allocation, AllocationScope, Evidence, Organisation, OrganisationId, Project, ProjectId,
};
use moka::future::Cache;

use crate::follow_ups::Owed;
use crate::shares::SpentAt;
use crate::{Broker, Caller, Error, Limits, Result};

/// What eligibility is decided on: the project, its organisation with its evidence, its allocations.
#[derive(Clone, Debug)]
pub struct Standing {
    pub project: Project,
    pub organisation: Organisation,
    pub evidence: Vec<Evidence>,
    /// Records of screening, refused ones too: a record that was found bad is no record of nothing.
    pub screenings: Vec<Evidence>,
    /// With its last days: what of it is overdue is found when it is asked.
    pub(crate) owed: Vec<Owed>,
    /// What was used at each system, where an allocation is of one.
    pub(crate) used: Arc<SpentAt>,
    /// The one that ends first comes first: hours that lapse soon are used first.
    pub allocations: Vec<Allocation>,
}

/// Standings read lately, one reader at a time per project.
#[derive(Debug)]
pub(crate) struct Standings {
    known: Cache<ProjectId, Arc<Standing>>,
}

impl Standings {
    pub(crate) fn new(limits: &Limits) -> Self {
        let known = Cache::builder()
            .max_capacity(10_000)
            .time_to_live(limits.standing_ttl)
            .build();
        Self { known }
    }
}

impl Broker {
    /// The projects the caller works in, read now; an operator works in none by that role.
    pub async fn my_projects(&self, caller: &Caller) -> Result<Vec<Standing>> {
        let mut standings = Vec::new();
        for project in caller.projects().unwrap_or_default() {
            match self.read_standing(project).await {
                Ok(standing) => standings.push(standing),
                // An entitlement may name a project that was not brought in yet.
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(standings)
    }

    pub(crate) async fn standing(&self, project: ProjectId) -> Result<Arc<Standing>> {
        let read = async { self.read_standing(project).await.map(Arc::new) };
        self.inner
            .standings
            .known
            .try_get_with(project, read)
            .await
            .map_err(|error| match &*error {
                Error::Store(store) => Error::Store(store.clone()),
                _ => Error::NotFound("project"),
            })
    }

    pub(crate) async fn forget_standing(&self, project: ProjectId) {
        self.inner.standings.known.invalidate(&project).await;
    }

    async fn read_standing(&self, id: ProjectId) -> Result<Standing> {
        let store = &self.inner.store;
        let project = store
            .find_project(id)
            .await?
            .ok_or(Error::NotFound("project"))?;
        let organisation = store
            .find_organisation(project.organisation)
            .await?
            .ok_or(Error::NotFound("organisation"))?;
        let evidence = self.standing_evidence(organisation.id).await?;
        let screenings = self.screenings(organisation.id).await?;
        let owed = self.owed_by(organisation.id).await?;
        let mut allocations = store.allocations_of(id).await?;
        let of_one = |it: &Allocation| it.scope != AllocationScope::Federation;
        let used = if allocations.iter().any(of_one) {
            self.used_lately().await?
        } else {
            Arc::default()
        };
        allocations.sort_by_key(|allocation| allocation.valid_until);
        Ok(Standing {
            project,
            organisation,
            evidence,
            screenings,
            owed,
            used,
            allocations,
        })
    }

    /// What may count, by kind, the newest of each first.
    pub(crate) async fn standing_evidence(&self, of: OrganisationId) -> Result<Vec<Evidence>> {
        let mut evidence: Vec<Evidence> = self.dossiers_of(of).await?;
        evidence.retain(|it| it.stands() && it.person.is_none());
        evidence.sort_by(|a, b| {
            let newest_first =
                |it: &Evidence| (std::cmp::Reverse(it.issued_on), std::cmp::Reverse(it.id));
            (&a.kind, newest_first(a)).cmp(&(&b.kind, newest_first(b)))
        });
        Ok(evidence)
    }
}
