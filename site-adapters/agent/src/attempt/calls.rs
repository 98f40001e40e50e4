use broker_model::{Outcome, OutcomeKind, PartitionId};
use jiff::Timestamp;
use site_adapter::{
    Activity, AttemptReport, Error, ErrorKind, LocalAccount, RemoteJob, RemoteRef, Result, Seen,
    Submission, Submitted,
};

use super::watch::gone;
use super::{Live, Mapping, Moment, Phase, Sent, Tracked};
use crate::AccountError;
use crate::accounts::AccountQuestion;
use crate::backoff::after;

/// A scheduler may take its time to stop a job; asked again after this it was probably not heard.
const CANCEL_AGAIN: std::time::Duration = std::time::Duration::from_secs(30);

#[derive(Debug)]
pub(crate) enum Call {
    Account(Box<AccountQuestion>),
    Find {
        account: LocalAccount,
        marker: String,
    },
    Submit(Box<Submission>),
    Cancel(RemoteRef),
}

#[derive(Debug)]
pub(crate) enum Answer {
    Account(std::result::Result<Mapping, AccountError>),
    Found(Result<Option<RemoteJob>>),
    Submitted(Result<Submitted>),
    Cancelled(Result<()>),
}

impl Tracked {
    /// The call that brings the attempt forward, if one is due.
    pub(crate) fn next_call(&self, at: &Moment<'_>) -> Option<Call> {
        if at.now < self.not_before {
            return None;
        }
        match &self.phase {
            Phase::Unmapped => {
                let unsent = self.origin.unsent.as_ref()?;
                Some(Call::Account(Box::new(unsent.question.clone())))
            }
            Phase::Unclear(account) => Some(self.find(account)),
            Phase::Ready(account) if self.may_submit(at) => self.submit(account),
            Phase::Accepted(live) if live.missing => Some(self.find(&live.remote.account)),
            Phase::Accepted(live) if self.cancel && self.claimed => {
                Some(Call::Cancel(live.remote.clone()))
            }
            _ => None,
        }
    }

    fn may_submit(&self, at: &Moment<'_>) -> bool {
        let is_known = !at.spools || self.is_written();
        is_known && self.has_time(at)
    }

    fn has_time(&self, at: &Moment<'_>) -> bool {
        self.claimed && self.lease.allows_submit(at.steady)
    }

    fn find(&self, account: &LocalAccount) -> Call {
        Call::Find {
            account: account.clone(),
            marker: self.id().to_string(),
        }
    }

    fn submit(&self, account: &LocalAccount) -> Option<Call> {
        let unsent = self.origin.unsent.as_ref()?;
        Some(Call::Submit(Box::new(Submission {
            attempt: self.id(),
            account: account.clone(),
            work: unsent.work.clone(),
            may_exist: self.sent != Sent::Never,
        })))
    }

    pub(crate) fn answered(&mut self, answer: Answer, at: &Moment<'_>) {
        match answer {
            Answer::Account(answer) => self.mapped(answer, at),
            Answer::Found(answer) => self.found(answer, at),
            Answer::Submitted(answer) => self.submitted(answer, at),
            Answer::Cancelled(Ok(())) => self.not_before = after(at.now, CANCEL_AGAIN),
            Answer::Cancelled(Err(error)) => self.failed(&error, at),
        }
    }

    fn mapped(&mut self, answer: std::result::Result<Mapping, AccountError>, at: &Moment<'_>) {
        if !matches!(self.phase, Phase::Unmapped) {
            return;
        }
        match answer {
            Ok(mapping) => {
                self.send_to(mapping.partition);
                self.begin(mapping.account, at.now);
            }
            Err(AccountError::Unavailable(_) | AccountError::Unusable(_)) => self.again_soon(at),
            Err(error) if !self.sent.may_be_there() => self.refuse(error.to_string()),
            // It may be at the scheduler under an account that the table no longer has.
            Err(_) => self.again_slowly(at),
        }
    }

