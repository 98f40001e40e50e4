use broker_model::{
    AgentId, Allocation, Attempt, AttemptState, EntryBody, EntryKind, HandoffRef, Job, JobId,
    PartitionRef, Site, SiteId,
};
use broker_store::{CommitError, Entity, StoreError};
use site_adapter::AttemptReport;

use super::batch::Batch;
use super::lexis::{LexisNames, workflow};
use crate::agents::Step;
use crate::authority::Authority;
use crate::jobs::job_entry;
use crate::replay::{BoardParts, PlacingInputs, digest};
use crate::{Broker, Caller, Error, Result};

const TRIES: u32 = 5;

/// What a person takes to a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A batch script for the system's scheduler.
    Script,
    /// A LEXIS Workflow Definition.
    Lexis(LexisNames),
}

/// A prepared job: the same bytes however often it is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub file_name: String,
    pub text: String,
}

impl Broker {
    /// Gives the prepared job to a member of its project or an administrator of its site. Once anybody
    /// has it, it may be at the site: from the first time on only the site's word moves the job.
    pub async fn handoff(&self, caller: &Caller, id: JobId, form: &Form) -> Result<Fetched> {
        if let Form::Lexis(names) = form {
            names.validate().map_err(Error::InvalidSpec)?;
        }
        let by = Authority {
            person: caller.person,
            agent: None,
        };
        for _ in 0..TRIES {
            let carried = self.handed_over_of(caller, id).await?;
            if let Some(fetched) = self.fetch(by, carried, form).await? {
                return Ok(fetched);
            }
        }
        Err(Error::Contended)
    }

    /// Gives the batch script to a local person of its site, through the site's agent.
    pub async fn handoff_at(
        &self,
        by: (AgentId, &str),
        site: &SiteId,
        id: HandoffRef,
    ) -> Result<Fetched> {
        let by = self.local_authority(by, site).await?;
        for _ in 0..TRIES {
            let (job, attempt) = self.carried_to(site, id).await?;
            let carried = still_carried(job, Some(attempt))?;
            if let Some(fetched) = self.fetch(by, carried, &Form::Script).await? {
                return Ok(fetched);
            }
        }
        Err(Error::Contended)
    }

    /// `None` when somebody else moved the job meanwhile.
    async fn fetch(
        &self,
        by: Authority,
        (job, attempt): (Job, Attempt),
        form: &Form,
    ) -> Result<Option<Fetched>> {
        let fetched = self.prepared(&job, &attempt, form).await?;
        if attempt.state != AttemptState::Leased {
            return Ok(Some(fetched));
        }
        let allocation = self.inner.store.find_allocation(job.allocation).await?;
        let allocation = allocation.ok_or(Error::NotFound("allocation"))?;
        if let Some(words) = self.barred(&job, &allocation, &attempt.partition) {
            return Err(Error::NotWaiting(words));
        }
        let mut entry = handoff_entry(&job, &attempt, EntryKind::JobHandoffPrepared)
            .with("sha256", digest(&fetched.text));
        by.sign(&mut entry);
        let announced = AttemptReport::Submitting {
            attempt: attempt.id,
        };
        let mut step = Step::new(self, job, attempt);
        step.enter(entry);
        step.apply(&announced).await?;
        match step.commit().await {
            Ok(()) => Ok(Some(fetched)),
            Err(CommitError::Conflict(Entity::Job | Entity::Attempt)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A job that is handed over, with the attempt in which it is.
    pub(super) async fn handed_over_of(
        &self,
        caller: &Caller,
        id: JobId,
    ) -> Result<(Job, Attempt)> {
        let job = self.inner.store.find_job(id).await?;
        let at = |job: &Job| job.state.partition().map(|at| at.site.clone());
        let may = |job: &Job| {
            caller.may_use(job.spec.project)
                || at(job).is_some_and(|site| caller.administers(&site))
        };
        let job = job.filter(may).ok_or(Error::NotFound("job"))?;
        let attempt = match job.attempt {
            Some(attempt) => self.inner.store.find_attempt(attempt).await?,
            None => None,
        };
        still_carried(job, attempt)
    }

    async fn prepared(&self, job: &Job, attempt: &Attempt, form: &Form) -> Result<Fetched> {
        let at = &attempt.partition;
        let (site, allocation) = self.as_placed(job.id, at).await?;
        let system = site.systems.iter().find(|it| it.id == at.system);
        let partitions = system.into_iter().flat_map(|it| &it.partitions);
        let partition = partitions.into_iter().find(|it| it.id == at.partition);
        let (Some(system), Some(partition)) = (system, partition) else {
            return Err(unreadable("the partition is not in the site's file").into());
        };
        if let Form::Lexis(names) = form {
            return Ok(Fetched {
                file_name: format!("{}.lwd.yaml", attempt.id),
                text: workflow(job, attempt, partition.scheduler_gpus_per_gpu, names),
            });
        }
        let variant = job.spec.variants.get(&partition.container_target);
        let batch = Batch {
            attempt: attempt.id,
            name: &job.spec.name,
            resources: &job.spec.resources,
            partition,
            variant: variant.ok_or_else(|| unreadable("the job has no variant for it"))?,
            account: allocation.local_accounts.get(&at.site).map(String::as_str),
        };
        let text = match system.scheduler.as_deref() {
            Some("slurm") => batch.slurm(),
            Some("pbs") => batch.pbs(),
            _ => {
                let words = "its system takes no batch script that this broker can write";
                return Err(Error::NotWaiting(words.to_owned()));
            }
        };
        Ok(Fetched {
            file_name: format!("{}.sh", attempt.id),
            text,
        })
    }

    /// Site and allocation as the job was placed on them: a site's file may be another by now, and a
    /// script that was fetched once stays what it is.
    async fn as_placed(&self, id: JobId, at: &PartitionRef) -> Result<(Site, Allocation)> {
        let store = &self.inner.store;
        let placed = store.placements_of(id).await?.pop();
        let placed = placed.ok_or_else(|| unreadable("its placing is not there"))?;
        let inputs: PlacingInputs = read(&placed.inputs)?;
        let document = async |name: &str| {
            let document = store.find_board_document(name).await?;
            document.ok_or_else(|| unreadable("what it was placed on is not there"))
        };
        let board: BoardParts = read(&document(&inputs.board).await?)?;
        for part in board.sites {
            let site: Site = read(&document(&part.site).await?)?;
            if site.id == at.site {
                return Ok((site, inputs.allocation));
            }
        }
        Err(unreadable("its site was not on the board").into())
    }
}

fn still_carried(job: Job, attempt: Option<Attempt>) -> Result<(Job, Attempt)> {
    let attempt = attempt.filter(|it| it.is_handed_over() && !it.state.is_over());
    match attempt {
        Some(attempt) => Ok((job, attempt)),
        None => Err(Error::NotWaiting(format!(
            "this job is {} and there is nothing to hand in by hand",
            job.state.name().as_str()
        ))),
    }
}

pub(super) fn handoff_entry(job: &Job, attempt: &Attempt, kind: EntryKind) -> EntryBody {
    let mut entry = job_entry(job, kind).with("partition", attempt.partition.to_string());
    entry.attempt = Some(attempt.id);
    entry.site = Some(attempt.partition.site.clone());
    entry
}

fn read<T: serde::de::DeserializeOwned>(document: &str) -> Result<T> {
    serde_json::from_str(document).map_err(|error| unreadable(&error.to_string()).into())
}

fn unreadable(reason: &str) -> StoreError {
    StoreError::Unreadable {
        table: "placings",
        reason: reason.to_owned(),
    }
}
