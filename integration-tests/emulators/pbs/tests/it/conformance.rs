use site_adapter::conformance;

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_keeps_the_contract_on_this_host() {
    let rig = Rig::open();
    conformance::all(&rig.site("gpu")).await;
}

/// The development branch writes other JSON, and of several jobs only the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_keeps_the_contract_with_the_development_branch() {
    let rig = Rig::open();
    rig.pbs.switch("dialect", "main").unwrap();
    let site = rig.site("gpu");
    conformance::a_job_runs_to_its_end(&site).await;
    conformance::many_jobs_are_polled_at_once(&site).await;
    conformance::poll_leaves_out_what_is_not_ours(&site).await;
    conformance::an_exit_code_is_told(&site).await;
}

/// No history is kept: the end is told by the wrapper's record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_keeps_the_contract_without_history() {
    let rig = Rig::open();
    rig.pbs.switch("history_off", "").unwrap();
    let site = rig.forgetful_site("gpu");
    conformance::a_job_runs_to_its_end(&site).await;
    conformance::the_same_attempt_submitted_twice_runs_once(&site).await;
    conformance::a_marker_never_submitted_is_proven_absent(&site).await;
    conformance::an_exit_code_is_told(&site).await;
    conformance::a_job_over_its_walltime_is_timed_out(&site).await;
}
