use serde_json::{Value, json};

use super::*;
use crate::sources::Sources;

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
fn a_route_says_what_is_asked_for_and_what_is_owed() {
    let engine = engine();
    let routes = engine.routes(&asked(&json!({})));
    let lane = route(&routes, "aif_fast_lane", "cineca/leonardo");
    let hours = lane.gpu_hours.as_ref().unwrap();
    assert_eq!(
        (hours.value.most, hours.is_certain()),
        (Some(50_000), false)
    );
    assert_eq!(lane.durations_months.as_ref().unwrap().value, [1, 2, 3]);
    assert_eq!(lane.share.as_ref().unwrap().value, "union");
    let documents: Vec<_> = lane.documents.iter().map(|it| it.value.as_str()).collect();
    assert!(documents.contains(&"benchmark_evidence"), "{documents:?}");
    assert!(lane.documents.iter().all(|it| !it.source.is_empty()));
    let report = lane
        .duties
        .iter()
        .find(|it| it.value.kind == "final_report");
    assert_eq!(report.unwrap().value.months_after_end, Some(3));
    let on_lumi = route(&routes, "aif_fast_lane", "lumi/lumi");
    assert_eq!(on_lumi.since, None, "nobody has read since when it is open");
    let fetching = |route: &Route| {
        let mut duties = route.duties.iter();
        duties
            .find(|it| it.value.kind == "data_retrieval")
            .map(|it| it.value.days_after_end)
    };
    assert_eq!(fetching(on_lumi), Some(Some(90)));
    assert_eq!(fetching(lane), None, "only LUMI says when it deletes");
    let json = serde_json::to_string(&routes).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Route>>(&json).unwrap(), routes);
}

#[test]
fn a_system_that_a_mode_of_all_sites_does_not_have_is_told_without_a_rule() {
    let (engine, on) = (engine(), "2026-11-20".parse().unwrap());
    let systems = ["hammerhai/hunter", "lumi/lumi"].map(str::to_owned);
    let absent = engine.not_offered(&systems, on);
    let play = absent.iter().find(|it| it.mode == "aif_playground");
    assert_eq!(play.unwrap().systems, ["hammerhai/hunter"]);
    for mode in &absent {
        let full = engine.modes().iter().find(|it| it.id == mode.mode).unwrap();
        assert!(!full.is_of_one_site(), "{}", mode.mode);
        let named = ModeFacts {
            id: mode.mode.clone(),
            system: mode.systems[0].clone(),
        };
        let mut question = asked(&json!({}));
        question.mode = Some(named);
        let said = engine.decide(&question).rules;
        assert!(
            said.iter().any(|it| it.rule == "mode.not_offered"),
            "{}: {said:?}",
            mode.mode
        );
    }
    assert!(absent.iter().all(|it| it.mode != "national_lumi"));
    assert!(engine.not_offered(&[], on).is_empty());
}

#[test]
fn a_route_says_since_when_it_is_open() {
    let mut sources = Sources::shipped().unwrap();
    let lane = sources
        .modes
        .iter_mut()
        .find(|it| it.name.contains("fast_lane"))
        .unwrap();
    let (open, since) = (
        "\"lumi/lumi\", state = \"open\"",
        "\"lumi/lumi\", since = \"2026-03-01\", state = \"open\"",
    );
    lane.text = lane.text.replace(open, since);
    let engine = Engine::load(&sources).unwrap();
    let routes = engine.routes(&asked(&json!({})));
    let lane = route(&routes, "aif_fast_lane", "lumi/lumi");
    assert_eq!(lane.since, Some("2026-03-01".parse().unwrap()));
}

#[test]
fn every_change_that_is_offered_leads_to_a_yes() {
    let engine = engine();
    let bare = json!({ "evidence": [], "organisation": { "country": "FR", "size": "small" },
        "project": { "sectors": [] }, "need": { "gpu_hours": 60000, "months": 12 } });
    let question = asked(&bare);
    let mut offered = 0;
    for route in engine.routes(&question) {
        for changes in &route.changes {
            let mode = Some(ModeFacts {
                id: route.mode.clone(),
                system: route.offer.value.system.clone(),
            });
            let changed = changes.iter().fold(
                Question {
                    mode,
                    ..question.clone()
                },
                |it, change| change.applied_to(it),
            );
            let result = engine.decide(&changed).result;
            assert_eq!(result, Outcome::Eligible, "{} {changes:?}", route.mode);
            offered += 1;
        }
    }
    assert!(offered >= 5, "only {offered} changes were offered");
}

