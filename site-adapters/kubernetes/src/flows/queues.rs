//! What Kueue lets a partition's jobs have of what the nodes could give.

use std::collections::BTreeSet;

use site_adapter::{ErrorKind, Result};

use crate::adapter::KubernetesAdapter;
use crate::calls::kueue::Workload;
use crate::calls::quotas::{self, ClusterQueue, ResourceFlavor, Room};
use crate::config::PartitionSettings;

/// Kueue's objects, as far as the agent may read them.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    local: Vec<Workload>,
    cluster: Vec<ClusterQueue>,
    /// None where the agent may not list them: then every flavor counts.
    flavors: Option<Vec<ResourceFlavor>>,
    /// Why quotas do not count.
    pub(crate) unread: Option<String>,
}

impl KubernetesAdapter {
    /// None of them where no partition has a queue, or Kueue is not there: three calls otherwise.
    pub(crate) async fn all_queues(&self) -> Queues {
        let has_queues = self.settings.partitions.values().any(|p| p.queue.is_some());
        if !has_queues {
            return Queues::default();
        }
        let version = match self.kueue_version().await {
            Ok(Some(version)) => version,
            Ok(None) => return Queues::default(),
            Err(error) => return Queues::unread(error.to_string()),
        };
        let (local, cluster, flavors) = tokio::join!(
            self.local_queues(&version),
            self.cluster_queues(&version),
            self.flavors(&version)
        );
        Queues {
            local,
            unread: cluster.as_ref().err().map(ToString::to_string),
            cluster: cluster.unwrap_or_default(),
            flavors: flavors.ok(),
        }
    }

    /// Of all namespaces; of those in use where the agent may not list all.
    async fn local_queues(&self, version: &str) -> Vec<Workload> {
        match self.queues(version, None).await {
            Ok(all) => return all,
            Err(error) if error.kind == ErrorKind::Unauthorized => {}
            Err(error) => tracing::debug!(%error, "local queues cannot be read"),
        }
        let mut all = Vec::new();
        for (namespace, _) in self.watches.all() {
            match self.queues(version, Some(&namespace)).await {
                Ok(queues) => all.extend(queues),
                Err(error) => tracing::debug!(%error, namespace, "local queues cannot be read"),
            }
        }
        all
    }

    async fn cluster_queues(&self, version: &str) -> Result<Vec<ClusterQueue>> {
        let answer = self.transport.call(quotas::queues(version)?).await?;
        quotas::all_queues(&answer)
    }

    async fn flavors(&self, version: &str) -> Result<Vec<ResourceFlavor>> {
        let answer = self.transport.call(quotas::flavors(version)?).await?;
        quotas::all_flavors(&answer)
    }
}

impl Queues {
    fn unread(words: String) -> Self {
        Self {
            unread: Some(words),
            ..Self::default()
        }
    }

    /// Why the partition's queue takes nothing, if so in every namespace, and how many wait in it.
    pub(crate) fn state(&self, partition: &PartitionSettings) -> (Option<String>, u32) {
        let own = self.own(partition);
        let closed: Vec<String> = own.iter().filter_map(|queue| queue.inactive()).collect();
        let waiting = own.iter().map(|q| q.status.pending_workloads);
        let waiting = waiting.fold(0, u32::saturating_add);
        let all_closed = !own.is_empty() && closed.len() == own.len();
        (closed.into_iter().next().filter(|_| all_closed), waiting)
    }

    /// What the queues of the partition have of its accelerators, or of processors where it has none.
    /// `None` where nothing is known of a quota.
    pub(crate) fn room(&self, partition: &PartitionSettings) -> Option<Room> {
        let resource = partition.gpu_resource.as_deref().unwrap_or("cpu");
        let local = self.own(partition);
        let names: BTreeSet<&str> = local
            .iter()
            .map(|q| q.spec.cluster_queue.as_str())
            .collect();
        let queues = self.cluster.iter();
        let behind = queues.filter(|queue| names.contains(queue.metadata.name.as_str()));
        let rooms = behind.filter_map(|queue| queue.room(resource, |f| self.fits(f, partition)));
        rooms.reduce(|all, one| Room {
            most: all.most.zip(one.most).map(|(a, b)| a + b),
            free: all.free + one.free,
        })
    }

    fn own(&self, partition: &PartitionSettings) -> Vec<&Workload> {
        let wanted = partition.queue.as_deref();
        let all = self.local.iter();
        all.filter(|queue| Some(queue.metadata.name.as_str()) == wanted)
            .collect()
    }

    fn fits(&self, flavor: &str, partition: &PartitionSettings) -> bool {
        let all = self.flavors.iter().flatten();
        let mut known = all.filter(|known| known.metadata.name == flavor);
        known.all(|flavor| flavor.fits(&partition.node_selector))
    }
}
