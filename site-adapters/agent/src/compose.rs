use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use broker_model::{SystemClock, SystemId};
use serde::de::DeserializeOwned;
use site_adapter::{InvalidSettings, ProbeResult, SiteAdapter};
use site_adapter_kubernetes::{KubernetesAdapter, KubernetesSettings};
use site_adapter_pbs::{PbsAdapter, PbsSettings};
use site_adapter_process::{ProcessAdapter, probe_beside};
use site_adapter_slurm::{SlurmAdapter, SlurmSettings};
use site_agent::settings::{AdapterKind, Settings};
use site_agent::{HttpLink, Restored, Spool};

/// The site's adapter, with what the broker has to know of the scheduler behind it, and what has to be
/// closed with it.
pub(crate) struct Site {
    pub(crate) adapter: Arc<dyn SiteAdapter>,
    pub(crate) scheduler: String,
    pub(crate) systems: Vec<SystemId>,
    process: Option<Arc<ProcessAdapter>>,
}

impl Site {
    pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Self> {
        let invalid =
            |error: InvalidSettings| settings.invalid("adapter.settings", error.to_string());
        let table = || settings.adapter.settings.clone();
        let clock = Arc::new(SystemClock);
        match settings.adapter.kind {
            AdapterKind::Slurm => {
                let own: SlurmSettings = adapter_settings(settings, table())?;
                let system = own.system.clone();
                let adapter = SlurmAdapter::new(own, clock).map_err(invalid)?;
                Ok(Self::with(Arc::new(adapter), "slurm", system))
            }
            AdapterKind::Kubernetes => {
                let mut own: KubernetesSettings = adapter_settings(settings, table())?;
                check_kept(settings, own.keep_hours)?;
                own.know_users(settings.accounts.iter().map(|rule| rule.user.as_str()));
                let system = own.system.clone();
                let adapter = KubernetesAdapter::new(own, clock).map_err(invalid)?;
                Ok(Self::with(Arc::new(adapter), "kubernetes", system))
            }
            AdapterKind::Pbs => {
                let own: PbsSettings = adapter_settings(settings, table())?;
                let system = own.system.clone();
                let adapter = PbsAdapter::new(own, clock).map_err(invalid)?;
                Ok(Self::with(Arc::new(adapter), "pbs", system))
            }
            AdapterKind::Process => Self::of_processes(settings).await,
        }
    }

    /// A system has one scheduler, however many agents reach it by whatever address.
    fn with(adapter: Arc<dyn SiteAdapter>, kind: &str, system: SystemId) -> Self {
        Self {
            adapter,
            scheduler: format!("{kind}/{system}"),
            systems: vec![system],
            process: None,
        }
    }

    /// Each folder is a scheduler of its own.
    async fn of_processes(settings: &Settings) -> anyhow::Result<Self> {
        let own = process_settings(settings)?;
        let systems: BTreeSet<SystemId> =
            own.partitions.iter().map(|it| it.system.clone()).collect();
        let adapter = ProcessAdapter::open(own, Arc::new(SystemClock))
            .await
            .context("the process adapter does not start")?;
        let adapter = Arc::new(adapter);
        Ok(Self {
            adapter: adapter.clone(),
            scheduler: format!("process/{}", adapter.folder_id()),
            systems: systems.into_iter().collect(),
            process: Some(adapter),
        })
    }

    /// What each subsystem says, asked beside an agent that may be at work: starts nothing.
    pub(crate) async fn probe(settings: &Settings) -> anyhow::Result<Vec<ProbeResult>> {
        if settings.adapter.kind == AdapterKind::Process {
            let own = process_settings(settings)?;
            return Ok(probe_beside(&own));
        }
        let site = Self::open(settings).await?;
        Ok(site.adapter.probe().await)
    }

    pub(crate) async fn close(&self) {
        if let Some(process) = &self.process {
            process.close().await;
        }
    }
}

/// The name of the site and the folder are the agent's own, unless the table says otherwise.
pub(crate) fn process_settings(
    settings: &Settings,
) -> anyhow::Result<site_adapter_process::Config> {
    let mut table = settings.adapter.settings.clone();
    let site = settings.agent.site.to_string();
    table.entry("site").or_insert(site.into());
    let data = settings.agent.data_dir.join("jobs");
    let data = data.to_string_lossy().into_owned();
    table.entry("data").or_insert(data.into());
    adapter_settings(settings, table)
}

/// What a job used is read from what the cluster keeps of it.
fn check_kept(settings: &Settings, keep_hours: u32) -> anyhow::Result<()> {
    let asked_for = settings.usage_give_up();
    if Duration::from_hours(u64::from(keep_hours)) > asked_for {
        return Ok(());
    }
    let hours = asked_for.as_secs() / 3600;
    let reason = format!(
        "{keep_hours}: must be more than `agent.usage_give_up_hours` ({hours}), or Jobs are gone before \
         their usage is read"
    );
    Err(settings
        .invalid("adapter.settings.keep_hours", reason)
        .into())
}

pub(crate) fn adapter_settings<T: DeserializeOwned>(
    settings: &Settings,
    table: toml::Table,
) -> anyhow::Result<T> {
    table.try_into().map_err(|error: toml::de::Error| {
        let reason = error.message().to_owned();
        settings.invalid("adapter.settings", reason).into()
    })
}

/// The way to the broker as the agent that was enrolled here.
pub(crate) fn link(settings: &Settings) -> anyhow::Result<Arc<HttpLink>> {
    let link = HttpLink::new(&settings.link_config())?;
    let identity = link.identity();
    if identity.site != settings.agent.site {
        let reason = format!("this agent was enrolled for {}", identity.site);
        return Err(settings.invalid("agent.site", reason).into());
    }
    Ok(Arc::new(link))
}

/// The spool in the agent's data folder, and what an earlier process left in it.
pub(crate) fn spool(settings: &Settings) -> anyhow::Result<(Spool, Restored)> {
    let folder = settings.agent.data_dir.join("spool");
    Spool::open(&folder, settings.spool_bytes())
        .with_context(|| format!("the spool `{}` cannot be opened", folder.display()))
}
