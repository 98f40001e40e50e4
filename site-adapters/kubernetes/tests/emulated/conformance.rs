use std::time::Duration;

use broker_model::{SystemClock, Walltime};
use site_adapter::conformance::{self, Condition, Lack, Site};

use crate::rig::{PATIENCE, PAUSE, Rig};

const LACKS: &[Lack<'static>] = &[
    (
        Condition::WholeNodes,
        "Kubernetes gives what is asked for; the broker bills whole nodes by the site's file",
    ),
    (
        Condition::OutOfMemory,
        "the emulated kubelet holds nobody to a memory limit; states.rs has the recorded one",
    ),
    (
        Condition::LaunchFailure,
        "the emulated kubelet has every image; pods.rs has the recorded failures",
    ),
];

/// The suite, but for one behaviour that Kubernetes does not have: standard output and error are one
/// stream in a pod's log, so `the_two_streams_stay_apart` cannot be. Its stand-in is below.
#[tokio::test(flavor = "multi_thread")]
async fn the_adapter_conforms() {
    let rig = Rig::start().await;
    let site = site(&rig);
    conformance::a_job_runs_to_its_end(&site).await;
    conformance::every_subsystem_is_well(&site).await;
    conformance::the_snapshot_lists_the_partition(&site).await;
    conformance::a_script_arrives_as_it_was_written(&site).await;
    conformance::a_name_with_every_allowed_kind_of_character_is_taken(&site).await;
    conformance::many_jobs_are_polled_at_once(&site).await;
    conformance::the_same_attempt_submitted_twice_runs_once(&site).await;
    conformance::a_job_is_found_by_its_marker(&site).await;
    conformance::a_marker_never_submitted_is_proven_absent(&site).await;
    conformance::poll_leaves_out_what_is_not_ours(&site).await;
    conformance::a_cancel_never_hits_the_job_that_got_the_id_later(&site).await;
    conformance::an_exit_code_is_told(&site).await;
    conformance::a_signal_of_the_jobs_own_is_told(&site).await;
    conformance::a_cancelled_job_ends_cancelled(&site).await;
    conformance::cancelling_what_has_ended_succeeds(&site).await;
    conformance::usage_is_told_after_the_end_and_not_before(&site).await;
    conformance::a_job_with_gpus_is_metered_with_them(&site).await;
    conformance::a_log_read_in_pieces_is_the_log_read_at_once(&site).await;
    conformance::bytes_that_are_no_text_survive(&site).await;
    conformance::the_snapshot_counts_gpus_by_kind(&site).await;
    conformance::a_job_with_whole_nodes_is_metered_with_all_of_them(&site).await;
    conformance::a_job_over_its_walltime_is_timed_out(&site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arrays_and_dependencies_are_what_they_are_everywhere() {
    let rig = Rig::start().await;
    let site = site(&rig);
    conformance::every_task_of_an_array_runs_once_with_its_index(&site).await;
    conformance::an_array_ends_as_its_failing_tasks_do(&site).await;
    conformance::an_array_is_cancelled_as_a_whole(&site).await;
    conformance::an_array_runs_as_many_tasks_at_once_as_it_may_and_is_metered_by_task(&site).await;
    conformance::a_job_waits_for_the_one_before_it(&site).await;
    conformance::a_job_after_one_that_failed_runs_only_if_it_waits_for_that(&site).await;
    conformance::a_job_after_one_that_has_ended_is_decided_at_once(&site).await;
    conformance::a_job_after_an_array_waits_for_all_of_its_tasks(&site).await;
    conformance::a_job_that_waits_for_another_can_be_cancelled(&site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_streams_are_told_as_standard_output_in_their_order() {
    let rig = Rig::start().await;
    let (job, _) = rig.run("echo out; echo err >&2; echo out again").await;
    let log = rig.wait("the log is whole", async || {
        Some(rig.log(&job).await).filter(|log| log.len() >= 18)
    });
    assert_eq!(log.await, "out\nerr\nout again\n");
}

fn site(rig: &Rig) -> Site<'_> {
    Site {
        adapter: &rig.adapter,
        account: Rig::account(),
        partition: Rig::partition(),
        gpus_per_node: 4,
        scheduler_gpus_per_gpu: 1,
        gpu_kind: Some("nvidia.com/gpu"),
        launch_failure: None,
        lacks: LACKS,
        shortest_walltime: Walltime::from_seconds(2).unwrap(),
        patience: PATIENCE.max(Duration::from_secs(30)),
        pause: PAUSE,
        scratch: Some(rig.cluster.folder()),
        ids: &rig.ids,
        clock: &SystemClock,
    }
}
