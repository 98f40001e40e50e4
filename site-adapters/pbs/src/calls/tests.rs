//! What a real server answered, read by what asked for it. The recordings are of OpenPBS 23.06.06.

mod failures;
mod many;
mod outcomes;
mod pitfalls;
mod refusals;

use std::collections::HashMap;
use std::sync::LazyLock;

use broker_model::{
    AfterWhen, ArraySpec, OutcomeKind, PartitionRef, RemoteId, Resources, Walltime,
};
use site_adapter::{
    Activity, ErrorKind, LocalAccount, RemoteAfter, RemoteRef, Submission, TaskCounts, Work,
};

use super::{accounting, cancel, job, nodes, queues, search, server, states, submit};
use crate::attributes;
use crate::calls::states::Format;
use crate::config::PbsSettings;
use crate::record::{JobRecord, Names};
use crate::states::Phase;
use crate::transport::Ran;

pub(crate) const MARKER: &str = "att_0192f0c1d2e37abc8def0123456789ab";
const NAMES: Names<'_> = Names {
    cpus: "ncpus",
    memory: "mem",
    gpus: &["ngpus"],
};

#[derive(serde::Deserialize)]
struct Recording {
    exit_code: i32,
    stdout: String,
    stderr: String,
}

static RECORDINGS: LazyLock<HashMap<String, Recording>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../tests/fixtures/23.06.06.json")).unwrap()
});

fn recorded(case: &str) -> Ran {
    let recording = &RECORDINGS[case];
    Ran {
        operation: "qstat",
        code: recording.exit_code,
        stdout: recording.stdout.clone().into_bytes(),
        stderr: recording.stderr.clone(),
    }
}

/// The jobs of an answer, as a poll reads them.
fn jobs(case: &str) -> Vec<JobRecord> {
    let told = states::parse(&recorded(case), Format::Json)
        .unwrap()
        .expect("JSON");
    let records = told
        .iter()
        .map(|(id, told)| JobRecord::from_qstat(id, told, NAMES).unwrap());
    records.collect()
}

fn one(case: &str) -> JobRecord {
    let mut jobs = jobs(case);
    assert_eq!(jobs.len(), 1, "{case}");
    jobs.remove(0)
}

fn kind(job: &JobRecord) -> OutcomeKind {
    match job.activity(None) {
        Activity::Ended { outcome, .. } => outcome.kind,
        other => panic!("{other:?}"),
    }
}

