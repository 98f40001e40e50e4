use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use broker_model::{
    AgentId, AttemptEvent, AttemptId, AttemptState, Clock, InstanceId, OutcomeKind, PartitionRef,
    SiteSnapshot,
};
use jiff::{SignedDuration, Timestamp};
use site_adapter::{
    AttemptReport, BrokerLink, LeaseReply, LeaseRequest, LeasedAttempt, LinkError, LogChunk,
    LogStream, Report, ReportReply, Seen,
};
use tokio::sync::Notify;

/// As many as a broker hands out in one answer.
const AT_ONCE: usize = 1000;

pub(crate) const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// What a call does instead of answering.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    /// The message never arrived.
    Lost,
    /// It was stored, and the answer never arrived.
    AnswerLost,
}

/// A broker in memory. It panics when an agent breaks the protocol.
#[derive(Debug)]
pub(crate) struct MemoryBroker {
    clock: Arc<dyn Clock>,
    rows: Mutex<Rows>,
    nudge: Notify,
}

#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) attempts: BTreeMap<AttemptId, Row>,
    pub(crate) report_failures: VecDeque<Failure>,
    /// Nobody reaches it.
    pub(crate) is_down: bool,
    /// Reports that hold events of these are not understood.
    pub(crate) not_understood: BTreeSet<AttemptId>,
    pub(crate) forget: BTreeSet<AttemptId>,
    pub(crate) snapshots: Vec<SiteSnapshot>,
    /// Of the site; none at a broker that does not say.
    pub(crate) registered: Option<Vec<PartitionRef>>,
    pub(crate) renewed: Vec<AttemptId>,
    pub(crate) largest_log_report: usize,
    pub(crate) leases: usize,
    pub(crate) reports: usize,
    /// Only who holds an attempt is listened to. Off, the agent that asked last may go on at once,
    /// which spares tests of restarts the wait for a lease to run out.
    pub(crate) guards_leases: bool,
}

/// Who works on an attempt, and until when nobody else does.
#[derive(Clone, Copy, Debug)]
struct Holder {
    agent: AgentId,
    instance: Option<InstanceId>,
    until: Timestamp,
}

impl Holder {
    fn is(&self, agent: AgentId, instance: Option<InstanceId>) -> bool {
        self.agent == agent && self.instance == instance
    }
}

/// What the broker was told of an attempt's usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metered {
    NotYet,
    Without,
    With,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    offered: LeasedAttempt,
    handed_out: bool,
    holder: Option<Holder>,
    pub(crate) state: AttemptState,
    pub(crate) seen: Option<Seen>,
    pub(crate) started: bool,
    /// As they came, repeats included.
    pub(crate) events: Vec<&'static str>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) metered: Metered,
    pub(crate) cancel: bool,
}

