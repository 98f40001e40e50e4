use super::*;

#[tokio::test]
async fn an_accepted_application_becomes_a_project_with_hours_that_its_applicant_leads() {
    let mut case = Case::new().await;
    let (organisation, waiting) = case.waiting().await;
    let (broker, reviewer) = (&case.broker, &case.reviewer);
    let queue = broker.applications_to_decide(reviewer, None).await.unwrap();
    assert_eq!(
        queue.iter().map(|it| it.id).collect::<Vec<_>>(),
        [waiting.id]
    );
    let decided = broker
        .rule(reviewer, waiting.id, &acceptance())
        .await
        .unwrap();
    let ApplicationState::Accepted {
        project,
        allocation,
        ruling,
        given,
    } = decided.state
    else {
        panic!("{decided:?}");
    };
    let given = given.unwrap();
    assert_eq!(
        (given.hours, given.share.to_string().as_str()),
        (1250, "union")
    );
    let days = (given.first_day.to_string(), given.last_day.to_string());
    assert_eq!(days, ("2026-11-23".to_owned(), "2027-02-22".to_owned()));
    assert_eq!(ruling.reasons, "A sound plan.");
    let founder = case.founder().await;
    assert!(founder.may_use(project));
    let check = broker.check(&founder, project).await.unwrap();
    assert_eq!(check.allocation, Some(allocation));
    let granted = broker
        .store()
        .find_allocation(allocation)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(granted.balance.granted.0, 1250 * 3_600_000);
    assert_eq!(
        granted.valid_from.to_string(),
        "2026-11-22T23:00:00Z",
        "midnight in Brussels"
    );
    assert_eq!(granted.valid_until.to_string(), "2027-02-22T23:00:00Z");
    assert_eq!(granted.local_accounts.len(), 1);
    let found = broker.store().find_project(project).await.unwrap().unwrap();
    assert_eq!(found.organisation, organisation.id);
    assert_eq!(
        found.call_reference.as_deref(),
        Some("EHPC-AIF-2026PG01-1147")
    );
    assert!(
        broker
            .applications_to_decide(reviewer, None)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_decided_or_withdrawn_application_is_not_decided_again() {
    let mut case = Case::new().await;
    let (organisation, first) = case.waiting().await;
    let (broker, reviewer) = (&case.broker, &case.reviewer);
    let withdrawn = broker
        .withdraw_application(&case.founder, first.id)
        .await
        .unwrap();
    assert!(matches!(
        withdrawn.state,
        ApplicationState::Withdrawn { .. }
    ));
    let again = broker
        .withdraw_application(&case.founder, first.id)
        .await
        .unwrap();
    assert_eq!(again, withdrawn);
    let late = broker
        .rule(reviewer, first.id, &acceptance())
        .await
        .unwrap_err();
    assert!(
        matches!(&late, Error::NotWaiting(words) if words.contains("withdrew it at 2026-11-20")),
        "{late}"
    );
    let second = case.applied(&organisation).await;
    broker
        .rule(reviewer, second.id, &rejection())
        .await
        .unwrap();
    for ruling in [rejection(), acceptance()] {
        let late = broker.rule(reviewer, second.id, &ruling).await.unwrap_err();
        assert!(
            matches!(&late, Error::NotWaiting(words) if words.contains("rejected")),
            "{late}"
        );
    }
    let late = broker
        .withdraw_application(&case.founder, second.id)
        .await
        .unwrap_err();
    assert!(matches!(late, Error::NotWaiting(_)), "{late}");
    assert!(case.founder().await.projects().unwrap().is_empty());
}

#[tokio::test]
async fn of_two_reviewers_one_decides() {
    let mut case = Case::new().await;
    let (_, waiting) = case.waiting().await;
    let other = case.world.broker().await;
    let (rejecting, accepting) = (rejection(), acceptance());
    let (one, two) = tokio::join!(
        case.broker.rule(&case.reviewer, waiting.id, &rejecting),
        other.rule(&case.reviewer, waiting.id, &accepting),
    );
    assert_eq!(
        [one.is_ok(), two.is_ok()].iter().filter(|it| **it).count(),
        1
    );
    let stored = case
        .broker
        .application(&case.founder, waiting.id)
        .await
        .unwrap();
    assert_eq!(Ok(&stored), one.as_ref().or(two.as_ref()).map_err(drop));
    let leads = case.founder().await.projects().unwrap().len();
    assert_eq!(leads, usize::from(two.is_ok()));
}

#[tokio::test]
async fn one_application_at_a_time_waits_for_a_mode_at_a_system() {
    let mut case = Case::new().await;
    let (organisation, first) = case.waiting().await;
    let again = case
        .broker
        .apply(&case.founder, &application(&organisation))
        .await;
    let Err(Error::AlreadySo(words)) = again else {
        panic!("{again:?}");
    };
    assert!(words.starts_with(&first.id.to_string()), "{words}");
    assert_eq!(
        case.broker.my_applications(&case.founder).await.unwrap(),
        [first]
    );
}

#[tokio::test]
async fn an_application_says_what_is_missing_and_what_the_rules_say() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let broker = &case.broker;
    let refused = broker
        .apply(&case.founder, &application(&organisation))
        .await;
    let Err(Error::NotEligible(asked)) = refused else {
        panic!("{refused:?}");
    };
    let decision = asked.decision;
    assert_eq!(decision.result, Outcome::NeedsEvidence);
    let mut empty = application(&organisation);
    (empty.mode, empty.system) = ("aif_fast_lane".to_owned(), "cineca/leonardo".to_owned());
    empty.project.name = " ".to_owned();
    empty.need = ApplicationNeed {
        storage_tib: Some(0),
        data: vec!["https://data.example.eu/scans".to_owned(), " ".to_owned()],
        support: vec!["training".to_owned(), "cooking".to_owned()],
        ..ApplicationNeed::default()
    };
    empty.answers.clear();
    empty
        .answers
        .insert("shoe_size".to_owned(), "43".to_owned());
    let error = broker.apply(&case.founder, &empty).await.unwrap_err();
    let expected = [
        "project.name",
        "need.gpu_hours",
        "need.months",
        "need.storage_tib",
        "need.data[1]",
        "need.support",
        "answers.data_and_licence_statement",
        "answers.civilian_and_ai_act_plan",
        "answers.benchmark_evidence",
        "answers.shoe_size",
    ];
    assert_eq!(fields(&error), expected);
    let asked = (organisation.id, "aif_fast_lane", "cineca/leonardo");
    let form = broker
        .application_form(&case.founder, asked, "en")
        .await
        .unwrap();
    let size = form
        .fields
        .iter()
        .find(|it| it.name == "organisation.size")
        .unwrap();
    assert_eq!(size.known.as_deref(), Some("small"), "it was said once");
    let open: Vec<&str> = { form.fields.iter() }
        .filter(|it| it.name.starts_with("answers."))
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(open, &expected[6..9]);
    let left_out: Vec<&str> = { form.fields.iter() }
        .filter(|it| it.optional)
        .map(|it| it.name.as_str())
        .collect();
    let (of_the_act, left_out): (Vec<&str>, Vec<&str>) =
        { left_out.into_iter() }.partition(|it| it.starts_with("project.ai_act."));
    assert_eq!(left_out, ["need.storage_tib", "need.data", "need.support"]);
    assert_eq!(of_the_act.len(), 5);
}

#[tokio::test]
async fn one_request_asks_for_compute_storage_data_and_help() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let mut draft = application(&organisation);
    draft.need.storage_tib = Some(40);
    draft.need.data = vec!["https://data.example.eu/scans".to_owned()];
    draft.need.support = vec!["training".to_owned(), "algorithmic_support".to_owned()];
    let made = case.broker.apply(&case.founder, &draft).await.unwrap();
    let read = case.broker.application(&case.reviewer, made.id).await;
    assert_eq!(read.unwrap().need, draft.need);
}

