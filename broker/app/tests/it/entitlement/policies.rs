use super::*;

#[tokio::test]
async fn routes_are_found_from_what_is_registered() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let query = json!({
        "organisation_id": organisation.id,
        "project": { "civilian": true, "sectors": ["health"] },
        "need": { "gpu_hours": 5000, "months": 3 },
    });
    let query: RouteQuery = serde_json::from_value(query).unwrap();
    let found = case
        .broker
        .find_routes(&case.founder, (query.clone(), "en"))
        .await
        .unwrap();
    let playground = found
        .iter()
        .find(|it| it.route.mode == "aif_playground")
        .unwrap();
    assert_eq!(playground.route.decision.result, Outcome::Eligible);
    let stranger = case.broker.caller(principal("stranger")).await.unwrap();
    let hidden = case
        .broker
        .find_routes(&stranger, (query.clone(), "en"))
        .await;
    assert!(matches!(hidden, Err(Error::NotFound(_))), "{hidden:?}");
    let neither = RouteQuery {
        organisation_id: None,
        ..query
    };
    let error = case
        .broker
        .find_routes(&case.founder, (neither, "en"))
        .await
        .unwrap_err();
    assert_eq!(fields(&error), ["organisation"]);
}

#[tokio::test]
async fn what_the_ai_act_prohibits_is_refused_and_a_word_that_nobody_knows_is_told() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let engine = case.broker.policy();
    let practice = engine.ai_act_practices().first().unwrap().id.clone();
    let mut draft = application(&organisation);
    draft.project.ai_act = Some(broker_model::AiAct {
        prohibited: vec![practice],
        ..broker_model::AiAct::default()
    });
    let refused = case.broker.apply(&case.founder, &draft).await;
    let Err(Error::NotEligible(asked)) = refused else {
        panic!("{refused:?}");
    };
    let decision = asked.decision;
    assert_eq!(decision.result, Outcome::NotEligible);
    draft.project.ai_act = Some(broker_model::AiAct {
        high_risk: vec!["kittens".to_owned()],
        ..broker_model::AiAct::default()
    });
    let error = case.broker.apply(&case.founder, &draft).await.unwrap_err();
    assert_eq!(fields(&error), ["project.ai_act.high_risk"]);
}

#[tokio::test]
async fn one_running_allocation_of_playground_is_what_an_organisation_may_have() {
    let mut case = Case::new().await;
    let (organisation, first) = case.waiting().await;
    case.broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await
        .unwrap();
    case.founder = case.founder().await;
    let second = case
        .broker
        .apply(&case.founder, &application(&organisation))
        .await;
    let Err(Error::NotEligible(asked)) = second else {
        panic!("{second:?}");
    };
    let decision = asked.decision;
    let rules: Vec<&str> = decision.rules.iter().map(|it| it.rule.as_str()).collect();
    assert!(
        rules.contains(&"fair_access.active_allocations"),
        "{rules:?}"
    );
    let elsewhere = ApplicationDraft {
        system: "lumi/lumi".to_owned(),
        ..application(&organisation)
    };
    let second = case.broker.apply(&case.founder, &elsewhere).await;
    let Err(Error::NotEligible(asked)) = second else {
        panic!("{second:?}");
    };
    let mut rules = asked.decision.rules.iter();
    let said = rules.find(|it| it.rule == "fair_access.active_allocations");
    let words =
        "running allocations in this mode at all systems together: 1, of at most 1".to_owned();
    assert_eq!(said.map(|it| &it.words), Some(&words));
    // Its last day over, another may be asked for.
    case.world.pass(95 * 24 * 3600);
    case.applied(&organisation).await;
}

#[tokio::test]
async fn routes_are_said_in_french_and_decided_alike() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let query = json!({ "organisation_id": organisation.id, "project": { "sectors": [] } });
    let query: RouteQuery = serde_json::from_value(query).unwrap();
    let find = |language| {
        case.broker
            .find_routes(&case.founder, (query.clone(), language))
    };
    let (english, french) = (find("en").await.unwrap(), find("fr").await.unwrap());
    let strange = find("xx").await.unwrap();
    assert_eq!(english.len(), french.len());
    for (en, fr) in english.iter().zip(&french) {
        assert_eq!(en.route.decision.result, fr.route.decision.result);
        assert_eq!(
            en.route.decision.inputs_digest,
            fr.route.decision.inputs_digest
        );
        let words = |it: &broker_app::RouteFound| it.route.decision.rules[0].words.clone();
        assert_ne!(words(en), words(fr));
    }
    let (english, strange) = (&english[0], &strange[0]);
    assert_eq!(english.title, strange.title);
    let (said, stored) = (&english.route.decision, &strange.route.decision);
    assert_eq!(
        said.rules[0].title, stored.rules[0].title,
        "English where there is no such language"
    );
    let words = |it: &policy_engine::Decision| -> Vec<String> {
        it.rules.iter().map(|it| it.words.clone()).collect()
    };
    let (said, stored) = (words(said).join("\n"), words(stored).join("\n"));
    assert!(
        stored.contains("aif_fast_lane"),
        "as it is stored: {stored}"
    );
    assert!(
        said.contains(&english.title) && !said.contains("aif_fast_lane"),
        "and read with titles: {said}"
    );
}

