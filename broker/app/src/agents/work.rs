use broker_model::{Attempt, AttemptState, Job};
use site_adapter::{LeasedAttempt, PersonRef, Seen, Work};

use crate::{Broker, Result};

impl Broker {
    /// What an agent needs to go on with an attempt.
    pub(super) async fn leased(
        &self,
        job: &Job,
        attempt: &Attempt,
        work: Work,
    ) -> Result<LeasedAttempt> {
        let store = &self.inner.store;
        let allocation = store.find_allocation(job.allocation).await?;
        let site = &attempt.partition.site;
        let is_new = attempt.version == 1;
        let (stdout_offset, stderr_offset) = if is_new {
            (0, 0)
        } else {
            (
                store.log_length(attempt.id, "stdout").await?,
                store.log_length(attempt.id, "stderr").await?,
            )
        };
        Ok(LeasedAttempt {
            attempt: attempt.id,
            job: job.id,
            project: job.spec.project,
            person: self.owner_of(job).await?,
            account_hint: allocation.and_then(|a| a.local_accounts.get(site).cloned()),
            work,
            lease_until: attempt.lease_until,
            may_exist: !matches!(attempt.state, AttemptState::Leased),
            accepted: match &attempt.state {
                AttemptState::Accepted {
                    remote_id,
                    submitted_at,
                } => Some(Seen {
                    remote_id: remote_id.clone(),
                    submitted_at: *submitted_at,
                }),
                _ => None,
            },
            ended: matches!(attempt.state, AttemptState::Ended { .. }),
            cancel: job.cancel_requested_at.is_some() || job.attempt != Some(attempt.id),
            stdout_offset,
            stderr_offset,
        })
    }

    /// Whom the site is to map to an account of its own; nobody once the person is erased.
    async fn owner_of(&self, job: &Job) -> Result<Option<PersonRef>> {
        let person = self.inner.store.find_person(job.owner).await?;
        Ok(person.map(|person| PersonRef {
            id: person.id,
            issuer: person.issuer,
            subject: person.subject,
        }))
    }

    /// `None` when the registry no longer has the partition or the job no variant for it. What will
    /// not be sent again is tracked, stopped and metered all the same.
    pub(super) fn work(&self, job: &Job, attempt: &Attempt) -> Option<Work> {
        let partition = self.board().partition(&attempt.partition);
        let partition = partition.as_ref();
        let is_sent = matches!(
            attempt.state,
            AttemptState::Accepted { .. } | AttemptState::Ended { .. } | AttemptState::Lost
        );
        let variant = partition
            .and_then(|partition| job.spec.variants.get(&partition.container_target))
            .or_else(|| job.spec.variants.values().next().filter(|_| is_sent))?;
        Some(Work {
            name: job.spec.name.clone(),
            resources: job.spec.resources.clone(),
            image: variant.image.clone(),
            script: variant.script.clone(),
            partition: attempt.partition.clone(),
            scheduler_gpus_per_gpu: partition.map_or(1, |it| it.scheduler_gpus_per_gpu),
            exclusive: partition.is_some_and(|it| it.exclusive),
            restartable: job.spec.placement.restartable,
            array: job.spec.array,
            after: Vec::new(),
        })
    }
}
