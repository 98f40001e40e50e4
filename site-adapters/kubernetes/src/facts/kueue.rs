use serde_json::{Value, json};

use super::{body, recorded};
use crate::calls::events;
use crate::calls::kueue::{Workload, version};
use crate::calls::quotas::{ClusterQueue, ResourceFlavor, Room};
use crate::facts::answer;
use crate::flows::tend::{Chore, chore};

fn workload(name: &str) -> Workload {
    serde_json::from_value(recorded(name)).unwrap()
}

#[test]
fn a_workload_that_waits_for_quota_says_how_much_is_missing() {
    let words = workload("workload_waiting_for_quota").waits_for().unwrap();
    assert!(words.starts_with("WaitingForQuota: "), "{words}");
    assert!(words.ends_with("2 more needed"), "{words}");
}

#[test]
fn a_workload_that_can_never_fit_says_so() {
    let words = workload("workload_never_fits").waits_for().unwrap();
    assert!(words.contains("> maximum capacity (4)"), "{words}");
    assert!(words.ends_with("it can never start)"), "{words}");
}

#[test]
fn a_missing_local_queue_is_named() {
    let words = workload("workload_queue_missing").waits_for().unwrap();
    assert_eq!(words, "Misconfigured: LocalQueue nope doesn't exist");
}

/// Released versions call it `Pending` and `Inadmissible`.
#[test]
fn both_spellings_of_a_reason_are_told_by_their_message() {
    let text = r#"{ "status": { "conditions": [{ "type": "QuotaReserved", "status": "False",
        "reason": "Inadmissible", "message": "LocalQueue nope doesn't exist" }] } }"#;
    let workload: Workload = serde_json::from_str(text).unwrap();
    assert_eq!(
        workload.waits_for().unwrap(),
        "Inadmissible: LocalQueue nope doesn't exist"
    );
}

#[test]
fn a_missing_priority_class_makes_no_workload_and_an_event() {
    let uid = "c458a62e-717a-4c9f-99a7-1b0c78539822";
    let words = events::warning(&body("priority_class_events"), uid)
        .unwrap()
        .unwrap();
    assert_eq!(
        words,
        "WorkloadPriorityClassNotFound: WorkloadPriorityClass \"nope\" not found"
    );
}

#[test]
fn a_preempted_workload_says_so_even_after_it_came_back() {
    let back = workload("workload_preempted_before");
    let evicted = back.evicted().unwrap();
    assert!(
        evicted.message.starts_with("Previously: Preempted"),
        "{evicted:?}"
    );
    assert_eq!(back.waits_for(), None);
}

#[test]
fn a_stopped_queue_is_closed_and_its_workloads_evicted() {
    let stopped = workload("workload_queue_stopped_hold_and_drain");
    assert_eq!(stopped.evicted().unwrap().reason, "ClusterQueueStopped");
    let queue = workload("localqueue_stopped");
    let words = queue.inactive().unwrap();
    assert!(words.starts_with("ClusterQueueIsInactive"), "{words}");
}

/// The Job does not fail then: it stays suspended for ever.
#[test]
fn the_end_of_kueues_maximum_execution_time_is_read_from_the_workload() {
    let ended = workload("workload_max_exec_time");
    let reason = &ended.evicted().unwrap().reason;
    assert_eq!(reason, "DeactivatedDueToMaximumExecutionTimeExceeded");
    assert_eq!(recorded("max_exec_job")["suspend"], true);
}

#[test]
fn a_cluster_without_kueue_says_so_in_plain_text() {
    assert_eq!(version(&answer("missing_api_404")).unwrap(), None);
}

/// The webhook sets it; without Kueue, ours keeps the Job from running outside the quota.
#[test]
fn a_queued_job_is_suspended_from_its_creation() {
    let made = recorded("create_without_suspend");
    assert_eq!(made["body"]["spec"]["suspend"], true);
}

/// A short `PodsReady=False` comes even on success; it is no wait and no eviction.
#[test]
fn an_admitted_workload_waits_for_nothing_whatever_its_pods_do() {
    let events = recorded("workload_events");
    let lives: Vec<Workload> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| serde_json::from_value(event["object"].clone()).unwrap())
        .collect();
    assert!(lives.len() > 3);
    for told in lives.iter().chain([&workload("workload_succeeded")]) {
        assert_eq!(told.waits_for(), None, "{told:?}");
        assert!(told.evicted().is_none(), "{told:?}");
        assert!(told.job_uid().is_some());
    }
}

