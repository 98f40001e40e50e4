use std::io::Write;

use broker_client::Client;
use broker_client::wire::SiteView;
use broker_model::{Partition, PartitionSnapshot, SiteId, System};

use crate::print;

pub(crate) async fn run(
    client: &Client,
    site: Option<SiteId>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let sites = match site {
        Some(site) => vec![client.site(&site).await?],
        None => client.sites().await?.items,
    };
    if json {
        print::json(&sites, out)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = sites.iter().flat_map(rows).collect();
    let head = [
        "SITE",
        "STATE",
        "PARTITION",
        "TARGET",
        "GPUS A NODE",
        "NODES FREE",
        "QUEUED",
    ];
    print::table(&head, &rows, out)?;
    for view in &sites {
        if let Some(reason) = &view.reason {
            writeln!(out, "{}: {reason}", view.site.id)?;
        }
    }
    Ok(0)
}

fn rows(view: &SiteView) -> Vec<Vec<String>> {
    let partitions = view.site.systems.iter().flat_map(|system| {
        system
            .partitions
            .iter()
            .map(move |partition| (system, partition))
    });
    partitions
        .map(|(system, partition)| row(view, system, partition))
        .collect()
}

fn row(view: &SiteView, system: &System, partition: &Partition) -> Vec<String> {
    let heard = view
        .snapshot
        .iter()
        .flat_map(|snapshot| &snapshot.partitions);
    let seen: Option<&PartitionSnapshot> =
        { heard }.find(|seen| seen.system == system.id && seen.partition == partition.id);
    let free = |seen: &PartitionSnapshot| format!("{} of {}", seen.nodes_free, seen.nodes_total);
    vec![
        view.site.id.to_string(),
        print::word(&view.readiness),
        format!("{}/{}", system.id, partition.id),
        partition.container_target.to_string(),
        partition.gpus_per_node.to_string(),
        seen.map_or_else(|| "-".to_owned(), free),
        seen.map_or_else(|| "-".to_owned(), |seen| seen.jobs_queued.to_string()),
    ]
}
