//! What a server told before, during and after it, its nodes or its database broke down.

use broker_model::OutcomeKind;
use site_adapter::Activity;

use super::{jobs, kind, nodes, one, recorded, server, submit};
use crate::calls::backlog;
use crate::record::JobRecord;
use crate::states::Phase;

fn phases(case: &str) -> Vec<Phase> {
    jobs(case).iter().map(JobRecord::phase).collect()
}

/// A: `pbs_server` is killed. Nothing is lost, and what ended meanwhile is told with its code.
#[test]
fn a_server_that_was_killed_has_kept_every_job() {
    use Phase::{Over, Running, Waiting};
    let before = phases("07_failures/A_before_qstat");
    assert_eq!(before, [Running, Running, Waiting, Waiting, Running]);
    let after = jobs("07_failures/A_after_restart_20s_qstat");
    let phases: Vec<Phase> = after.iter().map(JobRecord::phase).collect();
    assert_eq!(phases, [Over, Over, Waiting, Waiting, Over]);
    let Activity::Ended { outcome, .. } = after[1].activity(None) else {
        panic!("{:?}", after[1]);
    };
    assert_eq!(outcome.exit_code, Some(5));
}

/// The array's own start is lost with the server; its tasks still have theirs.
#[test]
fn an_array_whose_start_was_lost_is_charged_by_its_tasks() {
    let all = jobs("07_failures/A_after_restart_20s_qstat");
    let array = all.into_iter().find(JobRecord::is_array).unwrap();
    assert_eq!(array.usage(), None);
    let tasks = jobs("05_exit_status/array_mixed_exits_parent_and_subjobs");
    let tasks: Vec<_> = tasks
        .into_iter()
        .filter(|job| job.task_index().is_some())
        .collect();
    let first = tasks.iter().filter_map(JobRecord::started_at).min();
    let usage = array.started_with(&tasks).usage().unwrap();
    assert_eq!(Some(usage.started_at), first);
}

/// B: `pbs_server` and its database are killed together.
#[test]
fn a_database_that_was_killed_too_has_kept_every_job() {
    let all = jobs("07_failures/B_after_20s_qstat");
    assert_eq!(kind(&all[0]), OutcomeKind::Failed);
    assert_eq!(all[1].phase(), Phase::Waiting);
    assert_eq!(all[2].phase(), Phase::Waiting);
}

/// D: `pbs_mom` is killed. The job is told as running until the node is back.
#[test]
fn a_job_on_a_node_that_is_down_still_runs_as_far_as_anybody_knows() {
    let down = phases("07_failures/D_down_qstat");
    assert_eq!(down, [Phase::Running, Phase::Running]);
    let nodes = nodes::parse(&recorded("07_failures/D_down_pbsnodes")).unwrap();
    let out: Vec<bool> = nodes.iter().map(nodes::Node::is_out).collect();
    assert_eq!(out, [true, false]);
    assert_eq!((nodes[0].free("ngpus"), nodes[1].free("ngpus")), (0, 4));
}

/// D: it is back, and has begun both jobs a second time.
#[test]
fn a_second_run_keeps_the_exit_status_of_the_first() {
    let all = jobs("07_failures/D_up_21s_qstat");
    assert!(all.iter().all(JobRecord::ran_again));
    assert_eq!(all[1].phase(), Phase::Running, "with an Exit_status of -4");
}

/// F: no scheduler runs. The server is "Active" all the same, and jobs wait without a word.
#[test]
fn without_a_scheduler_a_job_waits_without_a_reason() {
    let server = server::parse(&recorded("07_failures/F_qstat_B")).unwrap();
    assert_eq!((server.state.as_str(), server.schedules), ("Active", true));
    let job = one("07_failures/F_sched_down_qstat");
    assert_eq!((job.phase(), job.reason()), (Phase::Waiting, None));
}

/// G: no `pbs_comm`. A job is taken and sent on its way, and does not arrive.
#[test]
fn a_job_that_does_not_reach_its_node_has_not_begun() {
    let job = one("07_failures/G_comm_down_qstat");
    assert!(
        matches!(job.activity(None), Activity::Queued { .. }),
        "{job:?}"
    );
}

/// H: the database is killed. The next qsub is answered with an id of a job that is then unknown.
#[test]
fn an_id_is_a_receipt_and_no_proof() {
    let id = submit::parse(&recorded("07_failures/H_db_dead_qsub")).unwrap();
    assert_eq!(id, "2013.pbshead");
    let after = recorded("07_failures/H_acknowledged_job_after_restart");
    assert_eq!(after.code, crate::answer::UNKNOWN_JOB);
}

/// Words of pbsnodes, alone and several at once; `Stale` is written so.
#[test]
fn every_state_of_a_node_says_whether_it_takes_jobs() {
    for (state, is_out, free) in [
        ("free", false, 3),
        ("job-exclusive", false, 0),
        ("job-busy", false, 0),
        ("resv-exclusive", false, 0),
        ("job-exclusive,resv-exclusive", false, 0),
        ("busy", false, 0),
        ("provisioning", false, 0),
        ("wait-provisioning", false, 0),
        ("down", true, 0),
        ("offline", true, 0),
        ("offline_by_mom", true, 0),
        ("down,offline", true, 0),
        ("offline,resv-exclusive", true, 0),
        ("state-unknown,down", true, 0),
        ("state-unknown,down,offline", true, 0),
        ("maintenance", true, 0),
        ("Stale", true, 0),
        ("unresolvable", true, 0),
        ("initializing", true, 0),
        ("sleep", true, 0),
        ("a word of next year's", false, 0),
    ] {
        let text = recorded("02_query/pbsnodes_a_json_busy").text();
        let text = text.replace("\"state\":\"free\"", &format!("\"state\":\"{state}\""));
        let node = nodes::read(text.as_bytes()).unwrap().remove(0);
        assert_eq!(
            (node.is_out(), node.free("ngpus")),
            (is_out, free),
            "{state}"
        );
        assert!(!node.is_idle(), "it runs a job");
    }
}

/// `25.pbshead` on two nodes for ten minutes and `28.pbshead` on two for five; held jobs wait for none.
#[test]
fn the_backlog_is_added_up_from_a_table_of_all_jobs() {
    let sums = backlog::parse(&recorded("02_query/qstat_an1w"))
        .unwrap()
        .unwrap();
    assert_eq!(backlog::of_queue(&sums, "gpu"), 2 * 600 + 2 * 300);
    // One without a walltime and two that are held or never run: nothing is known of how long.
    assert_eq!(backlog::of_queue(&sums, "workq"), 0);
    let down = backlog::parse(&recorded("07_failures/A_down_qstat_f_json")).unwrap_err();
    assert_eq!(down.kind, site_adapter::ErrorKind::Unavailable);
    assert_eq!(backlog::command().args, ["-a", "-w", "-t"]);
}
