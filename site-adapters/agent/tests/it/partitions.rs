//! Partitions that only the broker or only the agent knows: nothing fails, and a person is told.

use std::sync::Arc;

use broker_model::{PartitionRef, PartitionSnapshot, SiteReadiness};
use prometheus::{Registry, TextEncoder};
use site_agent::serve_status;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::binary::{check, write_config};
use crate::http::Served;
use crate::stage::Stage;

const UNREGISTERED: &str = "`meluxina/meluxina/gpu` is in the agent's settings and not registered";
const UNSERVED: &str = "`meluxina/meluxina/fpga` is registered for the site and not in the agent's";

fn registered(partitions: &[&str]) -> Vec<PartitionRef> {
    let of = |partition: &&str| PartitionRef {
        site: "meluxina".parse().unwrap(),
        system: "meluxina".parse().unwrap(),
        partition: partition.parse().unwrap(),
    };
    partitions.iter().map(of).collect()
}

fn offered(names: &[&str]) -> Vec<PartitionSnapshot> {
    let told = names.iter().map(|name| {
        let told = serde_json::json!({
            "system": "meluxina", "partition": name, "accepting": true,
            "nodes_total": 2, "nodes_free": 1, "jobs_queued": 0, "jobs_running": 1,
        });
        serde_json::from_value(told).unwrap()
    });
    told.collect()
}

impl Stage {
    /// Two looks at the site, each told: what the first answer brings shows in the second.
    async fn look_twice(&self) -> (SiteReadiness, String) {
        for _ in 0..2 {
            assert!(self.agent.snapshot_once().await);
            self.agent.report_once().await.unwrap();
        }
        let last = self.broker.rows().snapshots.last().cloned().unwrap();
        (last.readiness, last.reason.unwrap_or_default())
    }

    fn unmatched(&self) -> String {
        let registry = Registry::new();
        self.agent.metrics().register(&registry).unwrap();
        let text = TextEncoder::new().encode_to_string(&registry.gather());
        let text = text.unwrap();
        let lines = text
            .lines()
            .filter(|line| line.starts_with("alcyone_agent_partitions_"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test]
async fn partitions_that_one_side_only_knows_show_in_the_sites_state_until_both_know_them() {
    let stage = Stage::new();
    stage.site.script().partitions = offered(&["cpu", "gpu"]);
    assert_eq!(
        stage.look_twice().await,
        (SiteReadiness::Ready, String::new())
    );
    stage.broker.rows().registered = Some(registered(&["cpu", "fpga"]));
    let (readiness, reason) = stage.look_twice().await;
    assert_eq!(readiness, SiteReadiness::Ready, "what both know works");
    assert!(reason.starts_with(UNREGISTERED), "{reason}");
    assert!(reason.contains(UNSERVED), "{reason}");
    let lines = stage.unmatched();
    for fault in ["unregistered", "unserved"] {
        let line = format!("{{fault=\"{fault}\",site=\"meluxina\"}} 1");
        assert!(lines.contains(&line), "{lines}");
    }
    stage.broker.rows().registered = Some(registered(&["cpu", "gpu"]));
    assert_eq!(
        stage.look_twice().await,
        (SiteReadiness::Ready, String::new())
    );
    assert!(!stage.unmatched().contains("} 1"), "{}", stage.unmatched());
}

#[tokio::test]
async fn health_names_partitions_that_the_broker_does_not_know_and_stays_well() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let stage = Stage::new();
    stage.site.script().partitions = offered(&["cpu", "gpu"]);
    stage.broker.rows().registered = Some(registered(&["cpu"]));
    stage.look_twice().await;
    let Stage {
        agent,
        broker: _broker,
        ..
    } = stage;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/healthz", listener.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let served = serve_status(listener, Arc::new(agent), Registry::new(), shutdown.clone());
    let served = tokio::spawn(served);
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.status(), 200);
    let words = answer.text().await.unwrap();
    assert!(words.contains(UNREGISTERED), "{words}");
    shutdown.cancel();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn check_warns_of_partitions_that_one_side_only_knows() {
    let served = Served::start().await;
    let config = write_config(&served);
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("\"cpu\"", "\"gpu\"")).unwrap();
    for (known, lines) in [
        (
            Some(registered(&["gpu"])),
            vec!["partitions: ok".to_owned()],
        ),
        (
            Some(registered(&["fpga"])),
            vec![
                format!("partitions: warning: {UNREGISTERED}"),
                format!("partitions: warning: {UNSERVED}"),
            ],
        ),
        (None, vec!["partitions: warning: not compared".to_owned()]),
    ] {
        served.front.broker.rows().registered = known;
        let output = check(&config).await;
        let words = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "a warning is no fault: {words}");
        for line in lines {
            assert!(words.contains(&line), "{line}: {words}");
        }
    }
}
