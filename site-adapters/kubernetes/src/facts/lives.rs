use broker_model::OutcomeKind;
use serde_json::{Value, json};
use site_adapter::Activity;

use super::{answer, history, ours, pod, recorded, view, with_status};
use crate::calls::jobs::{end, note_start, release};
use crate::record::{JobFacts, PodFacts};

#[test]
fn success_is_decided_before_it_is_over() {
    let states: Vec<_> = history(&recorded("success_job_watch"))
        .into_iter()
        .map(ours)
        .collect();
    let met = states
        .iter()
        .find(|job| job.condition("SuccessCriteriaMet").is_some())
        .unwrap();
    assert!(!met.is_over());
    let last = states.last().unwrap();
    assert!(last.is_over());
    assert_eq!(last.over_at(), last.completion_time);
    let outcome = view(last, &[]).outcome();
    assert_eq!(
        (outcome.kind, outcome.exit_code),
        (OutcomeKind::Completed, Some(0))
    );
    assert!(
        outcome.site_words.starts_with("CompletionsReached"),
        "{}",
        outcome.site_words
    );
}

#[test]
fn a_job_created_suspended_has_no_start_and_waits() {
    let states = history(&recorded("success_job_watch"));
    let first = ours(states[0].clone());
    assert!(first.suspended && first.start_time.is_none());
    assert!(matches!(
        view(&first, &[]).activity(None),
        Activity::Queued { .. }
    ));
}

#[test]
fn the_times_of_a_success_are_its_pods() {
    let pods: Vec<PodFacts> = history(&recorded("successpods_pod_watch"))
        .into_iter()
        .map(pod)
        .collect();
    let last = vec![pods.last().unwrap().clone()];
    let states = history(&recorded("success_job_watch"));
    let job = ours(states.last().unwrap().clone());
    let usage = view(&job, &last).usage().unwrap();
    assert_eq!(Some(usage.started_at), last[0].started_at());
    assert_eq!(Some(usage.ended_at), last[0].finished_at());
    assert!(usage.started_at < usage.ended_at);
}

#[test]
fn failure_is_decided_before_it_is_over_and_has_no_completion_time() {
    let states: Vec<_> = history(&recorded("failure_watch"))
        .into_iter()
        .map(ours)
        .collect();
    let decided = states
        .iter()
        .find(|job| job.condition("FailureTarget").is_some())
        .unwrap();
    assert!(!decided.is_over());
    let last = states.last().unwrap();
    assert!(last.is_over() && last.completion_time.is_none());
    assert!(last.over_at().is_some());
    assert_eq!(
        last.condition("Failed").unwrap().reason,
        "BackoffLimitExceeded"
    );
}

#[test]
fn a_failed_pods_exit_code_is_the_jobs() {
    let states = history(&recorded("failure_watch"));
    let job = ours(states.last().unwrap().clone());
    let items = recorded("failure_pods")["items"].clone();
    let pods: Vec<PodFacts> = items.as_array().unwrap().iter().cloned().map(pod).collect();
    let outcome = view(&job, &pods).outcome();
    assert_eq!(outcome.kind, OutcomeKind::Failed);
    assert!(
        outcome.exit_code.is_some_and(|code| code != 0),
        "{outcome:?}"
    );
    assert!(
        outcome.site_words.contains("BackoffLimitExceeded"),
        "{outcome:?}"
    );
}

#[test]
fn a_pod_failure_policy_has_a_reason_of_its_own() {
    let states = history(&recorded("policy_watch"));
    let job = ours(states.last().unwrap().clone());
    assert_eq!(job.condition("Failed").unwrap().reason, "PodFailurePolicy");
}

#[test]
fn a_backoff_limit_of_one_starts_the_code_a_second_time() {
    let states: Vec<_> = history(&recorded("backoff1_watch"))
        .into_iter()
        .map(ours)
        .collect();
    assert!(states.iter().any(|job| job.failed == 1 && job.active == 1));
}

/// The pods are deleted, and may even have ended with 0.
#[test]
fn a_jobs_own_deadline_is_a_time_out() {
    let states = history(&recorded("deadline_job_watch"));
    let job = ours(states.last().unwrap().clone());
    let pods: Vec<PodFacts> = history(&recorded("deadline_pod_watch"))
        .into_iter()
        .map(pod)
        .collect();
    let mut last = pods.last().unwrap().clone();
    last.gone = true;
    let outcome = view(&job, &[last]).outcome();
    assert_eq!(outcome.kind, OutcomeKind::TimedOut, "{outcome:?}");
    assert!(
        outcome.site_words.starts_with("DeadlineExceeded"),
        "{outcome:?}"
    );
}

#[test]
fn a_deadline_of_a_job_can_be_set_later() {
    assert_eq!(answer("deadline_mutable_200").status, 200);
}

#[test]
fn what_this_adapter_ended_has_its_verdict_for_an_outcome() {
    let states = history(&recorded("deadline_job_watch"));
    let mut last = states.last().unwrap().clone();
    let verdict = json!({ "kind": "cancelled", "words": "cancelled by its agent" }).to_string();
    last["metadata"]["annotations"]["alcyone/verdict"] = verdict.into();
    let outcome = view(&ours(last), &[]).outcome();
    assert_eq!(outcome.kind, OutcomeKind::Cancelled);
    assert!(
        outcome.site_words.contains("DeadlineExceeded"),
        "{outcome:?}"
    );
}

