use super::{body, recorded};
use crate::calls::events;
use crate::calls::kueue::{Workload, version};
use crate::facts::answer;

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