#[tokio::test]
async fn nobody_judges_what_is_their_own() {
    let mut case = Case::new().await;
    let (organisation, waiting) = case.waiting().await;
    let grants =
        format!("[[grants]]\nissuer = \"{ISSUER}\"\nsubject = \"founder\"\nrole = \"reviewer\"");
    let both = toml::from_str(&grants).unwrap();
    case.broker.import(&both).await.unwrap();
    let founder = case.founder().await;
    let own = case.broker.rule(&founder, waiting.id, &rejection()).await;
    assert!(matches!(own, Err(Error::ConflictOfInterest)), "{own:?}");
    let evidence = case.evidence(&organisation).await;
    let finding = EvidenceFinding {
        again: false,
        accepted: true,
        words: "fine".to_owned(),
        files: None,
    };
    let own = case
        .broker
        .check_evidence(&founder, (organisation.id, evidence.id), finding);
    assert!(matches!(own.await, Err(Error::ConflictOfInterest)));
}

#[tokio::test]
async fn a_system_that_nobody_has_is_a_fault_and_not_an_answer_of_the_rules() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let mut draft = application(&organisation);
    draft.system = "nosuch/x".to_owned();
    let error = case.broker.apply(&case.founder, &draft).await.unwrap_err();
    assert_eq!(fields(&error), ["system"]);
}

