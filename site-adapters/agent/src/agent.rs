mod calls;
mod collect;
mod lease;
mod partitions;
mod poll;
mod report;
mod run;
mod snapshot;
mod spool;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_model::Clock;
use jiff::{SignedDuration, Timestamp};
use site_adapter::{BrokerLink, ErrorKind, LinkError, SiteAdapter};
use tokio::sync::Notify;

use crate::attempt::Moment;
use crate::drain::DrainFile;
use crate::metrics::{Metered, Metrics};
use crate::problems::Timers;
use crate::pulse::Pulses;
use crate::spool::{Size, Spool};
use crate::state::{Due, Lane, State, Ticket};
use crate::{AccountMap, AgentConfig};

/// A site's agent. One agent serves one site; a site may have several.
#[derive(Debug)]
pub struct Agent {
    config: AgentConfig,
    link: Arc<dyn BrokerLink>,
    adapter: Metered,
    accounts: Arc<dyn AccountMap>,
    clock: Arc<dyn Clock>,
    /// What leases are counted by: it only goes forward.
    steady: Arc<dyn Clock>,
    metrics: Metrics,
    /// Never locked over an await.
    state: Mutex<State>,
    wake: Wake,
    pulses: Pulses,
    spool: Option<Arc<Spool>>,
    /// The last write of the spool failed.
    spool_fails: AtomicBool,
    /// The last call to the broker failed.
    broker_away: AtomicBool,
    drain: Option<DrainFile>,
}

/// Each is waited for by one loop only.
#[derive(Debug, Default)]
struct Wake {
    calls: Notify,
    collect: Notify,
    poll: Notify,
    snapshot: Notify,
    report: Notify,
    lease: Notify,
    spool: Notify,
}

impl Wake {
    fn all(&self) {
        for loop_ in [
            &self.calls,
            &self.collect,
            &self.poll,
            &self.report,
            &self.lease,
            &self.spool,
        ] {
            loop_.notify_one();
        }
    }
}

impl Agent {
    pub fn new(
        config: AgentConfig,
        link: Arc<dyn BrokerLink>,
        adapter: Arc<dyn SiteAdapter>,
        accounts: Arc<dyn AccountMap>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let metrics = Metrics::new(&config.site);
        let seconds = |wait| SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let state = State::new(Timers {
            unreachable: seconds(config.unreachable_after),
            misconfigured: seconds(config.misconfigured_after),
        });
        Self {
            config,
            link,
            adapter: Metered::new(adapter, metrics.clone()),
            accounts,
            steady: clock.clone(),
            clock,
            metrics,
            state: Mutex::new(state),
            wake: Wake::default(),
            pulses: Pulses::default(),
            spool: None,
            spool_fails: AtomicBool::new(false),
            broker_away: AtomicBool::new(false),
            drain: None,
        }
    }

    /// Counts leases by another clock than the wall's, which somebody may set back.
    #[must_use]
    pub fn with_steady_clock(mut self, steady: Arc<dyn Clock>) -> Self {
        self.steady = steady;
        self
    }

    pub fn config(&self) -> &AgentConfig {
        &self.config
    }

    /// To be registered where the process serves its metrics; labelled with the site.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// How many attempts the agent works on.
    pub fn working(&self) -> usize {
        self.state().len()
    }

    /// When the broker last answered.
    pub fn broker_heard_at(&self) -> Option<Timestamp> {
        self.state().broker_heard_at
    }

    /// When each loop last did something, and whether one has not moved for too long.
    pub(crate) const fn pulses(&self) -> &Pulses {
        &self.pulses
    }

    pub(crate) fn spool_size(&self) -> Option<Size> {
        self.spool.as_ref().map(|spool| spool.size())
    }

    pub(crate) fn spool_fails(&self) -> bool {
        self.spool_fails.load(Ordering::Relaxed)
    }

    pub(crate) fn events_pending(&self) -> usize {
        self.state().pending_events()
    }

    /// What is wrong at the site, as its state says it.
    pub(crate) fn problems(&self) -> Vec<String> {
        let now = self.now();
        let state = self.state();
        let mut words = state.problems.words(now);
        words.extend(state.link_problems.words(now));
        words.extend(state.mismatch.words());
        words
    }

    /// Does everything that is due once, leases first: what [`run`](Self::run) does all the time,
    /// in an order in which new work is at the scheduler when it returns.
    pub async fn tick(&self) {
        self.lease_once(0).await.ok();
        self.calls_once().await;
        self.report_once().await.ok();
        self.spool_once().await;
        self.calls_once().await;
        self.poll_once().await;
        self.calls_once().await;
        self.collect_once().await;
        self.spool_once().await;
        self.report_once().await.ok();
        self.spool_once().await;
    }

    pub(crate) fn time(&self) -> Timestamp {
        self.now()
    }

    pub(crate) fn age_of(&self, at: Timestamp) -> jiff::SignedDuration {
        self.now().duration_since(at)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn moment(&self) -> Moment<'_> {
        Moment {
            now: self.now(),
            steady: self.steady.now(),
            config: &self.config,
            spools: self.spool.is_some() && !self.spool_fails(),
            broker_away: self.spool.is_some() && self.broker_away.load(Ordering::Relaxed),
        }
    }

    /// Whether the broker answered a call.
    fn note_broker(&self, answered: bool) {
        let before = self.broker_away.swap(!answered, Ordering::Relaxed);
        if before == answered {
            self.wake.collect.notify_one();
        }
    }

    /// Remembers how a call to the broker failed; an answer takes it back.
    fn note_link<T>(&self, call: &'static str, answer: &Result<T, LinkError>) {
        let now = self.now();
        let mut state = self.state();
        let problems = &mut state.link_problems;
        match answer {
            Ok(_) => problems.solved(call),
            Err(error) => drop(problems.note_link(call, error, now)),
        }
    }

    fn seed(&self) -> u128 {
        self.config.id.as_uuid().as_u128()
    }

    /// Remembers what failed for the site's state; an `Ok` takes it back.
    fn note<T>(&self, operation: &'static str, answer: &site_adapter::Result<T>) {
        let Err(error) = answer else {
            self.state().problems.solved(operation);
            return;
        };
        // About one job, and told in its attempt: the scheduler and the credentials did their part.
        if error.kind == ErrorKind::Refused {
            self.state().problems.solved(operation);
            return;
        }
        tracing::warn!(operation, kind = %error.kind, %error, "the site's scheduler failed a call");
        let now = self.now();
        if self.state().problems.note(operation, error, now) {
            self.wake.snapshot.notify_one();
        }
    }

    fn observe(&self) {
        self.metrics.observe(&self.state());
    }

    fn take_due(&self, lane: Lane, free: usize) -> Vec<(InFlight<'_>, Due)> {
        let due = self.state().take_due(lane, &self.moment(), free);
        due.into_iter()
            .map(|due| {
                let ticket = due.ticket();
                let guard = InFlight {
                    agent: self,
                    ticket,
                    lane,
                };
                (guard, due)
            })
            .collect()
    }
}

/// Marks an attempt as under way in a lane until the call is over, or dropped.
#[derive(Debug)]
struct InFlight<'a> {
    agent: &'a Agent,
    ticket: Ticket,
    lane: Lane,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.agent.state().over(self.ticket.attempt, self.lane);
    }
}