impl Row {
    pub(crate) fn new(offered: LeasedAttempt) -> Self {
        Self {
            handed_out: offered.may_exist,
            holder: None,
            state: if offered.may_exist {
                AttemptState::Submitting
            } else {
                AttemptState::Leased
            },
            seen: None,
            started: false,
            events: Vec::new(),
            stdout: Vec::new(),
            stderr: Vec::new(),
            metered: Metered::NotYet,
            cancel: offered.cancel,
            offered,
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.metered != Metered::NotYet || matches!(self.state, AttemptState::Refused { .. })
    }

    pub(crate) fn outcome(&self) -> Option<OutcomeKind> {
        match &self.state {
            AttemptState::Ended { outcome } => Some(outcome.kind),
            _ => None,
        }
    }

    /// As the broker decides it (`broker/app/src/agents/lease.rs`).
    fn is_free(&self, request: &LeaseRequest, now: Timestamp) -> bool {
        let announced = matches!(self.state, AttemptState::Submitting);
        if request.only_sent && (announced || matches!(self.state, AttemptState::Leased)) {
            return false;
        }
        self.holder.is_none_or(|holder| {
            holder.is(request.agent, request.instance)
                || holder.until <= now
                || (holder.agent == request.agent
                    && holder.instance < request.instance
                    && !announced)
        })
    }

    fn is_told_by(&self, report: &Report) -> bool {
        self.holder
            .is_some_and(|holder| holder.is(report.agent, report.instance))
    }

    fn lease(&self, now: Timestamp) -> LeasedAttempt {
        LeasedAttempt {
            lease_until: now + LEASE,
            may_exist: !matches!(self.state, AttemptState::Leased),
            accepted: match self.state {
                AttemptState::Accepted { .. } => self.seen.clone(),
                _ => None,
            },
            ended: matches!(self.state, AttemptState::Ended { .. }),
            cancel: self.cancel,
            stdout_offset: self.stdout.len() as u64,
            stderr_offset: self.stderr.len() as u64,
            ..self.offered.clone()
        }
    }

    fn take(&mut self, event: &AttemptReport) {
        let before = self.state.clone();
        // What is told again after the end, by an agent that looked the marker up, is a late repeat.
        let over = before.is_over();
        match event {
            AttemptReport::Submitting { .. } => {
                self.events.push("submitting");
                self.state = before.apply(AttemptEvent::Submit).unwrap();
            }
            AttemptReport::Accepted { seen, .. } => {
                self.events.push("accepted");
                self.seen = Some(seen.clone());
                if !over {
                    let event = AttemptEvent::Accept {
                        remote_id: seen.remote_id.clone(),
                        submitted_at: seen.submitted_at,
                    };
                    self.state = before.apply(event).unwrap();
                }
            }
            AttemptReport::Refused { reason, .. } => {
                self.events.push("refused");
                self.state = before.apply(AttemptEvent::Refuse(reason.clone())).unwrap();
            }
            AttemptReport::Started { .. } => {
                self.events.push("started");
                assert!(over || matches!(before, AttemptState::Accepted { .. }));
                self.started = true;
            }
            AttemptReport::Waiting { .. } => self.events.push("waiting"),
            AttemptReport::Requeued { .. } => {
                self.events.push("requeued");
                assert!(self.started, "requeued before it had started");
            }
            AttemptReport::Ended { outcome, .. } => {
                self.events.push("ended");
                self.state = before.apply(AttemptEvent::End(outcome.clone())).unwrap();
            }
            AttemptReport::Usage { usage, .. } => {
                self.events.push("usage");
                assert!(over, "usage before the end");
                if self.metered == Metered::NotYet {
                    self.metered = usage.as_ref().map_or(Metered::Without, |_| Metered::With);
                }
            }
        }
    }

    fn append(&mut self, chunk: &LogChunk) {
        assert!(!self.is_settled(), "log bytes after the usage");
        let stored = match chunk.stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
        };
        let offset = usize::try_from(chunk.offset).unwrap();
        assert!(offset <= stored.len(), "a gap in the log");
        let known = (stored.len() - offset).min(chunk.bytes.len());
        stored.extend_from_slice(&chunk.bytes[known..]);
    }
}

