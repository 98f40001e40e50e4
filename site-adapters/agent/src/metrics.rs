//! What a site's operator watches, as Prometheus metrics named `alcyone_agent_*`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use broker_model::{SiteId, SiteSnapshot};
use jiff::Timestamp;
use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntGauge, IntGaugeVec, Opts, Registry,
};
use site_adapter::{
    LinkError, LocalAccount, LogStream, ProbeResult, RemoteJob, RemoteRef, Result, SiteAdapter,
    Submission, Submitted, UsageReport,
};

use crate::partitions::Mismatch;
use crate::pulse::{Beat, Loop};
use crate::spool::Spool;
use crate::state::State;

const BUCKETS: [f64; 11] = [0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];

const PHASES: [&str; 8] = [
    "unmapped",
    "announcing",
    "ready",
    "unclear",
    "queued",
    "running",
    "ended",
    "closing",
];

/// The metrics of one agent, each labelled with its site: agents of one process share a registry.
#[derive(Clone, Debug)]
pub struct Metrics {
    leased: IntGauge,
    by_phase: IntGaugeVec,
    calls: HistogramVec,
    reports_pending: IntGauge,
    last_tick: Gauge,
    broker_heard: Gauge,
    broker_calls: HistogramVec,
    loop_age: GaugeVec,
    spool_bytes: IntGauge,
    spool_records: IntGauge,
    partitions_unmatched: IntGaugeVec,
}

impl Metrics {
    #[expect(
        clippy::expect_used,
        reason = "names and labels are constants of this file, and a test makes them all"
    )]
    pub(crate) fn new(site: &SiteId) -> Self {
        let labels = HashMap::from([("site".to_owned(), site.to_string())]);
        let opts = |name: &str, help: &str| {
            Opts::new(format!("alcyone_agent_{name}"), help).const_labels(labels.clone())
        };
        let calls = opts(
            "adapter_call_seconds",
            "Calls to the site's scheduler by operation and result.",
        );
        let calls = HistogramOpts::from(calls).buckets(BUCKETS.to_vec());
        let broker_calls = opts(
            "broker_call_seconds",
            "Calls to the broker by call and result; a lease is held for as long as there is no work.",
        );
        let broker_calls = HistogramOpts::from(broker_calls).buckets(BUCKETS.to_vec());
        let loop_age = opts(
            "loop_age_seconds",
            "Since each loop last moved; 0 for one that waits for work.",
        );
        let gauge = |name, help| {
            Gauge::with_opts(opts(name, help)).expect("invariant: a valid metric name")
        };
        let int_gauge = |name, help| {
            IntGauge::with_opts(opts(name, help)).expect("invariant: a valid metric name")
        };
        Self {
            leased: int_gauge("attempts_leased", "Attempts the agent works on."),
            by_phase: IntGaugeVec::new(opts("attempts", "Attempts by phase."), &["phase"])
                .expect("invariant: a valid metric name"),
            calls: HistogramVec::new(calls, &["operation", "result"])
                .expect("invariant: a valid metric name"),
            reports_pending: int_gauge(
                "events_pending",
                "Events that the broker has not stored yet.",
            ),
            last_tick: gauge(
                "last_poll_timestamp_seconds",
                "When the scheduler last answered a poll.",
            ),
            broker_heard: gauge(
                "broker_heard_timestamp_seconds",
                "When the broker last answered.",
            ),
            broker_calls: HistogramVec::new(broker_calls, &["call", "result"])
                .expect("invariant: a valid metric name"),
            loop_age: GaugeVec::new(loop_age, &["loop"]).expect("invariant: a valid metric name"),
            spool_bytes: int_gauge("spool_bytes", "How much of the disk the spool takes."),
            spool_records: int_gauge("spool_attempts", "Attempts that the spool has on disk."),
            partitions_unmatched: IntGaugeVec::new(
                opts(
                    "partitions_unmatched",
                    "Partitions that only the broker or only the agent knows: `unserved`, `unregistered`.",
                ),
                &["fault"],
            )
            .expect("invariant: a valid metric name"),
        }
    }

    /// Adds the agent's metrics to a registry; fails when this site is in it already.
    pub fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        let collectors: [Box<dyn Collector>; 11] = [
            Box::new(self.leased.clone()),
            Box::new(self.by_phase.clone()),
            Box::new(self.calls.clone()),
            Box::new(self.reports_pending.clone()),
            Box::new(self.last_tick.clone()),
            Box::new(self.broker_heard.clone()),
            Box::new(self.broker_calls.clone()),
            Box::new(self.loop_age.clone()),
            Box::new(self.spool_bytes.clone()),
            Box::new(self.spool_records.clone()),
            Box::new(self.partitions_unmatched.clone()),
        ];
        collectors
            .into_iter()
            .try_for_each(|collector| registry.register(collector))
    }

    pub(crate) fn observe(&self, state: &State) {
        self.leased.set(as_gauge(state.len()));
        self.reports_pending.set(as_gauge(state.pending_events()));
        let phases = state.phases();
        for phase in PHASES {
            let count = phases.get(phase).copied().unwrap_or(0);
            self.by_phase.with_label_values(&[phase]).set(count);
        }
        let Mismatch {
            unregistered,
            unserved,
            ..
        } = &state.mismatch;
        for (fault, partitions) in [("unregistered", unregistered), ("unserved", unserved)] {
            let count = as_gauge(partitions.len());
            self.partitions_unmatched
                .with_label_values(&[fault])
                .set(count);
        }
        if let Some(at) = state.broker_heard_at {
            self.broker_heard.set(at.as_duration().as_secs_f64());
        }
    }

    pub(crate) fn ticked(&self, now: Timestamp) {
        self.last_tick.set(now.as_duration().as_secs_f64());
    }

    /// Times a call to the broker.
    pub(crate) async fn broker_call<T>(
        &self,
        call: &str,
        answer: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, LinkError> {
        let since = Instant::now();
        let answer = answer.await;
        let result = match &answer {
            Ok(_) => "ok",
            Err(LinkError::Unreachable(_)) => "unreachable",
            Err(LinkError::Busy { .. }) => "busy",
            Err(LinkError::Unauthorized(_)) => "unauthorized",
            Err(LinkError::Refused(_)) => "refused",
        };
        self.broker_calls
            .with_label_values(&[call, result])
            .observe(since.elapsed().as_secs_f64());
        answer
    }

    pub(crate) fn beat(&self, turn: Loop, beat: &Beat, now: Timestamp) {
        let age = beat.age(now).map_or(0.0, |age| age.as_secs_f64());
        self.loop_age.with_label_values(&[turn.as_str()]).set(age);
    }

    pub(crate) fn spooled(&self, spool: &Spool) {
        let size = spool.size();
        self.spool_records.set(as_gauge(size.records));
        self.spool_bytes
            .set(i64::try_from(size.bytes).unwrap_or(i64::MAX));
    }

    fn called<T>(&self, operation: &str, since: Instant, answer: Result<T>) -> Result<T> {
        let result = answer.as_ref().map_or_else(|e| e.kind.as_str(), |_| "ok");
        self.calls
            .with_label_values(&[operation, result])
            .observe(since.elapsed().as_secs_f64());
        answer
    }
}

