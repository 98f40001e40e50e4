//! What reviewers record of organisations and their people.

use broker_model::{PersonId, ScreeningDraft, ScreeningOutcome};

use super::*;

fn screening(person: Option<PersonId>, outcome: ScreeningOutcome) -> ScreeningDraft {
    ScreeningDraft {
        kind: "sanctions_screening".to_owned(),
        person,
        list: "EU consolidated list of 19 November 2026".to_owned(),
        screened_on: "2026-11-20".parse().unwrap(),
        expires_on: Some("2027-02-28".parse().unwrap()),
        outcome,
        words: "name and number were looked up".to_owned(),
    }
}

impl Case {
    async fn records(
        &self,
        of: &Organisation,
        person: Option<PersonId>,
        outcome: ScreeningOutcome,
    ) -> Evidence {
        let draft = screening(person, outcome);
        let recorded = self.broker.record_screening(&self.reviewer, of.id, &draft);
        recorded.await.unwrap()
    }
}

impl Case {
    /// Somebody who speaks for the organisation beside its founder.
    async fn colleague(&self, of: &Organisation) -> Caller {
        let colleague = format!(
            r#"
            [[grants]]
            issuer = "{ISSUER}"
            subject = "colleague"
            role = "representative"
            organisation = "{}"
            "#,
            of.id
        );
        self.broker
            .import(&toml::from_str(&colleague).unwrap())
            .await
            .unwrap();
        self.broker.caller(principal("colleague")).await.unwrap()
    }
}

fn spoken(answer: &Result<Application, Error>) -> Vec<&str> {
    let Err(Error::NotEligible(asked)) = answer else {
        panic!("{answer:?}");
    };
    let rules = asked.decision.rules.iter().map(|it| it.rule.as_str());
    rules.filter(|it| it.starts_with("screening.")).collect()
}

#[tokio::test]
async fn a_screening_that_a_reviewer_records_counts_at_once() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let recorded = case
        .records(&organisation, None, ScreeningOutcome::Clear)
        .await;
    assert!(recorded.is_checked() && recorded.check.unwrap().accepted);
    let waiting = case.broker.unchecked_evidence(&case.reviewer, None).await;
    assert_eq!(waiting.unwrap(), [], "nobody has to look again");
    let applied = case.applied(&organisation).await;
    let found = case.broker.store().find_decision(applied.found).await;
    let document = found.unwrap().unwrap().document;
    assert!(document.contains("screening.clear"), "{document}");
    let taken_back = case
        .broker
        .withdraw_evidence(&case.founder, (organisation.id, recorded.id));
    assert!(matches!(taken_back.await, Err(Error::NotWaiting(_))));
}

#[tokio::test]
async fn a_screening_is_not_handed_in_by_who_is_screened() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let draft = EvidenceDraft {
        kind: "export_screening".to_owned(),
        issued_on: "2026-10-01".parse().unwrap(),
        expires_on: None,
        source: "self".to_owned(),
        files: Vec::new(),
    };
    let handed_in = case
        .broker
        .hand_in_evidence(&case.founder, organisation.id, &draft);
    let Err(Error::Invalid(_, faults)) = handed_in.await else {
        panic!("it was taken");
    };
    let [fault] = &faults[..] else {
        panic!("{faults:?}");
    };
    assert_eq!(fault.field, "kind");
    assert!(fault.reason.contains("`alcyone review screening`"));
    assert!(!fault.allowed.contains("screening"), "{}", fault.allowed);
}

#[tokio::test]
async fn what_was_found_of_the_person_who_applies_stops_their_acceptance_and_no_other_screening_does()
 {
    let mut case = Case::new().await;
    let (organisation, first) = case.waiting().await;
    case.records(&organisation, None, ScreeningOutcome::Clear)
        .await;
    let founder = Some(case.founder.person);
    case.records(&organisation, founder, ScreeningOutcome::Unsettled)
        .await;
    let refused = case
        .broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await;
    assert_eq!(spoken(&refused), ["screening.unsettled"]);
    case.world.pass(60);
    case.records(&organisation, founder, ScreeningOutcome::Clear)
        .await;
    let accepted = case
        .broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await;
    let ApplicationState::Accepted { project, .. } = accepted.unwrap().state else {
        panic!("it was accepted");
    };
    // And their jobs, not those of anybody else.
    case.world.pass(4 * 24 * 3600);
    case.records(&organisation, founder, ScreeningOutcome::Unsettled)
        .await;
    let answer = case
        .broker
        .check(&case.founder().await, project)
        .await
        .unwrap();
    assert_eq!(answer.decision.result, Outcome::NeedsReview);
}