#[tokio::test]
async fn a_decision_is_made_again_under_the_policy_of_its_day_and_a_changed_row_is_told() {
    let mut case = Case::new().await;
    let (_, waiting) = case.waiting().await;
    case.broker.keep_policy().await.unwrap();
    let replay = |broker: Broker| {
        let founder = case.founder.clone();
        async move {
            broker
                .replay_decision(&founder, waiting.found)
                .await
                .unwrap()
        }
    };
    assert!(replay(case.broker.clone()).await.same);
    // Another policy decides now; the old decision is still made by its own.
    let folder = copied();
    let civilian = folder.path().join("rules/civilian.cedar");
    let text = std::fs::read_to_string(&civilian).unwrap();
    let stricter = text.replace("\"dual_use\"", "\"dual_use\", \"health\"");
    assert_ne!(text, stricter);
    std::fs::write(civilian, stricter).unwrap();
    let next = policy_engine::Engine::from_dir(folder.path()).unwrap();
    let now = case.broker.policy();
    let found = broker_app::compare_policies(&**case.broker.store(), &next, (&now, None))
        .await
        .unwrap();
    assert_eq!((found.asked, found.changes.len()), (1, 1));
    assert_eq!(found.changes[0].rules, ["+civilian.defence_sector"]);
    assert_eq!(found.changes[0].to, Outcome::NeedsReview);
    case.broker.put_policy(next).await.unwrap();
    assert!(replay(case.broker.clone()).await.same);
    let now = case.broker.policy();
    let same = broker_app::compare_policies(&**case.broker.store(), &now, (&now, None))
        .await
        .unwrap();
    assert_eq!(
        same.changes.len(),
        1,
        "what was decided stays as it was decided"
    );
    let stranger = case.broker.caller(principal("stranger")).await.unwrap();
    let hidden = case.broker.replay_decision(&stranger, waiting.found).await;
    assert!(
        matches!(hidden, Err(Error::NotFound("decision"))),
        "{hidden:?}"
    );
}

/// A folder with the shipped set, to be changed.
pub(super) fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    for part in ["modes", "rules", "tables"] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
        for file in std::fs::read_dir(shipped.join(part)).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), folder.path().join(part).join(file.file_name())).unwrap();
        }
    }
    folder
}

#[tokio::test]
async fn a_rule_to_come_is_compared_on_its_day() {
    let mut case = Case::new().await;
    case.waiting().await;
    let folder = copied();
    let civilian = folder.path().join("rules/civilian.cedar");
    let text = std::fs::read_to_string(&civilian).unwrap();
    let to_come = r#"
@id("civilian.health")
@title("Health waits for people")
@source("a test")
@checked_on("2026-11-22")
@effective("2027-01-01")
@effect("needs_review")
@words("the project names health")
@remedy("A reviewer decides")
forbid (principal, action, resource)
when { context.project.sectors.contains("health") };
"#;
    std::fs::write(&civilian, text + to_come).unwrap();
    let next = policy_engine::Engine::from_dir(folder.path()).unwrap();
    let (store, now) = (case.broker.store(), case.broker.policy());
    let compare = async |on: Option<&str>| {
        let on = on.map(|day| day.parse().unwrap());
        let found = broker_app::compare_policies(&**store, &next, (&now, on)).await;
        found.unwrap().changes
    };
    assert!(compare(None).await.is_empty());
    assert!(compare(Some("2026-12-31")).await.is_empty());
    let changes = compare(Some("2027-01-01")).await;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].rules, ["+civilian.health"]);
}

/// The shipped set, in which medium enterprises have fewer persons than this.
fn with_fewer_persons(most: u32) -> std::collections::BTreeMap<String, String> {
    let mut files = super::audited::shipped();
    let table = files.get_mut("tables/size_classes.toml").unwrap();
    let changed = table.replace(
        "headcount_below = 250",
        &format!("headcount_below = {most}"),
    );
    assert_ne!(*table, changed);
    *table = changed;
    files
}

