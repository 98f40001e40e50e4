use super::*;

fn accounts(years: &[(i16, u64, u64)]) -> serde_json::Value {
    let period = |(year, persons, turnover): &(i16, u64, u64)| {
        json!({ "last_day": format!("{year}-12-31"), "awu_hundredths": persons * 100,
            "turnover_eur": turnover, "balance_eur": 1_000_000_000_u64 })
    };
    let periods: Vec<_> = years.iter().map(period).collect();
    json!({ "periods": periods })
}

#[tokio::test]
async fn who_does_not_speak_for_an_organisation_does_not_learn_of_it() {
    let mut case = Case::new().await;
    let (organisation, waiting) = case.waiting().await;
    let broker = &case.broker;
    let stranger = broker.caller(principal("stranger")).await.unwrap();
    let hidden = broker.organisation(&stranger, organisation.id).await;
    assert!(
        matches!(hidden, Err(Error::NotFound("organisation"))),
        "{hidden:?}"
    );
    let hidden = broker.application(&stranger, waiting.id).await;
    assert!(
        matches!(hidden, Err(Error::NotFound("application"))),
        "{hidden:?}"
    );
    assert!(broker.my_applications(&stranger).await.unwrap().is_empty());
    let queue = broker.applications_to_decide(&stranger, None).await;
    assert!(matches!(queue, Err(Error::Forbidden(_))), "{queue:?}");
    // A reviewer looks at everything, and speaks for nobody.
    broker
        .organisation(&case.reviewer, organisation.id)
        .await
        .unwrap();
    let by_reviewer = broker
        .apply(&case.reviewer, &application(&organisation))
        .await;
    assert!(
        matches!(by_reviewer, Err(Error::Forbidden(_))),
        "{by_reviewer:?}"
    );
}

#[tokio::test]
async fn an_organisation_is_registered_once_and_described_on_top_of_what_was_read() {
    let mut case = Case::new().await;
    let first = case.registered().await;
    let broker = &case.broker;
    let rival = broker.caller(principal("rival")).await.unwrap();
    let mut draft = organisation();
    let twice = broker.register_organisation(&rival, &draft).await;
    let Err(Error::AlreadySo(words)) = twice else {
        panic!("{twice:?}");
    };
    assert!(words.contains("the VAT FR40303265045"), "{words}");
    assert!(!words.contains("Pleione"), "{words}");
    draft.name = "Pleione".to_owned();
    draft.identifiers.vat = None;
    let blind = broker
        .describe_organisation(&case.founder, first.id, (None, &draft))
        .await;
    assert!(matches!(blind, Err(Error::NoDocumentNamed)), "{blind:?}");
    let tag = organisation_tag(&first);
    let made_on = (Some(tag.as_str()), &draft);
    let described = broker
        .describe_organisation(&case.founder, first.id, made_on)
        .await;
    assert_eq!(described.unwrap().name, "Pleione");
    let stale = broker
        .describe_organisation(&case.founder, first.id, made_on)
        .await;
    assert!(
        matches!(stale, Err(Error::OtherDocument { current: Some(_) })),
        "{stale:?}"
    );
    // Its number is free again.
    broker
        .register_organisation(&rival, &organisation())
        .await
        .unwrap();
}

#[tokio::test]
async fn contradictions_in_a_description_are_told_by_field() {
    let case = Case::new().await;
    for (change, field) in [
        (json!({ "country": "QQ" }), "country"),
        (json!({ "name": "" }), "name"),
        (json!({ "founded_on": "2026-11-21" }), "founded_on"),
        (json!({ "kind": "research" }), "startup"),
        (json!({ "size": "large" }), "startup"),
    ] {
        let mut draft = serde_json::to_value(organisation()).unwrap();
        for (key, value) in change.as_object().unwrap() {
            draft[key] = value.clone();
        }
        let draft: OrganisationDraft = serde_json::from_value(draft).unwrap();
        let error = case
            .broker
            .register_organisation(&case.founder, &draft)
            .await;
        assert_eq!(fields(&error.unwrap_err()), [field]);
    }
}

