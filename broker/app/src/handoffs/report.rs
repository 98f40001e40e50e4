use broker_model::{
    Attempt, AttemptState, EntryKind, InvalidSpec, Job, JobId, Outcome, RemoteId, SiteId,
};
use broker_store::{Change, CommitError, Entity};
use jiff::{SignedDuration, Timestamp};
use site_adapter::{AttemptReport, Seen, UsageReport};

use super::fetch::handoff_entry;
use crate::agents::Step;
use crate::{Broker, Caller, Error, Result};

const TRIES: u32 = 5;
/// How far the clock of whoever tells may be off, as for what agents tell of usage.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);

/// What a site tells of a job that a person handed in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandoffReport {
    Submitted {
        remote_id: RemoteId,
        submitted_at: Timestamp,
    },
    Started {
        started_at: Timestamp,
    },
    Ended {
        ended_at: Timestamp,
        outcome: Outcome,
    },
    /// From the site's accounting; `None` where it has no record. Settles the job.
    Usage(Option<UsageReport>),
    /// The site does not take it, or it never came: the job may go elsewhere.
    Declined {
        reason: String,
    },
}

impl HandoffReport {
    const fn event(&self) -> &'static str {
        match self {
            Self::Submitted { .. } => "submitted",
            Self::Started { .. } => "started",
            Self::Ended { .. } => "ended",
            Self::Usage(_) => "usage",
            Self::Declined { .. } => "declined",
        }
    }
}

