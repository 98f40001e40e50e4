use broker_model::SiteReadiness;
use site_adapter::{ErrorKind, SiteAdapter as _};

use crate::rig::Rig;

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
