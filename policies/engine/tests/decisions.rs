//! What holds of every decision, whatever the question.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use policy_engine::{
    Action, AllocationFacts, ApplicantFacts, Decision, Effect, Engine, EvidenceFact,
    OrganisationFacts, Outcome, ProjectFacts, Question,
};
use proptest::prelude::*;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::shipped().unwrap());
static LOADED_AGAIN: LazyLock<Engine> =
    LazyLock::new(|| Engine::from_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap());

fn good() -> Question {
    Question {
        action: Action::SubmitJob,
        aid: None,
        allocation: Some(AllocationFacts {
            begun: true,
            ended: false,
            suspended: false,
            unit: Some("GPU-hour".into()),
            unspent_unit_ms: 18_000_000_000,
            valid_from: date(2026, 9, 1),
            valid_until: date(2027, 3, 1),
        }),
        applicant: ApplicantFacts {
            identity_assurance: "medium".into(),
            multi_factor: true,
            screened: Vec::new(),
            screening: None,
            vetted: None,
        },
        evidence: vec![EvidenceFact {
            checked: true,
            expires_on: None,
            issued_on: date(2026, 1, 15),
            kind: "site_ethics_board".into(),
        }],
        fair_access: None,
        follow_ups: None,
        mode: None,
        need: None,
        on: date(2026, 11, 20),
        organisation: OrganisationFacts {
            country: "FR".into(),
            kind: None,
            screened: Vec::new(),
            screening: None,
            size: "small".into(),
            startup: None,
        },
        project: ProjectFacts {
            ai_act: None,
            civilian: Some(true),
            eu_project: None,
            sectors: vec!["health".into()],
        },
        settled: None,
        shares: None,
        vetoed_by_site: None,
    }
}

#[test]
fn a_decision_reads_like_this() {
    let mut decision = ENGINE.decide(&good());
    // It changes with every edit of a rule or a table.
    decision.policy_digest = "sha256:...".into();
    insta::assert_json_snapshot!(decision);
}

#[test]
fn the_digested_json_has_its_keys_sorted() {
    let direct = serde_json::to_string(&good()).unwrap();
    assert_eq!(direct, sorted(&serde_json::to_value(good()).unwrap()));
}

/// With every fact that a question may have.
fn full() -> Question {
    let ai_act = serde_json::json!({
        "training_exaflop": 1, "prohibited": ["social_scoring"], "high_risk": ["education"], "gpai": true,
        "exclusions": ["research_only"],
    });
    let json = serde_json::json!({
        "on": "2026-11-20", "action": "apply_for_access", "allocation": null, "evidence": [],
        "organisation": { "startup": true, "size": "small", "screening": "clear", "kind": "company", "country": "FI" },
        "project": { "sectors": [], "eu_project": false, "civilian": true, "ai_act": ai_act },
        "applicant": { "vetted": true, "screening": "clear", "multi_factor": true, "identity_assurance": "low" },
        "aid": { "granted_eur_three_years": 1, "asked_eur": 2 },
        "fair_access": { "open_applications": 1, "active_allocations": 2 },
        "follow_ups": [{ "overdue": 1, "kind": "final_report", "oldest_due": "2026-10-31" }],
        "mode": { "system": "lumi/lumi", "id": "national_lumi" },
        "need": { "months": 3, "gpu_hours": 5000 },
        "shares": { "union_permille_used": 1, "of": "union", "class": "high_end", "commercial_permille_used": 2 },
        "vetoed_by_site": "no",
    });
    serde_json::from_value(json).unwrap()
}

#[test]
fn the_digested_json_of_all_facts_has_its_keys_sorted_too() {
    let direct = serde_json::to_string(&full()).unwrap();
    assert_eq!(direct, sorted(&serde_json::to_value(full()).unwrap()));
}

#[test]
fn every_fact_that_a_question_may_have_is_in_its_digest() {
    let digest = |json: &serde_json::Value| {
        let question = serde_json::from_value(json.clone()).unwrap();
        ENGINE.decide(&question).inputs_digest
    };
    let json = serde_json::to_value(full()).unwrap();
    let names = [
        "aid",
        "fair_access",
        "follow_ups",
        "mode",
        "need",
        "shares",
        "vetoed_by_site",
    ];
    for name in names {
        let mut less = json.clone();
        less.as_object_mut().unwrap().remove(name).unwrap();
        assert_ne!(digest(&less), digest(&json), "{name}");
    }
    for (whose, name) in [
        ("organisation", "screening"),
        ("applicant", "screening"),
        ("applicant", "vetted"),
        ("project", "ai_act"),
    ] {
        let mut less = json.clone();
        less[whose].as_object_mut().unwrap().remove(name).unwrap();
        assert_ne!(digest(&less), digest(&json), "{whose}.{name}");
    }
}

/// Canonical JSON the slow way, independent of the order fields are declared in.
fn sorted(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            let pairs = keys
                .iter()
                .map(|key| format!("{:?}:{}", key, sorted(&map[*key])));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        serde_json::Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(sorted).collect::<Vec<_>>().join(",")
            )
        }
        other => other.to_string(),
    }
}

