use broker_model::{
    Confirmation, ConfirmationView, FundingShare, Ground, HoldReason, Job, JobId, Organisation,
    PartitionRef, Project, SiteId,
};
use broker_store::StoreError;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::replay::digest;
use crate::{Broker, Caller, Error, MOST_AT_ONCE, Result};

impl Broker {
    /// What waits for a site's confirmation, oldest first, for its administrators and for operators;
    /// after `after` if given. Fewer than [`MOST_AT_ONCE`] are the last.
    pub async fn confirmations(
        &self,
        caller: &Caller,
        site: &SiteId,
        after: Option<JobId>,
    ) -> Result<Vec<ConfirmationView>> {
        self.check_manages(caller, site)?;
        let sees_people = caller.sees_people_of(site);
        self.waiting_at(site, after, sees_people).await
    }

    /// The same for the site's agent, whose transport knows for which site it may speak: by pseudonym.
    pub async fn confirmations_at(
        &self,
        site: &SiteId,
        after: Option<JobId>,
    ) -> Result<Vec<ConfirmationView>> {
        self.waiting_at(site, after, false).await
    }

    async fn waiting_at(
        &self,
        site: &SiteId,
        after: Option<JobId>,
        sees_people: bool,
    ) -> Result<Vec<ConfirmationView>> {
        let (mut shown, mut after) = (Vec::new(), after);
        loop {
            let held = self.inner.store.held_jobs(site, after, MOST_AT_ONCE);
            let held = held.await?;
            let is_last = held.len() < MOST_AT_ONCE as usize;
            after = held.last().map(|job| job.id);
            for job in held {
                shown.extend(self.shown(job, sees_people).await?);
            }
            if is_last || shown.len() >= MOST_AT_ONCE as usize {
                shown.truncate(MOST_AT_ONCE as usize);
                return Ok(shown);
            }
        }
    }

    /// What sites said to a job of the caller's, oldest first.
    pub async fn confirmations_of(&self, caller: &Caller, id: JobId) -> Result<Vec<Confirmation>> {
        self.job(caller, id).await?;
        Ok(self.inner.store.confirmations_of(id).await?)
    }

    /// `None` for a job that waits for something else.
    async fn shown(&self, job: Job, sees_people: bool) -> Result<Option<ConfirmationView>> {
        let Some((HoldReason::Confirmation, since)) = job.state.waits_for() else {
            return Ok(None);
        };
        let Some(at) = job.state.partition().cloned() else {
            return Ok(None);
        };
        let store = &self.inner.store;
        let project = store.find_project(job.spec.project).await?;
        let project = project.ok_or(Error::NotFound("project"))?;
        let organisation = store.find_organisation(project.organisation).await?;
        let organisation = organisation.ok_or(Error::NotFound("organisation"))?;
        let allocation = store.find_allocation(job.allocation).await?;
        let share = allocation.ok_or(Error::NotFound("allocation"))?.share;
        let decision = store.find_decision(job.decision).await?;
        let decision = decision.ok_or(Error::NotFound("decision"))?;
        let grounds = grounds(&decision.document)?;
        let owner_name = self.name_of(job.owner, sees_people).await?;
        let view = self.view(job, (at, since), (project, organisation), (share, grounds));
        Ok(Some(ConfirmationView { owner_name, ..view }))
    }

    fn view(
        &self,
        job: Job,
        (partition, waits_since): (PartitionRef, Timestamp),
        (project, organisation): (Project, Organisation),
        (share, grounds): (FundingShare, Vec<Ground>),
    ) -> ConfirmationView {
        let target = self.board().partition(&partition);
        let target = target.map(|it| it.container_target);
        let variant = target.and_then(|it| job.spec.variants.get(&it)).cloned();
        let (image, script) = variant.map_or((None, String::new()), |it| (it.image, it.script));
        ConfirmationView {
            job: job.id,
            name: job.spec.name,
            expires_at: self.confirmation_ends(waits_since),
            partition,
            waits_since,
            owner: job.owner,
            owner_name: None,
            project: project.id,
            project_name: project.name,
            call_reference: project.call_reference,
            sectors: project.sectors,
            allocation: job.allocation,
            organisation: organisation.id,
            organisation_name: organisation.name,
            country: organisation.country,
            size: organisation.size,
            share,
            held_unit_ms: job.held,
            resources: job.spec.resources,
            data: job.spec.data,
            image,
            script_sha256: digest(&script),
            script,
            decision: job.decision,
            grounds,
        }
    }

    pub(crate) fn confirmation_ends(&self, since: Timestamp) -> Timestamp {
        let wait = SignedDuration::try_from(self.inner.limits.confirmation);
        since
            .saturating_add(wait.unwrap_or(SignedDuration::MAX))
            .unwrap_or(Timestamp::MAX)
    }
}

/// The rules of a stored decision, of which no more is needed than what is shown.
fn grounds(document: &str) -> Result<Vec<Ground>, StoreError> {
    #[derive(Deserialize)]
    struct Stored {
        decision: Spoken,
    }
    #[derive(Deserialize)]
    struct Spoken {
        rules: Vec<Ground>,
    }
    let stored: Stored =
        serde_json::from_str(document).map_err(|error| StoreError::Unreadable {
            table: "decisions",
            reason: error.to_string(),
        })?;
    Ok(stored.decision.rules)
}