#[tokio::test]
async fn a_form_says_what_is_taken_and_what_a_document_is_called() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let asked = (organisation.id, "aif_playground", "meluxina/meluxina");
    let form = case.broker.application_form(&case.founder, asked, "en");
    let form = form.await.unwrap();
    let allowed = |name: &str| {
        let field = form.fields.iter().find(|it| it.name == name).unwrap();
        field.allowed.clone().unwrap()
    };
    let hours = "no bound is known; about 5000 were given before (not read with certainty)";
    assert_eq!(allowed("need.gpu_hours"), hours);
    assert!(allowed("project.sectors").contains("health, "));
    assert!(allowed("need.months").contains('1'));
    let mut answers = { form.fields.iter() }.filter(|it| it.name.starts_with("answers."));
    assert!(answers.all(|it| it.title.is_some()));
}

#[tokio::test]
async fn a_question_about_routes_is_checked_as_what_it_asks_about_would_be() {
    let case = Case::new().await;
    let query: RouteQuery = serde_json::from_value(json!({
        "organisation": { "country": "FRANCE", "kind": "research", "size": "large", "startup": true },
        "project": { "sectors": ["flowers"] },
        "evidence": [{ "kind": "ai_act_self_assessment", "issued_on": "2031-01-01" }],
        "need": { "gpu_hours": 0, "months": 0 },
    }))
    .unwrap();
    let error = case.broker.find_routes(&case.founder, (query, "en")).await;
    let error = error.unwrap_err();
    let startup = "organisation.startup";
    let (country, sectors) = ("organisation.country", "project.sectors");
    let (hours, months) = ("need.gpu_hours", "need.months");
    let all = [
        country, startup, startup, sectors, hours, months, "evidence",
    ];
    assert_eq!(fields(&error), all);
}

#[tokio::test]
async fn evidence_in_a_question_keeps_to_its_days_and_what_is_over_is_for_the_rules() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let find = async |evidence: serde_json::Value| {
        let query = json!({ "organisation_id": organisation.id, "evidence": [evidence],
            "project": { "civilian": true, "sectors": ["health"] } });
        let query: RouteQuery = serde_json::from_value(query).unwrap();
        case.broker.find_routes(&case.founder, (query, "en")).await
    };
    let pledge = |first: &str, last: &str| json!({ "kind": "ai_pact_pledge", "issued_on": first, "expires_on": last });
    for (first, last, words) in [
        (
            "2026-01-02",
            "2026-01-01",
            "2026-01-01 is before the first day, 2026-01-02",
        ),
        (
            "0001-01-01",
            "2027-01-01",
            "0001-01-01 is before 2024-09-25",
        ),
        (
            "2024-09-24",
            "2027-01-01",
            "2024-09-24 is before 2024-09-25",
        ),
    ] {
        let error = find(pledge(first, last)).await.unwrap_err();
        assert_eq!(fields(&error), ["evidence"]);
        let Error::Invalid(_, faults) = &error else {
            panic!("{error:?}");
        };
        assert!(faults[0].reason.starts_with(words), "{faults:?}");
    }
    for (first, last, rule) in [
        ("2024-09-25", "2024-09-25", "ethics.expired"),
        ("2024-09-25", "2027-01-01", "ethics.unchecked"),
    ] {
        let found = find(pledge(first, last)).await.unwrap();
        let mut rules = found[0].route.decision.rules.iter();
        assert!(rules.any(|it| it.rule == rule), "{rule}: {:?}", found[0]);
    }
}

#[tokio::test]
async fn a_closed_mode_says_so_before_it_asks_for_answers() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let mut closed = application(&organisation);
    closed.mode = "aif_fast_lane".to_owned();
    closed.system = "bsc/marenostrum5".to_owned();
    closed.answers.clear();
    let refused = case.broker.apply(&case.founder, &closed).await;
    let Err(Error::NotEligible(asked)) = &refused else {
        panic!("{refused:?}");
    };
    let mut rules = asked.decision.rules.iter();
    assert!(rules.any(|it| it.rule == "mode.closed"));
    closed.system = "lumi/lumi".to_owned();
    let incomplete = case.broker.apply(&case.founder, &closed).await;
    assert!(
        matches!(incomplete, Err(Error::Invalid(..))),
        "{incomplete:?}"
    );
}
