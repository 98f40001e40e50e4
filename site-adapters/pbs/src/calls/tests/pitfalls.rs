//! The pitfalls that the notes on OpenPBS number, each held by what was recorded of it.

use super::*;

#[test]
fn pitfall_1_an_accepted_job_may_be_unknown_afterwards() {
    for case in [
        "07_failures/H_acknowledged_job_after_restart",
        "08_pitfalls/route_queue_over_limit_accepted_then_unknown",
    ] {
        let answer = job::parse(&recorded(case), Format::Json).unwrap();
        assert!(matches!(answer, job::Answer::Unknown), "{answer:?}");
    }
}

#[test]
fn pitfall_2_a_missing_exit_status_is_not_zero() {
    let deleted = one("04_control_states/after_qdel_queued_x");
    assert_eq!(kind(&deleted), OutcomeKind::Cancelled);
    assert_eq!(deleted.usage(), None);
    let removed = one("05_exit_status/depend_afterok_failed_parent");
    assert_eq!(kind(&removed), OutcomeKind::DependencyFailed);
}

#[test]
fn pitfall_3_an_exit_status_is_read_only_of_a_job_that_is_over() {
    let again = one("04_control_states/just_after_qrerun");
    assert_eq!(
        again.phase(),
        Phase::Waiting,
        "R/41 with an Exit_status of -11"
    );
    let jobs = jobs("07_failures/E_after_60s_qstat");
    let phases: Vec<Phase> = jobs.iter().map(JobRecord::phase).collect();
    // All three have an Exit_status of -20: one waits, one is over, one runs again.
    assert_eq!(phases, [Phase::Waiting, Phase::Over, Phase::Running]);
}

#[test]
fn pitfall_4_a_lost_node_and_a_second_run_are_told() {
    let jobs = jobs("07_failures/E_after_60s_qstat");
    assert_eq!(kind(&jobs[1]), OutcomeKind::NodeFailure);
    assert!(jobs[2].ran_again());
    assert!(qsub(&submission()).contains("-r n"));
}

