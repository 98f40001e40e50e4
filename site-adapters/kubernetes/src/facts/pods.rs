use broker_model::OutcomeKind;
use jiff::SignedDuration;
use serde_json::{Value, json};
use site_adapter::{Activity, TaskCounts};

use super::{ours, pod, pod_with, recorded, view, with_status};
use crate::calls::nodes::Node;
use crate::config::{PartitionSettings, TolerationSettings};
use crate::flows::tend::{Chore, chore};
use crate::states::pod_outcome;

fn first(status: &Value) -> Value {
    status
        .as_array()
        .map_or_else(|| status.clone(), |all| all[0].clone())
}

#[test]
fn an_unschedulable_pod_is_why_the_job_waits() {
    let told = recorded("pods_unschedulable");
    let job = with_status(&told["job_status"]);
    assert!(
        job.start_time.is_some(),
        "it counts as started all the same"
    );
    let pods = [pod_with(&told["pod_status"])];
    let Activity::Queued { reason, .. } = view(&job, &pods).activity(None) else {
        panic!("it waits");
    };
    let reason = reason.unwrap();
    assert!(
        reason.starts_with("Unschedulable: 0/1 nodes are available"),
        "{reason}"
    );
    assert!(reason.contains("Insufficient nvidia.com/gpu"), "{reason}");
}

/// It never fails by itself.
#[test]
fn an_image_that_cannot_be_pulled_is_told_and_given_up_after_the_time_for_it() {
    for (name, status, word) in [
        ("pods_image_pull_fails", "then", "ImagePullBackOff"),
        ("pods_image_pull_fails", "first", "ErrImagePull"),
        ("pods_image_never_pull", "pod_status", "ErrImageNeverPull"),
    ] {
        let told = recorded(name);
        let job = with_status(&told["job_status"]);
        assert!(!job.is_over());
        let created = "2026-11-20T10:25:22Z";
        let pods = [pod(json!({
            "metadata": { "creationTimestamp": created }, "status": told[status],
        }))];
        let activity = view(&job, &pods).activity(None);
        let Activity::Queued { reason, .. } = &activity else {
            panic!("{name}: {activity:?}");
        };
        assert!(reason.as_ref().unwrap().starts_with(word), "{reason:?}");
        let at = |seconds| {
            let created: jiff::Timestamp = created.parse().unwrap();
            created
                .checked_add(SignedDuration::from_secs(seconds))
                .unwrap()
        };
        assert_eq!(
            chore(view(&job, &pods), &activity, at(5), 600),
            None,
            "{name}"
        );
        let given_up = chore(view(&job, &pods), &activity, at(601), 600);
        assert!(
            matches!(given_up, Some(Chore::NeverStarts(_))),
            "{name}: {given_up:?}"
        );
    }
}

/// What it waited for a node before is no failure to get its image.
#[test]
fn the_time_for_a_launch_begins_when_a_node_takes_the_pod() {
    let job = with_status(&json!({ "active": 1 }));
    let at = |second| jiff::Timestamp::from_second(second).unwrap();
    let pods = [pod(json!({
        "metadata": { "creationTimestamp": at(0) },
        "status": { "phase": "Pending", "startTime": at(700), "containerStatuses": [
            { "name": "main", "state": { "waiting": { "reason": "ErrImagePull" } } },
        ] },
    }))];
    let told = view(&job, &pods);
    let todo = |second| chore(told, &told.activity(None), at(second), 600);
    assert_eq!(todo(701), None);
    assert!(matches!(todo(1300), Some(Chore::NeverStarts(_))));
}

#[test]
fn a_container_killed_for_memory_is_out_of_memory() {
    let told = recorded("pods_oom");
    let job = with_status(&told["job_status"]);
    let pods = [pod_with(&first(&told["pod_status"]))];
    let outcome = view(&job, &pods).outcome();
    assert_eq!(outcome.kind, OutcomeKind::OutOfMemory);
    assert!(outcome.site_words.starts_with("OOMKilled"), "{outcome:?}");
}

#[test]
fn a_command_that_is_not_there_is_a_launch_that_failed_and_never_began() {
    let told = recorded("pods_no_such_command");
    let job = with_status(&told["job_status"]);
    let pods = [pod_with(&first(&told["pod_status"]))];
    let outcome = view(&job, &pods).outcome();
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed);
    assert!(
        outcome.site_words.contains("no such file or directory"),
        "{outcome:?}"
    );
    assert_eq!(pods[0].started_at(), None);
    assert_eq!(view(&job, &pods).usage(), None);
}

/// With the limit of one that was recorded, the code starts again; ours is 0.
#[test]
fn a_pod_that_somebody_deletes_counts_as_failed_and_is_replaced_within_the_limit() {
    let told = recorded("pods_pod_deleted_by_other");
    let job = with_status(&told["job_status"]);
    assert_eq!((job.failed, job.active), (1, 1));
    assert!(!job.is_over());
}

#[test]
fn a_job_in_a_namespace_without_quota_for_it_has_no_pods_at_all() {
    let job = ours(recorded("job_without_pods"));
    assert_eq!((job.active, job.failed), (0, 0));
    let activity = view(&job, &[]).activity(None);
    let now = "2026-11-20T10:25:15Z".parse().unwrap();
    assert_eq!(
        chore(view(&job, &[]), &activity, now, 600),
        Some(Chore::Why)
    );
}

