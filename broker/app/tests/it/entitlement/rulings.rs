use super::*;
use broker_model::{FundingShare, ProjectId};
use policy_engine::Effect;

/// How many are stored.
async fn decisions(case: &Case) -> usize {
    let store = case.broker.store();
    store.decisions_after(None, 100).await.unwrap().len()
}

/// A project that a reviewer accepted although it names a sector that people look at first.
async fn accepted_in(mut case: Case, sector: &str) -> (Case, ProjectId) {
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let mut draft = application(&organisation);
    draft.project.sectors.push(sector.to_owned());
    let first = case.broker.apply(&case.founder, &draft).await.unwrap();
    let accepted = case
        .broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await
        .unwrap();
    let ApplicationState::Accepted { project, .. } = accepted.state else {
        panic!("{accepted:?}");
    };
    (case, project)
}

#[tokio::test]
async fn what_a_reviewer_settled_is_not_asked_again_with_each_job() {
    let (case, project) = accepted_in(Case::new().await, "defence").await;
    case.world.pass(4 * 24 * 3600);
    let founder = case.founder().await;
    let answer = case.broker.check(&founder, project).await.unwrap();
    let rules = answer.decision.rules;
    let defence = rules.iter().find(|it| it.rule == "civilian.defence_sector");
    let defence = defence.unwrap();
    assert_eq!(defence.effect, Effect::Satisfied);
    assert!(defence.words.contains("a reviewer settled this on"));
    assert_eq!(answer.decision.result, Outcome::Eligible, "{rules:?}");
}

#[tokio::test]
async fn evidence_is_looked_at_before_an_application_that_stands_on_it_is_accepted() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let evidence = case.evidence(&organisation).await;
    let first = case.applied(&organisation).await;
    let early = case
        .broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await;
    let Err(Error::NotEligible(asked)) = early else {
        panic!("{early:?}");
    };
    assert_eq!(asked.decision.result, Outcome::NeedsReview);
    assert!(asked.question.evidence.iter().all(|it| !it.checked));
    let good = EvidenceFinding {
        again: false,
        accepted: true,
        words: "the form is whole".to_owned(),
        files: None,
    };
    case.broker
        .check_evidence(&case.reviewer, (organisation.id, evidence.id), good)
        .await
        .unwrap();
    case.broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_declaration_of_size_is_looked_at_before_an_application_that_hangs_on_it_is_accepted() {
    let mut case = Case::new().await;
    let mut draft = organisation();
    draft.size = Some(broker_model::SizeClass::Unclear);
    let made = case.broker.register_organisation(&case.founder, &draft);
    let organisation = made.await.unwrap();
    case.founder = case.founder().await;
    case.checked(&organisation, true).await;
    let signed = EvidenceDraft {
        kind: "sme_declaration".to_owned(),
        source: "signed by the managing director".to_owned(),
        ..evidence()
    };
    let signed = case
        .broker
        .hand_in_evidence(&case.founder, organisation.id, &signed)
        .await
        .unwrap();
    let first = case.applied(&organisation).await;
    let accept = async || {
        let (reviewer, draft) = (&case.reviewer, acceptance());
        case.broker.rule(reviewer, first.id, &draft).await
    };
    let early = accept().await;
    let Err(Error::NotEligible(asked)) = early else {
        panic!("{early:?}");
    };
    let waits = |it: &policy_engine::Spoken| it.rule == "size.declaration_unchecked";
    assert!(asked.decision.rules.iter().any(waits), "{asked:?}");
    let good = EvidenceFinding {
        again: false,
        accepted: true,
        words: "signed, and it names the two periods".to_owned(),
        files: None,
    };
    case.broker
        .check_evidence(&case.reviewer, (organisation.id, signed.id), good)
        .await
        .unwrap();
    accept().await.unwrap();
}

/// A node-hour of MeluXina is four GPU-hours.
#[tokio::test]
async fn who_asks_for_less_than_an_hour_of_the_unit_is_given_one_and_no_two() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let mut asked = application(&organisation);
    asked.need.gpu_hours = 3;
    let first = case.broker.apply(&case.founder, &asked).await.unwrap();
    let mut draft = acceptance();
    let grant = draft.grant.as_mut().unwrap();
    grant.hours = 2;
    let more = case.broker.rule(&case.reviewer, first.id, &draft).await;
    let Err(Error::Invalid(_, faults)) = more else {
        panic!("{more:?}");
    };
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].field, "grant.hours");
    assert_eq!(faults[0].allowed, "1 to 1");
    draft.grant.as_mut().unwrap().hours = 1;
    case.broker
        .rule(&case.reviewer, first.id, &draft)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_refusal_by_the_rules_is_stored_before_it_is_told() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let refused = case
        .broker
        .apply(&case.founder, &application(&organisation))
        .await;
    assert!(matches!(refused, Err(Error::NotEligible(_))), "{refused:?}");
    assert_eq!(decisions(&case).await, 1);
}