/// Its node was lost before PBS had heard of the end.
#[test]
fn a_job_that_had_ended_before_its_node_was_lost_ended_by_itself() {
    let lost = &jobs("07_failures/E_after_60s_qstat")[1];
    let end = |code: i32| {
        let own = crate::record_file::RecordFile::parse([
            &format!("start {} 1795169830 walltime=60 nodes=1 cpus=1", lost.id),
            &format!("end {code} 1795169840"),
        ] as [&str; 2]);
        match lost.activity(own.as_ref()) {
            Activity::Ended { outcome, .. } => (outcome.kind, outcome.exit_code),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end(0), (OutcomeKind::Completed, Some(0)));
    assert_eq!(end(7), (OutcomeKind::Failed, Some(7)));
    assert_eq!(end(143), (OutcomeKind::NodeFailure, None));
}

#[test]
fn pitfall_5_a_zero_that_pbs_invented_gives_way_to_the_wrappers_word() {
    let jobs = jobs("07_failures/D2_up_23s_qstat");
    let own = crate::record_file::RecordFile::parse([
        "start 2005.pbshead 1795169830 walltime=60 nodes=1 cpus=1 gpus=0 memory_gib=0",
        "end 7 1795169840",
    ]);
    let Activity::Ended { outcome, .. } = jobs[1].activity(own.as_ref()) else {
        panic!("{:?}", jobs[1]);
    };
    assert_eq!(
        (outcome.kind, outcome.exit_code),
        (OutcomeKind::Failed, Some(7))
    );
}

#[test]
fn pitfall_6_bare_nan_is_read_and_mangled_text_is_asked_for_in_the_other_format() {
    for case in [
        "08_pitfalls/json_env_nan",
        "08_pitfalls/json_env_inf",
        "08_pitfalls/json_env_newline",
        "08_pitfalls/json_env_empty",
        "08_pitfalls/json_env_latin1_byte",
        "08_pitfalls/poison_other_users_nan_breaks_global_listing",
    ] {
        assert!(!jobs(case).is_empty(), "{case}");
    }
    let mangled = states::parse(&recorded("08_pitfalls/json_env_utf8"), Format::Json).unwrap();
    assert_eq!(mangled, None);
    let text = recorded("08_pitfalls/poison_text_format_still_fine");
    let told = states::parse(&text, Format::Text).unwrap().unwrap();
    assert!(
        told.values().all(|job| job.contains_key("job_state")),
        "{told:?}"
    );
}

#[test]
fn pitfall_7_a_name_that_looks_like_a_number_is_a_text() {
    assert!(!one("08_pitfalls/json_type_numeric_name").name.is_empty());
    one("08_pitfalls/json_type_numeric_account_project");
}

#[test]
fn pitfall_10_without_history_nothing_is_told_even_of_a_live_job() {
    let ran = recorded("03_errors/history_off_qstat_x_f_json_live_job");
    assert!(ran.is_ok() && ran.has_no_history());
    assert!(
        states::parse(&ran, Format::Json)
            .unwrap()
            .unwrap()
            .is_empty()
    );
    let server = server::parse(&recorded("02_query/qstat_B_f_json")).unwrap();
    assert_eq!(server.history_seconds, Some(24 * 3600));
    assert!(server.schedules && server.shows_all);
}

#[test]
fn pitfall_14_a_job_is_found_by_its_name() {
    let found = |case| search::parse(&recorded(case)).unwrap();
    assert_eq!(found("08_pitfalls/find_by_name_live"), ["3.pbshead"]);
    assert_eq!(
        found("08_pitfalls/find_by_name_finished_with_x"),
        ["3.pbshead"]
    );
    assert!(found("08_pitfalls/find_by_name_finished_without_x").is_empty());
    assert!(search::parse(&recorded("07_failures/A_down_qselect")).is_err());
    assert_eq!(search::by_name(MARKER, true).args, ["-x", "-N", MARKER]);
}

#[test]
fn pitfall_15_one_job_is_deleted_at_a_time() {
    // Exit code 0, and the server dies of it.
    assert!(recorded("08_pitfalls/qdel_known_then_unknown").is_ok());
    assert_eq!(cancel::command("25.pbshead").args, ["25.pbshead"]);
    assert!(cancel::parse(&recorded("03_errors/qdel_again_finished")).is_ok());
    assert!(cancel::parse(&recorded("03_errors/qdel_unknown")).is_ok());
    let others = cancel::parse(&recorded("03_errors/qdel_other_users_job")).unwrap_err();
    assert_eq!(others.kind, ErrorKind::Unauthorized);
}

#[test]
fn pitfall_16_a_delete_on_a_dead_node_is_tried_again() {
    let error = cancel::parse(&recorded("07_failures/D_down_qdel")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(
        error.message.contains("could not connect to MOM"),
        "{error}"
    );
}

#[test]
fn pitfall_18_output_that_cannot_be_delivered_is_no_concern_of_ours() {
    assert_eq!(
        kind(&one("05_exit_status/stdout_unwritable")),
        OutcomeKind::Completed
    );
    assert!(qsub(&submission()).contains("-o /dev/null"));
}

#[test]
fn pitfall_21_a_job_that_can_never_run_says_so() {
    assert!(reason("02_query/qstat_f_json_can_never_run").starts_with("Can Never Run:"));
    assert!(reason("02_query/qstat_f_json_queued_not_enough_now").starts_with("Not Running:"));
    assert_eq!(
        reason("01_submit/qstat_f_json_of_dependent_held"),
        "Held: waits for another job"
    );
    assert!(reason("04_control_states/state_H_user_hold").starts_with("Job held by alice"));
    assert_eq!(
        reason("04_control_states/state_W_waiting"),
        "Waits for its time"
    );
}

#[test]
fn pitfall_23_a_suspended_job_still_has_its_nodes() {
    assert_eq!(
        one("04_control_states/state_S_suspended").phase(),
        Phase::Running
    );
}

/// Others read what `-v` sets; a value with a comma or an apostrophe is refused or changed.
#[test]
fn pitfall_8_nothing_is_handed_over_by_environment_variables() {
    let mut submission = submission();
    submission.work.name = "it's, a name".to_owned();
    let args = qsub(&submission);
    assert!(!args.contains("-v") && !args.contains("it's"), "{args}");
}

#[test]
fn pitfall_9_ids_and_names_are_never_read_from_a_table_that_cuts_them() {
    let words = |format| states::command(&["1.s"], true, format).args.join(" ");
    assert!(words(Format::Json).contains("-f -F json"));
    assert!(words(Format::Text).contains("-f -w"));
}

/// `10_timings/reserved_ports_qselect_1500_conc8`: without ports a command says so, and exits 0.
#[test]
fn pitfall_11_a_complaint_beside_exit_code_zero_is_seen() {
    let ran = Ran {
        operation: "qselect",
        code: 0,
        stdout: Vec::new(),
        stderr: "pbs_iff: cannot connect to host\npbs_iff: all reserved ports in use\n".to_owned(),
    };
    assert!(ran.is_noisy() && search::parse(&ran).unwrap().is_empty());
    assert!(!recorded("02_query/qselect_none").is_noisy());
}

/// A limit of 3 s was kept after 10 s: both the end and what is charged are PBS's.
#[test]
fn pitfall_17_a_walltime_is_kept_late() {
    let job = one("05_exit_status/walltime_exceeded");
    assert_eq!((kind(&job), job.run_seconds()), (OutcomeKind::TimedOut, 10));
}

#[test]
fn pitfall_19_ids_begin_at_zero_and_may_be_as_long_as_they_like() {
    for id in [
        "0.pbshead",
        "2000.pbshead",
        "9999999.pbshead",
        "999999999999.pbshead",
    ] {
        assert!(crate::calls::is_job_id(id), "{id}");
    }
}

#[test]
fn pitfall_22_sites_name_their_resources_themselves() {
    let mut settings: PbsSettings = toml::from_str(crate::config::tests::SETTINGS).unwrap();
    settings.memory_resource = "vmem".to_owned();
    for (id, partition) in &mut settings.partitions {
        if id.as_str() == "gpu" {
            partition.gpu_resource = Some("naccelerators".to_owned());
            partition.memory_gib_per_node = Some(8);
            partition
                .chunk
                .insert("gpu_model".to_owned(), "h100".to_owned());
            partition
                .job
                .insert("filesystems".to_owned(), "home:eagle".to_owned());
        }
    }
    let mut submission = submission();
    submission.work.resources.gpus_per_node = 1;
    submission.work.scheduler_gpus_per_gpu = 2;
    let args = super::qsub_of(&settings, &submission);
    let select = "select=1:ncpus=1:vmem=8gb:naccelerators=2:gpu_model=h100";
    assert!(args.contains(select), "{args}");
    assert!(args.contains("-l filesystems=home:eagle"), "{args}");
}
