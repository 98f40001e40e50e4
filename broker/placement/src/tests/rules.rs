//! What the rules say against systems, where data lies, and which sectors sites name.

use broker_model::{Clause, Placement, Rejection, ShutSystems};

use super::federation::{Federation, Member, at, entry, site, spec};
use crate::{MOVE_SECONDS, never_feasible, only_for_ceilings, only_for_terms};

fn federation(sites: &[&str]) -> Federation {
    Federation::of(sites.iter().map(|it| Member::new(site(it))))
}

fn against(clause: Clause, words: &str) -> Vec<Rejection> {
    vec![Rejection {
        clause,
        words: words.to_owned(),
        temporary: clause == Clause::Ceiling,
    }]
}

fn shut(said: &[(&str, Clause)]) -> ShutSystems {
    let one = |(site, clause): &(&str, Clause)| {
        let systems = [("m".parse().unwrap(), against(*clause, "so say the rules"))];
        (site.parse().unwrap(), systems.into())
    };
    said.iter().map(one).collect()
}

#[test]
fn a_system_that_the_rules_shut_is_dropped_with_their_words_and_no_other_is() {
    let mut federation = self::federation(&["a", "b"]);
    federation.shut = shut(&[("a", Clause::Ceiling)]);
    let other = [("n".parse().unwrap(), against(Clause::Ceiling, "another"))];
    federation.shut.insert("b".parse().unwrap(), other.into());
    let placement = federation.place(&spec());
    assert_eq!(placement.chosen, Some(at("b")));
    let dropped = &entry(&placement, &at("a")).rejections;
    assert_eq!(*dropped, against(Clause::Ceiling, "so say the rules"));
    assert!(!only_for_ceilings(&placement));
}

#[test]
fn where_ceilings_alone_are_in_the_way_that_is_told() {
    let told = |sites: &[&str], said: &[(&str, Clause)], edit: &dyn Fn(&mut Federation)| {
        let mut federation = self::federation(sites);
        federation.shut = shut(said);
        edit(&mut federation);
        federation.place(&spec())
    };
    let ceiling = |site| (site, Clause::Ceiling);
    let all = told(&["a", "b"], &[ceiling("a"), ceiling("b")], &|_| {});
    assert!(only_for_ceilings(&all));
    let reason = "what the share of the allocation may have is used up at every system that could take this job";
    assert_eq!(all.reason, reason);
    assert!(
        !never_feasible(&all),
        "a job that waits already goes on waiting"
    );
    let silent = told(&["a", "b"], &[ceiling("a")], &|it| {
        it.members[1].live().accepting = false;
    });
    assert!(!only_for_ceilings(&silent), "`b` may take it later");
    let small = told(&["a", "b"], &[ceiling("a")], &|it| {
        it.members[1].partition().gpus_per_node = 1;
    });
    assert!(only_for_ceilings(&small), "`b` never could");
    let never = told(&["a"], &[ceiling("a")], &|it| {
        it.members[0].partition().gpus_per_node = 1;
    });
    assert!(never_feasible(&never) && !only_for_ceilings(&never));
    let programme = told(&["a"], &[("a", Clause::Programme)], &|_| {});
    assert!(never_feasible(&programme) && !only_for_ceilings(&programme));
    assert!(only_for_terms(&all).is_empty());
}

/// Two sites that are alike, `b` with this much to do first.
fn two(backlog_seconds: u64, edit: impl FnOnce(&mut Federation)) -> (Federation, Placement) {
    let mut federation = federation(&["a", "b"]);
    if backlog_seconds > 0 {
        federation.members[1].live().nodes_free = 0;
        federation.members[1].live().backlog_node_seconds = Some(backlog_seconds * 10);
    }
    edit(&mut federation);
    let placement = federation.place(&spec());
    (federation, placement)
}

#[test]
fn of_what_is_as_soon_and_costs_as_much_the_site_that_names_the_sector_is_first() {
    let names = |federation: &mut Federation| {
        federation.sectors = vec!["space".to_owned(), "health".to_owned()];
        federation.members[1].site.sectors = vec!["health".to_owned(), "finance".to_owned()];
    };
    let (_, placement) = two(0, names);
    assert_eq!(placement.chosen, Some(at("b")));
    let rest = "a/m/p would take as long and cost as much; b names health among its sectors";
    assert!(placement.reason.ends_with(rest), "{}", placement.reason);
    let sector = |name| {
        entry(&placement, &at(name))
            .candidate
            .clone()
            .unwrap()
            .sector
    };
    assert_eq!(
        (sector("a"), sector("b").as_deref()),
        (None, Some("health"))
    );
    let (_, later) = two(1, names);
    assert_eq!(later.chosen, Some(at("a")), "a second sooner counts more");
    let (_, both) = two(0, |federation| {
        names(federation);
        federation.members[0].site.sectors = vec!["space".to_owned()];
    });
    assert_eq!(both.chosen, Some(at("a")));
    let rest = "comes later by name";
    assert!(both.reason.ends_with(rest), "{}", both.reason);
    let (_, unknown) = two(0, |federation| {
        names(federation);
        federation.sectors.clear();
    });
    assert_eq!(unknown.chosen, Some(at("a")));
}

#[test]
fn a_site_that_has_the_data_may_take_a_little_longer() {
    let placed = |backlog, prefer: &[&str], at: &[&str]| {
        let (federation, _) = two(backlog, |_| {});
        let mut spec = spec();
        spec.data.at = at.iter().map(|it| it.parse().unwrap()).collect();
        spec.placement.prefer = prefer.iter().map(|it| it.parse().unwrap()).collect();
        federation.place(&spec)
    };
    let near = placed(MOVE_SECONDS - 1, &[], &["b"]);
    assert_eq!(near.chosen, Some(at("b")));
    let rest = "a/m/p would be 1h59m sooner but the data is not there";
    assert!(near.reason.ends_with(rest), "{}", near.reason);
    let far = placed(MOVE_SECONDS + 1, &[], &["b"]);
    assert_eq!(far.chosen, Some(at("a")));
    let anywhere = placed(MOVE_SECONDS - 1, &[], &["a", "b"]);
    assert_eq!(anywhere.chosen, Some(at("a")));
    let wished = placed(MOVE_SECONDS + 1, &["b"], &["b"]);
    assert_eq!(wished.chosen, Some(at("b")));
    let rest = "a/m/p would be 2h sooner but is not preferred and the data is not there";
    assert!(wished.reason.ends_with(rest), "{}", wished.reason);
    let torn = placed(0, &["b"], &["a"]);
    assert_eq!(
        torn.chosen,
        Some(at("a")),
        "one wish weighs as much as the other"
    );
}