#[tokio::test]
async fn an_acceptance_is_refused_where_its_grant_could_not_be_used() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    let mut draft = acceptance();
    let grant = draft.grant.as_mut().unwrap();
    grant.unit = Some("furlong".to_owned());
    grant.call_reference = Some("EHPC-XYZ-1".to_owned());
    grant
        .local_accounts
        .insert("lumi".parse().unwrap(), "project_46".to_owned());
    let error = case
        .broker
        .rule(&case.reviewer, first.id, &draft)
        .await
        .unwrap_err();
    let expected = ["grant.call_reference", "grant.unit", "grant.local_accounts"];
    assert_eq!(fields(&error), expected);
}

#[tokio::test]
async fn a_reviewer_may_say_of_whose_time_the_hours_are() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    let mut draft = acceptance();
    draft.grant.as_mut().unwrap().share = Some(FundingShare::Commercial);
    let accepted = case.broker.rule(&case.reviewer, first.id, &draft).await;
    let ApplicationState::Accepted { allocation, .. } = accepted.unwrap().state else {
        panic!("not accepted");
    };
    let found = case.broker.store().find_allocation(allocation).await;
    assert_eq!(found.unwrap().unwrap().share, FundingShare::Commercial);
}

/// Germany has no hours of MeluXina; whose modes there are says so.
#[tokio::test]
async fn a_state_gives_hours_only_where_it_has_some_and_an_account_is_no_path() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    let mut draft = acceptance();
    let grant = draft.grant.as_mut().unwrap();
    grant.share = Some("national:DE".parse().unwrap());
    grant.worth_eur = Some(900);
    grant.local_accounts = [("meluxina".parse().unwrap(), "../etc".to_owned())].into();
    let ruled = case.broker.rule(&case.reviewer, first.id, &draft).await;
    let error = ruled.unwrap_err();
    assert_eq!(fields(&error), ["grant.share", "grant.local_accounts"]);
    assert!(format!("{error:?}").contains("national:LU"), "{error:?}");
    let grant = draft.grant.as_mut().unwrap();
    grant.share = Some("national:LU".parse().unwrap());
    grant.local_accounts.clear();
    (grant.scope, grant.hours) = (broker_model::GrantScope::Federation, 5000);
    let ruled = case.broker.rule(&case.reviewer, first.id, &draft).await;
    assert_eq!(fields(&ruled.unwrap_err()), ["grant.scope"]);
}