#[tokio::test]
async fn of_many_registrations_at_once_by_one_person_one_name_is_taken_once() {
    let case = Case::new().await;
    let bare = |name: &str| {
        let mut draft = organisation();
        draft.name = name.to_owned();
        draft.identifiers = broker_model::Identifiers::default();
        draft
    };
    let (one, other) = (bare("Electra Labs"), bare("Taygeta Labs"));
    let register = |draft| case.broker.register_organisation(&case.founder, draft);
    let drafts = [&one, &one, &one, &one, &one, &other];
    let made = futures::future::join_all(drafts.map(register)).await;
    let names: Vec<&str> = { made.iter().flatten() }
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names.len(), 2, "{made:?}");
    assert!(
        names.contains(&"Taygeta Labs"),
        "another name is not in the way"
    );
    for refused in made.iter().filter_map(|it| it.as_ref().err()) {
        assert!(
            matches!(refused, Error::AlreadySo(words) if words.contains("of the same name")),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_size_is_found_from_accounts_and_one_year_over_a_ceiling_does_not_change_it() {
    let mut case = Case::new().await;
    let mut draft = organisation();
    draft.size = None;
    draft.founded_on = Some("2015-01-01".parse().unwrap());
    let ceiling = 50_000_000;
    draft.size_facts = Some(accounts(&[
        (2023, 249, ceiling),
        (2024, 249, ceiling),
        (2025, 249, ceiling + 1),
    ]));
    let made = case
        .broker
        .register_organisation(&case.founder, &draft)
        .await
        .unwrap();
    assert_eq!(made.size, broker_model::SizeClass::Medium);
    case.founder = case.founder().await;
    let size = case
        .broker
        .organisation_size(&case.founder, made.id)
        .await
        .unwrap();
    let words: Vec<&str> = { size.found.as_ref().unwrap().reasons.iter() }
        .map(|it| it.words.as_str())
        .collect();
    assert!(words.join(" ").contains("2025"), "{words:?}");
    // Two years over it change it, and a declaration to the contrary is told.
    draft.name = "Pleione Works".to_owned();
    draft.identifiers.vat = None;
    draft.size_facts = Some(accounts(&[
        (2024, 249, ceiling + 1),
        (2025, 249, ceiling + 1),
    ]));
    draft.startup = None;
    let large = case
        .broker
        .register_organisation(&case.founder, &draft)
        .await
        .unwrap();
    assert_eq!(large.size, broker_model::SizeClass::Large);
    draft.size = Some(broker_model::SizeClass::Small);
    let error = case
        .broker
        .register_organisation(&case.founder, &draft)
        .await
        .unwrap_err();
    assert_eq!(fields(&error), ["size"]);
    // Figures of years ago say nothing any more.
    case.world.pass(3 * 366 * 24 * 3600);
    let size = case
        .broker
        .organisation_size(&case.founder().await, made.id)
        .await
        .unwrap();
    assert_eq!(size.size, broker_model::SizeClass::Unclear);
}

#[tokio::test]
async fn identifiers_are_kept_as_registers_write_them_and_wrong_ones_are_told_by_field() {
    let case = Case::new().await;
    let mut draft = organisation();
    draft.identifiers.vat = Some(" fr 40 303 265 045 ".to_owned());
    let made = case
        .broker
        .register_organisation(&case.founder, &draft)
        .await
        .unwrap();
    assert_eq!(made.identifiers.vat.as_deref(), Some("FR40303265045"));
    draft.identifiers = serde_json::from_value(json!({
        "vat": "FR41303265045", "pic": "12", "euid": "nothing", "lei": "7ZW8QJWVPR4P1J1KQY46",
    }))
    .unwrap();
    let error = case
        .broker
        .register_organisation(&case.founder, &draft)
        .await
        .unwrap_err();
    let expected = [
        "identifiers.vat",
        "identifiers.pic",
        "identifiers.euid",
        "identifiers.lei",
    ];
    assert_eq!(fields(&error), expected);
}

#[tokio::test]
async fn an_operator_names_who_speaks_for_an_organisation_and_takes_nobody_else_away() {
    let mut case = Case::new().await;
    let ours = case.registered().await;
    let grant = |organisation: &str, more: &str| {
        let text = format!(
            "[[grants]]\nissuer = \"{ISSUER}\"\nsubject = \"second\"\nrole = \"representative\"\n\
             organisation = \"{organisation}\"\n{more}"
        );
        toml::from_str::<broker_app::setup::SetupFile>(&text).unwrap()
    };
    let ours_id = ours.id.to_string();
    let imported = broker_app::setup::organisation_id("startup");
    case.broker.import(&grant(&ours_id, "")).await.unwrap();
    case.broker.import(&grant("startup", "")).await.unwrap();
    assert!(
        case.broker
            .import(&grant("startup", ""))
            .await
            .unwrap()
            .is_empty()
    );
    let second = case.broker.caller(principal("second")).await.unwrap();
    assert!(second.represents(ours.id) && second.represents(imported));
    assert!(case.founder().await.represents(ours.id));
    case.broker
        .import(&grant(&ours_id, "removed = true"))
        .await
        .unwrap();
    let second = case.broker.caller(principal("second")).await.unwrap();
    assert!(!second.represents(ours.id) && second.represents(imported));
    let nobody = case.broker.import(&grant("nobody", "")).await.unwrap_err();
    assert!(nobody.to_string().contains("`nobody`"), "{nobody}");
}

#[tokio::test]
async fn one_person_registers_a_name_twice_only_with_two_numbers_of_a_register() {
    let mut case = Case::new().await;
    let first = case.registered().await;
    let mut draft = organisation();
    draft.name = "pleione  LABS".to_owned();
    draft.identifiers.vat = None;
    let register = async |caller: &Caller, draft: &OrganisationDraft| {
        case.broker.register_organisation(caller, draft).await
    };
    let twice = register(&case.founder, &draft).await;
    let Err(Error::AlreadySo(words)) = twice else {
        panic!("{twice:?}");
    };
    assert!(words.contains(&first.id.to_string()), "{words}");
    // Somebody else may have founded another one of that name.
    let rival = case.broker.caller(principal("rival")).await.unwrap();
    register(&rival, &draft).await.unwrap();
    draft.identifiers.vat = Some("FR40180089013".to_owned());
    register(&case.founder, &draft).await.unwrap();
}

#[tokio::test]
async fn an_euid_is_of_a_register_where_the_organisation_is_established() {
    let case = Case::new().await;
    let mut draft = organisation();
    draft.identifiers.euid = Some("DEK1101R.HRB116737".to_owned());
    let abroad = case.broker.register_organisation(&case.founder, &draft);
    assert_eq!(fields(&abroad.await.unwrap_err()), ["identifiers.euid"]);
    draft.country = "DE".to_owned();
    // A VAT number of another state is one that it trades there by.
    let home = case.broker.register_organisation(&case.founder, &draft);
    home.await.unwrap();
}

#[tokio::test]
async fn an_organisation_is_founded_once_and_no_start_up_by_accounts_that_make_it_large() {
    let case = Case::new().await;
    let mut draft = organisation();
    draft.size = None;
    draft.startup = Some(true);
    draft.founded_on = Some("2021-01-01".parse().unwrap());
    let mut facts = accounts(&[(2024, 400, 80_000_000), (2025, 400, 80_000_000)]);
    facts["founded_on"] = json!("2020-01-01");
    draft.size_facts = Some(facts.clone());
    let refused = case.broker.register_organisation(&case.founder, &draft);
    let Err(Error::Invalid("organisation", faults)) = refused.await else {
        panic!("it contradicts itself");
    };
    let told: Vec<(&str, &str)> = { faults.iter() }
        .map(|it| (it.field.as_str(), it.reason.as_str()))
        .collect();
    let (founding, large) = (told[0], told[1]);
    assert_eq!(
        founding,
        (
            "size_facts.founded_on",
            "is 2020-01-01, and `founded_on` is 2021-01-01"
        )
    );
    assert!(
        large.0 == "startup" && large.1.contains("`large`"),
        "{large:?}"
    );
    assert_eq!(told.len(), 2, "{told:?}");
    facts["founded_on"] = json!("2021-01-01");
    draft.size_facts = Some(facts);
    draft.startup = Some(false);
    let taken = case.broker.register_organisation(&case.founder, &draft);
    assert_eq!(taken.await.unwrap().size, broker_model::SizeClass::Large);
}

#[tokio::test]
async fn a_country_is_taken_by_its_alias_and_kept_by_its_code() {
    let case = Case::new().await;
    let mut draft = organisation();
    draft.identifiers = broker_model::Identifiers::default();
    for (name, alias, code) in [("Alpha", "EL", "GR"), ("Beta", "UK", "GB")] {
        (draft.name, draft.country) = (name.to_owned(), alias.to_owned());
        let taken = case.broker.register_organisation(&case.founder, &draft);
        assert_eq!(taken.await.unwrap().country, code);
    }
    let query: broker_app::RouteQuery = serde_json::from_value(json!({
        "organisation": { "country": "EL", "size": "small" }, "project": { "sectors": [] },
    }))
    .unwrap();
    let found = case.broker.find_routes(&case.founder, (query, "en")).await;
    assert!(!found.unwrap().is_empty());
}
