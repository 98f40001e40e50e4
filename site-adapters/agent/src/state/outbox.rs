//! What goes to the broker, and what its answer changes.
//!
//! Nothing leaves an attempt's queue before the broker has stored it. A report that the broker
//! refuses is not lost either: the next ones carry one attempt each, so that the one that is not
//! understood waits alone and holds nobody else up.

use std::ops::Bound;

use broker_model::AttemptId;
use jiff::Timestamp;
use site_adapter::{LogChunk, LogStream, Report, ReportReply};

use super::{Lane, State, Ticket};
use crate::attempt::{Moment, Tracked};
use crate::backoff::after;

const MAX_EVENTS: usize = 500;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The last attempt that was served: log bytes are limited, and everybody gets his turn.
    cursor: Option<AttemptId>,
    /// How many more reports carry one attempt only.
    single: usize,
}

/// A report, and which of the agent's queues it holds the front of.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) report: Report,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    ticket: Ticket,
    events: usize,
    logs: Vec<(LogStream, usize)>,
}

impl Batch {
    fn empty(at: &Moment<'_>) -> Self {
        Self {
            report: Report {
                agent: at.config.id,
                instance: Some(at.config.instance),
                site: at.config.site.clone(),
                snapshot: None,
                snapshot_ttl_seconds: None,
                attempts: Vec::new(),
                logs: Vec::new(),
                working_on: Vec::new(),
            },
            parts: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.report.snapshot.is_none() && self.report.working_on.is_empty()
    }

    fn add(&mut self, ticket: Ticket, tracked: &Tracked, log_bytes: usize) {
        let events = MAX_EVENTS - self.report.attempts.len();
        let events: Vec<_> = tracked.events.iter().take(events).cloned().collect();
        let mut left = log_bytes.saturating_sub(self.log_bytes());
        let chunks: Vec<LogChunk> = tracked
            .log_chunks()
            .filter_map(|chunk| shortened(chunk, &mut left))
            .collect();
        if events.is_empty() && chunks.is_empty() {
            return;
        }
        self.parts.push(Part {
            ticket,
            events: events.len(),
            logs: chunks.iter().map(|c| (c.stream, c.bytes.len())).collect(),
        });
        self.report.attempts.extend(events);
        self.report.logs.extend(chunks);
    }

    fn log_bytes(&self) -> usize {
        self.report.logs.iter().map(|chunk| chunk.bytes.len()).sum()
    }

    fn is_full(&self, log_bytes: usize) -> bool {
        self.report.attempts.len() >= MAX_EVENTS || self.log_bytes() >= log_bytes
    }
}

fn shortened(mut chunk: LogChunk, left: &mut usize) -> Option<LogChunk> {
    chunk.bytes.truncate(*left);
    *left -= chunk.bytes.len();
    (!chunk.bytes.is_empty()).then_some(chunk)
}

impl State {
    /// The next report, if there is anything to tell or a lease to renew.
    pub(crate) fn compose(&mut self, at: &Moment<'_>) -> Option<Batch> {
        let mut batch = Batch::empty(at);
        let most = if self.outbox.single > 0 {
            1
        } else {
            usize::MAX
        };
        let mut last = None;
        for (attempt, tracked) in self.in_turn() {
            if batch.parts.len() >= most || batch.is_full(at.config.report_log_bytes) {
                break;
            }
            if tracked.held_until > at.now || !self.is_ours(tracked, at.now) {
                continue;
            }
            let ticket = Ticket {
                attempt: *attempt,
                generation: tracked.generation,
            };
            batch.add(ticket, tracked, at.config.report_log_bytes);
            last = Some(*attempt);
        }
        if batch.parts.is_empty() || most > 1 {
            batch.report.snapshot.clone_from(&self.snapshot);
            batch.report.snapshot_ttl_seconds = self
                .snapshot
                .as_ref()
                .map(|_| at.config.snapshot_ttl_seconds());
        }
        if self.renewal_due(at.steady) {
            batch.report.working_on = self.working_on();
        }
        self.outbox.cursor = last;
        (!batch.is_empty()).then_some(batch)
    }