#[test]
fn what_would_change_the_answer_was_decided_again() {
    let engine = engine();
    let question = asked(&json!({ "need": { "gpu_hours": 60000, "months": 6 } }));
    let routes = engine.routes(&question);
    let lane = route(&routes, "aif_fast_lane", "cineca/leonardo");
    assert_eq!(lane.decision.result, Outcome::NotEligible);
    let fewer = [("need.gpu_hours", json!(50000)), ("need.months", json!(3))];
    let fewer = fewer.map(|(field, to)| Change {
        field: field.to_owned(),
        to,
    });
    assert_eq!(lane.changes, [fewer]);
}

#[test]
fn where_no_most_is_known_as_many_hours_as_were_given_before_are_offered() {
    let engine = engine();
    let found = |gpu_hours: u32| {
        let question = asked(&json!({ "need": { "gpu_hours": gpu_hours, "months": 3 } }));
        let routes = engine.routes(&question);
        let play = route(&routes, "aif_playground", "cineca/leonardo");
        (play.decision.result, play.changes.clone())
    };
    assert_eq!(found(5000), (Outcome::Eligible, Vec::new()));
    let (result, changes) = found(u32::MAX);
    assert_eq!(result, Outcome::NeedsReview);
    let fewer = Change {
        field: "need.gpu_hours".to_owned(),
        to: json!(5000),
    };
    assert_eq!(changes, [[fewer]]);
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
    assert_eq!(kinds, of_ethics(&engine));
    let closed = route(&routes, "aif_fast_lane", "bsc/marenostrum5");
    assert_eq!(closed.changes, [[]; 0], "no evidence opens a mode");
}

fn of_ethics(engine: &Engine) -> Vec<&str> {
    let kinds = engine.evidence_kinds().iter();
    let of_ethics = kinds.filter(|it| it.shows == ["ethics"]);
    of_ethics.map(|it| it.id.as_str()).collect()
}

/// What each way asks for, as `field=to`.
fn ways(route: &Route) -> Vec<Vec<String>> {
    let one = |it: &Change| format!("{}={}", it.field, it.to.to_string().replace('"', ""));
    let ways = route.changes.iter();
    ways.map(|way| way.iter().map(one).collect()).collect()
}

#[test]
fn every_proof_of_ethics_may_stand_beside_a_plan() {
    let project =
        json!({ "civilian": true, "sectors": [], "ai_act": { "high_risk": ["education"] } });
    let question = asked(&json!({ "evidence": [], "project": project }));
    let engine = engine();
    let routes = engine.routes(&question);
    let expected = of_ethics(&engine).into_iter().map(|kind| {
        let plan = "evidence=risk_management_plan".to_owned();
        vec![format!("evidence={kind}"), plan]
    });
    let expected: Vec<_> = expected.collect();
    assert!(expected.len() >= 7, "{expected:?}");
    assert_eq!(
        ways(route(&routes, "aif_playground", "lumi/lumi")),
        expected
    );
}

#[test]
fn where_hours_months_and_proof_are_missing_each_proof_is_offered_beside_the_others() {
    let engine = engine();
    let declared =
        json!([{ "kind": "ai_act_self_assessment", "issued_on": "2026-10-01", "checked": false }]);
    for evidence in [json!([]), declared] {
        let need = json!({ "gpu_hours": 50001, "months": 5 });
        let question = asked(&json!({ "evidence": evidence, "need": need }));
        let routes = engine.routes(&question);
        let expected = of_ethics(&engine).into_iter().map(|kind| {
            let [hours, months] = ["need.gpu_hours=50000", "need.months=3"].map(str::to_owned);
            vec![hours, months, format!("evidence={kind}")]
        });
        let expected: Vec<_> = expected.collect();
        let lane = route(&routes, "aif_fast_lane", "cineca/leonardo");
        assert_eq!(ways(lane), expected);
    }
}

#[test]
fn of_an_organisation_of_no_declared_kind_each_way_has_what_its_kind_needs_and_no_more() {
    let bare = json!({ "evidence": [], "organisation": { "country": "FR", "size": "small" },
        "need": { "gpu_hours": 500, "months": 5 } });
    let routes = engine().routes(&asked(&bare));
    let science = ways(route(&routes, "aif_ai_for_science", "lumi/lumi"));
    assert!(science.len() >= 7, "{science:?}");
    assert!(science.len() <= 12, "{science:?}");
    let beginnings: Vec<&[String]> = science[..3]
        .iter()
        .map(|way| &way[..way.len() - 1])
        .collect();
    assert_eq!(
        beginnings,
        [
            &["need.months=6", "organisation.kind=research"][..],
            &["need.months=6", "organisation.kind=public_sector"],
            &[
                "need.months=6",
                "organisation.kind=company",
                "project.eu_project=true"
            ],
        ]
    );
}

