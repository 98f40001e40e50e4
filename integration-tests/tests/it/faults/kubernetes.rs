use std::path::PathBuf;
use std::time::Duration;

use broker_model::Site;
use emulated_kubernetes::{Cluster, NAMESPACE};
use integration_tests::{Adapter, Plan, SiteAgent, site_of};
use serde_json::{Value, json};
use url::Url;

use super::ground::{Ground, Starts, counted};
use super::never_twice_never_lost;
use super::scene::Scene;

impl Ground for Cluster {
    const REPLICAS: usize = 2;
    const SILENCE: Duration = Duration::from_secs(6);

    fn site(&self) -> Site {
        site_of("kubernetes", "main", 64)
    }

    fn starts(&self) -> (String, PathBuf) {
        let here = self.folder().join("starts");
        (here.display().to_string(), here)
    }

    async fn agent(&self, scene: &mut Scene, name: &str, broker: &Url) -> SiteAgent {
        // A second before the agent gives up waiting.
        let plan = Plan::rough(Self::SILENCE, Duration::from_secs(4));
        let api = scene.before(self.address(), plan).await;
        let token = self.token_file();
        let text = format!(
            r#"
            system = "kubernetes"
            timeout_seconds = 5
            settle_seconds = 8
            grace_seconds = 2
            allow_root = true
            access = {{ kind = "token", server = "{api}", token_file = "{token}" }}
            [partitions.main]
            default_image = "docker://busybox:1"
            gpu_resource = "nvidia.com/gpu"
            "#,
            token = token.display(),
        );
        let adapter = Adapter {
            kind: "kubernetes",
            settings: toml::from_str(&text).unwrap(),
            user: NAMESPACE,
            // Would be Kueue's queue, which is not there.
            account: None,
        };
        let folder = scene.installation.path(name);
        let enrolment = scene.installation.enrolment(&self.site().id);
        SiteAgent::with_adapter(&folder, broker, enrolment, adapter)
    }

    fn by_accounting(&self) -> Starts {
        // The kubelet's own book; its label is the attempt.
        counted(Cluster::starts(self))
    }

    fn is_idle(&self) -> bool {
        self.all("pods").iter().all(is_over) && self.all("jobs").iter().all(is_finished)
    }
}

fn is_over(pod: &Value) -> bool {
    matches!(
        pod["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    )
}

fn is_finished(job: &Value) -> bool {
    let conditions = job["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions
        .any(|it| it["status"] == "True" && (it["type"] == "Complete" || it["type"] == "Failed"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_starts_once_behind_a_bad_network_at_kubernetes() {
    let cluster = Cluster::start().await;
    cluster.add_node("node2", 4);
    never_twice_never_lost(cluster, 60).await;
}

#[tokio::test]
async fn kubernetes_is_not_idle_while_a_pod_waits_or_a_job_is_not_finished() {
    for (plural, status) in [
        ("pods", json!({ "phase": "Pending" })),
        (
            "jobs",
            json!({ "conditions": [{ "type": "Suspended", "status": "True" }] }),
        ),
    ] {
        let cluster = Cluster::start().await;
        assert!(cluster.is_idle());
        let metadata = json!({ "name": "left", "namespace": NAMESPACE, "uid": "left" });
        cluster.put(plural, json!({ "metadata": metadata, "status": status }));
        assert!(!cluster.is_idle(), "{plural}");
    }
}
