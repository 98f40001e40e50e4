//! Exit codes with the words beside them, as recorded.

use site_adapter::ErrorKind::{self, Protocol, Refused, Unavailable};

use super::{jobs, recorded};
use crate::calls::states::Format;
use crate::calls::{cancel, job, server, states, submit};

fn kind(case: &str) -> ErrorKind {
    submit::parse(&recorded(case)).unwrap_err().kind
}

#[test]
fn every_recorded_refusal_of_qsub_has_its_kind() {
    for (case, expected) in [
        ("qsub_bad_name_slash", Refused),
        ("qsub_name_231_too_long", Refused),
        ("qsub_array_single_index", Refused),
        ("qsub_array_too_large", Refused),
        ("qsub_mixed_select_and_ncpus", Refused),
        ("qsub_place_without_select", Refused),
        ("qsub_bad_W", Refused),
        ("qsub_queue_acl_denied", Refused),
        ("qsub_bad_walltime_text", Refused),
        ("qsub_walltime_day_form", Refused),
        ("qsub_mem_gi_suffix", Refused),
        ("qsub_select_zero", Refused),
        ("qsub_unknown_queue", Refused),
        ("qsub_unknown_resource_in_select", Refused),
        ("qsub_unknown_resource_joblevel", Refused),
        ("qsub_over_queue_walltime", Refused),
        ("qsub_over_queue_ngpus", Refused),
        ("qsub_root_refused", Refused),
        ("qsub_limit_3_refused", Unavailable),
        ("qsub_queue_disabled", Unavailable),
        ("qsub_unknown_server", Unavailable),
    ] {
        assert_eq!(kind(&format!("03_errors/{case}")), expected, "{case}");
    }
    assert_eq!(kind("07_failures/H_db_dead_qsub2"), Unavailable);
    // One apostrophe in a variable; nothing of ours is handed over that way.
    assert_eq!(kind("08_pitfalls/qsub_v_single_quote"), Unavailable);
}

/// 35, 38, 3, 5 and 7 are PBS's numbers; with `-W block=true` they would be the job's own.
#[test]
fn a_small_exit_code_beside_an_id_is_never_ours_to_misread() {
    let blocked = recorded("01_submit/qsub_block_true_exit3");
    assert_eq!((blocked.code, blocked.stdout.is_empty()), (3, false));
    let args = super::qsub(&super::submission());
    assert!(!args.contains("block"), "{args}");
}

#[test]
fn a_resource_that_nobody_made_is_told_by_its_name() {
    for case in [
        "03_errors/qsub_unknown_resource_in_select",
        "03_errors/qsub_unknown_resource_joblevel",
    ] {
        let ran = recorded(case);
        assert!(ran.lacks_resource("nosuchres") && !ran.lacks_resource("ngpus"));
    }
    assert!(!recorded("03_errors/qsub_unknown_queue").lacks_resource("nosuchres"));
    // `ngpus` itself is no resource of PBS's: the site made it.
    assert!(
        recorded("02_query/qmgr_l_r")
            .text()
            .contains("Resource ngpus")
    );
}

/// Accepted, exit code 0, and at once over without an `Exit_status`: no success.
#[test]
fn a_dependency_on_an_unknown_or_failed_job_is_accepted_and_fails() {
    assert!(submit::parse(&recorded("03_errors/qsub_depend_unknown_job")).is_ok());
    for case in [
        "08_pitfalls/depend_on_unknown_job_after",
        "08_pitfalls/depend_afterok_on_finished_bad_after",
    ] {
        let kind = super::kind(&super::one(case));
        assert_eq!(kind, broker_model::OutcomeKind::DependencyFailed, "{case}");
    }
}

#[test]
fn an_unknown_job_and_a_finished_one_are_told_apart() {
    let answer = |case| job::parse(&recorded(case), Format::Json).unwrap();
    for case in [
        "03_errors/qstat_x_f_json_unknown_job",
        "03_errors/history_off_qstat_f_json_finished",
        "09_ssh/exit_code_passes",
    ] {
        assert!(matches!(answer(case), job::Answer::Unknown), "{case}");
    }
    let finished = answer("01_submit/qstat_f_json_of_full_finished_without_x");
    assert!(matches!(finished, job::Answer::Finished));
    let off = recorded("03_errors/history_off_qstat_x_f_json_finished");
    assert!(off.is_ok() && off.has_no_history());
}

/// An id that cannot be is no proof of anything, and is never sent.
#[test]
fn an_id_of_a_wrong_form_is_an_error_of_ours() {
    for (case, id) in [
        ("03_errors/qstat_malformed_id", "12x"),
        ("08_pitfalls/job_id_form_trailing_dot", "106."),
    ] {
        let error = job::parse(&recorded(case), Format::Json).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Local, "{case}");
        assert!(!crate::calls::is_job_id(id));
    }
    let other = job::parse(&recorded("03_errors/qstat_id_other_server"), Format::Json);
    assert_eq!(other.unwrap_err().kind, ErrorKind::Local);
    let malformed = cancel::parse(&recorded("03_errors/qdel_malformed"));
    assert_eq!(malformed.unwrap_err().kind, ErrorKind::Local);
    // A number alone is accepted, and answered with the whole id.
    assert_eq!(
        super::one("08_pitfalls/job_id_form_number_only").id,
        "106.pbshead"
    );
}

/// An operand that is a queue's name lists that queue: many jobs, of whoever.
#[test]
fn a_queues_name_in_the_place_of_an_id_would_list_the_queue() {
    assert!(jobs("02_query/qstat_queue_destination").len() > 1);
    assert!(!crate::calls::is_job_id("gpu"));
}

#[test]
fn a_server_that_is_down_fails_every_command_in_its_own_way() {
    let down = |case: &str| recorded(case).failure().kind;
    for case in [
        "07_failures/A_down_qstat_f_json",
        "07_failures/A_down_qselect",
        "07_failures/A_down_pbsnodes",
        "07_failures/A_down_qdel",
        "07_failures/A_down_qstat_B",
        "09_ssh/server_down_qstat_255",
    ] {
        assert_eq!(down(case), Unavailable, "{case}");
    }
    let told = server::parse(&recorded("07_failures/A_down_qstat_B"));
    assert_eq!(told.unwrap_err().kind, Unavailable);
    let told = states::parse(&recorded("07_failures/A_down_qstat_f_json"), Format::Json);
    assert_eq!(told.unwrap_err().kind, Unavailable);
}

/// No `pbs.conf`, or not on the `PATH` of a shell without a login: a person has to mend it.
#[test]
fn a_wrong_set_up_is_told_from_a_server_that_is_down() {
    assert_eq!(
        recorded("09_ssh/non_interactive_path").failure().kind,
        ErrorKind::Local
    );
    let conf = recorded("08_pitfalls/no_PBS_CONF").failure();
    assert!(
        conf.message.contains("pbs conf variables not found"),
        "{conf}"
    );
    // An empty envelope with exit code 0 is an answer; one that is none is not.
    let empty = server::parse(&recorded("02_query/qstat_f_json_no_jobs"));
    assert_eq!(empty.unwrap_err().kind, Protocol);
}
