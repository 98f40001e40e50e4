//! Sites in the broker's own process: the same agent and adapter as at a real site, with no network
//! in between.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use broker_api::Metrics;
use broker_app::{Broker, Error};
use broker_model::{Ids, Site, SystemClock};
use broker_store::StoreError;
use site_adapter::{BrokerLink, LeaseReply, LeaseRequest, LinkError, Report, ReportReply};
use site_adapter_process::{Config, ProcessAdapter};
use site_agent::{AccountTable, Agent, AgentConfig};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The broker as an agent in the same process sees it; what it leases and reports is counted as if it
/// had come over HTTP.
#[derive(Debug)]
pub struct EmbeddedLink {
    pub broker: Broker,
    pub metrics: Option<Arc<Metrics>>,
}

#[async_trait]
impl BrokerLink for EmbeddedLink {
    async fn lease(&self, request: LeaseRequest) -> Result<LeaseReply, LinkError> {
        let reply = self.broker.lease(&request).await.map_err(link_error)?;
        if let Some(metrics) = &self.metrics {
            metrics.leased(request.site.as_str(), reply.attempts.len());
        }
        Ok(reply)
    }

    async fn report(&self, report: Report) -> Result<ReportReply, LinkError> {
        let site = report.site.clone();
        let reply = self.broker.report(report).await.map_err(link_error)?;
        if let Some(metrics) = &self.metrics {
            metrics.reported(site.as_str());
        }
        Ok(reply)
    }
}

fn link_error(error: Error) -> LinkError {
    match error {
        Error::Store(StoreError::Unavailable(_) | StoreError::Full(_)) | Error::Contended => {
            LinkError::Unreachable(error.to_string())
        }
        error => LinkError::Refused(error.to_string()),
    }
}

/// Agents on the `process` adapter, one for each site, that this machine plays.
#[derive(Debug)]
pub struct EmbeddedSites {
    agents: JoinSet<()>,
    adapters: Vec<Arc<ProcessAdapter>>,
    shutdown: CancellationToken,
}

impl EmbeddedSites {
    /// Starts an agent for each site, with its jobs kept under `data/<site>`. With metrics, they show
    /// what each agent does and how its adapter answers.
    pub async fn start(
        broker: &Broker,
        sites: &[Site],
        data: &Path,
        metrics: Option<&Arc<Metrics>>,
    ) -> anyhow::Result<Self> {
        let mut embedded = Self {
            agents: JoinSet::new(),
            adapters: Vec::new(),
            shutdown: CancellationToken::new(),
        };
        let ids = Ids::from_os();
        for site in sites {
            let folder = data.join(site.id.as_str());
            let config = Config::simulating(site, folder);
            let adapter = Arc::new(ProcessAdapter::open(config, Arc::new(SystemClock)).await?);
            let mut config = AgentConfig::new(
                ids.next(&SystemClock),
                ids.next(&SystemClock),
                site.id.clone(),
            );
            config.tick = Duration::from_millis(200);
            let agent = Agent::new(
                config,
                Arc::new(EmbeddedLink {
                    broker: broker.clone(),
                    metrics: metrics.cloned(),
                }),
                adapter.clone(),
                Arc::new(AccountTable::everyone("demo")),
                Arc::new(SystemClock),
            );
            if let Some(metrics) = metrics {
                agent.metrics().register(metrics.registry())?;
            }
            embedded.adapters.push(adapter);
            let shutdown = embedded.shutdown.clone();
            embedded
                .agents
                .spawn(async move { agent.run(shutdown).await });
        }
        Ok(embedded)
    }

    /// Stops the agents; their jobs run on, as at any site.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        while self.agents.join_next().await.is_some() {}
        for adapter in &self.adapters {
            adapter.close().await;
        }
    }
}