    /// All attempts, from the one after the last served round to it.
    fn in_turn(&self) -> impl Iterator<Item = (&AttemptId, &Tracked)> {
        let cursor = self.outbox.cursor;
        let later = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let sooner = cursor.map(|cursor| self.attempts.range(..=cursor));
        self.attempts
            .range((later, Bound::Unbounded))
            .chain(sooner.into_iter().flatten())
            .map(|(id, tracked)| (id, tracked.as_ref()))
    }

    pub(crate) fn has_report(&self, at: &Moment<'_>) -> bool {
        let now = at.now;
        let waits = |tracked: &Tracked| {
            let waits = !tracked.events.is_empty() || tracked.log_backlog() > 0;
            waits && tracked.held_until <= now && self.is_ours(tracked, now)
        };
        self.snapshot.is_some()
            || self.renewal_due(at.steady)
            || self.attempts.values().any(|it| waits(it))
    }

    fn renewal_due(&self, steady: Timestamp) -> bool {
        self.next_renewal().is_some_and(|due| due <= steady)
    }

    /// By the steady clock.
    pub(crate) fn next_renewal(&self) -> Option<Timestamp> {
        let claimed = self.attempts.values().filter(|it| it.claimed);
        claimed.map(|it| it.renewal_due_at()).min()
    }

    /// Told of now: given to this process, or so long not given to it that the broker must say whose
    /// it is.
    fn is_ours(&self, tracked: &Tracked, now: Timestamp) -> bool {
        tracked.claimed || tracked.is_overdue(self.heard_since, now)
    }

    pub(crate) fn pending_events(&self) -> usize {
        self.attempts.values().map(|t| t.events.len()).sum()
    }

    /// The broker has stored a batch that was sent at `sent_at` of the steady clock.
    pub(crate) fn stored(
        &mut self,
        batch: &Batch,
        reply: &ReportReply,
        sent_at: Timestamp,
        now: Timestamp,
    ) {
        self.outbox.single = self.outbox.single.saturating_sub(1);
        if batch.report.snapshot == self.snapshot {
            self.snapshot = None;
        }
        for attempt in &batch.report.working_on {
            self.renewed(*attempt, sent_at);
        }
        for part in &batch.parts {
            self.part_stored(part, now);
        }
        for attempt in &reply.cancel {
            self.cancel(*attempt, now);
        }
        for attempt in &reply.forget {
            if self.remove(*attempt) {
                tracing::warn!(attempt.id = %attempt, "the broker takes the attempt back");
            }
        }
    }

    fn renewed(&mut self, attempt: AttemptId, from: Timestamp) {
        let calling = self.in_flight.contains(&(attempt, Lane::Calls));
        if let Some(tracked) = self.attempts.get_mut(&attempt) {
            tracked.renewed(from, calling);
            self.changed(attempt);
        }
    }

    fn part_stored(&mut self, part: &Part, now: Timestamp) {
        let Some(tracked) = self.by_ticket(part.ticket) else {
            return;
        };
        for _ in 0..part.events {
            if let Some(event) = tracked.events.pop_front() {
                tracked.stored(&event);
            }
        }
        if tracked.events.is_empty() {
            // Most jobs have nothing to tell most of the time, and there are many.
            tracked.events.shrink_to_fit();
        }
        for (stream, bytes) in &part.logs {
            tracked.log_stored(*stream, *bytes, now);
        }
        let is_done = tracked.is_done();
        self.changed(part.ticket.attempt);
        if is_done {
            self.remove(part.ticket.attempt);
        }
    }

    /// The broker did not understand a batch.
    pub(crate) fn not_understood(&mut self, batch: &Batch, at: &Moment<'_>) {
        match batch.parts.as_slice() {
            [] => {
                if self.snapshot.take().is_some() {
                    tracing::error!(
                        "the broker does not understand this site's snapshot; left out"
                    );
                }
            }
            [only] if batch.report.snapshot.is_none() => {
                tracing::error!(
                    attempt.id = %only.ticket.attempt,
                    "the broker does not understand what happened to this attempt; kept for later"
                );
                self.outbox.single = self.outbox.single.saturating_sub(1);
                let until = after(at.now, at.config.retry_max);
                if let Some(tracked) = self.by_ticket(only.ticket) {
                    tracked.held_until = until;
                }
            }
            parts => self.outbox.single = parts.len() + 1,
        }
    }
}