#[test]
fn every_field_of_a_question_is_in_its_digest() {
    let same = ENGINE.decide(&good()).inputs_digest;
    let changes: [fn(&mut Question); 9] = [
        |q| q.action = Action::ApplyForAccess,
        |q| q.allocation = None,
        |q| q.applicant.multi_factor = false,
        |q| q.evidence.clear(),
        |q| q.evidence[0].expires_on = Some(date(2030, 1, 1)),
        |q| q.on = date(2026, 11, 21),
        |q| q.organisation.size = "large".into(),
        |q| q.project.civilian = None,
        |q| q.project.sectors.push("space".into()),
    ];
    for change in changes {
        let mut question = good();
        change(&mut question);
        assert_ne!(ENGINE.decide(&question).inputs_digest, same, "{question:?}");
    }
}

#[test]
fn an_unknown_field_is_no_question() {
    let mut question = serde_json::to_value(good()).unwrap();
    question["organisation"]["vat"] = "FR00".into();
    let error = serde_json::from_value::<Question>(question).unwrap_err();
    assert!(error.to_string().contains("unknown field `vat`"), "{error}");
}

#[test]
fn a_decision_survives_its_json() {
    let decision = ENGINE.decide(&good());
    let json = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
}

/// The shipped policy with one phrase of its files replaced.
fn shipped_but(from: &str, to: &str) -> Engine {
    let folder = tempfile::TempDir::new().unwrap();
    for part in ["modes", "rules", "tables"] {
        fs::create_dir(folder.path().join(part)).unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(part);
        for file in fs::read_dir(shipped).unwrap() {
            let file = file.unwrap();
            let text = fs::read_to_string(file.path()).unwrap().replace(from, to);
            fs::write(folder.path().join(part).join(file.file_name()), text).unwrap();
        }
    }
    let engine = Engine::from_dir(folder.path()).unwrap();
    assert_ne!(engine.digest(), ENGINE.digest(), "nothing was replaced");
    engine
}

#[test]
fn a_question_that_no_rule_answers_goes_to_a_person() {
    let engine = shipped_but("unspent_unit_ms <= 0", "unspent_unit_ms < 0");
    let mut question = good();
    question.allocation.as_mut().unwrap().unspent_unit_ms = 0;
    let decision = engine.decide(&question);
    assert_eq!(decision.result, Outcome::NeedsReview);
    let gap = decision.rules.last().unwrap();
    assert_eq!(
        (gap.rule.as_str(), gap.effect),
        ("share", Effect::NeedsReview)
    );
    assert_eq!(gap.words, "no rule of `share` answers this case");
}

#[test]
fn a_rule_that_cannot_be_evaluated_lets_nobody_pass() {
    // Overflows for the largest share there can be.
    let engine = shipped_but("unspent_unit_ms > 0", "unspent_unit_ms + 1 > 1");
    let mut question = good();
    assert_eq!(engine.decide(&question).result, Outcome::Eligible);
    question.allocation.as_mut().unwrap().unspent_unit_ms = i64::MAX;
    let decision = engine.decide(&question);
    assert_eq!(decision.result, Outcome::NeedsReview);
    let failed = decision
        .rules
        .iter()
        .find(|rule| rule.rule == "share.left")
        .unwrap();
    assert_eq!(failed.effect, Effect::NeedsReview);
    assert!(
        failed.words.contains("could not be evaluated: "),
        "{}",
        failed.words
    );
    assert!(failed.words.contains("overflow"), "{}", failed.words);
}

fn any_day() -> impl Strategy<Value = Date> {
    (0..4_000_i32).prop_map(|days| date(2020, 1, 1).saturating_add(days.days()))
}

fn any_evidence() -> impl Strategy<Value = EvidenceFact> {
    let kind = prop::sample::select(vec!["ai_pact_pledge", "site_ethics_board", "hearsay", ""]);
    (any::<bool>(), prop::option::of(any_day()), any_day(), kind).prop_map(
        |(checked, expires_on, issued_on, kind)| EvidenceFact {
            checked,
            expires_on,
            issued_on,
            kind: kind.into(),
        },
    )
}

fn any_allocation() -> impl Strategy<Value = AllocationFacts> {
    (any::<i64>(), any::<[bool; 3]>(), any_day(), any_day()).prop_map(
        |(unspent_unit_ms, [begun, ended, suspended], valid_from, valid_until)| AllocationFacts {
            begun,
            ended,
            suspended,
            unit: None,
            unspent_unit_ms,
            valid_from,
            valid_until,
        },
    )
}