impl Broker {
    /// Takes what an administrator of the site tells. What was told before changes nothing; what does
    /// not fit, such as a start before the site has it, is refused with what is to be told first.
    pub async fn report_handoff(
        &self,
        caller: &Caller,
        site: &SiteId,
        id: JobId,
        report: &HandoffReport,
    ) -> Result<Job> {
        if self.board().find(site).is_none() {
            return Err(Error::NotFound("site"));
        }
        if !caller.administers(site) {
            return Err(Error::Forbidden("site administrator of this site"));
        }
        for _ in 0..TRIES {
            let (job, attempt) = self.carried_to(site, id).await?;
            check(&attempt, &job, report, self.inner.clock.now())?;
            let mut entry = handoff_entry(&job, &attempt, EntryKind::JobHandoffReported)
                .with("by", "site")
                .with("event", report.event());
            entry.actor = Some(caller.person);
            let told = told(attempt.id, report);
            let mut step = Step::new(self, job, attempt);
            step.enter(entry);
            for event in &told {
                step.apply(event).await?;
            }
            match step.commit().await {
                Ok(()) => {
                    let job = self.inner.store.find_job(id).await?;
                    return job.ok_or(Error::NotFound("job"));
                }
                Err(CommitError::Conflict(Entity::Job | Entity::Attempt)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Contended)
    }

    /// Takes down that a member of the project says to have handed it in. The site's word is awaited all
    /// the same: this is nothing that is charged or shown by.
    pub async fn claim_handed_in(
        &self,
        caller: &Caller,
        id: JobId,
        remote_id: Option<&RemoteId>,
    ) -> Result<Job> {
        for _ in 0..TRIES {
            let (job, attempt) = self.handed_over_of(caller, id).await?;
            if !caller.may_use(job.spec.project) {
                return Err(Error::NotFound("job"));
            }
            let mut entry = handoff_entry(&job, &attempt, EntryKind::JobHandoffReported)
                .with("by", "owner")
                .with("event", "handed_in")
                .with("verified", false);
            if let Some(remote_id) = remote_id {
                entry = entry.with("remote_id", remote_id.to_string());
            }
            entry.actor = Some(caller.person);
            let announced = AttemptReport::Submitting {
                attempt: attempt.id,
            };
            let claimed = if attempt.state == AttemptState::Leased {
                let mut step = Step::new(self, job.clone(), attempt);
                step.enter(entry);
                step.apply(&announced).await?;
                step.commit().await
            } else {
                let entries = vec![entry];
                let claim = Change {
                    entries,
                    ..Change::default()
                };
                self.commit(claim).await.map(drop)
            };
            match claimed {
                Ok(()) => return Ok(job),
                Err(CommitError::Conflict(Entity::Job | Entity::Attempt)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Contended)
    }

    /// The open attempt that a person has carried to this site, and its job.
    async fn carried_to(&self, site: &SiteId, id: JobId) -> Result<(Job, Attempt)> {
        let job = self.inner.store.find_job(id).await?;
        let job = job.ok_or(Error::NotFound("handoff"))?;
        let attempts = self.inner.store.attempts_of(id).await?;
        let theirs = |it: &Attempt| it.is_handed_over() && it.partition.site == *site;
        let last = attempts.into_iter().rfind(theirs);
        let attempt = last.ok_or(Error::NotFound("handoff"))?;
        if attempt.settled {
            let words = "nothing is left to be told of it: it is settled".to_owned();
            return Err(Error::NotWaiting(words));
        }
        Ok((job, attempt))
    }
}

fn told(attempt: broker_model::AttemptId, report: &HandoffReport) -> Vec<AttemptReport> {
    let one = match report.clone() {
        HandoffReport::Submitted {
            remote_id,
            submitted_at,
        } => {
            let seen = Seen {
                remote_id,
                submitted_at,
            };
            AttemptReport::Accepted { attempt, seen }
        }
        HandoffReport::Started { started_at } => AttemptReport::Started {
            attempt,
            started_at,
        },
        HandoffReport::Ended { ended_at, outcome } => AttemptReport::Ended {
            attempt,
            ended_at,
            outcome,
        },
        HandoffReport::Usage(usage) => AttemptReport::Usage { attempt, usage },
        HandoffReport::Declined { reason } => AttemptReport::Refused { attempt, reason },
    };
    vec![one]
}

/// Refuses what cannot be so, or not yet.
fn check(attempt: &Attempt, job: &Job, report: &HandoffReport, now: Timestamp) -> Result<()> {
    use AttemptState::{Accepted, Ended, Leased, Submitting};
    let at = match report {
        HandoffReport::Submitted { submitted_at, .. } => Some(("submitted_at", *submitted_at)),
        HandoffReport::Started { started_at } => Some(("started_at", *started_at)),
        HandoffReport::Ended { ended_at, .. } => Some(("ended_at", *ended_at)),
        HandoffReport::Usage(_) | HandoffReport::Declined { .. } => None,
    };
    if let Some((field, at)) = at {
        check_time(field, at, attempt.created_at, now)?;
    }
    if let HandoffReport::Declined { reason } = report
        && (reason.trim().is_empty() || reason.len() > 1000)
    {
        let words = "whoever declines a job owes its user a reason";
        return Err(invalid("reason", words, "1 to 1000 bytes of text"));
    }
    let missing = match (report, &attempt.state) {
        (HandoffReport::Submitted { .. }, Leased | Submitting | Accepted { .. })
        | (HandoffReport::Started { .. }, Accepted { .. })
        | (HandoffReport::Ended { .. }, Accepted { .. } | Ended { .. })
        | (HandoffReport::Usage(_), Ended { .. })
        | (HandoffReport::Declined { .. }, Leased | Submitting) => return Ok(()),
        (HandoffReport::Usage(_), _) => "tell that it `ended` first",
        (_, Leased | Submitting) => "tell that it was `submitted` first",
        (HandoffReport::Declined { .. }, _) => "the site has it: tell that it `ended`",
        _ => "it has ended: tell its `usage`",
    };
    Err(Error::NotWaiting(format!(
        "the job is {}, and this does not fit; {missing}",
        job.state.name().as_str()
    )))
}

fn check_time(field: &str, at: Timestamp, created: Timestamp, now: Timestamp) -> Result<()> {
    if created.duration_since(at) > CLOCK_SKEW || at.duration_since(now) > CLOCK_SKEW {
        let words = format!("{at} cannot be: the job was prepared at {created}");
        return Err(invalid(field, &words, "a time from then until now"));
    }
    Ok(())
}

fn invalid(field: &str, reason: &str, allowed: &str) -> Error {
    Error::InvalidSpec(vec![InvalidSpec {
        field: field.to_owned(),
        reason: reason.to_owned(),
        allowed: allowed.to_owned(),
    }])
}