#[tokio::test]
async fn whoever_no_longer_speaks_for_the_organisation_is_not_made_its_lead() {
    let mut case = Case::new().await;
    let (organisation, first) = case.waiting().await;
    let gone = format!(
        r#"
        [[grants]]
        issuer = "{ISSUER}"
        subject = "founder"
        role = "representative"
        organisation = "{}"
        removed = true
        "#,
        organisation.id
    );
    case.broker
        .import(&toml::from_str(&gone).unwrap())
        .await
        .unwrap();
    let late = case
        .broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await;
    assert!(matches!(late, Err(Error::NotWaiting(_))), "{late:?}");
    case.broker
        .rule(&case.reviewer, first.id, &rejection())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_vetted_identity_counts_as_assured() {
    let case = Case::new().await;
    let vetted = format!(
        r#"
        [[grants]]
        issuer = "{ISSUER}"
        subject = "founder"
        role = "vetted"
        "#
    );
    case.broker
        .import(&toml::from_str(&vetted).unwrap())
        .await
        .unwrap();
    let founder = case.founder().await;
    let facts = policy_engine::ApplicantFacts::from(&founder);
    assert_eq!(facts.vetted, Some(true));
    let reviewer = policy_engine::ApplicantFacts::from(&case.reviewer);
    assert_eq!(reviewer.vetted, None);
}

#[tokio::test]
async fn of_other_facts_nothing_is_settled() {
    let (case, project) = accepted_in(Case::new().await, "dual_use").await;
    let store = case.broker.store();
    let mut found = store.find_project(project).await.unwrap().unwrap();
    assert!(found.settled[0].words.contains("health, dual_use"));
    found.sectors.push("defence".to_owned());
    let writes = vec![broker_store::Write::PutProject(Box::new(found))];
    let change = broker_store::Change {
        writes,
        entries: Vec::new(),
    };
    store.commit(change).await.unwrap();
    case.world.pass(4 * 24 * 3600);
    let answer = case.broker.check(&case.founder().await, project).await;
    assert_eq!(answer.unwrap().decision.result, Outcome::NeedsReview);
}

#[tokio::test]
async fn a_screening_that_was_refused_stays_whoever_takes_it_back() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let record = broker_model::ScreeningDraft {
        kind: "sanctions_screening".to_owned(),
        person: None,
        list: "EU consolidated list".to_owned(),
        screened_on: "2026-11-20".parse().unwrap(),
        expires_on: None,
        outcome: broker_model::ScreeningOutcome::Unsettled,
        words: "a name on the list".to_owned(),
    };
    let of = organisation.id;
    let recorded = case.broker.record_screening(&case.reviewer, of, &record);
    let which = (of, recorded.await.unwrap().id);
    let taken_back = case.broker.withdraw_evidence(&case.founder, which).await;
    assert!(
        matches!(taken_back, Err(Error::NotWaiting(_))),
        "{taken_back:?}"
    );
    // It goes to people, and no acceptance passes over it.
    let first = case.applied(&organisation).await;
    let refused = case
        .broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await;
    let Err(Error::NotEligible(asked)) = refused else {
        panic!("{refused:?}");
    };
    let rules = &asked.decision.rules;
    assert!(
        rules.iter().any(|it| it.rule == "screening.unsettled"),
        "{rules:?}"
    );
}

#[tokio::test]
async fn a_company_is_asked_for_its_eu_project_where_the_mode_hangs_on_it() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let asks = async |mode: &'static str, system: &'static str| {
        let which = (organisation.id, mode, system);
        let form = case
            .broker
            .application_form(&case.founder, which, "en")
            .await;
        let mut fields = form.unwrap().fields.into_iter();
        fields.any(|it| it.name == "project.eu_project")
    };
    assert!(asks("aif_ai_for_science", "lumi/lumi").await);
    assert!(!asks("aif_playground", "lumi/lumi").await);
}

#[tokio::test]
async fn more_than_grants_gave_is_for_a_reviewer_who_may_give_it() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let mut draft = application(&organisation);
    draft.need.gpu_hours = 20_000;
    let first = case.broker.apply(&case.founder, &draft).await.unwrap();
    let found = case.broker.store().find_decision(first.found).await;
    let found = found.unwrap().unwrap();
    assert_eq!(found.result, "needs_review");
    assert!(found.document.contains("mode.more_than_typical"));
    let mut ruling = acceptance();
    ruling.grant.as_mut().unwrap().hours = 5000;
    let accepted = case.broker.rule(&case.reviewer, first.id, &ruling).await;
    let ApplicationState::Accepted { project, .. } = accepted.unwrap().state else {
        panic!("not accepted");
    };
    case.world.pass(4 * 24 * 3600);
    let answer = case.broker.check(&case.founder().await, project).await;
    assert_eq!(answer.unwrap().decision.result, Outcome::Eligible);
}

#[tokio::test]
async fn an_acceptance_is_stopped_by_what_the_reviewer_may_not_settle_and_not_by_a_mode_that_closed_since()
 {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.evidence(&organisation).await;
    let first = case.applied(&organisation).await;
    // The mode closes while the application waits.
    let folder = super::policies::copied();
    let file = folder.path().join("modes/aif_playground.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let open = r#"{ system = "meluxina/meluxina", state = "open" }"#;
    let closed = r#"{ system = "meluxina/meluxina", state = "closed", why = "closed for demand" }"#;
    assert!(text.contains(open));
    std::fs::write(&file, text.replace(open, closed)).unwrap();
    let next = policy_engine::Engine::from_dir(folder.path()).unwrap();
    case.broker.put_policy(next).await.unwrap();
    let ruling = acceptance();
    let refused = case.broker.rule(&case.reviewer, first.id, &ruling);
    let Err(Error::NotEligible(asked)) = refused.await else {
        panic!("it was accepted");
    };
    let stopped_by = |at: Option<usize>| &asked.decision.rules[at.unwrap()].rule;
    assert_eq!(stopped_by(asked.stopped_by), "ethics.unchecked");
    assert_eq!(stopped_by(asked.decision.deciding()), "mode.closed");
}