fn as_gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// An adapter whose calls are counted and timed.
#[derive(Debug)]
pub(crate) struct Metered {
    inner: Arc<dyn SiteAdapter>,
    metrics: Metrics,
}

impl Metered {
    pub(crate) fn new(inner: Arc<dyn SiteAdapter>, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }
}

#[async_trait]
impl SiteAdapter for Metered {
    async fn snapshot(&self) -> Result<SiteSnapshot> {
        let since = Instant::now();
        let answer = self.inner.snapshot().await;
        self.metrics.called("snapshot", since, answer)
    }

    async fn submit(&self, submission: &Submission) -> Result<Submitted> {
        let since = Instant::now();
        let answer = self.inner.submit(submission).await;
        self.metrics.called("submit", since, answer)
    }

    async fn find(&self, account: &LocalAccount, marker: &str) -> Result<Option<RemoteJob>> {
        let since = Instant::now();
        let answer = self.inner.find(account, marker).await;
        self.metrics.called("find", since, answer)
    }

    async fn poll(&self, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        let since = Instant::now();
        let answer = self.inner.poll(jobs).await;
        self.metrics.called("poll", since, answer)
    }

    async fn cancel(&self, job: &RemoteRef) -> Result<()> {
        let since = Instant::now();
        let answer = self.inner.cancel(job).await;
        self.metrics.called("cancel", since, answer)
    }

    async fn usage(&self, job: &RemoteRef) -> Result<Option<UsageReport>> {
        let since = Instant::now();
        let answer = self.inner.usage(job).await;
        self.metrics.called("usage", since, answer)
    }

    async fn read_log(
        &self,
        job: &RemoteRef,
        stream: LogStream,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>> {
        let since = Instant::now();
        let answer = self.inner.read_log(job, stream, offset, max_bytes).await;
        self.metrics.called("read_log", since, answer)
    }

    async fn probe(&self) -> Vec<ProbeResult> {
        self.inner.probe().await
    }
}
