use broker_model::{
    Confirmation, FundingShare, HoldReason, Job, JobId, Organisation, PartitionRef, Project,
    SiteId, Variant,
};
use broker_store::StoredDecision;
use jiff::{SignedDuration, Timestamp};

use crate::{Broker, Caller, Error, Result};

const AT_ONCE: u32 = 200;

/// A job that waits for a person of a site, with what they need to judge it. Its owner is there by
/// pseudonym only.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub job: Job,
    pub partition: PartitionRef,
    pub since: Timestamp,
    /// When no answer counts as declined.
    pub expires_at: Timestamp,
    pub project: Project,
    pub organisation: Organisation,
    pub share: FundingShare,
    /// What would run there; none when the partition takes other containers by now.
    pub variant: Option<Variant>,
    pub decision: StoredDecision,
}

impl Broker {
    /// What waits for a site's confirmation, oldest first, for its administrators and for operators;
    /// at most 200, after `after` if given.
    pub async fn confirmations(
        &self,
        caller: &Caller,
        site: &SiteId,
        after: Option<JobId>,
    ) -> Result<Vec<Waiting>> {
        if self.board().find(site).is_none() {
            return Err(Error::NotFound("site"));
        }
        if !caller.is_admin_of(site) {
            return Err(Error::Forbidden("site administrator of this site"));
        }
        self.confirmations_at(site, after).await
    }

    /// The same for the site's agent, whose transport knows for which site it may speak.
    pub async fn confirmations_at(
        &self,
        site: &SiteId,
        after: Option<JobId>,
    ) -> Result<Vec<Waiting>> {
        let store = &self.inner.store;
        let held = store.held_jobs(site, after, AT_ONCE).await?;
        let mut waiting = Vec::new();
        for job in held {
            waiting.extend(self.waiting(job).await?);
        }
        Ok(waiting)
    }

    /// What sites said to a job of the caller's, oldest first.
    pub async fn confirmations_of(&self, caller: &Caller, id: JobId) -> Result<Vec<Confirmation>> {
        self.job(caller, id).await?;
        Ok(self.inner.store.confirmations_of(id).await?)
    }

    async fn waiting(&self, job: Job) -> Result<Option<Waiting>> {
        let store = &self.inner.store;
        let Some((HoldReason::Confirmation, since)) = job.state.waits_for() else {
            return Ok(None);
        };
        let Some(partition) = job.state.partition().cloned() else {
            return Ok(None);
        };
        let project = store.find_project(job.spec.project).await?;
        let project = project.ok_or(Error::NotFound("project"))?;
        let organisation = store.find_organisation(project.organisation).await?;
        let allocation = store.find_allocation(job.allocation).await?;
        let decision = store.find_decision(job.decision).await?;
        let target = self.board().partition(&partition);
        let target = target.map(|it| &it.container_target);
        Ok(Some(Waiting {
            variant: target.and_then(|it| job.spec.variants.get(it)).cloned(),
            since,
            expires_at: self.confirmation_ends(since),
            partition,
            project,
            organisation: organisation.ok_or(Error::NotFound("organisation"))?,
            share: allocation.ok_or(Error::NotFound("allocation"))?.share,
            decision: decision.ok_or(Error::NotFound("decision"))?,
            job,
        }))
    }

    pub(crate) fn confirmation_ends(&self, since: Timestamp) -> Timestamp {
        let wait = SignedDuration::try_from(self.inner.limits.confirmation);
        since
            .saturating_add(wait.unwrap_or(SignedDuration::MAX))
            .unwrap_or(Timestamp::MAX)
    }
}
