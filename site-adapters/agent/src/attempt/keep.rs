//! An attempt as the spool keeps it.

use std::collections::VecDeque;

use broker_model::{AttemptId, JobId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use site_adapter::{AttemptReport, LeasedAttempt, LocalAccount, RemoteRef};

use super::{Ended, Heard, Lease, Live, Logs, Origin, Phase, Sent, Tracked, Unsent, UsageState};
use crate::accounts::AccountQuestion;
use crate::spool::Record;

/// What an agent needs to go on with an attempt that it or an earlier process has sent. Neither the
/// script nor the person is among it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) attempt: AttemptId,
    job: JobId,
    lease_until: Timestamp,
    #[serde(default)]
    cancel: bool,
    /// How far the broker has its logs, at least.
    #[serde(default)]
    logs: (u64, u64),
    phase: KeptPhase,
    /// Not stored by the broker, in order.
    #[serde(default)]
    events: Vec<AttemptReport>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "name")]
enum KeptPhase {
    /// The scheduler may have it.
    Sending {
        account: LocalAccount,
        /// It was seen there.
        #[serde(default)]
        shown: bool,
    },
    Accepted {
        remote: RemoteRef,
        started_at: Option<Timestamp>,
    },
    Ended {
        remote: RemoteRef,
        ran: bool,
        seen_at: Timestamp,
        usage: UsageState,
    },
    Closing,
}

impl Tracked {
    pub(crate) const fn is_touched(&self) -> bool {
        self.touched
    }

    /// Whether the next step may rely on the spool's having it.
    pub(super) const fn is_written(&self) -> bool {
        !self.touched && !self.writing
    }

    /// What the spool is to write down, if there is anything that a later process must know. What
    /// was not sent yet the broker gives out again.
    pub(crate) fn keep(&mut self) -> Option<Record> {
        self.touched = false;
        let phase = self.kept_phase()?;
        self.writing = true;
        Some(Record::Kept(Box::new(Kept {
            attempt: self.id(),
            job: self.origin.job,
            lease_until: self.lease.until,
            cancel: self.cancel,
            logs: self.logs.offsets(),
            phase,
            events: self.events.iter().cloned().collect(),
        })))
    }

    /// The spool has written it down, or could not.
    pub(crate) fn kept(&mut self, on_disk: bool) {
        self.writing = false;
        self.touched |= !on_disk;
    }

    fn kept_phase(&self) -> Option<KeptPhase> {
        match &self.phase {
            Phase::Unmapped | Phase::Announcing(_) => None,
            Phase::Ready(account) | Phase::Unclear(account) => Some(KeptPhase::Sending {
                account: account.clone(),
                shown: self.sent == Sent::Shown,
            }),
            Phase::Accepted(live) => Some(KeptPhase::Accepted {
                remote: live.remote.clone(),
                started_at: live.started_at,
            }),
            Phase::Ended(ended) => Some(KeptPhase::Ended {
                remote: ended.remote.clone(),
                ran: ended.ran,
                seen_at: ended.seen_at,
                usage: ended.usage.clone(),
            }),
            Phase::Closing => {
                (self.announced || self.sent != Sent::Never).then_some(KeptPhase::Closing)
            }
        }
    }

    /// Out of the spool: watched at once, told and stopped when the broker has given it out anew.
    pub(crate) fn restored(kept: Kept, generation: u64, now: Timestamp) -> Self {
        let was_shown = matches!(kept.phase, KeptPhase::Sending { shown: true, .. });
        let phase = match kept.phase {
            KeptPhase::Sending { account, .. } => Phase::Unclear(account),
            KeptPhase::Accepted { remote, started_at } => Phase::Accepted(Live {
                remote,
                started_at,
                missing: false,
                told: None,
            }),
            KeptPhase::Ended {
                remote,
                ran,
                seen_at,
                usage,
            } => Phase::Ended(Ended {
                remote,
                ran,
                seen_at,
                usage,
            }),
            KeptPhase::Closing => Phase::Closing,
        };
        Self {
            generation,
            events: VecDeque::from(kept.events),
            held_until: Timestamp::MIN,
            claimed: false,
            touched: false,
            writing: false,
            phase,
            sent: if was_shown { Sent::Shown } else { Sent::Maybe },
            announced: true,
            cancel: kept.cancel,
            lease: Lease::of_before(kept.lease_until),
            tries: 0,
            not_before: now,
            logs: Logs::from_offsets(kept.logs.0, kept.logs.1),
            collect_at: now,
            origin: Origin {
                attempt: kept.attempt,
                job: kept.job,
                unsent: None,
                accepted: None,
                ended: false,
            },
        }
    }

    /// Its logs, for what the spool has of them.
    pub(crate) const fn logs_mut(&mut self) -> &mut Logs {
        &mut self.logs
    }

    /// The broker has given it to this process.
    pub(crate) fn claim(&mut self, leased: LeasedAttempt, heard: &Heard) {
        let now = heard.now;
        self.claimed = true;
        self.lease = Lease::taken(leased.lease_until, heard);
        self.not_before = now;
        self.logs.rebase(leased.stdout_offset, leased.stderr_offset);
        self.origin.ended = leased.ended;
        let cancel = leased.cancel && !leased.ended;
        if let Phase::Unclear(account) = &self.phase {
            let account = account.clone();
            // As for one that was never seen: what the broker has stored is what counts.
            self.announced = false;
            let is_accepted = leased.accepted.is_some();
            self.origin.accepted.clone_from(&leased.accepted);
            self.origin.unsent = Some(Box::new(Unsent {
                question: AccountQuestion::of(&leased),
                work: leased.work,
                is_mapped: false,
            }));
            if is_accepted {
                self.begin(account, now);
            }
        }
        if cancel {
            self.request_cancel(now, false);
        }
        self.touched = true;
    }

    /// Told even so, when the broker has not given it out for long: its answer to the report says
    /// whose it is.
    pub(crate) fn is_overdue(&self, heard_since: Option<Timestamp>, now: Timestamp) -> bool {
        let long = |since: Timestamp| now.duration_since(since) > UNCLAIMED;
        heard_since.is_some_and(long) && now.duration_since(self.lease.until) > UNCLAIMED
    }
}

/// A broker gives what a former process held out at once, or when its lease is over.
const UNCLAIMED: SignedDuration = SignedDuration::from_mins(5);