    /// The partition that the site sends this project's or person's jobs to, if it says so.
    fn send_to(&mut self, partition: Option<PartitionId>) {
        let Some(unsent) = &mut self.origin.unsent else {
            return;
        };
        unsent.is_mapped = true;
        if let Some(partition) = partition {
            unsent.work.partition.partition = partition;
        }
    }

    pub(super) fn begin(&mut self, account: LocalAccount, now: Timestamp) {
        self.advanced(now);
        self.touched = true;
        let Some(seen) = self.origin.accepted.take() else {
            self.phase = match self.sent {
                Sent::Maybe | Sent::Shown => Phase::Unclear(account),
                Sent::Never | Sent::Disproven => self.announce(account),
            };
            return;
        };
        self.origin.unsent = None;
        self.phase = Phase::Accepted(Live {
            remote: RemoteRef {
                marker: self.id().to_string(),
                remote_id: seen.remote_id,
                submitted_at: seen.submitted_at,
                account,
            },
            started_at: None,
            missing: false,
            told: None,
        });
    }

    fn announce(&mut self, account: LocalAccount) -> Phase {
        self.tell(AttemptReport::Submitting { attempt: self.id() });
        Phase::Announcing(account)
    }

    fn submitted(&mut self, answer: Result<Submitted>, at: &Moment<'_>) {
        let Phase::Ready(account) = &self.phase else {
            return;
        };
        let account = account.clone();
        match answer {
            Ok(submitted) => {
                tracing::info!(
                    attempt.id = %self.id(), job.id = %self.origin.job,
                    remote.id = %submitted.remote_id, adopted = submitted.adopted,
                    "the scheduler has the job"
                );
                self.accept(account, &submitted, at.now);
            }
            Err(error) => self.not_submitted(account, &error, at),
        }
    }

    fn not_submitted(&mut self, account: LocalAccount, error: &Error, at: &Moment<'_>) {
        match error.kind {
            ErrorKind::Refused => self.refuse(error.to_string()),
            // Looked at again before anything else: meanwhile it may run, and be over.
            _ if self.sent == Sent::Shown => {
                self.phase = Phase::Unclear(account);
                self.failed(error, at);
            }
            // Proofs that nothing was sent, or that it had no effect.
            ErrorKind::Unavailable | ErrorKind::Unauthorized if self.cancel => {
                self.refuse("cancelled before it was sent".to_owned());
            }
            ErrorKind::Unavailable => self.again_soon(at),
            ErrorKind::Unauthorized => self.again_slowly(at),
            // An answer that was not understood proves as little as none.
            ErrorKind::Unclear | ErrorKind::Protocol | ErrorKind::Local => {
                self.sent = Sent::Maybe;
                self.phase = Phase::Unclear(account);
                self.failed(error, at);
            }
        }
    }

    fn accept(&mut self, account: LocalAccount, submitted: &Submitted, now: Timestamp) {
        self.sent = Sent::Maybe;
        self.origin.unsent = None;
        self.tell(AttemptReport::Accepted {
            attempt: self.id(),
            seen: Seen {
                remote_id: submitted.remote_id.clone(),
                submitted_at: submitted.submitted_at,
            },
        });
        self.phase = Phase::Accepted(Live {
            remote: RemoteRef {
                marker: self.id().to_string(),
                remote_id: submitted.remote_id.clone(),
                submitted_at: submitted.submitted_at,
                account,
            },
            started_at: None,
            missing: false,
            told: None,
        });
        self.advanced(now);
    }

    fn found(&mut self, answer: Result<Option<RemoteJob>>, at: &Moment<'_>) {
        match (answer, &self.phase) {
            (Err(error), _) => self.failed(&error, at),
            (Ok(Some(job)), Phase::Unclear(account)) => {
                let account = account.clone();
                self.is_there(account, &job, at);
            }
            // Nothing may be sent before the broker has given it out anew.
            (Ok(None), Phase::Unclear(_)) if !self.claimed => self.again_slowly(at),
            (Ok(None), Phase::Unclear(account)) => {
                let account = account.clone();
                self.proven_absent(account, at.now);
            }
            (Ok(Some(job)), Phase::Accepted(live)) if live.missing => {
                let account = live.remote.account.clone();
                let same = live.remote.remote_id == job.remote_id
                    && live.remote.submitted_at == job.submitted_at;
                if !same {
                    self.adopt(account, &job, at);
                    return;
                }
                self.advanced(at.now);
                self.observe(&job, at.now);
            }
            (Ok(None), Phase::Accepted(live)) if live.missing => self.vanish(at.now),
            _ => {}
        }
    }

