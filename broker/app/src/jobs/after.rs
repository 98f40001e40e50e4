//! Jobs that wait for others: where they can go, and what their scheduler has to be told.
//!
//! The scheduler watches over a dependency once both jobs are with it, so both have to be at one
//! system. What is over before that the broker judges itself: schedulers forget ended jobs, and some
//! take a forgotten one for a satisfied one.

use broker_model::{After, AfterWhen, Bound, InvalidSpec, Job, JobId, JobSpec, JobState};
use broker_store::StoreError;
use site_adapter::RemoteAfter;

use crate::{Broker, Error, Result};

/// What the jobs that a job waits for leave open.
#[derive(Debug)]
pub(crate) enum Dependencies {
    /// One of them ended otherwise than was asked for.
    Broken { words: String },
    /// They may all come true yet; `None` when nothing is left to wait for.
    Open {
        bound: Option<Bound>,
        /// Those that the scheduler has to watch over.
        live: Vec<RemoteAfter>,
    },
}

/// One of them, as it stands.
enum One {
    Satisfied,
    Broken(String),
    NotThere,
    Live(Bound, RemoteAfter),
}

impl Broker {
    pub(crate) async fn dependencies(&self, spec: &JobSpec) -> Result<Dependencies, StoreError> {
        let ids: Vec<JobId> = spec.after.iter().map(|after| after.job).collect();
        if ids.is_empty() {
            return Ok(Dependencies::Open {
                bound: None,
                live: Vec::new(),
            });
        }
        let jobs = self.inner.store.find_jobs(&ids).await?;
        Ok(judge(&spec.after, &jobs))
    }

    /// The same for a job that is handed in: it may name jobs of its own project only, and none that
    /// would keep it from ever starting.
    pub(crate) async fn bound_at_submission(&self, spec: &JobSpec) -> Result<Option<Bound>> {
        let ids: Vec<JobId> = spec.after.iter().map(|after| after.job).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        let jobs = self.inner.store.find_jobs(&ids).await?;
        let wrong: Vec<InvalidSpec> = spec
            .after
            .iter()
            .enumerate()
            .filter_map(|(at, after)| objection(at, after, spec, &jobs))
            .collect();
        if !wrong.is_empty() {
            return Err(Error::InvalidSpec(wrong));
        }
        match judge(&spec.after, &jobs) {
            Dependencies::Open { bound, .. } => Ok(bound),
            Dependencies::Broken { .. } => Ok(None),
        }
    }
}

fn objection(at: usize, after: &After, spec: &JobSpec, jobs: &[Job]) -> Option<InvalidSpec> {
    let known = jobs
        .iter()
        .find(|job| job.id == after.job && job.spec.project == spec.project);
    let reason = match known.map(|job| stands(after, job)) {
        None => "the project has no such job".to_owned(),
        Some(One::Broken(words)) => format!("{words}, so this job would never start"),
        Some(_) => return None,
    };
    Some(InvalidSpec {
        field: format!("after[{at}].job"),
        reason,
        allowed: "a job of the same project that is not over, or has ended as `when` asks"
            .to_owned(),
    })
}

fn judge(after: &[After], jobs: &[Job]) -> Dependencies {
    let (mut bound, mut live) = (None, Vec::new());
    for one in after {
        let stands = match jobs.iter().find(|job| job.id == one.job) {
            Some(job) => stands(one, job),
            None => One::Broken(format!("{} is not known any more", one.job)),
        };
        match stands {
            One::Satisfied => {}
            One::Broken(words) => {
                return Dependencies::Broken { words };
            }
            One::NotThere => bound = Some(Bound::Nowhere { job: one.job }),
            One::Live(here, remote) => {
                bound = Some(tighter(bound, here));
                live.push(remote);
            }
        }
    }
    Dependencies::Open { bound, live }
}

/// Two systems at once are nowhere, until one of the jobs is over.
fn tighter(before: Option<Bound>, here: Bound) -> Bound {
    match (before, here) {
        (None, here) => here,
        (Some(nowhere @ Bound::Nowhere { .. }), _) => nowhere,
        (Some(first), here) if same_system(&first, &here) => first,
        (Some(_), Bound::To { job, .. } | Bound::Nowhere { job }) => Bound::Nowhere { job },
    }
}

fn same_system(one: &Bound, other: &Bound) -> bool {
    let at = |bound: &Bound| match bound {
        Bound::To { site, system, .. } => Some((site.clone(), system.clone())),
        Bound::Nowhere { .. } => None,
    };
    at(one) == at(other)
}

fn stands(after: &After, job: &Job) -> One {
    if let Some(outcome) = job.state.outcome() {
        return if after.when.fits(outcome.kind) {
            One::Satisfied
        } else {
            One::Broken(format!(
                "{} has ended as {}, and it had to be {}",
                job.id,
                job.state.name().as_str(),
                asked(after.when)
            ))
        };
    }
    let (JobState::Queued {
        partition,
        remote_id,
        ..
    }
    | JobState::Running {
        partition,
        remote_id,
        ..
    }) = &job.state
    else {
        return One::NotThere;
    };
    let Some(attempt) = job.attempt else {
        return One::NotThere;
    };
    let bound = Bound::To {
        job: job.id,
        site: partition.site.clone(),
        system: partition.system.clone(),
    };
    let remote = RemoteAfter {
        marker: attempt.to_string(),
        remote: remote_id.clone(),
        when: after.when,
    };
    One::Live(bound, remote)
}

const fn asked(when: AfterWhen) -> &'static str {
    match when {
        AfterWhen::Completed => "completed",
        AfterWhen::Failed => "anything but completed",
        AfterWhen::Ended => "over",
    }
}