fn any_question() -> impl Strategy<Value = Question> {
    let action = prop::sample::select(vec![Action::SubmitJob, Action::ApplyForAccess]);
    let country = prop::sample::select(vec!["FR", "GB", "CH", "CA", "US", "", "fr", "{country}"]);
    let assurance = prop::sample::select(vec!["none", "low", "medium", "high", "?"]);
    let sectors = prop::collection::vec(prop::sample::select(vec!["health", "defence"]), 0..3);
    let who = (
        country,
        assurance,
        any::<bool>(),
        prop::option::of(any::<bool>()),
        sectors,
    );
    let held = (
        prop::option::of(any_allocation()),
        prop::collection::vec(any_evidence(), 0..4),
    );
    (action, any_day(), who, held).prop_map(|(action, on, who, (allocation, evidence))| {
        let (country, assurance, multi_factor, civilian, sectors) = who;
        Question {
            action,
            aid: None,
            allocation,
            applicant: ApplicantFacts {
                identity_assurance: assurance.into(),
                multi_factor,
                screened: Vec::new(),
                screening: None,
                vetted: None,
            },
            evidence,
            fair_access: None,
            follow_ups: None,
            mode: None,
            need: None,
            on,
            organisation: OrganisationFacts {
                country: country.into(),
                kind: None,
                screened: Vec::new(),
                screening: None,
                size: "small".into(),
                startup: None,
            },
            project: ProjectFacts {
                ai_act: None,
                civilian,
                eu_project: None,
                sectors: sectors.into_iter().map(str::to_owned).collect(),
            },
            settled: None,
            shares: None,
            vetoed_by_site: None,
        }
    })
}

proptest! {
    #[test]
    fn only_a_case_in_which_every_rule_is_satisfied_is_eligible(question in any_question()) {
        let decision = ENGINE.decide(&question);
        let satisfied = decision.rules.iter().all(|rule| rule.effect == Effect::Satisfied);
        prop_assert_eq!(decision.result == Outcome::Eligible, satisfied);
        prop_assert!(!decision.rules.is_empty());
    }

    #[test]
    fn the_shipped_rules_leave_no_gap_on_any_day_they_are_in_force(question in any_question()) {
        prop_assume!(question.on >= date(2021, 8, 8));
        let open = ENGINE.decide(&question).rules.iter().any(|rule| !rule.rule.contains('.'));
        prop_assert!(!open);
    }

    #[test]
    fn the_same_question_has_the_same_answer_to_the_byte(question in any_question()) {
        let first = serde_json::to_vec(&ENGINE.decide(&question)).unwrap();
        prop_assert_eq!(serde_json::to_vec(&LOADED_AGAIN.decide(&question)).unwrap(), first);
    }

    #[test]
    fn a_rule_speaks_on_no_day_before_it_is_effective(question in any_question()) {
        for rule in ENGINE.decide(&question).rules {
            prop_assert!(rule.effective <= question.on, "{}", rule.rule);
        }
    }

    #[test]
    fn every_objection_says_what_would_change_it(question in any_question()) {
        for rule in ENGINE.decide(&question).rules {
            prop_assert_eq!(rule.remedy.is_some(), rule.effect != Effect::Satisfied, "{}", rule.rule);
            let names_nothing = [": nothing", ", nothing", "by nothing"].map(|n| rule.words.contains(n));
            prop_assert_eq!(names_nothing, [false; 3], "{}", rule.words);
        }
    }

    #[test]
    fn the_pledge_is_worth_what_any_other_kind_is_worth(question in any_question()) {
        prop_assume!(question.on >= date(2024, 9, 25));
        let mut other = question.clone();
        for evidence in &mut other.evidence {
            if evidence.kind == "ai_pact_pledge" {
                evidence.kind = "site_ethics_board".into();
            }
        }
        prop_assert_eq!(ENGINE.decide(&other).result, ENGINE.decide(&question).result);
    }
}

#[test]
fn what_screening_found_is_said_of_the_kinds_that_there_is_a_record_of() {
    let engine = Engine::shipped().unwrap();
    let mut question = good();
    question.organisation.screening = Some("clear".to_owned());
    let said = |question: &Question, language: &str| {
        let decision = engine.decide(question);
        let rules = engine.in_language(question, &decision, language).rules;
        let rule = rules.into_iter().find(|it| it.rule == "screening.clear");
        rule.unwrap().words
    };
    assert_eq!(said(&question, "en"), "Screening: nothing was found");
    question.organisation.screened = vec!["sanctions_screening".to_owned()];
    assert_eq!(
        said(&question, "en"),
        "Screening against the consolidated list of sanctions: nothing was found"
    );
    question.applicant.screened = vec!["export_screening".to_owned()];
    let both = said(&question, "fr");
    assert!(
        both.contains("exportations") && both.contains("sanctions"),
        "{both}"
    );
}

#[test]
fn a_sector_is_named_by_its_title() {
    let engine = Engine::shipped().unwrap();
    let mut question = good();
    question.project.sectors = vec!["dual_use".to_owned(), "own_field".to_owned()];
    let decision = engine.decide(&question);
    let rules = engine.in_language(&question, &decision, "fr").rules;
    let rule = rules.iter().find(|it| it.rule == "civilian.defence_sector");
    let words = &rule.unwrap().words;
    assert!(words.contains("Double usage"), "{words}");
    assert!(words.contains("own_field"), "{words}");
}
