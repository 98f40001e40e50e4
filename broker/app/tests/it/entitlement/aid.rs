mod form;
mod routes;
mod strangers;

use broker_model::ApplicationAid;

use super::*;

impl Case {
    /// A Finnish company that showed both its ethics and the aid it had.
    async fn finnish(&mut self) -> Organisation {
        self.finnish_as(json!({})).await
    }

    /// The same, described otherwise.
    async fn finnish_as(&mut self, otherwise: serde_json::Value) -> Organisation {
        let mut draft = json!(OrganisationDraft {
            country: "FI".to_owned(),
            identifiers: broker_model::Identifiers::default(),
            ..organisation()
        });
        for (name, value) in otherwise.as_object().unwrap() {
            draft[name] = value.clone();
        }
        let draft: OrganisationDraft = serde_json::from_value(draft).unwrap();
        let made = self.broker.register_organisation(&self.founder, &draft);
        let made = made.await.unwrap();
        self.founder = self.founder().await;
        for kind in ["ai_act_self_assessment", "de_minimis_statement"] {
            let draft = EvidenceDraft {
                files: Vec::new(),
                kind: kind.to_owned(),
                ..evidence()
            };
            let handed_in = { self.broker.hand_in_evidence(&self.founder, made.id, &draft) }
                .await
                .unwrap();
            let good = EvidenceFinding {
                again: false,
                accepted: true,
                words: "looked at".to_owned(),
                files: None,
            };
            let which = (made.id, handed_in.id);
            let checked = self.broker.check_evidence(&self.reviewer, which, good);
            checked.await.unwrap();
        }
        made
    }

    async fn asks(
        &self,
        of: &Organisation,
        aid: Option<ApplicationAid>,
    ) -> Result<Application, Error> {
        let draft = ApplicationDraft {
            mode: "national_lumi".to_owned(),
            system: "lumi/lumi".to_owned(),
            aid,
            answers: std::collections::BTreeMap::new(),
            ..application(of)
        };
        self.broker.apply(&self.founder, &draft).await
    }
}

const fn aid(received_eur: u32, worth_eur: Option<u32>) -> ApplicationAid {
    ApplicationAid {
        received_eur,
        worth_eur,
    }
}

fn objection(asked: &Result<Application, Error>) -> &str {
    let Err(Error::NotEligible(asked)) = asked else {
        panic!("{asked:?}");
    };
    let mut rules = asked.decision.rules.iter();
    let aid = rules.find(|it| it.rule.starts_with("de_minimis."));
    aid.map_or("", |it| it.rule.as_str())
}

