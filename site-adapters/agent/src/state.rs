mod outbox;
mod spooled;

use std::collections::{BTreeMap, BTreeSet};

use broker_model::{AttemptId, SiteSnapshot};
use jiff::Timestamp;
use site_adapter::{LeaseReply, LeasedAttempt, RemoteJob, RemoteRef};

use crate::attempt::{Answer, Call, Collect, Collected, Heard, Moment, Tracked};
use crate::partitions::Mismatch;
use crate::problems::{Problems, Timers};

pub(crate) use spooled::Changes;

/// Calls for one attempt never overlap within a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Account, find, submit, cancel.
    Calls,
    /// Logs and usage.
    Collect,
}

/// Names an attempt as it was when a call for it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    pub(crate) attempt: AttemptId,
    pub(crate) generation: u64,
}

#[derive(Debug)]
pub(crate) enum Due {
    Call(Ticket, Call),
    Collect(Ticket, Collect),
}

/// Everything the agent knows. What of it must outlive the process is in the spool.
#[derive(Debug)]
pub(crate) struct State {
    /// Boxed: a tree that grows at its end is half empty.
    attempts: BTreeMap<AttemptId, Box<Tracked>>,
    in_flight: BTreeSet<(AttemptId, Lane)>,
    generation: u64,
    /// Attempts of which the spool has to know.
    touched: BTreeSet<AttemptId>,
    /// Attempts and logs that the spool may drop.
    gone: BTreeSet<AttemptId>,
    taken: Vec<spooled::TakenLog>,
    pub(crate) problems: Problems,
    /// On the way to the broker, by the call that failed.
    pub(crate) link_problems: Problems,
    /// Which partitions only one of broker and agent knows, as it was last compared.
    pub(crate) mismatch: Mismatch,
    /// A snapshot was made since the start.
    pub(crate) was_observed: bool,
    pub(crate) is_draining: bool,
    /// The newest one that the broker has not stored.
    pub(crate) snapshot: Option<SiteSnapshot>,
    outbox: outbox::Outbox,
    /// When the broker last answered.
    pub(crate) broker_heard_at: Option<Timestamp>,
    /// When it first did.
    heard_since: Option<Timestamp>,
}