fn reason(case: &str) -> String {
    match one(case).activity(None) {
        Activity::Queued { reason, .. } => reason.unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn submission() -> Submission {
    Submission {
        attempt: MARKER.parse().unwrap(),
        account: LocalAccount {
            user: "alice".to_owned(),
            account: Some("acct42".to_owned()),
            qos: None,
        },
        work: Work {
            name: "train".to_owned(),
            resources: Resources {
                nodes: 1,
                gpus_per_node: 0,
                gpu_memory_gib: None,
                cpus_per_node: None,
                memory_gib_per_node: None,
                walltime: Walltime::from_seconds(600).unwrap(),
            },
            image: None,
            script: "exit 0".to_owned(),
            partition: PartitionRef {
                site: "anl".parse().unwrap(),
                system: "polaris".parse().unwrap(),
                partition: "gpu".parse().unwrap(),
            },
            scheduler_gpus_per_gpu: 1,
            exclusive: false,
            restartable: false,
            array: None,
            after: Vec::new(),
        },
        may_exist: false,
    }
}

fn qsub(submission: &Submission) -> String {
    let settings: PbsSettings = toml::from_str(crate::config::tests::SETTINGS).unwrap();
    qsub_of(&settings, submission)
}

fn qsub_of(settings: &PbsSettings, submission: &Submission) -> String {
    let (queue, partition) = settings
        .queue(&submission.work.partition.partition)
        .unwrap();
    let place = submit::Place {
        settings,
        queue,
        partition,
        lacks_gpus: false,
    };
    let command = submit::command(submission, String::new(), &place).unwrap();
    assert!(command.acts);
    command.args.join(" ")
}

#[test]
fn a_job_may_not_be_run_again_and_every_resource_is_asked_for() {
    let mut submission = submission();
    submission.work.resources.nodes = 2;
    submission.work.resources.cpus_per_node = Some(8);
    submission.work.resources.memory_gib_per_node = Some(16);
    submission.work.resources.gpus_per_node = 4;
    submission.work.exclusive = true;
    let args = qsub(&submission);
    for part in [
        "-f ",
        "-N att_0192f0c1d2e37abc8def0123456789ab ",
        "-r n ",
        "-q gpu ",
        "-A acct42",
        "-l select=2:ncpus=8:mem=16gb:ngpus=4 ",
        "-l place=scatter:exclhost ",
        "-l walltime=600",
        "-o /dev/null -e /dev/null",
    ] {
        assert!(args.contains(part), "no `{part}` in {args}");
    }
    assert!(
        !args.contains("-v") && !args.contains("-V"),
        "everybody can read it: {args}"
    );
}

/// `08_pitfalls/resources_max_becomes_the_default`: a job that asked for no GPU got all eight.
#[test]
fn no_gpus_are_asked_for_by_their_number_too() {
    let silent = attributes::from_json(
        &recorded("08_pitfalls/resources_max_becomes_the_default").stdout,
        "Jobs",
    );
    assert_eq!(silent.unwrap()["6.pbshead"]["Resource_List.ngpus"], "8");
    assert!(qsub(&submission()).contains("select=1:ncpus=1:mem=1gb:ngpus=0 "));
}

#[test]
fn arrays_and_dependencies_are_pbss_own() {
    let mut submission = submission();
    submission.work.array = Some(ArraySpec {
        tasks: 10,
        at_once: Some(2),
    });
    let after = |id: &str, when| RemoteAfter {
        marker: MARKER.to_owned(),
        remote: RemoteId(id.to_owned()),
        when,
    };
    submission.work.after = vec![
        after("1.pbshead", AfterWhen::Completed),
        after("7[].pbshead", AfterWhen::Completed),
        after("2.pbshead", AfterWhen::Ended),
    ];
    let args = qsub(&submission);
    assert!(args.contains("-J 0-9%2"), "{args}");
    assert!(
        args.contains("-W depend=afterok:1.pbshead:7[].pbshead,afterany:2.pbshead"),
        "{args}"
    );
    assert!(
        args.contains("-r y"),
        "PBS takes no array that may not be run again: {args}"
    );
    submission.work.array = Some(ArraySpec {
        tasks: 1,
        at_once: None,
    });
    assert!(
        !qsub(&submission).contains("-J"),
        "an array of one is refused by PBS"
    );
}

#[test]
fn a_receipt_is_an_id_and_nothing_else_is() {
    let parse = |case| submit::parse(&recorded(case));
    assert_eq!(parse("01_submit/qsub_stdin_minimal").unwrap(), "0.pbshead");
    assert_eq!(parse("01_submit/qsub_array").unwrap(), "6[].pbshead");
    // Exit code 0 and no id.
    assert_eq!(
        parse("01_submit/qsub_z_quiet").unwrap_err().kind,
        ErrorKind::Unclear
    );
    assert_eq!(
        parse("07_failures/A_down_qsub").unwrap_err().kind,
        ErrorKind::Unavailable
    );
}

#[test]
fn ends_are_told_apart() {
    for (case, expected) in [
        ("05_exit_status/walltime_exceeded", OutcomeKind::TimedOut),
        ("05_exit_status/bad_shell_path", OutcomeKind::LaunchFailed),
        ("05_exit_status/exit_42", OutcomeKind::Failed),
        (
            "04_control_states/after_qdel_running",
            OutcomeKind::Cancelled,
        ),
        (
            "01_submit/qstat_x_f_json_of_full_finished",
            OutcomeKind::Completed,
        ),
    ] {
        assert_eq!(kind(&one(case)), expected, "{case}");
    }
    let Activity::Ended { outcome, .. } = one("05_exit_status/self_kill_9").activity(None) else {
        panic!("it is over");
    };
    assert_eq!(outcome.signal, Some(9));
}

#[test]
fn an_array_is_one_job_with_counts_until_its_tasks_are_told() {
    let parent = one("01_submit/qstat_f_json_of_array_parent");
    assert!(parent.is_array() && parent.phase() == Phase::Running);
    let counts = parent.remote(MARKER, Activity::Unknown).tasks;
    assert_eq!(
        counts,
        Some(TaskCounts {
            running: 5,
            ..TaskCounts::default()
        })
    );
    let all = jobs("05_exit_status/array_mixed_exits_parent_and_subjobs");
    let tasks: Vec<_> = all
        .iter()
        .filter(|job| job.task_index().is_some())
        .collect();
    let kinds: Vec<_> = tasks.iter().map(|task| kind(task)).collect();
    assert_eq!(
        kinds,
        [
            OutcomeKind::Completed,
            OutcomeKind::Failed,
            OutcomeKind::Failed
        ]
    );
    // Those that never ran have a status of 1.
    let deleted = jobs("04_control_states/qstat_t_x_f_json_after_qdel_array");
    let tasks = deleted.iter().filter(|job| job.task_index().is_some());
    assert!(
        tasks
            .clone()
            .all(|task| kind(task) == OutcomeKind::Cancelled)
    );
    assert_eq!(tasks.filter(|task| task.ran()).count(), 2);
    // Without its tasks, an index out of range looks finished.
    let beyond = job::parse(
        &recorded("03_errors/qstat_unknown_array_index"),
        Format::Json,
    );
    assert!(matches!(beyond.unwrap(), job::Answer::Finished));
}

#[test]
fn identity_is_the_name_and_the_time_of_submission() {
    let job = one("01_submit/qstat_x_f_json_of_full_finished");
    let reference = RemoteRef {
        marker: "train-run".to_owned(),
        remote_id: RemoteId("1.pbshead".to_owned()),
        submitted_at: "2026-11-20T10:06:07Z".parse().unwrap(),
        account: submission().account,
    };
    assert!(job.is(&reference));
    let later = reference
        .submitted_at
        .checked_add(jiff::SignedDuration::from_secs(1))
        .unwrap();
    assert!(!job.is(&RemoteRef {
        submitted_at: later,
        ..reference.clone()
    }));
    assert!(!job.is(&RemoteRef {
        marker: MARKER.to_owned(),
        ..reference
    }));
}

#[test]
fn usage_is_what_was_asked_for_and_how_long() {
    let usage = one("01_submit/qstat_x_f_json_of_full_finished")
        .usage()
        .unwrap();
    assert_eq!(
        (
            usage.nodes,
            usage.cpus,
            usage.scheduler_gpus,
            usage.memory_gib
        ),
        (2, 8, 2, 2)
    );
    assert_eq!(usage.ended_at.as_second() - usage.started_at.as_second(), 2);
}

#[test]
fn the_accounting_log_tells_the_same() {
    let text = recorded("06_logs_accounting/accounting_lines_finished_ok").text();
    let lines: Vec<_> = text.lines().filter_map(accounting::parse).collect();
    assert_eq!(
        lines.iter().map(|line| line.kind).collect::<String>(),
        "QSE"
    );
    assert_eq!(lines[2].told["account"], "acct42");
    let job = JobRecord::from_accounting(&lines[2].id, &lines[2].told, NAMES).unwrap();
    let usage = job.usage().unwrap();
    assert_eq!(
        (
            usage.nodes,
            usage.cpus,
            usage.scheduler_gpus,
            usage.memory_gib
        ),
        (2, 8, 2, 2)
    );
    // PBS's own count; its end less its start is a second more.
    assert_eq!(job.run_seconds(), 2);
    assert_eq!(kind(&job), OutcomeKind::Completed);
    assert!(lines[2].is_of("alice", "acct-ok"));
}

#[test]
fn a_job_that_was_run_again_has_a_piece_for_each_run() {
    let text = recorded("06_logs_accounting/accounting_lines_rerun").text();
    let mut lines = text.lines().filter_map(accounting::parse);
    let rerun = lines.find(|line| line.kind == 'R').unwrap();
    let piece = JobRecord::from_accounting(&rerun.id, &rerun.told, NAMES).unwrap();
    assert_eq!(
        (piece.run_seconds(), kind(&piece)),
        (2, OutcomeKind::Preempted)
    );
}

#[test]
fn the_queue_and_the_nodes_are_read() {
    let queues = queues::parse(&recorded("02_query/qstat_Q_f_json")).unwrap();
    let gpu = &queues["gpu"];
    assert_eq!(
        (gpu.max_walltime_seconds, gpu.running, gpu.waiting),
        (Some(3600), 1, 1)
    );
    assert!(gpu.enabled && gpu.started);
    assert!(!queues["disabledq"].enabled && !queues["stoppedq"].started);
    let doubled = queues::parse(&recorded("08_pitfalls/json_duplicate_keys_max_queued")).unwrap();
    assert!(doubled["limitq"].enabled);

    let busy = nodes::parse(&recorded("02_query/pbsnodes_a_json_busy")).unwrap();
    assert_eq!(
        busy.iter()
            .map(|node| node.free("ngpus"))
            .collect::<Vec<_>>(),
        [3, 3]
    );
    assert!(busy.iter().all(|node| !node.is_idle() && !node.is_out()));
    let idle = nodes::parse(&recorded("02_query/pbsnodes_a_json_idle")).unwrap();
    assert!(idle.iter().all(nodes::Node::is_idle));
    assert!(idle[0].has("host", "gpu01") && !idle[0].has("host", "gpu"));
    let down = nodes::parse(&recorded("07_failures/G_comm_down_pbsnodes")).unwrap();
    assert!(down.iter().all(nodes::Node::is_out), "`state-unknown,down`");
    assert_eq!(down[0].free("ngpus"), 0);
    assert!(
        nodes::parse(&recorded("02_query/pbsnodes_unknown_json"))
            .unwrap()
            .is_empty()
    );
    let error = nodes::parse(&recorded("07_failures/A_down_pbsnodes")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[test]
fn a_start_that_the_scheduler_forecasts_is_told() {
    let told = attributes::from_text(
        "Job Id: 28.pbshead\n    Job_Name = waits\n    job_state = Q\n    ctime = Fri Nov 20 10:06:14 \
         2026\n    comment = Not Running: Insufficient amount of resource: ngpus \n    \
         estimated.start_time = Fri Nov 20 11:00:00 2026\n",
    );
    let job = JobRecord::from_qstat("28.pbshead", &told["28.pbshead"], NAMES).unwrap();
    let Activity::Queued { expected_start, .. } = job.activity(None) else {
        panic!("{job:?}");
    };
    assert_eq!(
        expected_start,
        Some("2026-11-20T11:00:00Z".parse().unwrap())
    );
}
