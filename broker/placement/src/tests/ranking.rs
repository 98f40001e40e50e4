use broker_model::{JobSpec, Placement, SiteReadiness};

use super::federation::{Federation, Member, at, site, spec};
use crate::{LIMITED_SECONDS, PREFERENCE_SECONDS};

/// Two sites, `a` all idle, `b` with this much to do first.
fn two(backlog_seconds: u64, edit: impl FnOnce(&mut Federation, &mut JobSpec)) -> Placement {
    let mut busy = Member::new(site("b"));
    if backlog_seconds > 0 {
        busy.live().nodes_free = 0;
        busy.live().backlog_node_seconds = Some(backlog_seconds * 10);
    }
    let mut federation = Federation::of([Member::new(site("a")), busy]);
    let mut spec = spec();
    edit(&mut federation, &mut spec);
    federation.place(&spec)
}

fn prefer(spec: &mut JobSpec, site: &str) {
    spec.placement.prefer = vec![site.parse().unwrap()];
}

#[test]
fn the_partition_that_is_done_first_is_chosen() {
    let placement = two(3600, |_, _| {});
    assert_eq!(placement.chosen, Some(at("a")));
    assert_eq!(
        placement.reason,
        "a/m/p is first, done within 6h1m (10 of 10 nodes free); b/m/p would be 1h later"
    );
}

#[test]
fn a_preferred_site_may_take_a_little_longer() {
    let placement = two(PREFERENCE_SECONDS - 1, |_, spec| prefer(spec, "b"));
    assert_eq!(placement.chosen, Some(at("b")));
    assert_eq!(
        placement.reason,
        "b/m/p is first, done within 8h (0 of 10 nodes free, 19 node-hours to go); \
         a/m/p would be 1h59m sooner but is not preferred"
    );
    let placement = two(PREFERENCE_SECONDS + 1, |_, spec| prefer(spec, "b"));
    assert_eq!(placement.chosen, Some(at("a")));
}

#[test]
fn a_limited_site_goes_behind_one_that_is_a_little_slower() {
    let limited = |f: &mut Federation, _: &mut JobSpec| f.members[0].is(SiteReadiness::Limited);
    let placement = two(LIMITED_SECONDS - 1, limited);
    assert_eq!(placement.chosen, Some(at("b")));
    let rest = "a/m/p would be 3h59m sooner but has a site that calls itself limited";
    assert!(placement.reason.ends_with(rest), "{}", placement.reason);
    assert_eq!(two(LIMITED_SECONDS + 1, limited).chosen, Some(at("a")));
}

#[test]
fn what_is_equally_soon_is_chosen_by_cost_and_then_by_name() {
    let placement = two(0, |_, _| {});
    assert_eq!(placement.chosen, Some(at("a")));
    let rest = "b/m/p would take as long and cost as much, and comes later by name";
    assert!(placement.reason.ends_with(rest), "{}", placement.reason);
    let placement = two(0, |federation, spec| {
        spec.resources.gpus_per_node = 2;
        federation.members[0].partition().exclusive = true;
    });
    assert_eq!(placement.chosen, Some(at("b")));
    let rest = "a/m/p would take as long and cost 48.0000 GPU-hours instead of 24.0000";
    assert!(placement.reason.ends_with(rest), "{}", placement.reason);
}

#[test]
fn the_only_one_is_told_as_such() {
    let placement = two(0, |_, spec| {
        spec.placement.exclude = vec!["a".parse().unwrap()];
    });
    assert_eq!(
        placement.reason,
        "b/m/p is the only partition that can take the job, done within 6h1m (10 of 10 nodes free)"
    );
}

#[test]
fn feasible_partitions_come_by_rank_and_then_the_rejected_by_name() {
    let mut federation = Federation::of(["d", "c", "b", "a"].map(|id| Member::new(site(id))));
    for rejected in [1, 3] {
        federation.members[rejected].partition().gpus_per_node = 1;
    }
    federation.members[2].live().nodes_free = 0;
    let placement = federation.place(&spec());
    let order: Vec<_> = placement
        .considered
        .iter()
        .map(|c| c.partition.site.as_str())
        .collect();
    assert_eq!(order, ["d", "b", "a", "c"]);
}

#[test]
fn without_wishes_a_score_is_the_time_until_the_job_is_done() {
    let placement = two(3600, |_, _| {});
    for one in &placement.considered {
        let candidate = one.candidate.as_ref().unwrap();
        assert_eq!(
            candidate.score_seconds,
            candidate.forecast.wait_seconds + 6 * 3600
        );
    }
}