#[tokio::test]
async fn a_screening_of_a_person_is_for_them_and_for_reviewers() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let founder = Some(case.founder.person);
    let recorded = case
        .records(&organisation, founder, ScreeningOutcome::Clear)
        .await;
    let colleague = case.colleague(&organisation).await;
    for (caller, sees) in [(&case.founder, 1), (&case.reviewer, 1), (&colleague, 0)] {
        let all = case.broker.evidence(caller, organisation.id).await.unwrap();
        assert_eq!(all.iter().filter(|it| it.id == recorded.id).count(), sees);
    }
}

#[tokio::test]
async fn a_replay_tells_reviewers_alone_what_was_found_of_the_person_who_applied() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let founder = Some(case.founder.person);
    case.records(&organisation, founder, ScreeningOutcome::Clear)
        .await;
    let applied = case.applied(&organisation).await;
    case.broker.keep_policy().await.unwrap();
    let colleague = case.colleague(&organisation).await;
    let place = "/question/applicant/screening";
    for (caller, left_out) in [
        (&case.reviewer, vec![]),
        (&colleague, vec![place.to_owned()]),
    ] {
        let replay = case.broker.replay_decision(caller, applied.found).await;
        let replay = replay.unwrap();
        assert!(replay.same, "{:?}", replay.reason);
        assert_eq!(replay.left_out, left_out);
        let document: serde_json::Value = serde_json::from_str(replay.document.get()).unwrap();
        let found = document.pointer(place).and_then(|it| it.as_str());
        assert_eq!(found, left_out.is_empty().then_some("clear"));
        assert!(replay.asked().is_some(), "it is said in words to both");
    }
}

#[tokio::test]
async fn nobody_records_a_screening_of_their_own_or_of_a_stranger_and_faults_are_told_at_once() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let records = async |caller: &Caller, draft: ScreeningDraft| {
        case.broker
            .record_screening(caller, organisation.id, &draft)
            .await
    };
    let clear = |person| screening(person, ScreeningOutcome::Clear);
    let by_founder = records(&case.founder, clear(None)).await;
    assert!(
        matches!(by_founder, Err(Error::Forbidden(_))),
        "{by_founder:?}"
    );
    let of_self = records(&case.reviewer, clear(Some(case.reviewer.person))).await;
    assert!(
        matches!(of_self, Err(Error::ConflictOfInterest)),
        "{of_self:?}"
    );
    let engineer = case.broker.caller(principal("engineer")).await.unwrap();
    let stranger = records(&case.reviewer, clear(Some(engineer.person))).await;
    assert!(
        matches!(stranger, Err(Error::NotFound("person"))),
        "{stranger:?}"
    );
    let wrong = ScreeningDraft {
        kind: "ai_pact_pledge".to_owned(),
        list: String::new(),
        screened_on: "2026-11-21".parse().unwrap(),
        expires_on: Some("2026-11-19".parse().unwrap()),
        ..clear(None)
    };
    let told = records(&case.reviewer, wrong).await.unwrap_err();
    assert_eq!(fields(&told), ["kind", "list", "screened_on", "expires_on"]);
}

#[tokio::test]
async fn a_screening_without_a_last_day_counts_for_a_year_and_an_older_one_is_not_recorded() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let records = async |kind: &str, day: &str, outcome| {
        let draft = ScreeningDraft {
            kind: kind.to_owned(),
            screened_on: day.parse().unwrap(),
            expires_on: None,
            ..screening(None, outcome)
        };
        let recorded = case
            .broker
            .record_screening(&case.reviewer, organisation.id, &draft);
        recorded.await
    };
    let (of_people, of_goods) = ("sanctions_screening", "export_screening");
    let clear = ScreeningOutcome::Clear;
    for (kind, day) in [
        (of_people, "2020-01-01"),
        (of_people, "2025-11-20"),
        (of_goods, "2021-09-08"),
    ] {
        let told = records(kind, day, clear).await.unwrap_err();
        assert_eq!(fields(&told), ["screened_on"], "{kind} {day}");
    }
    let taken = records(of_people, "2025-11-21", clear).await.unwrap();
    assert_eq!(taken.expires_on, Some("2026-11-20".parse().unwrap()));
    // What was not settled is not settled by time.
    let unsettled = ScreeningOutcome::Unsettled;
    let taken = records(of_people, "2020-01-01", unsettled).await.unwrap();
    assert_eq!(taken.expires_on, None);
}
