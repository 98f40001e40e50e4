use broker_model::{
    AllocationId, AttemptId, Job, JobId, JobState, OrganisationId, PartitionRef, PersonId,
    ProjectId, RemoteId, SiteId, StateName,
};
use broker_store::{JobFilter, Page};
use jiff::Timestamp;

use crate::{Broker, Caller, Error, Result};

/// A job at a site, as its administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteJob {
    pub job: JobId,
    pub attempt: Option<AttemptId>,
    pub remote_id: Option<RemoteId>,
    pub partition: PartitionRef,
    pub project: ProjectId,
    /// What pays for it.
    pub allocation: AllocationId,
    pub organisation: Option<OrganisationId>,
    pub state: StateName,
    /// When it was handed in here, changed last, and started at the site.
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub started_at: Option<Timestamp>,
    /// The pseudonym of whoever handed it in.
    pub person: PersonId,
    /// Only for those who may see names.
    pub name: Option<String>,
}

#[derive(Clone, Debug)]
pub struct SiteJobs {
    pub jobs: Vec<SiteJob>,
    pub next: Option<JobId>,
}

impl Broker {
    /// What a site has that is not over, newest first; for its administrators. For others it is not
    /// there.
    pub async fn site_jobs(
        &self,
        caller: &Caller,
        site: &SiteId,
        page: Page<JobId>,
    ) -> Result<SiteJobs> {
        if !caller.is_admin_of(site) || self.board().find(site).is_none() {
            return Err(Error::NotFound("site that you administer"));
        }
        let filter = JobFilter {
            site: Some(site.clone()),
            active: true,
            ..JobFilter::default()
        };
        let limit = page.limit.clamp(1, 200);
        let page = Page {
            limit: limit + 1,
            before: page.before,
        };
        let mut jobs = self.inner.store.list_jobs(&filter, &page).await?;
        let more = jobs.len() > limit as usize;
        jobs.truncate(limit as usize);
        let next = jobs.last().map(|job| job.id).filter(|_| more);
        let mut listed = Vec::with_capacity(jobs.len());
        for job in jobs {
            listed.extend(self.site_job(job, caller.sees_people_of(site)).await?);
        }
        Ok(SiteJobs { jobs: listed, next })
    }

    async fn site_job(&self, job: Job, sees_people: bool) -> Result<Option<SiteJob>> {
        let (partition, remote_id, started_at) = match &job.state {
            JobState::Placed { partition } => (partition, None, None),
            JobState::Queued {
                partition,
                remote_id,
                ..
            } => (partition, Some(remote_id), None),
            JobState::Running {
                partition,
                remote_id,
                started_at,
            } => (partition, Some(remote_id), Some(*started_at)),
            JobState::Held {
                partition: Some(partition),
                ..
            } => (partition, None, None),
            _ => return Ok(None),
        };
        let organisation = match self.standing(job.spec.project).await {
            Ok(standing) => Some(standing.organisation.id),
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        let name = self.name_of(job.owner, sees_people).await?;
        Ok(Some(SiteJob {
            job: job.id,
            attempt: job.attempt,
            remote_id: remote_id.cloned(),
            partition: partition.clone(),
            project: job.spec.project,
            allocation: job.allocation,
            organisation,
            state: job.state.name(),
            created_at: job.created_at,
            updated_at: job.updated_at,
            started_at,
            person: job.owner,
            name,
        }))
    }
}
