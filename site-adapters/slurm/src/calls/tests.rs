//! The parsers over answers of real servers (`tests/fixtures`, cut to the fields that are read).

mod refusals;

use broker_model::{ArraySpec, OutcomeKind, PartitionRef, Resources, Walltime};
use serde_json::{Value, json};
use site_adapter::{Activity, ErrorKind, LocalAccount, Submission, Work};

use super::{accounting, cancel, diag, job, nodes, partitions, ping, states, submit};
use crate::answer::{Answer, Body, Effect};
use crate::dialect::ApiVersion;
use crate::states::Phase;

pub(crate) const MARKER: &str = "att_0192f0c1d2e37abc8def0123456789ab";

/// A job that asks for something of everything.
pub(crate) fn submission() -> Submission {
    Submission {
        attempt: MARKER.parse().unwrap(),
        account: LocalAccount {
            user: "alice".to_owned(),
            account: Some("lab".to_owned()),
            qos: None,
        },
        work: Work {
            after: Vec::new(),
            array: None,
            restartable: false,
            name: "finetune-7b".to_owned(),
            resources: Resources {
                nodes: 2,
                gpus_per_node: 1,
                gpu_memory_gib: None,
                cpus_per_node: Some(3),
                memory_gib_per_node: Some(1),
                walltime: Walltime::from_seconds(61).unwrap(),
            },
            image: None,
            script: "hostname\n".to_owned(),
            partition: PartitionRef {
                site: "alpha".parse().unwrap(),
                system: "alpha".parse().unwrap(),
                partition: "main".parse().unwrap(),
            },
            scheduler_gpus_per_gpu: 2,
            exclusive: false,
        },
        may_exist: false,
    }
}

const OLD: &str = include_str!("../../tests/fixtures/22.05.8-v0.0.38.json");
const FORTY: &str = include_str!("../../tests/fixtures/24.11.5-v0.0.40.json");
const MIDDLE: &str = include_str!("../../tests/fixtures/24.11.5-v0.0.42.json");
const NEW: &str = include_str!("../../tests/fixtures/26.05.5-v0.0.45.json");
const EACH: [&str; 3] = [OLD, MIDDLE, NEW];

fn recorded(file: &str, name: &str, effect: Effect) -> Answer {
    let all: Value = serde_json::from_str(file).unwrap();
    let answer = &all[name];
    let body = match answer.get("json") {
        Some(json) => Body::Json(json.clone()),
        None => Body::Text(answer["text"].as_str().unwrap().to_owned()),
    };
    Answer {
        operation: "test",
        effect,
        status: u16::try_from(answer["status"].as_u64().unwrap()).unwrap(),
        body,
    }
}

fn read(file: &str, name: &str) -> Answer {
    recorded(file, name, Effect::Reads)
}

fn acted(file: &str, name: &str) -> Answer {
    recorded(file, name, Effect::Acts)
}

fn job_of(file: &str, name: &str) -> crate::record::JobRecord {
    let jobs = job::parse(&read(file, name)).unwrap();
    assert_eq!(jobs.len(), 1, "{name}");
    jobs.into_iter().next().unwrap()
}

#[test]
fn a_job_is_read_the_same_from_every_version() {
    for (file, id) in [(OLD, 43), (MIDDLE, 53)] {
        let job = job_of(file, "job-completed");
        assert_eq!((job.id, job.name.as_str()), (id, "rec"));
        let Activity::Ended {
            outcome,
            started_at,
            ended_at,
        } = job.activity()
        else {
            panic!("{job:?}");
        };
        assert_eq!(outcome.kind, OutcomeKind::Completed);
        assert_eq!(outcome.exit_code, Some(0));
        assert!(started_at.unwrap() < ended_at);
    }
    for file in EACH {
        let running = job_of(file, "job-running");
        assert!(matches!(running.activity(), Activity::Running { .. }));
        let failed = job_of(file, "job-failed");
        let Activity::Ended { outcome, .. } = failed.activity() else {
            panic!("{failed:?}");
        };
        assert_eq!(
            (outcome.kind, outcome.exit_code),
            (OutcomeKind::Failed, Some(7))
        );
        assert_eq!(outcome.site_words, "FAILED NonZeroExitCode");
    }
}

#[test]
fn states_are_read_by_id() {
    let young = states::parse(&read(FORTY, "jobs-state")).unwrap();
    assert_eq!(young.job(1).unwrap().phase, Phase::Running);
    for file in [MIDDLE, NEW] {
        let states = states::parse(&read(file, "jobs-state")).unwrap();
        let over = Phase::Over(OutcomeKind::Completed);
        assert_eq!(states.job(1).unwrap().phase, over);
        let [(index, task)] = states.tasks(6) else {
            panic!("{states:?}");
        };
        assert_eq!((*index, task.phase), (1, over));
    }
}