/// Who has brought nothing; whose size is unclear and whose kind nobody has said, with a declaration that nobody has
/// checked, that is over, and that counts; and whose project may be the Union's.
fn questions() -> Vec<Question> {
    let unclear = json!({ "country": "FR", "size": "unclear" });
    let board = json!({ "kind": "site_ethics_board", "issued_on": "2026-01-15", "checked": true });
    let signed = |expires_on: &str, checked: bool| {
        let declaration = json!({ "kind": "sme_declaration", "issued_on": "2026-01-15",
            "expires_on": expires_on, "checked": checked });
        json!([board, declaration])
    };
    let need = json!({ "gpu_hours": 500, "months": 12 });
    let company = json!({ "country": "FI", "kind": "company", "size": "unclear" });
    let finnish = json!({ "country": "FI", "kind": "company", "size": "small" });
    [
        json!({ "evidence": [], "need": { "gpu_hours": 60000, "months": 12 },
            "project": { "sectors": [], "ai_act": { "high_risk": ["education"] } } }),
        json!({ "organisation": unclear, "evidence": signed("2027-01-14", false) }),
        json!({ "organisation": unclear, "evidence": signed("2026-11-19", true) }),
        json!({ "organisation": unclear, "evidence": signed("2027-01-14", true) }),
        json!({ "organisation": company, "evidence": signed("2027-01-14", false), "need": need }),
        json!({ "evidence": [], "organisation": finnish }),
        json!({ "organisation": finnish, "aid": { "granted_eur_three_years": 299_000 } }),
        json!({ "organisation": company, "aid": { "registered_eur": 1000, "asked_eur": 300_000 } }),
    ]
    .iter()
    .map(asked)
    .collect()
}

/// The short way to an answer, beside the plain one that decides in full.
#[test]
fn the_changes_of_every_route_are_those_that_plain_decisions_find() {
    let engine = engine();
    for asked in questions() {
        for route in engine.routes(&asked) {
            is_as_plainly_decided(&engine, &asked, &route);
        }
    }
}

fn is_as_plainly_decided(engine: &Engine, asked: &Question, route: &Route) {
    let is_it = |it: &&AccessMode| it.id == route.mode;
    let mode = engine.modes().iter().find(is_it).unwrap();
    let named = ModeFacts {
        id: route.mode.clone(),
        system: route.offer.value.system.clone(),
    };
    let question = Question {
        mode: Some(named),
        ..asked.clone()
    };
    let plain = |changed: &Question, _: &[&str]| engine.decide(changed).result == Outcome::Eligible;
    let changes = match route.decision.result {
        Outcome::Eligible => Vec::new(),
        _ => engine.changes(&question, mode, &[], plain),
    };
    assert_eq!(route.changes, changes, "{}", route.mode);
    assert_eq!(route.decision, engine.decide(&question), "{}", route.mode);
}

/// What would make national hours free of charge for a small Finnish company with this aid; evidence beside its ethics.
fn at_lumi(aid: &Value, evidence: &[&str]) -> (Outcome, Vec<Vec<(String, Value)>>) {
    let shown = { ["site_ethics_board"].iter().chain(evidence) }.map(|kind| {
        json!({ "kind": kind, "issued_on": "2026-01-15", "expires_on": null, "checked": true })
    });
    let question = asked(&json!({ "aid": aid, "evidence": shown.collect::<Vec<_>>(),
        "organisation": { "country": "FI", "kind": "company", "size": "small" } }));
    let routes = engine().routes(&question);
    let national = route(&routes, "national_lumi", "lumi/lumi");
    let changes = { national.changes.iter() }.map(|together| {
        let one = |it: &Change| (it.field.clone(), it.to.clone());
        together.iter().map(one).collect()
    });
    (national.decision.result, changes.collect())
}

