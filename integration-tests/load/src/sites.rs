//! The word of the seven sites, for measurements that need no agent: what an agent would report of
//! a partition with a few free nodes and a queue.

use std::net::SocketAddr;

use anyhow::ensure;
use broker_model::{
    Clock as _, Partition, PartitionSnapshot, Site, SiteReadiness, SiteSnapshot, System,
    SystemClock,
};
use jiff::Timestamp;
use site_adapter::Report;

use crate::client::Connection;
use crate::voice::Voice;

/// Tells the broker once that every site is ready, over the agents' own API.
pub(crate) async fn report_all(address: SocketAddr, sites: &[(Site, Voice)]) -> anyhow::Result<()> {
    let mut connection = Connection::open(address).await?;
    for (site, voice) in sites {
        let report = Report {
            snapshot_ttl_seconds: None,
            agent: voice.agent,
            instance: None,
            site: site.id.clone(),
            snapshot: Some(snapshot(site, SystemClock.now())),
            attempts: Vec::new(),
            logs: Vec::new(),
            working_on: Vec::new(),
        };
        let body = serde_json::to_vec(&report)?;
        let request = voice.post(address, "/agent/v1/report", &body)?;
        let answer = connection.exchange(&request).await?;
        ensure!(
            answer.status == 200,
            "{}: {} {}",
            site.id,
            answer.status,
            String::from_utf8_lossy(answer.body)
        );
    }
    Ok(())
}

pub(crate) fn snapshot(site: &Site, now: Timestamp) -> SiteSnapshot {
    let partitions = site.systems.iter().flat_map(|system| {
        (0..)
            .zip(&system.partitions)
            .map(|(number, partition)| offer(system, partition, number))
    });
    SiteSnapshot {
        observed_at: now,
        readiness: SiteReadiness::Ready,
        reason: None,
        partitions: partitions.collect(),
    }
}

fn offer(system: &System, partition: &Partition, number: u32) -> PartitionSnapshot {
    let nodes = partition.nodes.unwrap_or(1);
    let gpus = partition.gpus_per_node * partition.scheduler_gpus_per_gpu;
    let free = nodes.min(number % 4);
    PartitionSnapshot {
        reason: None,
        expected_start: None,
        gpus: Vec::new(),
        nodes_drained: 0,
        system: system.id.clone(),
        partition: partition.id.clone(),
        accepting: true,
        nodes_total: nodes,
        nodes_free: free,
        gpus_total: nodes * gpus,
        gpus_free: free * gpus,
        max_walltime_seconds: partition.max_walltime.map(broker_model::Walltime::seconds),
        max_nodes_per_job: partition.max_nodes_per_job,
        jobs_running: nodes - free,
        jobs_queued: number * 3,
        backlog_node_seconds: Some(u64::from(nodes) * 3600),
    }
}
