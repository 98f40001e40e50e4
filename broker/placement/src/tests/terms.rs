use broker_model::{Clause, SiteId};

use super::federation::{Federation, Member, at, entry, site, spec};
use crate::{never_feasible, only_for_terms};

fn federation(sites: &[&str]) -> Federation {
    Federation::of(sites.iter().map(|it| Member::new(site(it))))
}

fn of(sites: &[&str]) -> Vec<SiteId> {
    sites.iter().map(|it| it.parse().unwrap()).collect()
}

#[test]
fn terms_that_are_not_accepted_drop_their_site_for_now_and_no_other() {
    let mut federation = self::federation(&["a", "b"]);
    federation.unaccepted = [("a".parse().unwrap(), "2026-01".to_owned())].into();
    let placement = federation.place(&spec());
    assert_eq!(placement.chosen, Some(at("b")));
    let dropped = &entry(&placement, &at("a")).rejections;
    assert_eq!(dropped.len(), 1);
    assert_eq!(dropped[0].clause, Clause::Terms);
    assert!(dropped[0].temporary);
    let words = "the terms of a, version 2026-01, are not accepted; `alcyone terms accept site-a`";
    assert_eq!(dropped[0].words, words);
    assert!(only_for_terms(&placement).is_empty());
}

#[test]
fn sites_that_lack_only_accepted_terms_are_told_where_no_partition_can_do_without() {
    let mut federation = self::federation(&["a", "b", "c"]);
    federation.unaccepted = of(&["a", "b"])
        .into_iter()
        .map(|it| (it, "2026-01".to_owned()))
        .collect();
    let mut job = spec();
    job.placement.exclude = of(&["c"]);
    let told: Vec<SiteId> = only_for_terms(&federation.place(&job))
        .into_iter()
        .collect();
    assert_eq!(told, of(&["a", "b"]));
    job.placement.exclude.clear();
    job.placement.require = of(&["a"]);
    let told: Vec<SiteId> = only_for_terms(&federation.place(&job))
        .into_iter()
        .collect();
    assert_eq!(told, of(&["a"]), "`b` is not wanted, accepted or not");
}

/// A site whose terms are accepted and that may take the job later is worth waiting for.
#[test]
fn a_site_that_may_take_the_job_later_needs_no_other_terms() {
    let mut federation = self::federation(&["a", "b"]);
    federation.unaccepted = [("a".parse().unwrap(), "2026-01".to_owned())].into();
    federation.members[1].live().accepting = false;
    let placement = federation.place(&spec());
    assert_eq!(placement.chosen, None);
    assert!(!never_feasible(&placement));
    assert!(only_for_terms(&placement).is_empty());
}

#[test]
fn a_job_that_no_site_can_ever_take_is_not_asked_to_accept_anything() {
    let mut federation = self::federation(&["a"]);
    federation.unaccepted = [("a".parse().unwrap(), "2026-01".to_owned())].into();
    let mut job = spec();
    job.resources.gpus_per_node = 64;
    let placement = federation.place(&job);
    assert!(never_feasible(&placement));
    assert!(only_for_terms(&placement).is_empty());
}