#[test]
fn a_suspended_job_loses_its_start_and_a_resumed_one_gets_a_new_one() {
    let states: Vec<_> = history(&recorded("suspend_job_watch"))
        .into_iter()
        .map(ours)
        .collect();
    let starts: Vec<_> = states.iter().filter_map(|job| job.start_time).collect();
    assert!(starts.first() < starts.last());
    let stopped = states
        .iter()
        .find(|job| job.suspended && job.start_time.is_none())
        .unwrap();
    assert!(stopped.condition("Suspended").is_some());
    // `Suspended=False` stays in the list.
    assert!(states.last().unwrap().condition("Suspended").is_none());
}

/// What ran and stands still again would run a second time when it is resumed.
#[test]
fn a_job_that_ran_and_is_suspended_is_to_be_ended_unless_it_is_restartable() {
    use crate::flows::tend::{Chore, chore};
    let mut states = history(&recorded("suspend_job_watch"));
    let mut stopped = states.swap_remove(3);
    stopped["metadata"]["annotations"]["alcyone/started"] = "2026-11-20T10:23:47Z".into();
    let now = "2026-11-20T10:24:00Z".parse().unwrap();
    let job = ours(stopped.clone());
    let activity = view(&job, &[]).activity(None);
    assert!(matches!(activity, Activity::Queued { .. }), "{activity:?}");
    assert_eq!(
        chore(view(&job, &[]), &activity, now, 600),
        Some(Chore::Evicted)
    );
    stopped["metadata"]["annotations"]["alcyone/restartable"] = "true".into();
    let job = ours(stopped);
    assert_eq!(
        chore(view(&job, &[]), &activity, now, 600),
        Some(Chore::Why)
    );
}

#[test]
fn a_preempted_pod_without_a_policy_fails_its_job_and_the_pods_last_word_says_why() {
    let all = recorded("preemption_plain");
    let job = ours(history(&all["jobs"]).pop().unwrap());
    let mut last = pod(history(&all["pods"]).pop().unwrap());
    last.gone = true;
    let outcome = view(&job, &[last]).outcome();
    assert_eq!(outcome.kind, OutcomeKind::Preempted);
    assert!(
        outcome.site_words.starts_with("PreemptionByScheduler"),
        "{outcome:?}"
    );
}

fn told_to_go(index: u32, second: u32, exit_code: i32) -> PodFacts {
    let phase = if exit_code == 0 {
        "Succeeded"
    } else {
        "Failed"
    };
    let mut told = pod(json!({
        "metadata": { "name": format!("pod-{index}-{second}"),
            "deletionTimestamp": "2026-11-20T10:00:30Z" },
        "status": {
            "phase": phase,
            "conditions": [{ "type": "DisruptionTarget", "status": "True",
                "reason": "PreemptionByScheduler", "message": "preempting",
                "lastTransitionTime": "2026-11-20T10:00:20Z" }],
            "containerStatuses": [{ "name": "main", "state": { "terminated": {
                "exitCode": exit_code, "startedAt": "2026-11-20T10:00:01Z",
                "finishedAt": format!("2026-11-20T10:00:{second}Z") } } }],
        },
    }));
    told.index = index;
    told
}

/// Not in the recordings: a pod with exit code 0 is a success, whatever became of it.
#[test]
fn a_pod_that_is_told_to_go_and_ends_with_0_completes_its_job_only_if_it_had_ended_before() {
    let mut job = ours(history(&recorded("success_job_watch")).pop().unwrap());
    assert!(!view(&job, &[]).is_whole(), "only its pod could tell");
    let kind = |job: &JobFacts, pods: &[PodFacts]| view(job, pods).outcome().kind;
    let taken = told_to_go(0, 21, 0);
    let one = std::slice::from_ref(&taken);
    assert_eq!(kind(&job, one), OutcomeKind::Preempted);
    assert_eq!(
        kind(&job, &[told_to_go(0, 19, 0)]),
        OutcomeKind::Completed,
        "drained when it was over"
    );
    job.restartable = true;
    let mut again = told_to_go(0, 40, 0);
    again.deleting = false;
    assert_eq!(kind(&job, &[taken, again]), OutcomeKind::Completed);
}

/// Its policy ignores disruptions, so it cannot have failed by one.
#[test]
fn a_restartable_job_that_fails_by_itself_is_not_told_as_its_disruption_before() {
    let mut job = ours(history(&recorded("failure_watch")).pop().unwrap());
    job.restartable = true;
    let mut taken = told_to_go(0, 21, 143);
    taken.gone = true;
    assert!(!view(&job, std::slice::from_ref(&taken)).is_whole());
    let mut own = told_to_go(0, 40, 3);
    (own.deleting, own.disruption) = (false, None);
    let both = [taken, own];
    assert!(view(&job, &both).is_whole());
    let outcome = view(&job, &both).outcome();
    assert_eq!(
        (outcome.kind, outcome.exit_code),
        (OutcomeKind::Failed, Some(3)),
        "{outcome:?}"
    );
}