#[tokio::test]
async fn national_hours_for_a_company_are_entered_as_aid_and_count_against_the_next() {
    let mut case = Case::new().await;
    let organisation = case.finnish().await;
    let silent = case.asks(&organisation, None).await;
    assert_eq!(objection(&silent), "de_minimis.unknown");
    let over = case.asks(&organisation, Some(aid(300_000, Some(1)))).await;
    assert_eq!(objection(&over), "de_minimis.exceeded");
    let first = case
        .asks(&organisation, Some(aid(290_000, Some(4000))))
        .await;
    // The one who grants the hours has the last word on what they are worth.
    let draft = grant_at_lumi(Some(9000), None);
    case.broker
        .rule(&case.reviewer, first.unwrap().id, &draft)
        .await
        .unwrap();
    let register = case.broker.aid_of(&case.founder, organisation.id).await;
    let register = register.unwrap();
    assert_eq!(register.len(), 1);
    assert_eq!(
        (register[0].worth_eur, register[0].state.as_str()),
        (9000, "FI")
    );
    let next = case
        .asks(&organisation, Some(aid(290_000, Some(1001))))
        .await;
    assert_eq!(objection(&next), "de_minimis.exceeded");
    case.asks(&organisation, Some(aid(290_000, Some(1000))))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_worth_too_much_is_not_granted() {
    let mut case = Case::new().await;
    let organisation = case.finnish().await;
    let first = case
        .asks(&organisation, Some(aid(0, Some(1))))
        .await
        .unwrap();
    let mut draft = acceptance();
    let grant = draft.grant.as_mut().unwrap();
    grant.local_accounts.clear();
    grant.call_reference = None;
    grant.worth_eur = Some(300_001);
    let refused = case.broker.rule(&case.reviewer, first.id, &draft).await;
    assert_eq!(objection(&refused), "de_minimis.exceeded");
    let register = case.broker.aid_of(&case.founder, organisation.id).await;
    assert!(register.unwrap().is_empty());
}

/// Leaves out of the shared grant what LUMI does not take.
fn grant_at_lumi(worth_eur: Option<u32>, share: Option<&str>) -> RulingDraft {
    let mut draft = acceptance();
    let grant = draft.grant.as_mut().unwrap();
    grant.local_accounts.clear();
    grant.call_reference = None;
    grant.unit = Some("GPU-hour".to_owned());
    grant.worth_eur = worth_eur;
    grant.share = share.map(|it| it.parse().unwrap());
    draft
}

#[tokio::test]
async fn who_does_not_know_what_the_hours_are_worth_leaves_it_to_whoever_gives_them() {
    let mut case = Case::new().await;
    let organisation = case.finnish().await;
    let first = case.asks(&organisation, Some(aid(290_000, None))).await;
    let first = first.unwrap();
    let found = case.broker.store().find_decision(first.found).await;
    let found = found.unwrap().unwrap();
    assert_eq!(found.result, "needs_review");
    assert!(found.document.contains("de_minimis.worth_unknown"));
    let rule = async |worth| {
        let draft = grant_at_lumi(worth, None);
        case.broker.rule(&case.reviewer, first.id, &draft).await
    };
    let unsaid = rule(None).await.unwrap_err();
    assert_eq!(fields(&unsaid), ["grant.worth_eur"]);
    assert_eq!(objection(&rule(Some(10_001)).await), "de_minimis.exceeded");
    let register = async || case.broker.aid_of(&case.founder, organisation.id).await;
    assert!(register().await.unwrap().is_empty());
    rule(Some(10_000)).await.unwrap();
    let register = register().await.unwrap();
    assert_eq!(
        (register[0].worth_eur, register[0].state.as_str()),
        (10_000, "FI")
    );
    let next = case.asks(&organisation, Some(aid(290_001, None))).await;
    assert_eq!(objection(&next), "de_minimis.used_up");
    let at_the_ceiling = case.asks(&organisation, Some(aid(290_000, None))).await;
    let rest = at_the_ceiling.unwrap();
    let draft = grant_at_lumi(Some(1), None);
    let refused = case.broker.rule(&case.reviewer, rest.id, &draft).await;
    assert_eq!(objection(&refused), "de_minimis.exceeded");
}

/// Whether it pays is the reviewer's to say, and so is what the hours are worth where it does not.
#[tokio::test]
async fn hours_of_a_state_for_a_company_of_unclear_size_are_aid_by_the_share_of_the_mode() {
    let mut case = Case::new().await;
    let organisation = case
        .finnish_as(json!({ "size": null, "startup": false }))
        .await;
    let silent = case.asks(&organisation, None).await;
    assert_eq!(objection(&silent), "de_minimis.unknown");
    let first = case.asks(&organisation, Some(aid(100_000, None))).await;
    let first = first.unwrap();
    let rule = async |worth, share| {
        let draft = grant_at_lumi(worth, share);
        case.broker.rule(&case.reviewer, first.id, &draft).await
    };
    // The very share that the mode gives says no more than nothing.
    for share in [None, Some("national:FI")] {
        let unsaid = rule(None, share).await.unwrap_err();
        assert_eq!(fields(&unsaid), ["grant.worth_eur"], "{share:?}");
        let over = rule(Some(200_001), share).await;
        assert_eq!(objection(&over), "de_minimis.exceeded", "{share:?}");
    }
    rule(Some(200_000), None).await.unwrap();
    let register = case.broker.aid_of(&case.founder, organisation.id).await;
    let register = register.unwrap();
    assert_eq!(
        (register[0].worth_eur, register[0].state.as_str()),
        (200_000, "FI")
    );
    let next = case.asks(&organisation, Some(aid(100_000, Some(1)))).await;
    assert_eq!(objection(&next), "de_minimis.exceeded");
}

#[tokio::test]
async fn who_pays_for_national_hours_gets_no_aid_whoever_says_whose_they_are() {
    let mut case = Case::new().await;
    let organisation = case
        .finnish_as(json!({ "size": "large", "startup": false }))
        .await;
    let first = case.asks(&organisation, None).await.unwrap();
    let rule = async |worth, share| {
        let draft = grant_at_lumi(worth, share);
        case.broker.rule(&case.reviewer, first.id, &draft).await
    };
    for share in [None, Some("national:FI")] {
        let no_aid = rule(Some(1), share).await.unwrap_err();
        assert_eq!(fields(&no_aid), ["grant.worth_eur"], "{share:?}");
    }
    let elsewhere = rule(None, Some("national:SE")).await.unwrap_err();
    assert_eq!(
        fields(&elsewhere),
        ["grant.worth_eur"],
        "nobody sells those"
    );
    rule(None, Some("national:FI")).await.unwrap();
    let register = case.broker.aid_of(&case.founder, organisation.id).await;
    assert!(register.unwrap().is_empty());
}

/// Each state has a ceiling of its own, and the one whose hours are given is asked.
#[tokio::test]
async fn hours_of_another_state_count_against_the_ceiling_of_that_state() {
    let mut case = Case::new().await;
    let organisation = case.finnish().await;
    let swedish = async |worth| {
        let asked = case.asks(&organisation, Some(aid(0, None))).await.unwrap();
        let draft = grant_at_lumi(Some(worth), Some("national:SE"));
        let ruled = case.broker.rule(&case.reviewer, asked.id, &draft).await;
        (asked.id, ruled)
    };
    swedish(200_000).await.1.unwrap();
    let (waits, over) = swedish(100_001).await;
    assert_eq!(fields(&over.unwrap_err()), ["grant.worth_eur"]);
    let own = grant_at_lumi(Some(300_000), None);
    case.broker.rule(&case.reviewer, waits, &own).await.unwrap();
    let register = case.broker.aid_of(&case.founder, organisation.id).await;
    let register = register.unwrap();
    let given = register.iter().map(|it| (it.state.as_str(), it.worth_eur));
    let given: std::collections::BTreeMap<_, _> = given.collect();
    assert_eq!(given, [("FI", 300_000), ("SE", 200_000)].into());
}

#[tokio::test]
async fn hours_of_a_state_are_of_one_system_and_not_of_the_federation() {
    let mut case = Case::new().await;
    let organisation = case.finnish().await;
    let asked = case.asks(&organisation, Some(aid(0, None))).await.unwrap();
    for share in [None, Some("national:FI"), Some("national:SE")] {
        let mut draft = grant_at_lumi(Some(1000), share);
        let grant = draft.grant.as_mut().unwrap();
        grant.scope = broker_model::GrantScope::Federation;
        let refused = case.broker.rule(&case.reviewer, asked.id, &draft).await;
        let refused = refused.unwrap_err();
        assert!(fields(&refused).contains(&"grant.scope"), "{share:?}");
    }
}

#[tokio::test]
async fn what_a_linked_enterprise_was_given_counts_with_what_is_asked_for() {
    let mut case = Case::new().await;
    let linked = linked_organisation();
    let sister = case
        .broker
        .register_organisation(&case.founder, &linked)
        .await
        .unwrap();
    case.founder = case.founder().await;
    let organisation = case.finnish().await;
    let write = aid_record(&sister, 299_000);
    let change = broker_store::Change {
        writes: vec![write],
        entries: Vec::new(),
    };
    case.broker.store().commit(change).await.unwrap();
    // By itself it has had nothing.
    let alone = case
        .broker
        .undertaking(&case.founder, organisation.id)
        .await
        .unwrap();
    assert_eq!((alone.members.len(), alone.members[0].counted_eur), (1, 0));
    let stored = case.broker.store().find_organisation(organisation.id).await;
    let tag = organisation_tag(&stored.unwrap().unwrap());
    let draft = finnish_with_linked();
    {
        case.broker
            .describe_organisation(&case.founder, organisation.id, (Some(&tag), &draft))
    }
    .await
    .unwrap();
    let whole = case
        .broker
        .undertaking(&case.founder, organisation.id)
        .await
        .unwrap();
    let counted: Vec<u32> = whole.members.iter().map(|it| it.counted_eur).collect();
    assert_eq!(
        (counted, whole.not_counted),
        (vec![0, 299_000], vec!["Nobody Oy".to_owned()])
    );
    let over = case.asks(&organisation, Some(aid(0, Some(1001)))).await;
    assert_eq!(objection(&over), "de_minimis.exceeded");
    case.asks(&organisation, Some(aid(0, Some(1000))))
        .await
        .unwrap();
}

/// Anybody can declare a competitor as linked: that tells neither its id nor what it had, and a reviewer sees both.
#[tokio::test]
async fn who_declares_a_stranger_as_linked_learns_nothing_of_them() {
    let case = Case::new().await;
    let (sister, curious, theirs) = case.linked_by_a_stranger().await;
    let told = case.broker.undertaking(&curious, theirs.id).await;
    let told = told.unwrap();
    assert_eq!(told.members.len(), 1);
    assert_eq!(told.not_counted, ["Nobody Oy", "Sister"]);
    let whole = case.broker.undertaking(&case.reviewer, theirs.id).await;
    let members = whole.unwrap().members;
    assert_eq!(
        (members[1].organisation, members[1].counted_eur),
        (sister.id, 299_000)
    );
}

#[tokio::test]
async fn hours_of_a_state_that_a_reviewer_gives_in_another_mode_are_aid_too() {
    let mut case = Case::new().await;
    let (organisation, first) = case.waiting().await;
    let rule = async |worth| {
        let mut draft = acceptance();
        let grant = draft.grant.as_mut().unwrap();
        grant.share = Some("national:FR".parse().unwrap());
        grant.worth_eur = worth;
        case.broker.rule(&case.reviewer, first.id, &draft).await
    };
    for worth in [None, Some(300_001)] {
        let refused = rule(worth).await.unwrap_err();
        assert_eq!(fields(&refused), ["grant.worth_eur"], "{worth:?}");
    }
    rule(Some(300_000)).await.unwrap();
    let register = case
        .broker
        .aid_of(&case.founder, organisation.id)
        .await
        .unwrap();
    assert_eq!(
        (register[0].worth_eur, register[0].state.as_str()),
        (300_000, "FR")
    );
}

/// To the day, in Brussels.
#[tokio::test]
async fn aid_counts_until_the_day_before_three_years_have_passed() {
    let mut case = Case::new().await;
    let organisation = case.finnish().await;
    let change = broker_store::Change {
        writes: vec![aid_record(&organisation, 1000)],
        entries: Vec::new(),
    };
    case.broker.store().commit(change).await.unwrap();
    for (time, counted) in [("2029-01-14T22:59:59Z", 1000), ("2029-01-14T23:00:00Z", 0)] {
        let time: jiff::Timestamp = time.parse().unwrap();
        let left = time.duration_since(case.world.now());
        case.world.pass(left.as_secs());
        let whole = { case.broker.undertaking(&case.founder, organisation.id) }.await;
        assert_eq!(whole.unwrap().members[0].counted_eur, counted, "{time}");
    }
}

#[tokio::test]
async fn a_number_of_a_linked_enterprise_that_cannot_be_one_is_told() {
    let case = Case::new().await;
    let mut draft = finnish_with_linked();
    let facts = draft.size_facts.as_mut().unwrap();
    facts["linked"][0]["identifiers"] = json!({ "lei": "12", "phone": "1" });
    let told = case
        .broker
        .register_organisation(&case.founder, &draft)
        .await;
    let expected = [
        "size_facts.linked[0].identifiers.lei",
        "size_facts.linked[0].identifiers.phone",
    ];
    assert_eq!(fields(&told.unwrap_err()), expected);
}

fn linked_organisation() -> OrganisationDraft {
    OrganisationDraft {
        name: "Sister".to_owned(),
        ..organisation()
    }
}

fn finnish_with_linked() -> OrganisationDraft {
    let figures = json!([{ "last_day": "2025-12-31", "awu_hundredths": 500, "turnover_eur": 10, "balance_eur": 10 }]);
    let facts = json!({
        "periods": [{ "last_day": "2025-12-31", "awu_hundredths": 1500, "turnover_eur": 3_000_000, "balance_eur": 3_000_000 }],
        "founded_on": "2025-01-01",
        "linked": [
            { "name": "Sister", "identifiers": { "vat": "FR 40 303 265 045" }, "periods": figures },
            { "name": "Nobody Oy", "periods": figures },
        ],
    });
    OrganisationDraft {
        country: "FI".to_owned(),
        identifiers: broker_model::Identifiers::default(),
        founded_on: None,
        size: None,
        size_facts: Some(facts),
        ..organisation()
    }
}

impl Case {
    /// An organisation with 299 000 EUR of aid, and a stranger with one that says it is linked with that.
    async fn linked_by_a_stranger(&self) -> (Organisation, broker_app::Caller, Organisation) {
        let broker = &self.broker;
        let draft = linked_organisation();
        let sister = broker.register_organisation(&self.founder, &draft);
        let sister = sister.await.unwrap();
        let change = broker_store::Change {
            writes: vec![aid_record(&sister, 299_000)],
            entries: Vec::new(),
        };
        broker.store().commit(change).await.unwrap();
        let curious = async || broker.caller(principal("curious")).await.unwrap();
        let caller = curious().await;
        let draft = finnish_with_linked();
        let theirs = broker.register_organisation(&caller, &draft);
        let theirs = theirs.await.unwrap();
        (sister, curious().await, theirs)
    }
}

fn aid_record(of: &Organisation, worth_eur: u32) -> broker_store::Write {
    use broker_model::Dossier as _;
    let record = json!({
        "id": "aid_0192f0c1234570008000000000000001", "organisation": of.id, "state": "FI",
        "worth_eur": worth_eur, "granted_on": "2026-01-15",
        "application": "app_0192f0c1234570008000000000000002",
        "allocation": "alc_0192f0c1234570008000000000000003",
    });
    let record: broker_model::AidRecord = serde_json::from_value(record).unwrap();
    broker_store::Write::PutDossier(Box::new(broker_store::StoredDossier {
        id: record.id.to_string(),
        kind: broker_model::AidRecord::KIND.to_owned(),
        organisation: of.id,
        desk: None,
        due_at: None,
        version: 0,
        document: serde_json::to_string(&record).unwrap(),
    }))
}