#[test]
fn usage_is_read_from_the_accounting() {
    for file in [OLD, FORTY, MIDDLE, NEW] {
        let records = accounting::parse(&read(file, "db-job-completed")).unwrap();
        let owner = records[0].job.owner.as_ref().unwrap();
        assert_eq!(owner.name.as_deref(), Some("alice"));
        let usage = accounting::usage(&[&records[0]]).unwrap();
        assert_eq!((usage.nodes, usage.cpus, usage.scheduler_gpus), (1, 2, 2));
        assert_eq!((usage.memory_gib, usage.energy_joules), (1, None));
        assert!(usage.started_at < usage.ended_at);
    }
    for file in EACH {
        let unknown = accounting::parse(&read(file, "db-job-unknown")).unwrap();
        assert!(unknown.is_empty());
    }
}

fn exit_code(activity: &Activity) -> Option<i32> {
    match activity {
        Activity::Ended { outcome, .. } => outcome.exit_code,
        Activity::Queued { .. } | Activity::Running { .. } | Activity::Unknown => {
            panic!("not over: {activity:?}")
        }
    }
}

#[test]
fn the_old_accountings_exit_code_of_a_failed_job_is_not_believed() {
    let old = accounting::parse(&read(OLD, "db-job-failed")).unwrap();
    assert_eq!(exit_code(&old[0].job.activity()), None);
    for file in [MIDDLE, NEW] {
        let records = accounting::parse(&read(file, "db-job-failed")).unwrap();
        assert_eq!(exit_code(&records[0].job.activity()), Some(7));
    }
}