impl MemoryBroker {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            rows: Mutex::default(),
            nudge: Notify::new(),
        }
    }

    pub(crate) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn offer(&self, offered: LeasedAttempt) {
        self.rows()
            .attempts
            .insert(offered.attempt, Row::new(offered));
        self.nudge.notify_waiters();
    }

    /// Offers one that an earlier agent had brought to the scheduler.
    pub(crate) fn offer_accepted(&self, offered: LeasedAttempt, seen: Seen) {
        let mut row = Row::new(offered);
        row.handed_out = true;
        row.state = AttemptState::Accepted {
            remote_id: seen.remote_id.clone(),
            submitted_at: seen.submitted_at,
        };
        row.seen = Some(seen);
        let attempt = row.offered.attempt;
        self.rows().attempts.insert(attempt, row);
    }

    pub(crate) fn row(&self, attempt: AttemptId) -> Row {
        self.rows().attempts[&attempt].clone()
    }

    /// Another agent of the site has it now.
    pub(crate) fn hold_for_another(&self, attempt: AttemptId) {
        let until = self.clock.now() + LEASE;
        let mut rows = self.rows();
        let row = rows.attempts.get_mut(&attempt).unwrap();
        let id = broker_model::Ids::from_os().next(&broker_model::SystemClock);
        row.holder = Some(Holder {
            agent: id,
            instance: None,
            until,
        });
    }

    pub(crate) fn cancel(&self, attempt: AttemptId) {
        self.rows().attempts.get_mut(&attempt).unwrap().cancel = true;
        self.nudge.notify_waiters();
    }

    /// Rule 1: the scheduler hears of an attempt only after this is true.
    pub(crate) fn has_stored_submitting(&self, attempt: AttemptId) -> bool {
        matches!(self.row(attempt).state, AttemptState::Submitting)
    }

    fn lease_now(&self, request: &LeaseRequest) -> LeaseReply {
        let now = self.clock.now();
        let mut want = request.want;
        let working_on: BTreeSet<AttemptId> = request.working_on.iter().copied().collect();
        let mut reply = LeaseReply {
            now: Some(now),
            ..LeaseReply::default()
        };
        let mut rows = self.rows();
        let guards_leases = rows.guards_leases;
        for (id, row) in &mut rows.attempts {
            if row.is_settled() || reply.attempts.len() >= AT_ONCE {
                continue;
            }
            if working_on.contains(id) {
                reply.cancel.extend(row.cancel.then_some(*id));
            } else if guards_leases && !row.is_free(request, now) {
            } else if row.handed_out || want > 0 {
                want -= u32::from(!row.handed_out);
                row.handed_out = true;
                row.holder = Some(Holder {
                    agent: request.agent,
                    instance: request.instance,
                    until: now + LEASE,
                });
                reply.attempts.push(row.lease(now));
            }
        }
        reply
    }

    fn store(&self, report: &Report) -> Result<ReportReply, LinkError> {
        let mut rows = self.rows();
        let events = report.attempts.iter().map(AttemptReport::attempt);
        if events
            .clone()
            .any(|attempt| rows.not_understood.contains(&attempt))
        {
            return Err(LinkError::Refused("an event of next year".to_owned()));
        }
        rows.snapshots.extend(report.snapshot.clone());
        rows.renewed.extend(&report.working_on);
        let log_bytes = report.logs.iter().map(|chunk| chunk.bytes.len()).sum();
        rows.largest_log_report = rows.largest_log_report.max(log_bytes);
        let mut forget = std::mem::take(&mut rows.forget);
        let now = self.clock.now();
        let strange = |rows: &Rows, id: &AttemptId| {
            rows.guards_leases && !rows.attempts[id].is_told_by(report)
        };
        for id in &report.working_on {
            if strange(&rows, id) {
                forget.insert(*id);
            } else if let Some(holder) = &mut rows.attempts.get_mut(id).unwrap().holder {
                holder.until = now + LEASE;
            }
        }
        for chunk in &report.logs {
            if !strange(&rows, &chunk.attempt) {
                rows.attempts.get_mut(&chunk.attempt).unwrap().append(chunk);
            }
        }
        for event in &report.attempts {
            if strange(&rows, &event.attempt()) {
                forget.insert(event.attempt());
            } else {
                rows.attempts.get_mut(&event.attempt()).unwrap().take(event);
            }
        }
        Ok(ReportReply {
            cancel: Vec::new(),
            forget: forget.into_iter().collect(),
            partitions: rows.registered.clone(),
        })
    }
}

#[async_trait]
impl BrokerLink for MemoryBroker {
    async fn lease(&self, request: LeaseRequest) -> Result<LeaseReply, LinkError> {
        let nudged = self.nudge.notified();
        self.rows().leases += 1;
        if self.rows().is_down {
            return Err(LinkError::Unreachable("connection refused".to_owned()));
        }
        let reply = self.lease_now(&request);
        if request.wait_seconds == 0 || !reply.attempts.is_empty() || !reply.cancel.is_empty() {
            return Ok(reply);
        }
        let wait = Duration::from_secs(request.wait_seconds.into());
        tokio::time::timeout(wait, nudged).await.ok();
        Ok(self.lease_now(&request))
    }

    async fn report(&self, report: Report) -> Result<ReportReply, LinkError> {
        let failure = {
            let mut rows = self.rows();
            rows.reports += 1;
            let down = rows.is_down.then_some(Failure::Lost);
            down.or_else(|| rows.report_failures.pop_front())
        };
        match failure {
            None => self.store(&report),
            Some(Failure::Lost) => Err(LinkError::Unreachable("connection refused".to_owned())),
            Some(Failure::AnswerLost) => {
                self.store(&report)?;
                Err(LinkError::Unreachable("timed out".to_owned()))
            }
        }
    }
}
