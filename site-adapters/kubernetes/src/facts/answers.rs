use serde_json::json;
use site_adapter::ErrorKind;

use super::{answer, body, recorded};
use crate::answer::Asked;
use crate::calls::{access, events};

fn refusal(name: &str) -> (ErrorKind, String) {
    let error = answer(name).refusal("POST jobs", Asked::Write);
    (error.kind, error.message)
}

#[test]
fn a_403_of_rbac_is_a_matter_of_the_agents_rights() {
    for name in [
        "forbidden_create_other_ns",
        "forbidden_get_named",
        "missing_ns_submitter_403",
        "no_token_anonymous_403",
        "log_forbidden",
    ] {
        let (kind, words) = refusal(name);
        assert_eq!(kind, ErrorKind::Unauthorized, "{name}: {words}");
    }
    let (_, words) = refusal("forbidden_create_other_ns");
    assert!(words.contains("cannot create resource \"jobs\""), "{words}");
}

#[test]
fn a_403_of_a_quota_is_a_refusal_in_the_servers_words() {
    for name in ["create_job_over_count_quota", "bare_pod"] {
        let (kind, words) = refusal(name);
        assert_eq!(kind, ErrorKind::Refused, "{name}");
        assert!(words.contains("exceeded quota"), "{words}");
    }
}

#[test]
fn a_403_of_an_admission_webhook_is_a_refusal_in_the_webhooks_words() {
    for name in [
        "bad_queue_name",
        "bad_max_exec",
        "change_queue_while_running",
    ] {
        let (kind, words) = refusal(name);
        assert_eq!(kind, ErrorKind::Refused, "{name}");
        assert!(words.contains("admission webhook"), "{words}");
    }
}

#[test]
fn a_bad_token_is_401_and_somebodys_to_mend() {
    assert_eq!(refusal("bad_token_401").0, ErrorKind::Unauthorized);
}

#[test]
fn a_webhook_that_is_down_or_hangs_made_nothing_and_is_asked_later() {
    for name in ["webhook_down_queue_label", "webhook_frozen"] {
        let (kind, words) = refusal(name);
        assert_eq!(kind, ErrorKind::Unavailable, "{words}");
        assert!(words.contains("mjob.kb.io"), "{words}");
    }
}

#[test]
fn a_500_of_a_frozen_etcd_may_have_made_the_job() {
    let (kind, words) = refusal("etcd_frozen_post");
    assert_eq!(kind, ErrorKind::Unclear, "{words}");
    let read = answer("etcd_frozen_post").refusal("GET jobs", Asked::Read);
    assert_eq!(read.kind, ErrorKind::Unavailable);
}

#[test]
fn a_429_is_plain_text_and_was_turned_away() {
    let (kind, words) = refusal("throttled_429");
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(words.contains("Too many requests"), "{words}");
}

#[test]
fn a_422_names_the_field_and_is_a_refusal() {
    for (name, field) in [
        ("bad_name_422", "metadata.name"),
        ("name_64_chars", "must be no more than 63 bytes"),
        ("gpu_request_without_limit_422", "resources.limits"),
        ("gpu_fraction_422", "nvidia.com/gpu"),
        ("annotations_too_long_422", "metadata.annotations"),
    ] {
        let (kind, words) = refusal(name);
        assert_eq!(kind, ErrorKind::Refused, "{name}");
        assert!(words.contains(field), "{name}: {words}");
    }
}

#[test]
fn decoding_errors_are_400_without_causes_and_refusals() {
    for name in [
        "unknown_field_strict_400",
        "wrong_type_400",
        "bad_quantity_400",
    ] {
        assert_eq!(refusal(name).0, ErrorKind::Refused, "{name}");
    }
    let (_, words) = refusal("unknown_field_strict_400");
    assert!(words.contains("spec.activeDeadlineSecond"), "{words}");
}

#[test]
fn a_body_or_media_type_that_is_not_taken_is_a_refusal() {
    for name in ["body_4MB", "wrong_content_type_415"] {
        assert_eq!(refusal(name).0, ErrorKind::Refused, "{name}");
    }
}

