use std::collections::BTreeSet;

use broker_model::{PartitionId, PartitionRef, SystemId};
use site_adapter_kubernetes::KubernetesSettings;
use site_adapter_pbs::PbsSettings;
use site_adapter_slurm::SlurmSettings;
use site_agent::settings::{AdapterKind, Settings};

use crate::compose::{adapter_settings, process_settings};

/// The partitions that the file names, whether the scheduler has them or not.
pub(crate) fn offered(settings: &Settings) -> anyhow::Result<BTreeSet<PartitionRef>> {
    let table = || settings.adapter.settings.clone();
    let of = |system: &SystemId, partition: &PartitionId| PartitionRef {
        site: settings.agent.site.clone(),
        system: system.clone(),
        partition: partition.clone(),
    };
    Ok(match settings.adapter.kind {
        AdapterKind::Slurm => {
            let own: SlurmSettings = adapter_settings(settings, table())?;
            let named = own.partitions.keys();
            named.map(|it| of(&own.system, it)).collect()
        }
        AdapterKind::Kubernetes => {
            let own: KubernetesSettings = adapter_settings(settings, table())?;
            let named = own.partitions.keys();
            named.map(|it| of(&own.system, it)).collect()
        }
        AdapterKind::Pbs => {
            let own: PbsSettings = adapter_settings(settings, table())?;
            let named = own.partitions.keys();
            named.map(|it| of(&own.system, it)).collect()
        }
        AdapterKind::Process => {
            let own = process_settings(settings)?;
            let named = own.partitions.iter();
            named.map(|it| of(&it.system, &it.partition)).collect()
        }
    })
}