#[test]
fn a_submission_is_made_only_with_a_job_id() {
    for (file, id) in [(OLD, 43), (FORTY, 1), (MIDDLE, 53)] {
        let made = submit::parse(&acted(file, "submit")).unwrap();
        let submit::Receipt::Made { id: got } = made else {
            panic!("{made:?}");
        };
        assert!(got == id || file == FORTY, "{got}");
    }
    for file in EACH {
        let error = submit::parse(&acted(file, "submit-unknown-partition")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.message.contains("Invalid partition name"), "{error}");
    }
    let error = submit::parse(&acted(MIDDLE, "submit-wrong-type")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
    let error = submit::parse(&acted(MIDDLE, "submit-malformed")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
}

#[test]
fn a_job_that_has_to_wait_is_made_and_one_with_an_ignored_field_is_mangled() {
    for file in [OLD, MIDDLE] {
        let held = submit::parse(&acted(file, "submit-held")).unwrap();
        assert!(matches!(held, submit::Receipt::Made { .. }), "{held:?}");
    }
    for file in [FORTY, MIDDLE] {
        let mangled = submit::parse(&acted(file, "submit-gres-key")).unwrap();
        let submit::Receipt::Mangled { why, .. } = mangled else {
            panic!("{mangled:?}");
        };
        assert!(why.contains("gres"), "{why}");
    }
}

#[test]
fn a_ping_is_believed_only_for_what_it_says() {
    for file in EACH {
        assert!(ping::parse(&read(file, "ping")).unwrap());
    }
    // 200, and the server could not reach slurmctld with that token.
    assert!(!ping::parse(&read(MIDDLE, "auth-garbage-ping")).unwrap());
}

#[test]
fn nodes_partitions_and_counters_are_read_from_every_version() {
    for file in EACH {
        let nodes = nodes::parse(&read(file, "nodes")).unwrap();
        assert_eq!(nodes.len(), 2);
        assert_eq!((nodes[0].gpus["h100"], nodes[0].gpus_used["h100"]), (4, 0));
        assert!(nodes[0].usable && nodes[0].idle && !nodes[0].is_out);
        assert_eq!(nodes[0].partitions, ["main"]);
        let partitions = partitions::parse(&read(file, "partitions")).unwrap();
        assert_eq!(partitions[0].name, "main");
        assert!(partitions[0].is_up());
        assert_eq!(partitions[0].max_walltime_seconds, None);
        diag::parse(&read(file, "diag")).unwrap();
    }
}

#[test]
fn a_drained_node_is_not_free_in_either_way_of_writing() {
    for node in [
        json!({"state": "idle", "state_flags": ["DRAIN"], "partitions": ["main"], "gres": "gpu:4"}),
        json!({"state": ["IDLE", "DRAIN"], "partitions": ["main"], "gres": "gpu:4"}),
        json!({"state": ["DOWN"], "partitions": ["main"], "gres": "gpu:4"}),
    ] {
        let answer = Answer {
            operation: "test",
            effect: Effect::Reads,
            status: 200,
            body: Body::Json(json!({"nodes": [node]})),
        };
        let nodes = nodes::parse(&answer).unwrap();
        assert!(
            !nodes[0].idle && !nodes[0].usable && nodes[0].is_out,
            "{nodes:?}"
        );
    }
}

#[test]
fn a_submission_is_written_in_the_versions_own_way() {
    let place = submit::Place {
        slurm_partition: "boost",
        gpu_type: Some("a100"),
        work_dir: "/scratch/alice",
        home: "/home/alice",
        path: "/usr/bin:/bin",
        dependency: Some("afterok:7,afterany:8"),
    };
    let body = |version: &str| {
        let version: ApiVersion = version.parse().unwrap();
        let mut submission = submission();
        submission.work.array = Some(ArraySpec {
            tasks: 10,
            at_once: Some(4),
        });
        let request = submit::request(version, &submission, "#!/bin/sh\ntrue\n", &place);
        request.body.unwrap()
    };
    let old = body("v0.0.38");
    assert_eq!(old["script"], "#!/bin/sh\ntrue\n");
    assert_eq!(old["job"]["gres"], "gpu:a100:2");
    assert_eq!(old["job"]["time_limit"], 2);
    assert_eq!(old["job"]["environment"]["ALCYONE_JOB_NAME"], "finetune-7b");
    assert_eq!(old["job"]["no_requeue"], true);
    assert_eq!(old["job"]["open_mode"], "append");
    assert_eq!(old["job"]["kill_on_invalid_dependency"], true);
    assert_eq!(old["job"]["environment"]["ALCYONE_ARRAY_SIZE"], "10");
    let new = body("v0.0.42");
    assert_eq!(new["job"]["script"], "#!/bin/sh\ntrue\n");
    assert_eq!(new["job"]["tres_per_node"], "gres/gpu:a100:2");
    assert_eq!(
        new["job"]["time_limit"],
        json!({"set": true, "infinite": false, "number": 2})
    );
    assert_eq!(new["job"]["memory_per_node"]["number"], 1024);
    assert_eq!(new["job"]["requeue"], false);
    assert_eq!(new["job"]["open_mode"], json!(["APPEND"]));
    assert_eq!(new["job"]["flags"], json!(["KILL_INVALID_DEPENDENCY"]));
    let environment = new["job"]["environment"].as_array().unwrap();
    assert!(environment.contains(&json!("ALCYONE_ARRAY_SIZE=10")));
    for body in [old, new] {
        assert_eq!(body["job"]["name"], MARKER);
        assert_eq!(body["job"]["array"], "0-9%4");
        assert_eq!(body["job"]["dependency"], "afterok:7,afterany:8");
        assert_eq!(body["job"]["comment"], format!("{MARKER} finetune-7b"));
        assert_eq!(
            body["job"]["standard_output"],
            format!("/scratch/alice/alcyone-{MARKER}.out")
        );
    }
}

/// Array job, index or list of those that wait, state, of every record.
fn tasks_of(jobs: &[crate::record::JobRecord]) -> Vec<(u64, u64, Vec<u32>, Phase)> {
    let task = |job: &crate::record::JobRecord| {
        let task = job.task.clone().unwrap();
        (job.id, task.array, task.indices, job.state.phase)
    };
    jobs.iter().map(task).collect()
}

#[test]
fn the_tasks_of_an_array_are_read_from_every_version() {
    let waiting = |file| tasks_of(&job::parse(&read(file, "job-array")).unwrap());
    assert_eq!(waiting(OLD), [(47, 47, vec![1, 2, 3], Phase::Waiting)]);
    assert_eq!(waiting(NEW)[0], (80, 80, vec![3], Phase::Waiting));
    assert_eq!(waiting(MIDDLE)[0], (57, 57, vec![3], Phase::Waiting));
    assert_eq!(waiting(MIDDLE)[1], (59, 57, vec![2], Phase::Running));
    for (file, array) in [(OLD, 47), (FORTY, 5), (MIDDLE, 57), (NEW, 80)] {
        let records = accounting::parse(&read(file, "db-job-array")).unwrap();
        let jobs: Vec<_> = records.iter().map(|record| record.job.clone()).collect();
        let over = Phase::Over(OutcomeKind::Completed);
        let expected = [(array, 3), (array + 1, 1), (array + 2, 2)]
            .map(|(id, index)| (id, array, vec![index], over));
        assert_eq!(tasks_of(&jobs), expected);
        assert!(
            jobs.iter()
                .all(|job| job.remote_id().0 == array.to_string())
        );
    }
}

#[test]
fn a_signal_is_told_and_a_job_that_is_no_array_has_no_task() {
    for file in [OLD, MIDDLE, NEW] {
        let jobs = job::parse(&read(file, "job-signalled")).unwrap();
        assert_eq!(jobs[0].task, None);
        assert_eq!(jobs[0].restarts, 0);
    }
    for file in [OLD, MIDDLE] {
        let Activity::Ended { outcome, .. } = job_of(file, "job-cancelled").activity() else {
            panic!("it was cancelled");
        };
        assert_eq!(outcome.kind, OutcomeKind::Cancelled);
    }
    let completing = job_of(NEW, "job-cancelled").activity();
    assert!(
        matches!(completing, Activity::Running { .. }),
        "{completing:?}"
    );
}

#[test]
fn what_is_asked_is_a_handful_of_calls_and_none_changes_a_job() {
    let place = submit::Place {
        slurm_partition: "boost",
        gpu_type: None,
        work_dir: "/scratch/alice",
        home: "/home/alice",
        path: "/usr/bin:/bin",
        dependency: None,
    };
    let version: ApiVersion = "v0.0.42".parse().unwrap();
    let submitted = submit::request(version, &submission(), "#!/bin/sh\n", &place);
    let job = &submitted.body.as_ref().unwrap()["job"];
    assert_eq!(
        job["current_working_directory"], "/scratch/alice",
        "or it is refused"
    );
    assert_eq!(
        job.get("begin_time"),
        None,
        "an epoch in one version, a text in another"
    );
    let calls = [
        submitted,
        job::request("7"),
        job::all(),
        states::request(version, &["7"]),
        nodes::request(),
        partitions::request(),
        diag::request(),
        ping::request(),
        cancel::request("7"),
        accounting::by_ids(version, &["7"]),
    ];
    let posts = calls
        .iter()
        .filter(|call| call.method == reqwest::Method::POST);
    let posts: Vec<&str> = posts.map(|call| call.path.as_str()).collect();
    assert_eq!(posts, ["/job/submit"]);
    for call in &calls {
        assert!(
            call.query.iter().all(|(name, _)| *name != "update_time"),
            "{call:?}"
        );
    }
}

#[test]
fn a_job_that_slurmd_could_not_launch_is_told_apart_from_one_that_failed() {
    let ended = |reason: &str, signal: Value| {
        let job = json!({"job_id": 7, "name": "m", "job_state": ["FAILED"], "nodes": "n1",
            "state_reason": reason, "submit_time": 1, "start_time": 1, "end_time": 1,
            "exit_code": {"status": ["SIGNALED"], "return_code": {"set": false},
                "signal": {"id": signal, "name": ""}}});
        let answer = Answer {
            operation: "test",
            effect: Effect::Reads,
            status: 200,
            body: Body::Json(json!({"jobs": [job]})),
        };
        let Activity::Ended { outcome, .. } = job::parse(&answer).unwrap()[0].activity() else {
            panic!("it is over");
        };
        outcome.kind
    };
    let set = |number: u32| json!({"set": true, "infinite": false, "number": number});
    // 22.05 gives every signal that reason.
    assert_eq!(ended("JobLaunchFailure", set(11)), OutcomeKind::Failed);
    assert_eq!(ended("RaisedSignal", set(10)), OutcomeKind::Failed);
    assert_eq!(ended("RaisedSignal", set(53)), OutcomeKind::LaunchFailed);
    assert_eq!(
        ended("JobLaunchFailure", set(53)),
        OutcomeKind::LaunchFailed
    );
    assert_eq!(
        ended("JobLaunchFailure", json!({"set": false})),
        OutcomeKind::LaunchFailed
    );
}

/// Whoever counts on a filter gets everything: ids and markers are compared again.
#[test]
fn a_parameter_of_a_query_that_does_not_exist_is_a_warning_at_most() {
    for (file, warnings) in [(OLD, 0), (MIDDLE, 1), (NEW, 1)] {
        let answer = read(file, "query-unknown-parameter");
        assert_eq!(answer.list("warnings").len(), warnings);
        assert_eq!(job::parse(&answer).unwrap().len(), 1);
    }
}

/// So a token needs no margin for the clock of an agent that is fast.
#[test]
fn a_token_from_the_future_is_accepted() {
    for file in EACH {
        let jobs = job::parse(&read(file, "auth-not-yet"));
        assert_eq!(jobs.unwrap().len(), 1);
    }
}

proptest::proptest! {
    #[test]
    fn no_text_in_an_answer_makes_a_parser_panic(text in ".{0,80}", number in proptest::num::i64::ANY) {
        for list in ["jobs", "nodes", "partitions", "pings", "errors", "warnings"] {
            let entry = json!({"job_id": number, "state": text, "job_state": [text], "name": text,
                "submit_time": number, "gres": text, "error": text, "error_number": number});
            let answer = Answer {
                operation: "test",
                effect: Effect::Acts,
                status: 200,
                body: Body::Json(json!({list: [entry], "job_id": number})),
            };
            let _ = (job::parse(&answer), states::parse(&answer), nodes::parse(&answer));
            let _ = (accounting::parse(&answer), submit::parse(&answer), ping::parse(&answer));
            let _ = (partitions::parse(&answer), cancel::parse(&answer), diag::parse(&answer));
        }
    }
}
