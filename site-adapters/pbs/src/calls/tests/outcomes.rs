//! States and exit statuses, as recorded.

use broker_model::OutcomeKind::{self, Cancelled, Completed, Failed, LaunchFailed, TimedOut};
use site_adapter::{Activity, TaskCounts};

use super::{MARKER, NAMES, accounting, jobs, kind, one, recorded};
use crate::record::JobRecord;
use crate::states::Phase;

fn end(case: &str) -> (OutcomeKind, Option<i32>, Option<i32>) {
    match one(case).activity(None) {
        Activity::Ended { outcome, .. } => (outcome.kind, outcome.exit_code, outcome.signal),
        other => panic!("{case}: {other:?}"),
    }
}

#[test]
fn every_recorded_exit_status_has_its_outcome() {
    for (case, expected) in [
        ("exit_0", (Completed, Some(0), None)),
        ("exit_1", (Failed, Some(1), None)),
        ("exit_255", (Failed, Some(255), None)),
        ("exit_127_command_not_found", (Failed, Some(127), None)),
        ("self_kill_15", (Failed, Some(143), Some(15))),
        ("self_segv", (Failed, Some(139), Some(11))),
        ("child_killed_9", (Failed, Some(137), Some(9))),
        ("dashdash_missing_binary", (LaunchFailed, None, None)),
        ("stdout_dir_missing", (Completed, Some(0), None)),
        ("walltime_exceeded_ignores_term", (TimedOut, None, None)),
    ] {
        assert_eq!(end(&format!("05_exit_status/{case}")), expected, "{case}");
    }
}

/// 271 = 256 + SIGTERM, whatever the job made of the signal; what its trap said is lost.
#[test]
fn a_job_that_was_deleted_or_signalled_is_cancelled() {
    for case in [
        "04_control_states/after_qdel_ignores_term",
        "04_control_states/after_qsig_term_trap_exit7",
    ] {
        assert_eq!(end(case), (Cancelled, None, None), "{case}");
    }
}

/// qdel has answered and the job runs on: up to half a minute if it ignores SIGTERM.
#[test]
fn a_delete_that_was_accepted_is_not_yet_an_end() {
    for case in [
        "04_control_states/just_after_qdel_running",
        "04_control_states/ignores_term_after_2s",
    ] {
        assert_eq!(one(case).phase(), Phase::Running, "{case}");
    }
}

#[test]
fn a_hold_of_the_systems_waits_and_one_on_a_running_job_does_not_stop_it() {
    let held = one("04_control_states/state_H_system_hold");
    assert_eq!(held.phase(), Phase::Waiting);
    assert!(held.reason().unwrap().starts_with("Job held by root"));
    let mut running = one("04_control_states/running_with_hold");
    // Recorded a moment after its start, on its way to the node.
    assert_eq!(running.substate, Some(41));
    running.substate = Some(42);
    assert_eq!(running.phase(), Phase::Running);
}

/// `B` while any task is left, tasks that are done are `X`, and the parent has an `Exit_status` before.
#[test]
fn an_array_under_way_runs_whatever_its_exit_status_says() {
    let parent = one("04_control_states/array_parent_mid");
    assert_eq!(parent.phase(), Phase::Running);
    let counts = parent.remote(MARKER, Activity::Unknown).tasks;
    assert_eq!(
        counts,
        Some(TaskCounts {
            running: 2,
            completed: 2,
            ..TaskCounts::default()
        })
    );
    let all = jobs("01_submit/qstat_t_f_json_of_array_with_subjobs");
    let tasks = all.iter().filter_map(JobRecord::task_index);
    assert_eq!(tasks.collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

/// What was counted is PBS's own count, not the span up to when the server heard of the end.
#[test]
fn usage_is_what_pbs_counted() {
    let all = jobs("07_failures/A_after_restart_20s_qstat");
    let short = all.iter().find(|job| job.name == "short").unwrap();
    assert_eq!(kind(short), Failed);
    let usage = short.usage().unwrap();
    let span = usage.ended_at.duration_since(usage.started_at).as_secs();
    assert_eq!((span, usage.elapsed_seconds), (20, Some(6)));
    let text = recorded("06_logs_accounting/accounting_lines_deleted_running").text();
    let last = text
        .lines()
        .filter_map(accounting::parse)
        .next_back()
        .unwrap();
    let job = JobRecord::from_accounting(&last.id, &last.told, NAMES).unwrap();
    assert_eq!((kind(&job), job.run_seconds()), (Cancelled, 15));
    assert_eq!(job.usage().unwrap().elapsed_seconds, Some(15));
    let text = recorded("06_logs_accounting/accounting_lines_failed_exit3").text();
    let last = text
        .lines()
        .filter_map(accounting::parse)
        .next_back()
        .unwrap();
    let job = JobRecord::from_accounting(&last.id, &last.told, NAMES).unwrap();
    assert_eq!(kind(&job), Failed);
}

#[test]
fn a_deletion_in_the_accounting_log_is_quoted_and_names_who_asked() {
    let text = recorded("06_logs_accounting/accounting_lines_deleted_queued").text();
    let lines: Vec<_> = text.lines().filter_map(accounting::parse).collect();
    let kinds: String = lines.iter().map(|line| line.kind).collect();
    assert_eq!(kinds, "QD");
    assert_eq!(lines[1].told["requestor"], "alice@pbshead");
    assert!(
        lines[0].is_of("alice", "acct-del-queued") && !lines[1].is_of("alice", "acct-del-queued")
    );
}

/// Names, accounts and projects that look like numbers or truths come as such.
#[test]
fn what_looks_like_a_number_or_a_truth_is_a_text() {
    assert_eq!(one("08_pitfalls/json_type_bool_like_name").name, "true");
    assert_eq!(one("08_pitfalls/json_type_float_like_name").name, "1e5");
}

#[test]
fn no_language_of_the_client_changes_a_time() {
    let job = one("08_pitfalls/locale_de_dates");
    assert_eq!(job.submitted_at.to_string(), "2026-11-20T10:10:07Z");
}

/// What every user can read of everybody; the script alone is not shown.
#[test]
fn pitfall_8_variables_are_everybodys_to_read_and_are_passed_over() {
    let case = "02_query/qstat_secret_in_variable_list_seen_by_other_user";
    assert!(recorded(case).text().contains("SECRET_TOKEN"));
    let told = crate::attributes::from_json(&recorded(case).stdout, "Jobs").unwrap();
    assert!(!format!("{told:?}").contains("SECRET_TOKEN"));
    assert!(!one("02_query/qstat_other_users_job_as_bob").name.is_empty());
}

#[test]
fn pitfall_6_other_values_that_confuse_the_writer_hide_no_state() {
    for case in [
        "json_env_quote",
        "json_env_backslash",
        "json_env_tab",
        "json_env_double_quoted_comma",
        "json_env_bignum",
    ] {
        let ran = recorded(&format!("08_pitfalls/{case}"));
        let told = crate::attributes::from_json(&ran.stdout, "Jobs");
        // Read, or told to be unreadable so that text is asked for; never half of it.
        if let Ok(told) = told {
            assert!(told.values().all(|job| job["job_state"] == "H"), "{case}");
        }
    }
}