#[test]
fn of_aid_that_nobody_has_told_the_route_says_what_would_be_within_the_ceiling() {
    let change = |field: &str, to: Value| (field.to_owned(), to);
    let statement = || change("evidence", json!("de_minimis_statement"));
    let worth = |most: u32| change("aid.worth_eur", json!(most));
    let none = || change("aid.received_eur", json!(0));
    assert_eq!(
        at_lumi(&Value::Null, &[]),
        (
            Outcome::NeedsEvidence,
            vec![vec![none(), worth(300_000), statement()]]
        )
    );
    let registered = json!({ "registered_eur": 120_000, "asked_eur": 1000 });
    assert_eq!(
        at_lumi(&registered, &["de_minimis_statement"]),
        (Outcome::NeedsEvidence, vec![vec![none()]])
    );
    assert_eq!(
        at_lumi(&json!({ "registered_eur": 120_000 }), &[]),
        (
            Outcome::NeedsEvidence,
            vec![vec![none(), worth(180_000), statement()]]
        )
    );
    assert_eq!(
        at_lumi(
            &json!({ "granted_eur_three_years": 1 }),
            &["de_minimis_statement"]
        ),
        (Outcome::NeedsReview, vec![vec![worth(299_999)]])
    );
}

#[test]
fn a_lower_worth_is_offered_above_the_ceiling_and_nothing_where_it_was_passed_before() {
    let aid = |granted: u32| json!({ "granted_eur_three_years": granted, "asked_eur": 5000 });
    let at = |granted| at_lumi(&aid(granted), &["de_minimis_statement"]);
    assert_eq!(at(295_000), (Outcome::Eligible, vec![]));
    let less = ("aid.worth_eur".to_owned(), json!(4999));
    assert_eq!(at(295_001), (Outcome::NotEligible, vec![vec![less]]));
    assert_eq!(at(300_001), (Outcome::NotEligible, vec![]));
    let statement = ("evidence".to_owned(), json!("de_minimis_statement"));
    let shown_too = at_lumi(&aid(0), &[]);
    assert_eq!(shown_too, (Outcome::NeedsEvidence, vec![vec![statement]]));
}

#[test]
fn to_be_a_company_is_no_way_out_beside_a_declaration_of_size_that_nobody_has_checked() {
    let engine = engine();
    let company = Change {
        field: "organisation.kind".to_owned(),
        to: json!("company"),
    };
    let of = |routes: &[Route], mode, system| route(routes, mode, system).changes.clone();
    let unchecked = &questions()[1];
    let routes = engine.routes(unchecked);
    let play = of(&routes, "aif_playground", "lumi/lumi");
    assert!(!play.contains(&vec![company.clone()]), "{play:?}");
    // There nothing hangs on a size, and the declaration stands in nobody's way.
    let pays = of(&routes, "pay_per_use_lumi", "lumi/lumi");
    assert_eq!(pays, [[company.clone()]]);
    let routes = engine.routes(&questions()[3]);
    let play = of(&routes, "aif_playground", "lumi/lumi");
    assert!(play.contains(&vec![company]), "{play:?}");
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
    let ticked = json!({ "organisation":
        { "country": "FR", "kind": "company", "size": "unclear", "startup": true } });
    let routes = engine().routes(&asked(&ticked));
    let play = route(&routes, "aif_playground", "lumi/lumi");
    assert_eq!(
        (play.cost, play.decision.result),
        (Cost::Unclear, Outcome::NeedsReview),
        "a tick settles no size"
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
fn a_mode_for_others_costs_who_asks_nothing() {
    let routes = engine().routes(&asked(&json!({})));
    let science = route(&routes, "aif_ai_for_science", "lumi/lumi");
    assert_eq!(
        (science.cost, science.decision.result),
        (Cost::NotServed, Outcome::NotEligible)
    );
}

#[test]
fn a_signed_declaration_is_offered_where_the_size_is_unclear_and_then_it_costs_what_an_sme_pays() {
    let engine = engine();
    let unclear = json!({ "country": "FR", "kind": "company", "size": "unclear" });
    let question = asked(&json!({ "organisation": unclear }));
    let routes = engine.routes(&question);
    let play = route(&routes, "aif_playground", "lumi/lumi");
    assert_eq!(play.decision.result, Outcome::NeedsReview);
    let signed = Change {
        field: "evidence".to_owned(),
        to: json!("sme_declaration"),
    };
    assert_eq!(play.changes, [[signed.clone()]]);
    let routes = engine.routes(&signed.applied_to(question));
    let play = route(&routes, "aif_playground", "lumi/lumi");
    assert_eq!(
        (play.decision.result, play.cost),
        (Outcome::Eligible, Cost::Free)
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