#[test]
fn a_409_of_a_name_is_told_from_a_409_of_a_version() {
    assert!(answer("already_exists_409").has_reason("AlreadyExists"));
    assert!(answer("exists_while_terminating_409").has_reason("AlreadyExists"));
    assert!(!answer("stale_update_409").has_reason("AlreadyExists"));
    assert!(!answer("delete_precondition_wrong_uid").has_reason("AlreadyExists"));
    assert_eq!(answer("delete_precondition_wrong_uid").status, 409);
}

#[test]
fn only_the_api_servers_own_404_of_an_object_is_absence() {
    for name in ["missing_job_404", "log_deleted", "delete_delete_missing"] {
        assert!(answer(name).is_absent(), "{name}");
    }
    for name in [
        "missing_api_404",
        "forbidden_get_named",
        "bad_token_401",
        "etcd_frozen_post",
        "throttled_429",
    ] {
        assert!(!answer(name).is_absent(), "{name}");
    }
}

#[test]
fn a_404_in_plain_text_is_no_answer_to_the_question() {
    let error = answer("missing_api_404").refusal("GET jobs", Asked::Read);
    assert_eq!(error.kind, ErrorKind::Protocol);
}

#[test]
fn a_list_that_expired_or_is_ahead_of_the_server_is_asked_again() {
    assert_eq!(answer("list_too_new").status, 504);
    let error = answer("list_too_new").refusal("GET jobs", Asked::Read);
    assert_eq!(error.kind, ErrorKind::Unavailable);
    for name in ["bad_continue", "field_selector_bad"] {
        let error = answer(name).refusal("GET jobs", Asked::Read);
        assert_eq!(error.kind, ErrorKind::Refused, "{name}");
    }
}

#[test]
fn a_review_tells_whether_a_right_is_there() {
    assert!(access::allowed(&answer("can_i_yes")).unwrap());
    assert!(!access::allowed(&answer("can_i_no")).unwrap());
}

#[test]
fn the_servers_version_is_read() {
    assert_eq!(access::served(&answer("version")).unwrap(), (1, 36));
}

#[test]
fn a_gpu_quota_lets_the_job_in_and_its_events_say_that_it_can_never_start() {
    let made = answer("create_job_over_gpu_quota");
    assert_eq!(made.status, 201);
    let uid = "d9579a71-4388-46c1-b7f9-0a1d36f9e6a0";
    let words = events::warning(&body("quota_events"), uid)
        .unwrap()
        .unwrap();
    assert!(
        words.starts_with("FailedCreate: Error creating: pods"),
        "{words}"
    );
    assert!(words.contains("exceeded quota: gpu"), "{words}");
    assert!(words.ends_with("it can never start)"), "{words}");
    assert_eq!(
        events::warning(&body("quota_events"), "another").unwrap(),
        None
    );
}

#[test]
fn a_quota_that_wants_limits_says_so_in_events() {
    let uid = "37659d20-459d-4b6b-93a8-6089e8601c4e";
    let words = events::warning(&body("must_specify_events"), uid)
        .unwrap()
        .unwrap();
    assert!(words.contains("must specify limits.memory"), "{words}");
}

#[test]
fn an_unknown_field_is_only_a_warning_unless_the_create_is_strict() {
    assert_eq!(answer("unknown_field_warn_201").status, 201);
    let request = crate::calls::jobs::create("team-a", &serde_json::json!({}), 30).unwrap();
    assert!(
        request
            .http
            .uri()
            .query()
            .unwrap()
            .contains("fieldValidation=Strict")
    );
}

/// No answer at all was recorded to mean 401: whoever has no right gets 403, so a list in a missing
/// namespace, which is 200 and empty, proves nothing; a Job is looked for by its name.
#[test]
fn an_empty_list_is_no_proof_of_absence() {
    let empty = answer("missing_ns_list_admin_200_empty");
    assert!(empty.is_success() && !empty.is_absent());
    assert_eq!(refusal("missing_ns_admin_404").0, ErrorKind::Refused);
}

