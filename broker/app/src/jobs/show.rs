use broker_model::{Attempt, Job, JobId, Placement, UsageRecord};
use broker_store::{JobFilter, Page, StoredDecision};

use crate::{Broker, Caller, Error, Result};

/// A page of jobs, newest first.
#[derive(Clone, Debug)]
pub struct JobPage {
    pub jobs: Vec<Job>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<JobId>,
}

impl Broker {
    /// Finds a job the caller may see; a foreign one is not there.
    pub async fn job(&self, caller: &Caller, id: JobId) -> Result<Job> {
        let job = self.inner.reads.find(&self.inner.store, id).await?;
        job.filter(|job| caller.may_see(job.spec.project))
            .ok_or(Error::NotFound("job"))
    }

    /// Lists jobs of the caller's projects; `filter.projects` narrows, never widens.
    pub async fn jobs(
        &self,
        caller: &Caller,
        filter: JobFilter,
        page: Page<JobId>,
    ) -> Result<JobPage> {
        let projects = match (caller.projects(), filter.projects) {
            (None, asked) => asked,
            (Some(mine), None) => Some(mine),
            (Some(mine), Some(asked)) => Some(
                asked
                    .into_iter()
                    .filter(|project| mine.contains(project))
                    .collect(),
            ),
        };
        let limit = page.limit.clamp(1, 200);
        let filter = JobFilter { projects, ..filter };
        let one_more = Page {
            limit: limit + 1,
            before: page.before,
        };
        let mut jobs = self.inner.store.list_jobs(&filter, &one_more).await?;
        let more = jobs.len() > limit as usize;
        jobs.truncate(limit as usize);
        let next = more.then(|| jobs.last().map(|job| job.id)).flatten();
        Ok(JobPage { jobs, next })
    }

    pub async fn placement(&self, caller: &Caller, id: JobId) -> Result<Placement> {
        self.job(caller, id).await?;
        self.inner
            .store
            .find_placement(id)
            .await?
            .ok_or(Error::NotFound("placement"))
    }

    /// The eligibility decision a job was accepted under, as it was stored.
    pub async fn decision_of(&self, caller: &Caller, id: JobId) -> Result<StoredDecision> {
        let job = self.job(caller, id).await?;
        self.inner
            .store
            .find_decision(job.decision)
            .await?
            .ok_or(Error::NotFound("decision"))
    }

    pub async fn attempts(&self, caller: &Caller, id: JobId) -> Result<Vec<Attempt>> {
        self.job(caller, id).await?;
        Ok(self.inner.store.attempts_of(id).await?)
    }

    pub async fn usage_of(&self, caller: &Caller, id: JobId) -> Result<Vec<UsageRecord>> {
        self.job(caller, id).await?;
        Ok(self.inner.store.usage_of(id).await?)
    }
}
