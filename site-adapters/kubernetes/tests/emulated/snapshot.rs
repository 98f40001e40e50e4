use broker_model::SiteReadiness;
use site_adapter::{ErrorKind, SiteAdapter as _};

use crate::rig::{Rig, adapter};

#[tokio::test(flavor = "multi_thread")]
async fn free_is_what_nodes_can_give_less_what_pods_ask_for() {
    let rig = Rig::start().await;
    rig.cluster.add_node("node2", 8);
    let mut submission = rig.submission("exec sleep 600");
    submission.work.resources.gpus_per_node = 3;
    let job = rig.submit(&submission).await;
    rig.running(&job).await;
    let snapshot = rig.adapter.snapshot().await.unwrap();
    assert_eq!(snapshot.readiness, SiteReadiness::Ready);
    let main = &snapshot.partitions[0];
    assert_eq!((main.gpus_total, main.gpus_free), (12, 9));
    assert_eq!(main.gpus[0].kind, "nvidia.com/gpu");
    assert_eq!((main.nodes_total, main.nodes_free), (2, 1));
    assert_eq!((main.jobs_running, main.jobs_queued), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_out_of_service_offers_nothing_and_is_told_with_its_reason() {
    let rig = Rig::start().await;
    rig.cluster.add_node("node2", 8);
    rig.cluster.cordon("node2");
    let main = &rig.adapter.snapshot().await.unwrap().partitions[0];
    assert_eq!((main.nodes_total, main.nodes_drained), (2, 1));
    assert_eq!((main.gpus_total, main.gpus_free), (12, 4));
    assert!(main.accepting);
    let snapshot = rig.adapter.snapshot().await.unwrap();
    assert_eq!(snapshot.readiness, SiteReadiness::Ready);
    assert_eq!(
        snapshot.reason.unwrap(),
        "main: 1 of 2 nodes take no jobs: node2 cordoned"
    );
    rig.cluster.lose_node("node1");
    let snapshot = rig.adapter.snapshot().await.unwrap();
    assert_eq!(snapshot.readiness, SiteReadiness::Draining);
    let main = &snapshot.partitions[0];
    assert!(!main.accepting);
    let reason = main.reason.as_deref().unwrap();
    assert!(
        reason.contains("node1 not ready") && reason.contains("node2 cordoned"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_list_nodes_there_is_no_capacity_to_tell() {
    let rig = Rig::start().await;
    rig.cluster.deny("list", "nodes");
    let error = rig.adapter.snapshot().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(
        error.message.contains("cannot list resource \"nodes\""),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_list_all_pods_the_own_ones_count_and_that_is_said() {
    let rig = Rig::start().await;
    let mut submission = rig.submission("exec sleep 600");
    submission.work.resources.gpus_per_node = 1;
    let job = rig.submit(&submission).await;
    rig.running(&job).await;
    rig.cluster.deny("list", "all pods");
    let snapshot = rig.adapter.snapshot().await.unwrap();
    assert_eq!(snapshot.partitions[0].gpus_free, 3);
    assert!(snapshot.reason.unwrap().contains("may not list all pods"));
}

/// One answer with all objects of a big cluster would be tens of megabytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_big_cluster_is_read_in_pages() {
    let rig = Rig::start().await;
    for number in 0..1100 {
        rig.cluster.add_node(&format!("more{number}"), 8);
    }
    let main = &rig.adapter.snapshot().await.unwrap().partitions[0];
    assert_eq!((main.nodes_total, main.gpus_free), (1101, 8804));
    assert_eq!(rig.cluster.requests("GET /api/v1/nodes"), 3);
    let unlimited = rig.cluster.requests("GET /api/v1/nodes")
        - rig.cluster.requests_with("GET /api/v1/nodes", "limit=500");
    assert_eq!(unlimited, 0);
}

/// The continuation of a list is kept for some minutes only.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_whose_continuation_expired_is_begun_again_and_counts_nothing_twice() {
    let rig = Rig::start().await;
    for number in 0..600 {
        rig.cluster.add_node(&format!("more{number}"), 1);
    }
    rig.cluster
        .fail_next("GET", "continue=", emulated_kubernetes::Fault::Expired);
    let main = &rig.adapter.snapshot().await.unwrap().partitions[0];
    assert_eq!(main.nodes_total, 601);
    assert_eq!(rig.cluster.requests("GET /api/v1/nodes"), 4);
}

/// Kubernetes has no free count: everything that pods ask for is taken off what a node can give.
#[tokio::test(flavor = "multi_thread")]
async fn what_other_pods_ask_for_is_taken_off() {
    let rig = Rig::start().await;
    let other = |name: &str, requests: serde_json::Value| {
        serde_json::json!({
            "kind": "Pod", "apiVersion": "v1",
            "metadata": { "name": name, "namespace": "elsewhere", "uid": name },
            "spec": { "nodeName": "node1", "containers": [
                { "name": "c", "image": "x", "resources": { "limits": requests, "requests": requests } },
            ] },
            "status": { "phase": "Running" },
        })
    };
    rig.cluster.put(
        "pods",
        other("one", serde_json::json!({ "nvidia.com/gpu": "1" })),
    );
    let main = &rig.adapter.snapshot().await.unwrap().partitions[0];
    assert_eq!((main.gpus_free, main.nodes_free), (3, 0));
    // No job could have the other three: the memory for it is gone.
    rig.cluster.put(
        "pods",
        other("two", serde_json::json!({ "memory": "510Gi" })),
    );
    let main = &rig.adapter.snapshot().await.unwrap().partitions[0];
    assert_eq!(main.gpus_free, 0);
}

/// Whatever the number of jobs: nodes and pods once each, and three of Kueue's kinds where it is used.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_costs_the_same_however_many_jobs_there_are() {
    let rig = Rig::with("queue = \"gpu\"").await;
    rig.cluster.install_kueue(4);
    rig.adapter.snapshot().await.unwrap();
    for _ in 0..8 {
        rig.submit(&rig.submission("exec sleep 600")).await;
    }
    let lists = || {
        let all = rig.cluster.requests("GET /");
        all - rig.cluster.requests_with("GET /", "watch=1")
    };
    let other = adapter(&rig.cluster, "queue = \"gpu\"");
    other.snapshot().await.unwrap();
    rig.wait("a snapshot in peace", async || {
        let before = lists();
        other.snapshot().await.unwrap();
        // Another process's watches may have listed meanwhile.
        (lists() - before == 5).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tainted_node_counts_as_drained_unless_the_partition_tolerates_it() {
    let rig = Rig::start().await;
    rig.cluster.add_node("node2", 8);
    rig.cluster.taint("node2", "maintenance", "NoSchedule");
    let snapshot = rig.adapter.snapshot().await.unwrap();
    let main = &snapshot.partitions[0];
    assert_eq!((main.nodes_drained, main.gpus_free), (1, 4));
    let reason = snapshot.reason.unwrap();
    assert!(
        reason.contains("node2 tainted maintenance:NoSchedule"),
        "{reason}"
    );
    let tolerant = adapter(&rig.cluster, "tolerations = [{ key = \"maintenance\" }]");
    let snapshot = tolerant.snapshot().await.unwrap();
    let main = &snapshot.partitions[0];
    assert_eq!((main.nodes_drained, main.gpus_free), (0, 12));
    assert_eq!(snapshot.reason, None);
}
