//! The same crashes with a site that really runs the job.

use std::path::Path;
use std::sync::Arc;

use broker_model::{OutcomeKind, SystemClock};
use site_adapter_process::{Config, PartitionConfig, ProcessAdapter};

use crate::broker::{MemoryBroker, Metered};
use crate::crash::{endless, live};
use crate::fuse::Fuse;
use crate::stage::leased;

fn machine(data: &Path) -> Config {
    Config {
        site: "meluxina".parse().unwrap(),
        data: data.to_owned(),
        partitions: vec![PartitionConfig {
            system: "meluxina".parse().unwrap(),
            partition: "cpu".parse().unwrap(),
            nodes: 4,
            gpus_per_node: 0,
            cpus_per_node: None,
            memory_gib_per_node: None,
            max_walltime: None,
            max_nodes_per_job: None,
            exclusive: false,
        }],
        max_running: 4,
        grace_seconds: 1,
        keep_days: 1,
        path: "/usr/local/bin:/usr/bin:/bin".to_owned(),
        environment: std::collections::BTreeMap::new(),
        cgroups: site_adapter_process::CgroupChoice::default(),
        max_processes: 4096,
    }
}

async fn open(data: &Path) -> Arc<ProcessAdapter> {
    let adapter = ProcessAdapter::open(machine(data), Arc::new(SystemClock)).await;
    Arc::new(adapter.unwrap())
}

#[tokio::test]
async fn a_real_job_runs_once_whenever_its_agent_dies() {
    for points in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let trace = folder.path().join("trace");
        let spool = folder.path().join("spool");
        let script = format!(
            "#!/bin/sh\necho run >> {}\necho out\necho err >&2\n",
            trace.display()
        );
        let broker = Arc::new(MemoryBroker::new(Arc::new(SystemClock)));
        let offered = leased(&script);
        let attempt = offered.attempt;
        broker.offer(offered);

        let adapter = open(&folder.path().join("data")).await;
        let finished = live(
            &Fuse::after(points),
            &broker,
            adapter.clone(),
            attempt,
            Some(&spool),
        )
        .await;
        adapter.close().await;
        drop(adapter);
        if !finished {
            let adapter = open(&folder.path().join("data")).await;
            assert!(live(&endless(), &broker, adapter.clone(), attempt, Some(&spool)).await);
            adapter.close().await;
        }

        let row = broker.row(attempt);
        let runs = std::fs::read_to_string(&trace).unwrap();
        assert_eq!(runs, "run\n", "after {points} points");
        assert_eq!(
            row.outcome(),
            Some(OutcomeKind::Completed),
            "after {points} points"
        );
        assert_eq!(row.stdout, b"out\n", "after {points} points");
        assert_eq!(row.stderr, b"err\n", "after {points} points");
        assert_eq!(row.metered, Metered::With, "after {points} points");
        if finished {
            return;
        }
    }
}