    /// Found where it may have been sent before.
    ///
    /// The answer that was lost may be the one that showed it without its GPUs, or as nobody's. One that
    /// waits is taken over by the adapter, which compares it with what was asked for and withdraws it
    /// if it must. One that has begun, or shall stop, is this attempt's as it is.
    fn is_there(&mut self, account: LocalAccount, job: &RemoteJob, at: &Moment<'_>) {
        let waits = matches!(job.activity, Activity::Queued { .. } | Activity::Unknown);
        if !waits || self.cancel || self.origin.ended {
            self.adopt(account, job, at);
            return;
        }
        self.sent = Sent::Shown;
        self.touched = true;
        if self.origin.unsent.is_some() && self.has_time(at) {
            self.advanced(at.now);
            self.phase = Phase::Ready(account);
        } else {
            // Out of the spool, which does not know what was asked for, or under a lease that is over while the
            // broker is away: looked at until the broker speaks, and taken over once it begins.
            self.again_slowly(at);
        }
    }

    fn adopt(&mut self, account: LocalAccount, job: &RemoteJob, at: &Moment<'_>) {
        tracing::info!(
            attempt.id = %self.id(), job.id = %self.origin.job, remote.id = %job.remote_id,
            "found at the scheduler by its marker"
        );
        let receipt = Submitted {
            remote_id: job.remote_id.clone(),
            submitted_at: job.submitted_at,
            adopted: true,
        };
        self.accept(account, &receipt, at.now);
        self.observe(job, at.now);
    }

    fn proven_absent(&mut self, account: LocalAccount, now: Timestamp) {
        if self.sent == Sent::Shown {
            // It may have run since it was seen: never sent a second time.
            self.lost_sight(now);
            return;
        }
        self.sent = Sent::Disproven;
        if self.origin.ended {
            tracing::warn!(
                attempt.id = %self.id(),
                "the scheduler has no trace any more of a job that ended; closed without usage"
            );
            self.close_unmetered();
            return;
        }
        if self.cancel {
            self.ended_untold(
                OutcomeKind::Cancelled,
                "cancelled; the scheduler never had it",
                now,
            );
            return;
        }
        self.advanced(now);
        let unsent = self.origin.unsent.as_ref();
        self.phase = if unsent.is_some_and(|unsent| !unsent.is_mapped) {
            // Out of the spool, which knows the account of then and no partition.
            Phase::Unmapped
        } else if self.announced {
            Phase::Ready(account)
        } else {
            self.announce(account)
        };
    }

    /// Over without anything to watch. An end and not a refusal: the broker may have given the attempt up
    /// before, and then takes nothing else.
    fn ended_untold(&mut self, kind: OutcomeKind, words: &str, now: Timestamp) {
        self.tell(AttemptReport::Ended {
            attempt: self.id(),
            ended_at: now,
            outcome: Outcome {
                kind,
                exit_code: None,
                signal: None,
                site_words: words.to_owned(),
            },
        });
        self.close_unmetered();
    }

    fn lost_sight(&mut self, now: Timestamp) {
        let (kind, words) = gone(self.cancel);
        self.ended_untold(kind, words, now);
    }

    fn close_unmetered(&mut self) {
        self.close(AttemptReport::Usage {
            attempt: self.id(),
            usage: None,
            account: None,
        });
    }

    fn failed(&mut self, error: &Error, at: &Moment<'_>) {
        match error.kind {
            ErrorKind::Unavailable | ErrorKind::Unclear => self.again_soon(at),
            _ => self.again_slowly(at),
        }
    }
}