impl Case {
    /// A company with the accounts of two years and 200 annual work units, and an application to Fast Lane.
    async fn of_200(&mut self) -> Organisation {
        let period = |year: i16| {
            json!({ "last_day": format!("{year}-12-31"), "awu_hundredths": 20_000,
                "turnover_eur": 20_000_000, "balance_eur": 20_000_000 })
        };
        let mut draft = serde_json::to_value(organisation()).unwrap();
        draft["size"] = serde_json::Value::Null;
        draft["startup"] = json!(false);
        draft["founded_on"] = json!("2000-01-01");
        draft["size_facts"] = json!({ "periods": [period(2024), period(2025)] });
        let draft: OrganisationDraft = serde_json::from_value(draft).unwrap();
        let made = self.broker.register_organisation(&self.founder, &draft);
        let made = made.await.unwrap();
        self.founder = self.founder().await;
        self.checked(&made, true).await;
        let mut lane = application(&made);
        "aif_fast_lane".clone_into(&mut lane.mode);
        "lumi/lumi".clone_into(&mut lane.system);
        let asked_for = "benchmark_evidence".to_owned();
        lane.answers.insert(asked_for, "See page 4.".to_owned());
        self.broker.apply(&self.founder, &lane).await.unwrap();
        made
    }
}

#[tokio::test]
async fn a_table_of_sizes_is_compared_by_the_accounts_that_organisations_have() {
    let mut case = Case::new().await;
    case.of_200().await;
    let (store, now) = (case.broker.store(), case.broker.policy());
    let ask = async |files: &std::collections::BTreeMap<String, String>, on: Option<&str>| {
        let next = policy_engine::Engine::from_files(files.clone()).unwrap();
        let on = on.map(|day| day.parse().unwrap());
        let found = broker_app::compare_policies(&**store, &next, (&now, on)).await;
        found.unwrap().changes
    };
    // Fewer persons are medium, and these are not among them; one more, and they are.
    let (out, within) = (with_fewer_persons(200), with_fewer_persons(201));
    assert_eq!(ask(&within, None).await.len(), 0);
    for on in [None, Some("2026-11-20")] {
        let changes = ask(&out, on).await;
        assert_eq!(changes.len(), 1, "{on:?}");
        let size = changes[0].size.as_ref().map(ToString::to_string);
        assert_eq!(size.as_deref(), Some("medium -> large"), "{on:?}");
    }
    // Over the API, too, and against a set that is kept.
    let operator = case.reviewer.clone();
    for against in [None, Some(now.digest().to_owned())] {
        let asked = broker_app::ComparisonQuery {
            files: Some(out.clone()),
            against,
            ..broker_app::ComparisonQuery::default()
        };
        let page = case
            .broker
            .compare_policies(&operator, asked)
            .await
            .unwrap();
        let sizes = page.comparison.changes.iter().map(|it| it.size.is_some());
        assert_eq!(sizes.collect::<Vec<_>>(), [true]);
    }
}

#[tokio::test]
async fn routes_know_what_an_organisation_has_already() {
    let mut case = Case::new().await;
    let (organisation, first) = case.waiting().await;
    case.broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await
        .unwrap();
    case.founder = case.founder().await;
    let query = json!({
        "organisation_id": organisation.id,
        "project": { "civilian": true, "sectors": ["health"] },
        "need": { "gpu_hours": 5000, "months": 3 },
    });
    let query: RouteQuery = serde_json::from_value(query).unwrap();
    let mut titles = std::collections::BTreeSet::new();
    for language in ["en", "fr"] {
        let asked = (query.clone(), language);
        let found = case.broker.find_routes(&case.founder, asked).await.unwrap();
        let capped = |mode: &str, system: &str| {
            let one = |it: &&broker_app::RouteFound| {
                it.route.mode == mode && it.route.offer.value.system == system
            };
            let rules = &found.iter().find(one).unwrap().route.decision.rules;
            let mut capped = rules
                .iter()
                .filter(|it| it.rule.starts_with("fair_access."));
            capped
                .find(|it| it.effect != policy_engine::Effect::Satisfied)
                .cloned()
        };
        let here = capped("aif_playground", "meluxina/meluxina").unwrap();
        // One of Playground is one at all systems.
        assert_eq!(capped("aif_playground", "lumi/lumi"), Some(here.clone()));
        titles.insert(here.title);
        assert!(capped("aif_fast_lane", "cineca/leonardo").is_none());
    }
    assert_eq!(titles.len(), 2, "said in two languages: {titles:?}");
}