/// Who lets a queued Job go past Kueue gets it stopped again after its pods began: it is not done here.
#[test]
fn a_job_that_is_let_go_past_its_queue_is_stopped_again() {
    let told = recorded("unsuspended_by_a_user");
    assert_eq!(told["suspend_3s_later"], true);
    let reasons = told["job_events"].to_string();
    assert!(
        reasons.contains("Not admitted by cluster queue"),
        "{reasons}"
    );
    let change = crate::calls::jobs::release(Some("gpu"));
    assert!(change.get("spec").is_none(), "{change}");
}

/// Kueue resumes a Job some seconds after it has stopped it, and its code would run again.
#[test]
fn a_preempted_job_is_to_be_ended_while_it_stands_still() {
    let lives = super::history(&recorded("preempted_job_watch"));
    let stopped = lives.iter().find(|job| {
        job["spec"]["suspend"] == true
            && job["metadata"]["annotations"]["kueue.x-k8s.io/stopping"].is_string()
    });
    let mut job = stopped.unwrap().clone();
    job["metadata"]["annotations"]["alcyone/started"] = "2026-11-20T11:22:05Z".into();
    let job = super::ours(job);
    let view = super::view(&job, &[]);
    let told = chore(
        view,
        &view.activity(None),
        "2026-11-20T11:22:30Z".parse().unwrap(),
        600,
    );
    assert_eq!(told, Some(Chore::Evicted));
    let resumed = lives.last().unwrap();
    assert_eq!(resumed["spec"]["suspend"], false);
}

fn queue(more: &Value) -> ClusterQueue {
    let mut queue = recorded("clusterqueue");
    for (key, value) in more.as_object().unwrap() {
        queue[key] = value.clone();
    }
    serde_json::from_value(queue).unwrap()
}

const GPU: &str = "nvidia.com/gpu";

/// What a `ClusterQueue` reserves stands in the same shape as in the recorded `LocalQueue`.
#[test]
fn a_cluster_queues_room_is_its_quota_less_what_is_reserved() {
    let idle = recorded("localqueue_idle");
    let mut status = json!({ "flavorsReservation": idle["status"]["flavorsReservation"] });
    let room = |status: &Value| queue(&json!({ "status": status })).room(GPU, |_| true);
    let all = Room {
        most: Some(4000),
        free: 4000,
    };
    assert_eq!(room(&status), Some(all));
    assert_eq!(queue(&json!({})).room(GPU, |_| true), Some(all));
    let gpus = status["flavorsReservation"][0]["resources"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|used| used["name"] == GPU)
        .unwrap();
    gpus["total"] = "3".into();
    assert_eq!(room(&status).unwrap().free, 1000);
    assert_eq!(queue(&json!({})).room("amd.com/gpu", |_| true), None);
    assert_eq!(queue(&json!({})).room(GPU, |flavor| flavor != "h200"), None);
}

#[test]
fn a_local_queue_names_its_cluster_queue() {
    let local: Workload = serde_json::from_value(recorded("localqueue_idle")).unwrap();
    assert_eq!(local.spec.cluster_queue, "gpu-cq");
    assert_eq!(local.inactive(), None);
    assert_eq!(local.status.pending_workloads, 0);
}

/// `cohort` in `v1beta1`, `cohortName` in `v1beta2`; quantities are strings or integers.
#[test]
fn a_cohort_raises_what_a_queue_may_have_at_most() {
    let groups = |limit: &Value| {
        json!([{ "flavors": [{ "name": "h200", "resources": [
            { "name": GPU, "nominalQuota": 4, "borrowingLimit": limit },
        ] }] }])
    };
    for (cohort, limit, most) in [
        ("cohort", json!("2"), Some(6000)),
        ("cohortName", json!(2), Some(6000)),
        ("cohortName", Value::Null, None),
        ("other", json!(2), Some(4000)),
    ] {
        let told = json!({ cohort: "research", "resourceGroups": groups(&limit) });
        let room = queue(&json!({ "spec": told })).room(GPU, |_| true).unwrap();
        assert_eq!((room.most, room.free), (most, 4000), "{cohort} {limit}");
    }
}

#[test]
fn a_flavor_of_other_nodes_does_not_count() {
    let flavor: ResourceFlavor = serde_json::from_value(json!({
        "metadata": { "name": "h200" },
        "spec": { "nodeLabels": recorded("job_when_admitted")["nodeSelector"] },
    }))
    .unwrap();
    let selector = |value: &str| {
        let label = "nvidia.com/gpu.product".to_owned();
        std::collections::BTreeMap::from([(label, value.to_owned())])
    };
    assert!(flavor.fits(&selector("NVIDIA-H200")));
    assert!(flavor.fits(&std::collections::BTreeMap::default()));
    assert!(!flavor.fits(&selector("NVIDIA-A100")));
}
