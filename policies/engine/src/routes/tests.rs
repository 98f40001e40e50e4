use serde_json::{Value, json};

use super::*;

fn engine() -> Engine {
    Engine::shipped().unwrap()
}

/// A start-up that has everything, with what the test says otherwise.
fn asked(otherwise: &Value) -> Question {
    let mut question = json!({
        "action": "apply_for_access", "allocation": null, "on": "2026-11-20",
        "organisation": { "country": "FR", "kind": "company", "size": "small", "startup": true },
        "evidence": [{ "kind": "site_ethics_board", "issued_on": "2026-01-15", "expires_on": null, "checked": true }],
        "project": { "civilian": true, "sectors": ["health"] },
        "need": { "gpu_hours": 5000, "months": 3 },
        "applicant": { "identity_assurance": "low", "multi_factor": false },
    });
    for (name, value) in otherwise.as_object().unwrap() {
        question[name] = value.clone();
    }
    serde_json::from_value(question).unwrap()
}

fn route<'r>(routes: &'r [Route], mode: &str, system: &str) -> &'r Route {
    let is_it = |it: &&Route| it.mode == mode && it.offer.value.system == system;
    routes.iter().find(is_it).unwrap()
}

#[test]
fn every_mode_is_answered_at_every_system_that_it_names() {
    let engine = engine();
    let routes = engine.routes(&asked(&json!({})));
    let offers = engine
        .modes()
        .iter()
        .map(|mode| mode.offers.len())
        .sum::<usize>();
    assert_eq!(routes.len(), offers);
    let play = route(&routes, "aif_playground", "cineca/leonardo");
    assert_eq!(
        (play.decision.result, play.cost),
        (Outcome::Eligible, Cost::Free)
    );
    assert_eq!(play.changes, [[]; 0]);
    let cashback = route(&routes, "lxp_cashback80", "meluxina/meluxina");
    assert_eq!(cashback.cost, Cost::PayPerUse);
}

#[test]
fn what_would_change_the_answer_was_decided_again() {
    let engine = engine();
    let question = asked(&json!({ "need": { "gpu_hours": 60000, "months": 6 } }));
    let routes = engine.routes(&question);
    let lane = route(&routes, "aif_fast_lane", "cineca/leonardo");
    assert_eq!(lane.decision.result, Outcome::NotEligible);
    let fewer = [("need.gpu_hours", json!(50000)), ("need.months", json!(1))];
    let fewer = fewer.map(|(field, to)| Change {
        field: field.to_owned(),
        to,
    });
    assert_eq!(lane.changes, [fewer]);
}

#[test]
fn any_one_evidence_is_offered_and_none_where_it_does_not_help() {
    let engine = engine();
    let routes = engine.routes(&asked(&json!({ "evidence": [] })));
    let play = route(&routes, "aif_playground", "lumi/lumi");
    assert_eq!(play.decision.result, Outcome::NeedsEvidence);
    let kinds: Vec<_> = play
        .changes
        .iter()
        .map(|it| it[0].to.as_str().unwrap())
        .collect();
    let all: Vec<_> = engine
        .evidence_kinds()
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    assert_eq!(kinds, all);
    let closed = route(&routes, "aif_fast_lane", "bsc/marenostrum5");
    assert_eq!(closed.changes, [[]; 0], "no evidence opens a mode");
}

#[test]
fn where_one_is_established_is_not_changed_for_anybody() {
    let elsewhere =
        json!({ "organisation": { "country": "US", "kind": "company", "size": "small" } });
    let routes = engine().routes(&asked(&elsewhere));
    assert!(
        routes
            .iter()
            .all(|it| it.decision.result == Outcome::NotEligible)
    );
    assert!(routes.iter().all(|it| it.changes.is_empty()));
}

#[test]
fn what_it_costs_is_unclear_where_the_size_is() {
    let unclear =
        json!({ "organisation": { "country": "FR", "kind": "company", "size": "unclear" } });
    let routes = engine().routes(&asked(&unclear));
    assert_eq!(
        route(&routes, "aif_playground", "lumi/lumi").cost,
        Cost::Unclear
    );
    let large = json!({ "organisation": { "country": "FR", "kind": "company", "size": "large" } });
    let routes = engine().routes(&asked(&large));
    let play = route(&routes, "aif_playground", "lumi/lumi");
    assert_eq!(
        (play.cost, play.decision.result),
        (Cost::PayPerUse, Outcome::Eligible)
    );
}

#[test]
fn of_an_organisation_that_nobody_has_described_its_kind_is_asked() {
    let bare = json!({ "organisation": { "country": "FR", "size": "small" } });
    let routes = engine().routes(&asked(&bare));
    let play = route(&routes, "aif_playground", "lumi/lumi");
    assert_eq!(play.decision.result, Outcome::NeedsEvidence);
    let company = Change {
        field: "organisation.kind".to_owned(),
        to: json!("company"),
    };
    assert_eq!(play.changes, [[company]]);
    assert_eq!(play.cost, Cost::Unclear);
}