/// Every recorded text, cut at every place and with every byte in turn made another, is read to an end.
#[test]
fn no_answer_makes_a_reader_panic() {
    let whole = recorded("pods_oom").to_string();
    let job = recorded("success_job_watch")[6]["object"].to_string();
    for (name, text) in [
        ("quota", answer("create_job_over_count_quota").words()),
        (
            "status",
            String::from_utf8_lossy(&answer("bad_name_422").body).into_owned(),
        ),
        ("job", job),
        ("pod", whole),
    ] {
        for place in (0..text.len()).step_by(61) {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = bytes[place].wrapping_add(13);
            for bytes in [&bytes[..], &bytes[..place]] {
                crate::fuzzing::answer(422, bytes);
                crate::fuzzing::answer(403, bytes);
                crate::fuzzing::answer(200, bytes);
                crate::fuzzing::words(&String::from_utf8_lossy(bytes));
            }
        }
        assert!(!text.is_empty(), "{name}");
    }
}

#[test]
fn every_recorded_refusal_of_a_create_is_a_refusal() {
    for (name, status) in [
        ("restart_always_422", 422),
        ("no_containers_422", 422),
        ("gpu_request_ne_limit_422", 422),
        ("bad_label_422", 422),
        ("negative_deadline_422", 422),
        ("immutable_selector_422", 422),
        ("wrong_api_version_400", 400),
        ("ns_mismatch_400", 400),
        ("not_json_400", 400),
        ("patch_wrong_content_type_415", 415),
    ] {
        let answer = answer(name);
        assert_eq!(answer.status, status, "{name}");
        let (kind, words) = refusal(name);
        assert_eq!(kind, ErrorKind::Refused, "{name}: {words}");
    }
    assert_eq!(refusal("tampered_jwt_401").0, ErrorKind::Unauthorized);
    // Kueue's webhook is asked for every Job, also for one without a queue.
    let plain = refusal("webhook_down_plain_job").0;
    assert_eq!(plain, ErrorKind::Unavailable);
}

/// What the server would add by itself; the manifest says all of it, so no default decides anything.
#[test]
fn no_default_of_the_servers_decides_how_often_a_job_starts() {
    let made = recorded("created_201")["body"].clone();
    for (field, default) in [
        ("parallelism", json!(1)),
        ("completions", json!(1)),
        ("completionMode", json!("NonIndexed")),
        ("podReplacementPolicy", json!("TerminatingOrFailed")),
    ] {
        assert_eq!(made["spec"][field], default, "{field}");
    }
    assert_eq!(made["status"], json!({}));
    let uid = &made["spec"]["selector"]["matchLabels"][crate::names::CONTROLLER_UID];
    let labels = &made["spec"]["template"]["metadata"]["labels"];
    assert_eq!(labels[crate::names::CONTROLLER_UID], *uid);
    assert_eq!(labels["controller-uid"], *uid);
}

/// Of a fresh Job the status is empty: it waits, and nothing is known of it yet.
#[test]
fn a_job_with_an_empty_status_waits() {
    let mut made = recorded("created_201")["body"].clone();
    made["spec"]["suspend"] = false.into();
    let job = super::ours(made);
    let told = super::view(&job, &[]).activity(None);
    assert!(
        matches!(told, site_adapter::Activity::Queued { .. }),
        "{told:?}"
    );
}

/// 200 for all policies; what is still there afterwards is what tells them apart.
#[test]
fn a_delete_that_leaves_the_job_there_is_marked_with_its_finalizer() {
    let left = |name: &str| recorded(name)["body"]["metadata"]["finalizers"][0].clone();
    assert_eq!(left("delete_foreground"), "foregroundDeletion");
    assert_eq!(left("delete_none"), "orphan");
    let mut job = recorded("delete_foreground")["body"].clone();
    job["spec"] = json!({});
    assert!(super::ours(job).deleting);
}

#[test]
fn a_page_names_where_the_next_begins_and_all_have_one_version() {
    let meta = |name: &str| recorded(name)["body"]["metadata"].clone();
    let (first, second) = (meta("list_page1"), meta("list_page2"));
    assert!(first["continue"].is_string());
    assert_eq!(first["resourceVersion"], second["resourceVersion"]);
}
