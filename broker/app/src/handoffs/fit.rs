use broker_model::{
    Attempt, AttemptState, InvalidSpec, Job, JobState, Outcome, RemoteId, UsageRecord,
    checked_reason,
};
use jiff::{SignedDuration, Timestamp};
use site_adapter::{HandoffReport, UsageReport};

use crate::{Error, Result};

/// How far the clock of whoever tells may be off, as for what agents tell of usage.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);

/// What a report is to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    News,
    /// It was told before, word for word where it counts.
    Told,
}

/// What the site has told so far of one carried job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) job: &'a Job,
    pub(super) attempt: &'a Attempt,
    /// What was charged for it.
    pub(super) charged: Option<&'a UsageRecord>,
}

impl<'a> Known<'a> {
    /// Refuses what cannot be so, not yet, or not beside what was told before; the words say what is
    /// to be told instead.
    pub(super) fn fit(&self, report: &HandoffReport, now: Timestamp) -> Result<Fit> {
        self.check_times(report, now)?;
        if let AttemptState::Refused { reason } = &self.attempt.state {
            return declined_before(reason, report);
        }
        match report {
            HandoffReport::Submitted { remote_id, .. } => self.submitted(remote_id),
            HandoffReport::Started { started_at } => self.started(*started_at),
            HandoffReport::Ended {
                ended_at,
                outcome,
                usage,
            } => self.ended(*ended_at, outcome, usage.as_ref()),
            HandoffReport::Usage { usage } => self.used(usage.as_ref()),
            HandoffReport::Declined { reason } => self.declined(reason),
        }
    }

    const fn is_not_there_yet(&self) -> bool {
        use AttemptState::{Leased, Submitting};
        matches!(self.attempt.state, Leased | Submitting)
    }

    fn remote_id(&self) -> Option<&RemoteId> {
        match &self.attempt.state {
            AttemptState::Accepted { remote_id, .. } => Some(remote_id),
            _ => self.its(JobState::remote_id),
        }
    }

    /// What the job's state tells of this attempt; one that was superseded may run elsewhere by now.
    fn its<T>(&self, fact: impl FnOnce(&'a JobState) -> Option<T>) -> Option<T> {
        let is_current = self.job.attempt == Some(self.attempt.id);
        is_current.then(|| fact(&self.job.state)).flatten()
    }

    fn is_over(&self) -> bool {
        let is_ended = matches!(self.attempt.state, AttemptState::Ended { .. });
        is_ended || self.its(JobState::ended_at).is_some()
    }

    fn submitted(&self, told: &RemoteId) -> Result<Fit> {
        if self.is_not_there_yet() {
            return Ok(Fit::News);
        }
        match self.remote_id() {
            Some(known) if known != told => Err(contradicts(&format!(
                "it is `{known}` at the site, and `{told}` is another job"
            ))),
            _ => Ok(Fit::Told),
        }
    }

    fn started(&self, at: Timestamp) -> Result<Fit> {
        if self.is_not_there_yet() {
            return Err(self.too_early("tell that it was `submitted` first"));
        }
        match self.its(JobState::started_at) {
            Some(known) if known == at => Ok(Fit::Told),
            Some(known) => Err(contradicts(&format!("it started at {known}"))),
            None if self.is_over() => Err(contradicts("it ended without a start")),
            None => Ok(Fit::News),
        }
    }

    fn ended(&self, at: Timestamp, told: &Outcome, usage: Option<&UsageReport>) -> Result<Fit> {
        if self.is_not_there_yet() {
            return Err(self.too_early("tell that it was `submitted` first"));
        }
        let AttemptState::Ended { outcome } = &self.attempt.state else {
            return self.check_end(at).map(|()| Fit::News);
        };
        let known_at = self.its(JobState::ended_at);
        if outcome == told && known_at.is_none_or(|known| known == at) {
            return match usage {
                Some(_) => self.used(usage),
                None => Ok(Fit::Told),
            };
        }
        let since = known_at.map_or_else(String::new, |at| format!(" at {at}"));
        let kind = serde_json::to_value(outcome.kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or_default();
        Err(contradicts(&format!(
            "it ended{since} as {kind} (exit code {})",
            outcome
                .exit_code
                .map_or_else(|| "none".to_owned(), |code| code.to_string())
        )))
    }

    fn used(&self, told: Option<&UsageReport>) -> Result<Fit> {
        if !matches!(self.attempt.state, AttemptState::Ended { .. }) {
            return Err(self.too_early("tell that it `ended` first"));
        }
        if !self.attempt.settled {
            return Ok(Fit::News);
        }
        match (self.charged, told) {
            (None, None) => Ok(Fit::Told),
            (Some(record), Some(told)) if is_of(record, told) => Ok(Fit::Told),
            (Some(record), _) => Err(contradicts(&format!(
                "{} nodes and {} GPUs from {} to {} were charged for it",
                record.nodes, record.scheduler_gpus, record.started_at, record.ended_at
            ))),
            (None, Some(_)) => Err(contradicts(
                "it was settled without a charge, as the site had no record of it",
            )),
        }
    }

    fn declined(&self, reason: &str) -> Result<Fit> {
        checked_reason(reason).map_err(|it| Error::InvalidSpec(vec![it]))?;
        if self.is_not_there_yet() {
            return Ok(Fit::News);
        }
        Err(self.too_early("the site has it: tell that it `ended`"))
    }

    fn too_early(&self, missing: &str) -> Error {
        Error::NotWaiting(format!(
            "the job is {}, and this does not fit; {missing}",
            self.job.state.name().as_str()
        ))
    }

    fn check_end(&self, at: Timestamp) -> Result<()> {
        match self.its(JobState::started_at) {
            Some(started) if at < started => {
                let words = format!("{at} cannot be: it started at {started}");
                Err(invalid("ended_at", &words, "a time from then until now"))
            }
            _ => Ok(()),
        }
    }

    fn check_times(&self, report: &HandoffReport, now: Timestamp) -> Result<()> {
        let (field, at) = match report {
            HandoffReport::Submitted { submitted_at, .. } => ("submitted_at", *submitted_at),
            HandoffReport::Started { started_at } => ("started_at", *started_at),
            HandoffReport::Ended { ended_at, .. } => ("ended_at", *ended_at),
            HandoffReport::Usage { .. } | HandoffReport::Declined { .. } => return Ok(()),
        };
        let created = self.attempt.created_at;
        if created.duration_since(at) > CLOCK_SKEW || at.duration_since(now) > CLOCK_SKEW {
            let words = format!("{at} cannot be: the job was prepared at {created}");
            return Err(invalid(field, &words, "a time from then until now"));
        }
        Ok(())
    }
}

fn declined_before(known: &str, report: &HandoffReport) -> Result<Fit> {
    match report {
        HandoffReport::Declined { reason } if reason == known => Ok(Fit::Told),
        _ => Err(contradicts(&format!("the site declined it: {known}"))),
    }
}

fn is_of(record: &UsageRecord, told: &UsageReport) -> bool {
    record.started_at == told.started_at
        && record.ended_at == told.ended_at
        && record.nodes == told.nodes
        && record.scheduler_gpus == told.scheduler_gpus
        && record.cpus == told.cpus
}

fn contradicts(known: &str) -> Error {
    Error::NotWaiting(format!("this contradicts what was told before: {known}"))
}

pub(super) fn invalid(field: &str, reason: &str, allowed: &str) -> Error {
    Error::InvalidSpec(vec![InvalidSpec {
        field: field.to_owned(),
        reason: reason.to_owned(),
        allowed: allowed.to_owned(),
    }])
}
