use broker_model::Forecast;

use super::federation::{Federation, Member, hour, now, site, spec};
use crate::{NO_SNAPSHOT_SECONDS, START_SECONDS};

fn forecast(edit: impl FnOnce(&mut Member)) -> Forecast {
    let mut member = Member::new(site("lumi"));
    edit(&mut member);
    let placement = Federation::of([member]).place(&spec());
    placement.considered[0]
        .candidate
        .as_ref()
        .unwrap()
        .forecast
        .clone()
}

#[test]
fn free_nodes_start_a_job_at_once() {
    let got = forecast(|m| {
        m.live().nodes_free = 2;
        m.snapshot.as_mut().unwrap().observed_at = now() - hour();
    });
    assert_eq!(got.wait_seconds, START_SECONDS);
    assert_eq!(got.basis, "2 of 10 nodes free");
    assert_eq!(got.observed_at, now() - hour());
}

#[test]
fn a_full_partition_has_to_work_off_its_backlog_first() {
    let got = forecast(|m| {
        m.live().nodes_free = 1;
        m.live().jobs_queued = 1;
        m.live().backlog_node_seconds = Some(10 * 36_000);
    });
    assert_eq!(got.wait_seconds, 36_000 + START_SECONDS + 5);
    assert_eq!(
        got.basis,
        "1 of 10 nodes free, 1 job queued, 100 node-hours to go"
    );
}

#[test]
fn without_a_backlog_the_queue_is_counted() {
    let got = forecast(|m| {
        m.live().nodes_free = 0;
        m.live().jobs_running = 5;
        m.live().jobs_queued = 4;
    });
    assert_eq!(got.wait_seconds, 4 * 3600 + START_SECONDS + 20);
    let basis = "0 of 10 nodes free, 4 jobs queued, 5 jobs running for 4h each is assumed";
    assert_eq!(got.basis, basis);
}

#[test]
fn a_small_job_goes_beside_others_where_nodes_are_shared() {
    let mut job = spec();
    job.resources.nodes = 1;
    job.resources.gpus_per_node = 1;
    let mut member = Member::new(site("lumi"));
    member.partition().scheduler_gpus_per_gpu = 2;
    member.live().nodes_free = 0;
    member.live().gpus_total = 80;
    for (exclusive, gpus_free, at_once) in [(false, 2, true), (false, 1, false), (true, 2, false)] {
        member.partition().exclusive = exclusive;
        member.live().gpus_free = gpus_free;
        let placement = Federation::of([member.clone()]).place(&job);
        let forecast = &placement.considered[0].candidate.as_ref().unwrap().forecast;
        assert_eq!(
            forecast.wait_seconds == START_SECONDS,
            at_once,
            "{}",
            forecast.basis
        );
        assert_eq!(forecast.basis == "2 of 80 GPUs free", at_once);
    }
}

#[test]
fn a_site_that_told_nothing_is_taken_to_be_full() {
    let got = forecast(|m| m.snapshot = None);
    assert_eq!(got.wait_seconds, NO_SNAPSHOT_SECONDS);
    assert_eq!(got.basis, "no snapshot, a day is assumed");
    assert_eq!(got.observed_at, now());
}