impl State {
    pub(crate) fn new(timers: Timers) -> Self {
        Self {
            attempts: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            generation: 0,
            touched: BTreeSet::new(),
            gone: BTreeSet::new(),
            taken: Vec::new(),
            problems: Problems::new(timers),
            link_problems: Problems::new(timers),
            mismatch: Mismatch::default(),
            was_observed: false,
            is_draining: false,
            snapshot: None,
            outbox: outbox::Outbox::default(),
            broker_heard_at: None,
            heard_since: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.attempts.len()
    }

    /// What the broker has given to this process.
    pub(crate) fn working_on(&self) -> Vec<AttemptId> {
        let claimed = self.attempts.iter().filter(|(_, it)| it.claimed);
        claimed.map(|(id, _)| *id).collect()
    }

    /// Attempts that are not at the scheduler yet.
    pub(crate) fn unsent(&self) -> usize {
        self.attempts.values().filter(|it| it.is_unsent()).count()
    }

    pub(crate) fn heard(&mut self, now: Timestamp) {
        self.broker_heard_at = Some(now);
        self.heard_since.get_or_insert(now);
    }

    /// Takes in what the broker leased; returns how much of it was news.
    pub(crate) fn leased(&mut self, reply: LeaseReply, heard: &Heard) -> usize {
        let mut news = 0;
        for leased in reply.attempts {
            news += usize::from(self.take(leased, heard));
        }
        for attempt in reply.cancel {
            news += usize::from(self.cancel(attempt, heard.now));
        }
        news
    }

    fn take(&mut self, leased: LeasedAttempt, heard: &Heard) -> bool {
        match self.attempts.get_mut(&leased.attempt) {
            Some(known) if known.claimed => {
                return leased.cancel && self.cancel(leased.attempt, heard.now);
            }
            Some(kept) => {
                let attempt = leased.attempt;
                tracing::info!(attempt.id = %attempt, "attempt of an earlier process taken over");
                kept.claim(leased, heard);
                self.changed(attempt);
                return true;
            }
            None => {}
        }
        tracing::info!(
            attempt.id = %leased.attempt, job.id = %leased.job, may_exist = leased.may_exist,
            cancel = leased.cancel, "attempt leased"
        );
        self.generation += 1;
        let attempt = leased.attempt;
        let tracked = Tracked::new(leased, self.generation, heard);
        self.attempts.insert(attempt, Box::new(tracked));
        true
    }

    pub(crate) fn cancel(&mut self, attempt: AttemptId, now: Timestamp) -> bool {
        let calling = self.in_flight.contains(&(attempt, Lane::Calls));
        let known = self.attempts.get_mut(&attempt);
        let is_news = known.is_some_and(|tracked| tracked.request_cancel(now, calling));
        self.changed(attempt);
        is_news
    }

    /// Up to `free` things to do in a lane, marked as under way.
    pub(crate) fn take_due(&mut self, lane: Lane, at: &Moment<'_>, free: usize) -> Vec<Due> {
        let mut room = self.log_room(at);
        let mut due = Vec::new();
        for (attempt, tracked) in &self.attempts {
            if due.len() >= free {
                break;
            }
            if self.in_flight.contains(&(*attempt, lane)) {
                continue;
            }
            let ticket = Ticket {
                attempt: *attempt,
                generation: tracked.generation,
            };
            due.extend(next_of(lane, tracked, ticket, &mut room, at));
        }
        for next in &due {
            self.in_flight.insert((next.ticket().attempt, lane));
        }
        due
    }

    fn log_room(&self, at: &Moment<'_>) -> usize {
        let waiting: usize = self.attempts.values().map(|it| it.log_backlog()).sum();
        at.config.log_backlog_bytes.saturating_sub(waiting)
    }

    pub(crate) fn over(&mut self, attempt: AttemptId, lane: Lane) {
        self.in_flight.remove(&(attempt, lane));
    }

    /// Whether a lane has attempts that time alone brings forward.
    pub(crate) fn is_active(&self, lane: Lane) -> bool {
        let mut attempts = self.attempts.values();
        match lane {
            Lane::Calls => attempts.any(|it| it.wants_calls()),
            Lane::Collect => attempts.any(|it| it.wants_collecting()),
        }
    }

    /// The attempt of a ticket, unless it was forgotten or leased anew since.
    fn by_ticket(&mut self, ticket: Ticket) -> Option<&mut Tracked> {
        self.attempts
            .get_mut(&ticket.attempt)
            .map(Box::as_mut)
            .filter(|tracked| tracked.generation == ticket.generation)
    }

    pub(crate) fn answered(&mut self, ticket: Ticket, answer: Answer, at: &Moment<'_>) {
        if let Some(tracked) = self.by_ticket(ticket) {
            tracked.answered(answer, at);
            self.changed(ticket.attempt);
        }
    }

    pub(crate) fn collected(&mut self, ticket: Ticket, collected: Collected, at: &Moment<'_>) {
        if let Some(tracked) = self.by_ticket(ticket) {
            tracked.collected(collected, at);
            self.changed(ticket.attempt);
        }
    }

    /// What one bulk query asks for.
    pub(crate) fn live(&self) -> (Vec<Ticket>, Vec<RemoteRef>) {
        let ticket = |attempt: &AttemptId, tracked: &Tracked| Ticket {
            attempt: *attempt,
            generation: tracked.generation,
        };
        self.attempts
            .iter()
            .filter_map(|(id, t)| t.live().map(|remote| (ticket(id, t), remote.clone())))
            .unzip()
    }

    pub(crate) fn has_live(&self) -> bool {
        self.attempts.values().any(|t| t.live().is_some())
    }

    /// Takes in the answer to a poll; a job that was asked for and left out is looked for.
    pub(crate) fn polled(
        &mut self,
        asked: impl Iterator<Item = (Ticket, RemoteRef)>,
        seen: &[RemoteJob],
        now: Timestamp,
    ) {
        let by_marker: BTreeMap<&str, &RemoteJob> =
            seen.iter().map(|job| (job.marker.as_str(), job)).collect();
        for (ticket, remote) in asked {
            let Some(tracked) = self.by_ticket(ticket) else {
                continue;
            };
            // It may have been adopted under another id while the poll was under way.
            if tracked.live() != Some(&remote) {
                continue;
            }
            match by_marker.get(remote.marker.as_str()) {
                Some(job) => tracked.observe(job, now),
                None if tracked.missed() => tracing::warn!(
                    attempt.id = %ticket.attempt, remote.id = %remote.remote_id,
                    "the scheduler's lists leave the job out"
                ),
                None => {}
            }
            self.changed(ticket.attempt);
        }
    }

    /// Gives up what is proven not to be at the scheduler, for agents of the site that can hand it in:
    /// once it is not named any more, its lease runs out.
    pub(crate) fn let_go(&mut self) {
        let idle = |id: &AttemptId| !self.in_flight.contains(&(*id, Lane::Calls));
        let unsent = self.attempts.iter();
        let unsent: Vec<AttemptId> = unsent
            .filter(|(id, tracked)| tracked.may_be_let_go() && idle(id))
            .map(|(id, _)| *id)
            .collect();
        for attempt in unsent {
            tracing::info!(attempt.id = %attempt, "the scheduler is out of reach: left to other agents");
            self.remove(attempt);
        }
    }

    pub(crate) fn phases(&self) -> BTreeMap<&'static str, i64> {
        let mut phases = BTreeMap::new();
        for tracked in self.attempts.values() {
            *phases.entry(tracked.phase_name()).or_insert(0) += 1;
        }
        phases
    }
}

impl Due {
    pub(crate) const fn ticket(&self) -> Ticket {
        match self {
            Self::Call(ticket, _) | Self::Collect(ticket, _) => *ticket,
        }
    }
}

fn next_of(
    lane: Lane,
    tracked: &Tracked,
    ticket: Ticket,
    room: &mut usize,
    at: &Moment<'_>,
) -> Option<Due> {
    if lane == Lane::Calls {
        return tracked.next_call(at).map(|call| Due::Call(ticket, call));
    }
    let collect = tracked.next_collect(at, *room > 0)?;
    let reads = at.config.log_chunk_bytes.saturating_mul(collect.logs.len());
    *room = room.saturating_sub(reads);
    Some(Due::Collect(ticket, collect))
}
