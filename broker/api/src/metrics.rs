use std::time::Duration;

use axum::http::Method;
use broker_app::Broker;
use prometheus::{
    Encoder as _, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};

/// What `/metrics` shows, in Prometheus' text format.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: HistogramVec,
    refused_logins: IntCounterVec,
    refused_agents: IntCounterVec,
    leases: IntCounterVec,
    reports: IntCounterVec,
    jobs: IntGaugeVec,
    sites: IntGaugeVec,
    commits: GaugeVec,
    store_up: IntGauge,
}

impl Metrics {
    /// Fails only when two metrics share a name, which is a mistake in this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, help), labels)
        };
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
        let options = HistogramOpts::new(
            "alcyone_request_seconds",
            "Requests by route, method and status",
        )
        .buckets(buckets);
        let metrics = Self {
            requests: HistogramVec::new(options, &["route", "method", "status"])?,
            refused_logins: counter(
                "alcyone_refused_tokens_total",
                "Tokens not accepted",
                &["reason"],
            )?,
            refused_agents: counter(
                "alcyone_refused_agent_requests_total",
                "Requests of agents, or of what says it is one, that were not let in",
                &["reason"],
            )?,
            leases: counter(
                "alcyone_leased_attempts_total",
                "Attempts given to agents",
                &["site"],
            )?,
            reports: counter("alcyone_reports_total", "Reports of agents", &["site"])?,
            jobs: IntGaugeVec::new(
                Opts::new("alcyone_jobs", "Active jobs by state and site"),
                &["state", "site"],
            )?,
            sites: IntGaugeVec::new(
                Opts::new("alcyone_site_ready", "1 while a site is ready"),
                &["site"],
            )?,
            commits: GaugeVec::new(
                Opts::new("alcyone_commits", "Group commits since start"),
                &["what"],
            )?,
            store_up: IntGauge::new(
                "alcyone_store_up",
                "1 if the database answered when these numbers were read; without it `alcyone_jobs` is left out",
            )?,
            registry,
        };
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(self.requests.clone()))?;
        self.registry
            .register(Box::new(self.refused_logins.clone()))?;
        self.registry
            .register(Box::new(self.refused_agents.clone()))?;
        self.registry.register(Box::new(self.leases.clone()))?;
        self.registry.register(Box::new(self.reports.clone()))?;
        self.registry.register(Box::new(self.jobs.clone()))?;
        self.registry.register(Box::new(self.sites.clone()))?;
        self.registry.register(Box::new(self.commits.clone()))?;
        self.registry.register(Box::new(self.store_up.clone()))
    }

    /// The registry, for what is counted elsewhere in the process.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn request(&self, route: &str, method: &Method, status: u16, took: Duration) {
        // A client may invent methods; each would be a series of its own.
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE => {
                method.as_str()
            }
            _ => "(other)",
        };
        let status = status.to_string();
        self.requests
            .with_label_values(&[route, method, &status])
            .observe(took.as_secs_f64());
    }

    pub(crate) fn refused_token(&self, reason: &str) {
        self.refused_logins.with_label_values(&[reason]).inc();
    }

    /// `reason` is one of the refusal's codes, so the series are few.
    pub(crate) fn refused_agent(&self, reason: &'static str) {
        self.refused_agents.with_label_values(&[reason]).inc();
    }

    pub fn leased(&self, site: &str, attempts: usize) {
        self.leases
            .with_label_values(&[site])
            .inc_by(attempts as u64);
    }

    pub fn reported(&self, site: &str) {
        self.reports.with_label_values(&[site]).inc();
    }

    /// Sets what the store counts of its commits: `groups`, `changes`, `seconds`.
    pub fn commits(&self, what: &str, value: f64) {
        self.commits.with_label_values(&[what]).set(value);
    }

    /// The text, with gauges read at this moment.
    pub(crate) async fn text(&self, broker: &Broker) -> String {
        // A database that does not answer says nothing of jobs: no number is better than a zero.
        let counted = broker.store().count_active().await;
        self.store_up.set(counted.is_ok().into());
        self.jobs.reset();
        for (state, site, count) in counted.unwrap_or_else(|error| {
            tracing::warn!(%error, "jobs cannot be counted");
            Vec::new()
        }) {
            let site = site.map(|site| site.to_string()).unwrap_or_default();
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.jobs
                .with_label_values(&[state.as_str(), &site])
                .set(count);
        }
        for view in broker.sites() {
            let ready = i64::from(view.readiness == broker_model::SiteReadiness::Ready);
            self.sites
                .with_label_values(&[view.site.id.as_str()])
                .set(ready);
        }
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be written");
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}