#[test]
fn an_indexed_job_tells_which_indexes_completed() {
    let told = recorded("pods_indexed");
    let mut job = with_status(&told["job_status"]);
    job.is_array = true;
    job.completions = 3;
    let counts = view(&job, &[]).tasks().unwrap();
    let expected = TaskCounts {
        completed: 2,
        failed: 1,
        ..TaskCounts::default()
    };
    assert_eq!(counts, expected);
    let listed = told["pods"].as_array().unwrap();
    let second = pod(json!({ "metadata": listed[1] }));
    assert_eq!(second.index, 1);
}

#[test]
fn the_kubelets_reasons_are_told_apart() {
    let exit = |code| {
        json!([{ "name": "main", "state": { "terminated": {
            "exitCode": code, "reason": "Error",
            "startedAt": "2026-11-20T10:00:00Z", "finishedAt": "2026-11-20T10:00:09Z" } } }])
    };
    for (reason, message, kind) in [
        (
            "DeadlineExceeded",
            "Pod was active on the node longer than the specified deadline",
            OutcomeKind::TimedOut,
        ),
        (
            "Evicted",
            "The node was low on resource: memory.",
            OutcomeKind::NodeFailure,
        ),
        (
            "Evicted",
            "Usage of EmptyDir volume \"alcyone\" exceeds the limit \"1Gi\".",
            OutcomeKind::Failed,
        ),
        (
            "NodeLost",
            "Node which was running the pod is unresponsive",
            OutcomeKind::NodeFailure,
        ),
        (
            "UnexpectedAdmissionError",
            "Allocate failed",
            OutcomeKind::LaunchFailed,
        ),
        (
            "OutOfcpu",
            "Node didn't have enough resource: cpu",
            OutcomeKind::LaunchFailed,
        ),
    ] {
        let status = json!({ "phase": "Failed", "reason": reason, "message": message,
            "containerStatuses": exit(143) });
        let outcome = pod_outcome(&pod_with(&status)).unwrap();
        assert_eq!(outcome.kind, kind, "{reason}: {message}");
        assert!(outcome.site_words.contains(message), "{outcome:?}");
    }
    // Turned away by the kubelet of a node of which the scheduler thought that it fits.
    let status = json!({ "phase": "Failed", "reason": "TopologyAffinityError",
        "message": "Resources cannot be allocated with Topology locality" });
    let outcome = pod_outcome(&pod_with(&status)).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed);
    for (code, exit_code, signal) in [
        (3, Some(3), None),
        (138, None, Some(10)),
        (255, Some(255), None),
    ] {
        let status = json!({ "phase": "Failed", "containerStatuses": exit(code) });
        let outcome = pod_outcome(&pod_with(&status)).unwrap();
        assert_eq!(
            (outcome.exit_code, outcome.signal),
            (exit_code, signal),
            "{code}"
        );
    }
}

#[test]
fn a_nodes_accelerators_are_among_what_it_can_allocate() {
    let node = serde_json::from_value(recorded("node_patch_capacity")).unwrap();
    let node = Node::of(&node).unwrap();
    assert!(node.unready.is_none() && !node.cordoned);
    let gpu = PartitionSettings {
        gpu_resource: Some("nvidia.com/gpu".to_owned()),
        ..PartitionSettings::default()
    };
    let after = serde_json::from_value(recorded("node_node_after")).unwrap();
    let after = Node::of(&after).unwrap();
    assert!(after.is_in(&gpu));
    assert_eq!(after.amount("nvidia.com/gpu"), 4000);
}

#[test]
fn a_lost_node_is_out_of_service() {
    let told = recorded("node_lost");
    let node = json!({
        "metadata": { "name": "node1" },
        "spec": { "taints": told["node_status"]["taints"] },
        "status": { "conditions": told["node_status"]["conditions"] },
    });
    let mut node = Node::of(&serde_json::from_value(node).unwrap()).unwrap();
    let partition = PartitionSettings::default();
    let words = node.out_of_service(&partition).unwrap();
    assert_eq!(words, "not ready (NodeStatusUnknown)");
    node.unready = None;
    let words = node.out_of_service(&partition).unwrap();
    assert_eq!(words, "tainted node.kubernetes.io/unreachable:NoExecute");
    let tolerant = PartitionSettings {
        tolerations: vec![TolerationSettings {
            key: Some("node.kubernetes.io/unreachable".to_owned()),
            value: None,
            effect: None,
        }],
        ..PartitionSettings::default()
    };
    assert_eq!(node.out_of_service(&tolerant), None);
}

#[test]
fn a_list_of_nodes_is_read_with_their_labels() {
    let list = recorded("node_list_before");
    let all: k8s_openapi::List<k8s_openapi::api::core::v1::Node> =
        serde_json::from_value(list).unwrap();
    let nodes: Vec<Node> = all.items.iter().filter_map(Node::of).collect();
    assert_eq!(nodes.len(), 1);
    let labelled = serde_json::from_value(recorded("node_patch_labels")).unwrap();
    let labelled = Node::of(&labelled).unwrap();
    let partition = PartitionSettings {
        node_selector: [(
            "nvidia.com/gpu.product".to_owned(),
            "NVIDIA-H200".to_owned(),
        )]
        .into(),
        ..PartitionSettings::default()
    };
    assert!(labelled.is_in(&partition));
    assert!(!nodes[0].is_in(&partition));
}

/// Not in the recordings: a pod that a gate keeps from the scheduler, as Kueue's for plain pods.
#[test]
fn a_gated_pod_is_why_the_job_waits() {
    let status = json!({ "phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates" }] });
    let pods = [pod_with(&status)];
    let job = super::with_status(&json!({ "active": 1 }));
    let words = view(&job, &pods).pod_reason().unwrap();
    assert!(words.starts_with("SchedulingGated: "), "{words}");
}
