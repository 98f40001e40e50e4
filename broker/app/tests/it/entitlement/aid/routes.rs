use super::*;

/// The answer to a question about national hours of LUMI, with what would change it.
async fn at_lumi(
    (broker, caller): (&Broker, &broker_app::Caller),
    query: serde_json::Value,
) -> (Outcome, Vec<String>, Vec<serde_json::Value>) {
    let query: RouteQuery = serde_json::from_value(query).unwrap();
    let found = broker.find_routes(caller, (query, "en")).await.unwrap();
    let national = found
        .into_iter()
        .find(|it| it.route.mode == "national_lumi");
    let route = national.unwrap().route;
    let rules = route.decision.rules.into_iter();
    let aid = rules.filter(|it| it.rule.starts_with("de_minimis."));
    let changes = route.changes.iter().map(|it| json!(it));
    (
        route.decision.result,
        aid.map(|it| it.words).collect(),
        changes.collect(),
    )
}

#[tokio::test]
async fn a_registered_company_learns_that_national_hours_are_open_to_it_with_what_its_register_has()
{
    let mut case = Case::new().await;
    let organisation = case.finnish().await;
    let asks = async |aid: serde_json::Value| {
        let query = json!({ "organisation_id": organisation.id, "aid": aid,
            "project": { "civilian": true, "sectors": ["health"] } });
        at_lumi((&case.broker, &case.founder), query).await
    };
    let worth = |most: u32| json!({ "field": "aid.worth_eur", "to": most });
    let none = json!({ "field": "aid.received_eur", "to": 0 });
    let (silent, _, changes) = asks(json!(null)).await;
    assert_eq!(silent, Outcome::NeedsEvidence);
    assert_eq!(changes, [json!([none, worth(300_000)])]);
    let (told, _, _) = asks(json!({ "received_eur": 0, "worth_eur": 5000 })).await;
    assert_eq!(told, Outcome::Eligible);
    let write = aid_record(&organisation, 299_000);
    let change = broker_store::Change {
        writes: vec![write],
        entries: Vec::new(),
    };
    case.broker.store().commit(change).await.unwrap();
    let (over, words, changes) = asks(json!({ "received_eur": 500, "worth_eur": 501 })).await;
    assert_eq!(over, Outcome::NotEligible);
    assert!(
        words[0].starts_with("299500 EUR of aid received"),
        "{words:?}"
    );
    assert_eq!(changes, [json!([worth(500)])]);
    let (within, _, _) = asks(json!({ "received_eur": 500, "worth_eur": 500 })).await;
    assert_eq!(within, Outcome::Eligible);
    let (unknown, _, changes) = asks(json!({ "received_eur": 500 })).await;
    assert_eq!(
        (unknown, changes),
        (Outcome::NeedsReview, vec![json!([worth(500)])])
    );
    let (_, _, changes) = asks(json!(null)).await;
    assert_eq!(
        changes,
        [json!([none, worth(1000)])],
        "beside what is registered"
    );
}

#[tokio::test]
async fn a_company_that_nobody_knows_may_say_what_aid_it_had() {
    let case = Case::new().await;
    let query = |aid| {
        json!({ "aid": aid, "organisation": { "country": "FI", "kind": "company", "size": "small" },
            "project": { "civilian": true, "sectors": ["health"] },
            "evidence": [
                { "kind": "de_minimis_statement", "issued_on": "2026-01-15" },
                { "kind": "site_ethics_board", "issued_on": "2026-01-15" },
            ] })
    };
    let asks = async |aid| at_lumi((&case.broker, &case.founder), query(aid)).await.0;
    let said = json!({ "received_eur": 0, "worth_eur": 5000 });
    assert_eq!(asks(json!(null)).await, Outcome::NeedsEvidence);
    assert_eq!(
        asks(said).await,
        Outcome::NeedsReview,
        "nobody has checked the evidence"
    );
    let over = json!({ "received_eur": 300_000, "worth_eur": 1 });
    assert_eq!(asks(over).await, Outcome::NotEligible);
}

/// Linked enterprises are the word of one side.
#[tokio::test]
async fn who_declares_a_stranger_as_linked_does_not_learn_from_routes_what_they_had() {
    let case = Case::new().await;
    let (_, curious, theirs) = case.linked_by_a_stranger().await;
    let query = json!({ "organisation_id": theirs.id, "project": { "sectors": [] },
        "aid": { "received_eur": 0, "worth_eur": 300_000 } });
    let (_, words, _) = at_lumi((&case.broker, &curious), query.clone()).await;
    assert!(!words[0].contains("299000"), "{words:?}");
    let (told, words, _) = at_lumi((&case.broker, &case.reviewer), query).await;
    assert_eq!(told, Outcome::NotEligible);
    assert!(words[0].contains("299000"), "{words:?}");
}