/// Phase, reason and `DisruptionTarget` come a second after the container's end.
#[test]
fn a_container_that_has_ended_in_a_pod_that_still_runs_does_not_tell_why() {
    let job = ours(history(&recorded("failure_watch")).pop().unwrap());
    let lives = history(&recorded("suspend_pod_watch"));
    let mut ended = pod(lives[16].clone());
    assert!(ended.terminated.is_some() && ended.phase == "Running");
    ended.terminated.as_mut().unwrap().exit_code = 143;
    assert!(!view(&job, std::slice::from_ref(&ended)).is_whole());
    ended.phase = "Failed".to_owned();
    assert!(view(&job, &[ended]).is_whole());
}

#[test]
fn a_policy_that_ignores_disruptions_starts_a_new_pod() {
    let all = recorded("preemption_ignore_disruption");
    let job = ours(history(&all["jobs"]).pop().unwrap());
    assert!(!job.is_over() && job.failed == 0 && job.active == 1);
}

/// With a lost node the two are minutes apart.
#[test]
fn a_lost_node_decides_the_job_long_before_it_is_over() {
    let all = recorded("node_lost");
    let lost = with_status(&all["job_while_lost"]);
    let mut on_it = all["pod"].clone();
    on_it["metadata"]["labels"] = json!({});
    let pods = [pod(on_it)];
    assert!(lost.condition("FailureTarget").is_some());
    let told = view(&lost, &pods).activity(None);
    assert!(matches!(told, Activity::Running { .. }), "{told:?}");
    let back = with_status(&all["job_after_node_back"]);
    let outcome = view(&back, &pods).outcome();
    assert_eq!(outcome.kind, OutcomeKind::NodeFailure);
    assert!(
        outcome.site_words.starts_with("DeletionByTaintManager"),
        "{outcome:?}"
    );
}

#[test]
fn the_log_of_a_lost_node_is_a_500_and_no_end() {
    let answer = answer("node_lost_log");
    assert_eq!(answer.status, 500);
    let error = answer.refusal("GET pods/log", crate::answer::Asked::Read);
    assert_eq!(error.kind, site_adapter::ErrorKind::Unavailable);
    assert!(error.message.contains("198.18.0.1:10250"), "{error}");
}

#[test]
fn a_job_past_its_time_to_live_is_first_marked_and_then_deleted() {
    let events = recorded("ttl_job_watch");
    let last = events.as_array().unwrap().last().unwrap();
    assert_eq!(last["type"], "DELETED");
    let marked = history(&events)
        .into_iter()
        .map(ours)
        .find(|job| job.deleting);
    assert!(marked.unwrap().is_over());
}

#[test]
fn errors_of_a_watch_come_inside_its_stream() {
    for name in ["watch_from_rv_1", "resume_after_restart"] {
        let events = recorded(name);
        let event: kube::core::WatchEvent<k8s_openapi::api::batch::v1::Job> =
            serde_json::from_value(events[0].clone()).unwrap();
        let kube::core::WatchEvent::Error(status) = event else {
            panic!("{name} is {event:?}");
        };
        assert_eq!(status.code, 410);
    }
}

/// `OnFailure` starts the code again in its place, and the controller takes pod and log away at the limit.
#[test]
fn a_pod_that_restarts_in_place_leaves_no_pod_to_ask() {
    let all = recorded("pods_restart_on_failure");
    let job = with_status(&all["job_status"]);
    assert!(job.is_over());
    let events = all["job_events"].to_string();
    assert!(events.contains("SuccessfulDelete"), "{events}");
}

/// The last word of a pod that is deleted has the exit code that its log is lost with.
#[test]
fn a_suspended_jobs_pods_are_deleted_within_their_grace() {
    let lives = history(&recorded("suspend_pod_watch"));
    let marked = lives.iter().filter(|pod| {
        let meta = &pod["metadata"];
        meta["deletionTimestamp"].is_string() && meta["deletionGracePeriodSeconds"].is_number()
    });
    let told: Vec<PodFacts> = marked.cloned().map(pod).collect();
    assert!(!told.is_empty() && told.iter().all(|pod| pod.deleting));
    assert!(told.iter().any(|pod| pod.finished_at().is_some()));
}

/// While a Job is suspended even its template may be changed; nothing here does.
#[test]
fn no_patch_of_ours_touches_a_template_or_takes_a_label_away() {
    let told = recorded("selector_while_suspended_200");
    assert_eq!(told["status"], 200);
    assert_eq!(told["body"]["spec"]["suspend"], true);
    for change in [
        end("{}"),
        note_start(jiff::Timestamp::UNIX_EPOCH),
        release(None),
        release(Some("q")),
    ] {
        assert!(change.pointer("/spec/template").is_none(), "{change}");
        let labels = change
            .pointer("/metadata/labels")
            .and_then(Value::as_object);
        let mut values = labels.into_iter().flatten().map(|(_, value)| value);
        assert!(values.all(Value::is_string), "{change}");
    }
}
