//! What is owed after an allocation: made with it, reminded of once each, in the way while it is overdue.

use std::sync::Arc;

use broker_app::FollowUpView;
use broker_model::{
    FollowUp, FollowUpId, FollowUpState, FulfilmentDraft, ReopeningDraft, Role, WaiverDraft,
};
use broker_store::{Change, Commits as _, Ledger as _, StoredGrant, Write};
use jiff::Timestamp;

use super::*;
use crate::fault::{Fault, FaultyStore};

impl Case {
    /// An organisation whose application was accepted, until 22 February 2027.
    async fn granted(&mut self) -> Organisation {
        let (organisation, waiting) = self.waiting().await;
        let accepted = acceptance();
        let ruled = self.broker.rule(&self.reviewer, waiting.id, &accepted);
        ruled.await.unwrap();
        self.founder = self.founder().await;
        organisation
    }

    async fn owed(&self) -> Vec<FollowUpView> {
        self.broker.my_follow_ups(&self.founder).await.unwrap()
    }

    async fn final_report(&self) -> FollowUpView {
        let owed = self.owed().await;
        let mut reports = owed
            .into_iter()
            .filter(|it| it.follow_up.kind == "final_report");
        reports.next().unwrap()
    }

    fn until(&self, time: &str) {
        let time: Timestamp = time.parse().unwrap();
        self.world
            .pass(time.duration_since(self.world.now()).as_secs());
    }

    async fn fulfil(&self, id: FollowUpId) -> Result<FollowUp, Error> {
        self.broker
            .fulfil_follow_up(&self.founder, id, &report())
            .await
    }

    async fn may_apply(&self, of: &Organisation) -> bool {
        match self.broker.apply(&self.founder, &application(of)).await {
            Ok(applied) => {
                let withdrawn = self
                    .broker
                    .withdraw_application(&self.founder, applied.id)
                    .await;
                withdrawn.unwrap();
                true
            }
            Err(Error::NotEligible(asked)) => {
                let decision = asked.decision;
                let refused = decision
                    .rules
                    .iter()
                    .any(|it| it.rule == "follow_ups.overdue");
                assert!(refused, "{decision:?}");
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// What the ledger says of this kind.
    async fn entries(&self, kind: &str) -> Vec<serde_json::Value> {
        let all = self.world.store().await.entries(0, 500).await.unwrap();
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let all = all.iter().map(|it| read(&it.text));
        all.filter(|it| it["kind"] == kind).collect()
    }
}

fn report() -> FulfilmentDraft {
    FulfilmentDraft {
        words: "Four structures were found; the data are public.".to_owned(),
        link: Some("https://reports.example.eu/1147".to_owned()),
        sha256: Some("ab".repeat(32)),
    }
}

fn waiver() -> WaiverDraft {
    WaiverDraft {
        reason: "The machine was gone before they could begin.".to_owned(),
    }
}

fn reopening(due_on: Option<&str>) -> ReopeningDraft {
    ReopeningDraft {
        words: "It says nothing of the hours.".to_owned(),
        due_on: due_on.map(|it| it.parse().unwrap()),
        postpones: false,
    }
}

fn postponement(due_on: &str) -> ReopeningDraft {
    ReopeningDraft {
        postpones: true,
        ..reopening(Some(due_on))
    }
}

#[tokio::test]
async fn an_accepted_application_makes_one_for_each_duty_of_its_mode_from_the_end_of_its_hours() {
    let mut case = Case::new().await;
    case.granted().await;
    let owed = case.owed().await;
    let mut found: Vec<(String, Option<String>, bool)> = owed
        .iter()
        .map(|it| {
            let day = it.follow_up.due_on.map(|day| day.to_string());
            (it.follow_up.kind.clone(), day, it.blocks)
        })
        .collect();
    found.sort();
    let due =
        |kind: &str, day: Option<&str>, blocks| (kind.to_owned(), day.map(str::to_owned), blocks);
    assert_eq!(
        found,
        [
            due("acknowledgement", None, false),
            due("final_report", Some("2027-05-22"), true),
            due("outcome_survey", Some("2027-08-22"), false),
            due("outcome_survey", Some("2028-02-22"), false),
        ]
    );
    assert!(owed.iter().all(|it| !it.overdue && !it.pressing));
    assert_eq!(owed[0].project_name, "Folding");
    let opened = case.entries("follow_up.opened").await;
    assert_eq!(
        opened.len(),
        5,
        "and one for the hours of the world, by no mode"
    );
}

#[tokio::test]
async fn data_are_to_be_fetched_in_time_where_the_system_deletes_them() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let draft = ApplicationDraft {
        system: "lumi/lumi".to_owned(),
        ..application(&organisation)
    };
    let waiting = case.broker.apply(&case.founder, &draft).await.unwrap();
    let mut accepted = acceptance();
    if let Some(grant) = &mut accepted.grant {
        grant.local_accounts.clear();
        grant.unit = Some("GPU-hour".to_owned());
    }
    let ruled = case.broker.rule(&case.reviewer, waiting.id, &accepted);
    ruled.await.unwrap();
    case.founder = case.founder().await;
    let owed = case.owed().await;
    let fetching = owed.iter().find(|it| it.follow_up.kind == "data_retrieval");
    let day = fetching.and_then(|it| it.follow_up.due_on);
    assert_eq!(day, Some("2027-05-23".parse().unwrap()), "90 days");
    assert_eq!(owed.len(), 5);
}

#[tokio::test]
async fn who_owes_a_final_report_applies_again_once_it_is_handed_in() {
    let mut case = Case::new().await;
    let organisation = case.granted().await;
    let report = case.final_report().await.follow_up.id;
    case.until("2027-05-22T21:59:00Z");
    assert!(case.may_apply(&organisation).await, "its last day");
    case.until("2027-05-22T22:01:00Z");
    assert!(
        !case.may_apply(&organisation).await,
        "the day after, in Brussels"
    );
    let routes = RouteQuery {
        aid: None,
        organisation_id: Some(organisation.id),
        organisation: None,
        project: serde_json::from_value(json!({ "civilian": true, "sectors": [] })).unwrap(),
        evidence: Vec::new(),
        need: policy_engine::NeedFacts::default(),
    };
    let routes = case.broker.find_routes(&case.founder, (routes, "en")).await;
    let routes = routes.unwrap();
    assert!(
        routes
            .iter()
            .all(|it| it.route.decision.result == Outcome::NotEligible)
    );
    case.fulfil(report).await.unwrap();
    assert!(case.may_apply(&organisation).await);
    let [fulfilled] = &case.entries("follow_up.fulfilled").await[..] else {
        panic!("one entry");
    };
    assert_eq!(fulfilled["data"]["file_sha256"], "ab".repeat(32));
    assert!(!fulfilled.to_string().contains("structures"), "{fulfilled}");
}

#[tokio::test]
async fn a_reviewer_waives_a_report_or_finds_it_insufficient_and_says_why() {
    let mut case = Case::new().await;
    let organisation = case.granted().await;
    let id = case.final_report().await.follow_up.id;
    case.until("2027-06-01T12:00:00Z");
    let (broker, reviewer) = (&case.broker, &case.reviewer);
    broker
        .waive_follow_up(reviewer, id, &waiver())
        .await
        .unwrap();
    assert!(case.may_apply(&organisation).await);
    let again = broker
        .reopen_follow_up(reviewer, id, &reopening(None))
        .await;
    assert_eq!(again.unwrap().earlier.len(), 1);
    assert!(
        !case.may_apply(&organisation).await,
        "its day is over still"
    );
    let longer = broker
        .reopen_follow_up(reviewer, id, &postponement("2027-06-30"))
        .await;
    assert_eq!(longer.unwrap().due_on, Some("2027-06-30".parse().unwrap()));
    assert!(case.may_apply(&organisation).await);
    case.fulfil(id).await.unwrap();
    let insufficient = broker
        .reopen_follow_up(reviewer, id, &reopening(None))
        .await
        .unwrap();
    let FollowUpState::Open {
        reopened: Some(why),
    } = &insufficient.state
    else {
        panic!("{insufficient:?}");
    };
    assert_eq!(why.words, "It says nothing of the hours.");
    let states: Vec<&str> = insufficient
        .earlier
        .iter()
        .map(FollowUpState::as_str)
        .collect();
    assert_eq!(states, ["waived", "open", "open", "fulfilled"]);
    let read = broker.follow_up(&case.founder, id).await.unwrap().follow_up;
    assert_eq!(read, insufficient);
}

#[tokio::test]
async fn what_is_handed_in_before_the_hours_begin_is_kept_and_owed_still() {
    let mut case = Case::new().await;
    let (organisation, waiting) = case.waiting().await;
    let mut accepted = acceptance();
    accepted.grant.as_mut().unwrap().valid_from = "2026-12-01".parse().unwrap();
    let ruled = case.broker.rule(&case.reviewer, waiting.id, &accepted);
    ruled.await.unwrap();
    case.founder = case.founder().await;
    let owed = case.final_report().await.follow_up;
    let early = case.fulfil(owed.id).await.unwrap();
    assert!(
        early.is_open() && early.remind_at == owed.remind_at,
        "{early:?}"
    );
    let again = case.fulfil(owed.id).await;
    assert!(
        matches!(&again, Err(Error::NotWaiting(words)) if words.contains("2026-12-01") || words.contains("2026-11-30")),
        "{again:?}"
    );
    case.until("2027-06-15T12:00:00Z");
    assert!(
        !case.may_apply(&organisation).await,
        "no report of the hours"
    );
    let late = case.fulfil(owed.id).await.unwrap();
    assert!(!late.is_open());
    assert_eq!(
        late.earlier,
        [early.state],
        "the early one can be read still"
    );
    assert!(case.may_apply(&organisation).await);
}

#[tokio::test]
async fn a_postponement_throws_away_no_report_that_came_while_it_was_written() {
    let mut case = Case::new().await;
    case.granted().await;
    let id = case.final_report().await.follow_up.id;
    let (broker, reviewer) = (&case.broker, &case.reviewer);
    let unnamed = broker
        .reopen_follow_up(reviewer, id, &reopening(Some("2027-09-30")))
        .await;
    assert!(matches!(unnamed, Err(Error::NotWaiting(_))), "{unnamed:?}");
    let no_day = ReopeningDraft {
        due_on: None,
        ..postponement("2027-09-30")
    };
    let error = broker.reopen_follow_up(reviewer, id, &no_day).await;
    assert_eq!(fields(&error.unwrap_err()), ["due_on"]);
    let handed_in = case.fulfil(id).await.unwrap();
    let late = broker
        .reopen_follow_up(reviewer, id, &postponement("2027-09-30"))
        .await;
    assert!(matches!(late, Err(Error::NotWaiting(_))), "{late:?}");
    let now = broker.follow_up(reviewer, id).await.unwrap().follow_up;
    assert_eq!(now, handed_in, "it counts still");
}

#[tokio::test]
async fn a_last_day_is_moved_later_only_and_by_two_years_at_most() {
    let mut case = Case::new().await;
    case.granted().await;
    let id = case.final_report().await.follow_up.id;
    let (broker, reviewer) = (&case.broker, &case.reviewer);
    let to = async |draft: ReopeningDraft| broker.reopen_follow_up(reviewer, id, &draft).await;
    for (day, reason) in [
        ("2026-11-01", "2026-11-01 is over"),
        (
            "2027-02-21",
            "2027-02-21 is before the hours end, on 2027-02-22",
        ),
        (
            "2027-03-01",
            "2027-03-01 is not later than its last day, 2027-05-22",
        ),
        (
            "2027-05-22",
            "2027-05-22 is not later than its last day, 2027-05-22",
        ),
        (
            "2029-05-23",
            "2029-05-23 is more than 24 months after 2027-05-22",
        ),
        (
            "2099-01-01",
            "2099-01-01 is more than 24 months after 2027-05-22",
        ),
    ] {
        let Err(Error::Invalid("reopening", faults)) = to(postponement(day)).await else {
            panic!("{day} was taken");
        };
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!((&*faults[0].field, &*faults[0].reason), ("due_on", reason));
        assert_eq!(faults[0].allowed, "a day from 2027-05-23 to 2029-05-22");
    }
    let now = broker.follow_up(reviewer, id).await.unwrap().follow_up;
    assert_eq!(now.due_on, Some("2027-05-22".parse().unwrap()));
    for day in ["2027-05-23", "2029-05-23"] {
        let moved = to(postponement(day)).await.unwrap();
        assert_eq!(moved.due_on, Some(day.parse().unwrap()));
    }
    case.fulfil(id).await.unwrap();
    let sooner = to(reopening(Some("2029-05-22"))).await;
    assert_eq!(fields(&sooner.unwrap_err()), ["due_on"]);
    let same = to(reopening(Some("2029-05-23"))).await;
    assert_eq!(same.unwrap().due_on, Some("2029-05-23".parse().unwrap()));
}

#[tokio::test]
async fn what_is_long_overdue_is_postponed_from_today_on() {
    let mut case = Case::new().await;
    case.granted().await;
    let id = case.final_report().await.follow_up.id;
    case.until("2030-01-15T12:00:00Z");
    let (broker, reviewer) = (&case.broker, &case.reviewer);
    let to = async |day| {
        let draft = postponement(day);
        broker.reopen_follow_up(reviewer, id, &draft).await
    };
    let Err(Error::Invalid("reopening", faults)) = to("2032-01-16").await else {
        panic!("it was taken");
    };
    assert_eq!(faults[0].allowed, "a day from 2030-01-15 to 2032-01-15");
    assert!(to("2032-01-15").await.is_ok());
}

#[tokio::test]
async fn each_reminder_is_recorded_once_by_however_many_replicas_and_whatever_fails() {
    let mut case = Case::new().await;
    case.granted().await;
    let id = case.final_report().await.follow_up.id;
    let other = case.world.broker().await;
    let store = Arc::new(FaultyStore::over(case.world.store().await));
    let failing = case.world.broker_over(store.clone());
    case.until("2027-04-21T21:59:00Z");
    assert_eq!(case.broker.remind_once().await.unwrap(), 0);
    case.until("2027-04-21T22:00:00Z");
    let (one, two) = tokio::join!(case.broker.remind_once(), other.remind_once());
    assert_eq!(one.unwrap() + two.unwrap(), 1, "one of both gave it");
    assert!(case.final_report().await.pressing);
    case.until("2027-05-15T12:00:00Z");
    for fault in [Fault::Before, Fault::After] {
        store.fail_after(0, fault);
        failing.remind_once().await.unwrap_err();
        store.mend();
    }
    assert_eq!(
        other.remind_once().await.unwrap(),
        0,
        "it was given, and the answer lost"
    );
    case.until("2027-05-22T12:00:00Z");
    assert_eq!(other.remind_once().await.unwrap(), 1);
    case.until("2027-07-01T12:00:00Z");
    assert_eq!(other.remind_once().await.unwrap(), 0);
    let given = case.entries("follow_up.reminded").await;
    let given: Vec<_> = given
        .iter()
        .map(|it| {
            (
                it["data"]["follow_up"].clone(),
                it["data"]["days_before"].clone(),
            )
        })
        .collect();
    let told = |days: u8| (json!(id.to_string()), json!(days));
    assert_eq!(given, [told(30), told(7), told(0)]);
}

#[tokio::test]
async fn what_was_missed_while_nothing_ran_is_told_once_and_settled_things_never() {
    let mut case = Case::new().await;
    case.granted().await;
    let id = case.final_report().await.follow_up.id;
    case.until("2027-05-17T12:00:00Z");
    assert_eq!(case.broker.remind_once().await.unwrap(), 1);
    let given = case.entries("follow_up.reminded").await;
    assert_eq!(given[0]["data"]["days_before"], 7);
    case.fulfil(id).await.unwrap();
    assert!(!case.final_report().await.pressing);
    case.until("2027-06-01T12:00:00Z");
    assert_eq!(case.broker.remind_once().await.unwrap(), 0);
}

#[tokio::test]
async fn overdue_ones_are_listed_for_who_checks_and_an_auditor_of_one_share_sees_no_other() {
    let mut case = Case::new().await;
    case.granted().await;
    let auditor = |subject: &str, share: &str| {
        format!(
            "[[grants]]\nissuer = \"{ISSUER}\"\nsubject = \"{subject}\"\nrole = \"auditor\"\n\
             share = \"{share}\"\n"
        )
    };
    let grants = auditor("union", "union") + &auditor("finland", "national:FI");
    let grants = toml::from_str(&grants).unwrap();
    case.broker.import(&grants).await.unwrap();
    let of_union = case.broker.caller(principal("union")).await.unwrap();
    let of_finland = case.broker.caller(principal("finland")).await.unwrap();
    let overdue = async |caller: &Caller| {
        let found = case.broker.overdue_follow_ups(caller).await.unwrap();
        let found = found.into_iter().map(|it| it.follow_up.kind);
        found.collect::<Vec<_>>()
    };
    case.until("2027-05-22T12:00:00Z");
    case.broker.remind_once().await.unwrap();
    assert!(
        overdue(&case.reviewer).await.is_empty(),
        "its last day is not over"
    );
    case.until("2027-08-23T12:00:00Z");
    case.broker.remind_once().await.unwrap();
    assert_eq!(
        overdue(&case.reviewer).await,
        ["final_report", "outcome_survey"]
    );
    assert_eq!(overdue(&of_union).await.len(), 2);
    assert!(overdue(&of_finland).await.is_empty());
    let id = case.final_report().await.follow_up.id;
    assert!(case.broker.follow_up(&of_union, id).await.is_ok());
    let hidden = case.broker.follow_up(&of_finland, id).await;
    assert!(matches!(hidden, Err(Error::NotFound("follow-up"))));
    let refused = case.broker.overdue_follow_ups(&case.founder).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn its_own_people_hand_it_in_and_others_judge() {
    let mut case = Case::new().await;
    let organisation = case.granted().await;
    let found = case.final_report().await.follow_up;
    let (broker, id) = (&case.broker, found.id);
    let stranger = broker.caller(principal("stranger")).await.unwrap();
    let hidden = broker.fulfil_follow_up(&stranger, id, &report()).await;
    assert!(
        matches!(hidden, Err(Error::NotFound("follow-up"))),
        "{hidden:?}"
    );
    let member = Write::PutGrant(StoredGrant {
        person: stranger.person,
        role: Role::Member {
            project: found.project,
        },
    });
    let change = Change {
        writes: vec![member],
        entries: Vec::new(),
    };
    case.world.store().await.commit(change).await.unwrap();
    broker.forget_callers();
    let member = broker.caller(principal("stranger")).await.unwrap();
    assert_eq!(broker.my_follow_ups(&member).await.unwrap().len(), 4);
    for caller in [&member, &case.reviewer] {
        let refused = broker.fulfil_follow_up(caller, id, &report()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
    let refused = broker.waive_follow_up(&case.founder, id, &waiver()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    let both =
        format!("[[grants]]\nissuer = \"{ISSUER}\"\nsubject = \"founder\"\nrole = \"reviewer\"");
    broker
        .import(&toml::from_str(&both).unwrap())
        .await
        .unwrap();
    let founder = case.founder().await;
    let own = broker.waive_follow_up(&founder, id, &waiver()).await;
    assert!(matches!(own, Err(Error::ConflictOfInterest)), "{own:?}");
    let own = broker
        .reopen_follow_up(&founder, id, &reopening(None))
        .await;
    assert!(matches!(own, Err(Error::ConflictOfInterest)), "{own:?}");
    let of = broker
        .organisation_follow_ups(&founder, organisation.id)
        .await;
    assert_eq!(of.unwrap().len(), 4);
}

#[tokio::test]
async fn what_cannot_be_taken_is_said_by_field_and_what_is_settled_is_not_settled_again() {
    let mut case = Case::new().await;
    case.granted().await;
    let id = case.final_report().await.follow_up.id;
    let broker = &case.broker;
    let strange = FulfilmentDraft {
        words: " ".to_owned(),
        link: Some("javascript:alert(1)".to_owned()),
        sha256: Some("AB".repeat(32)),
    };
    let error = broker
        .fulfil_follow_up(&case.founder, id, &strange)
        .await
        .unwrap_err();
    assert_eq!(fields(&error), ["words", "link", "sha256"]);
    let early = reopening(Some("2026-11-19"));
    let error = broker
        .reopen_follow_up(&case.reviewer, id, &early)
        .await
        .unwrap_err();
    assert_eq!(fields(&error), ["due_on"]);
    let owed = broker
        .reopen_follow_up(&case.reviewer, id, &reopening(None))
        .await;
    assert!(matches!(owed, Err(Error::NotWaiting(_))), "{owed:?}");
    // Its hours have begun.
    case.until("2026-11-24T12:00:00Z");
    let other = case.world.broker().await;
    let (first, waived) = (report(), waiver());
    let (one, two) = tokio::join!(
        broker.fulfil_follow_up(&case.founder, id, &first),
        other.waive_follow_up(&case.reviewer, id, &waived),
    );
    assert_eq!(
        [one.is_ok(), two.is_ok()].iter().filter(|it| **it).count(),
        1
    );
    for late in [
        case.fulfil(id).await,
        broker.waive_follow_up(&case.reviewer, id, &waived).await,
    ] {
        assert!(
            matches!(&late, Err(Error::NotWaiting(words)) if words.contains("2026-11-24")),
            "{late:?}"
        );
    }
}

#[tokio::test]
async fn a_follow_up_that_cannot_be_read_keeps_no_reminder_of_others_from_being_given() {
    let mut case = Case::new().await;
    case.granted().await;
    let id = case.final_report().await.follow_up;
    case.until("2027-04-21T22:00:00Z");
    let broken = broker_store::StoredDossier {
        id: "fup_00000000000000000000000000000001".to_owned(),
        kind: "follow_up".to_owned(),
        organisation: id.organisation,
        desk: None,
        due_at: Some(jiff::Timestamp::UNIX_EPOCH),
        version: 0,
        document: "{}".to_owned(),
    };
    let change = broker_store::Change {
        writes: vec![broker_store::Write::PutDossier(Box::new(broken))],
        entries: Vec::new(),
    };
    case.broker.store().commit(change).await.unwrap();
    assert_eq!(case.broker.remind_once().await.unwrap(), 1);
    assert_eq!(case.broker.remind_once().await.unwrap(), 0);
}

impl Case {
    /// Hours that a source gave the organisation, by the call that this is the id of, until this day.
    async fn imported(&self, of: &Organisation, call: &str, until: &str) {
        let line = format!(
            "A-1,,,{},Own hours,{call},federation,union,GPU-hour,5,2026-11-01,{until},,",
            of.id
        );
        let table = crate::imports::table(&[&line]);
        crate::imports::import_of(&self.broker, &table, false)
            .await
            .unwrap();
    }

    /// What is owed, and until when.
    async fn last_days(&self) -> Vec<String> {
        let owed = self.owed().await;
        let with_days = owed.iter().filter_map(|it| {
            let day = it.follow_up.due_on?;
            Some(format!("{} {day}", it.follow_up.kind))
        });
        let mut found: Vec<String> = with_days.collect();
        found.sort();
        found
    }
}

#[tokio::test]
async fn a_report_that_is_owed_by_default_is_overdue_and_stands_in_the_way_of_nothing() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    case.imported(&organisation, "", "2026-12-31").await;
    case.until("2027-04-01T00:00:00Z");
    let report = case.final_report().await;
    assert!(report.overdue);
    assert!(!report.blocks);
    assert!(case.may_apply(&organisation).await);
}

#[tokio::test]
async fn last_days_move_with_the_end_of_hours_that_goes_on_or_comes_sooner() {
    for (call, first, longer, shorter) in [
        (
            "",
            &["final_report 2027-03-31"][..],
            &["final_report 2028-03-31"][..],
            &["final_report 2027-02-28"][..],
        ),
        (
            "EHPC-AIF-2026PG01-907",
            &[
                "final_report 2027-03-31",
                "outcome_survey 2027-06-30",
                "outcome_survey 2027-12-31",
            ],
            &[
                "final_report 2028-03-31",
                "outcome_survey 2028-06-30",
                "outcome_survey 2028-12-31",
            ],
            &[
                "final_report 2027-02-28",
                "outcome_survey 2027-05-30",
                "outcome_survey 2027-11-30",
            ],
        ),
    ] {
        let mut case = Case::new().await;
        let organisation = case.registered().await;
        case.imported(&organisation, call, "2026-12-31").await;
        assert_eq!(case.last_days().await, first);
        case.imported(&organisation, call, "2027-12-31").await;
        assert_eq!(case.last_days().await, longer);
        let moved = case.entries("follow_up.moved").await;
        assert_eq!(moved.len(), longer.len());
        case.imported(&organisation, call, "2026-11-30").await;
        assert_eq!(case.last_days().await, shorter);
    }
}

#[tokio::test]
async fn a_last_day_that_a_reviewer_gave_or_what_was_handed_in_stays_when_the_end_is_moved() {
    for hands_in in [false, true] {
        let mut case = Case::new().await;
        let organisation = case.registered().await;
        case.imported(&organisation, "", "2026-12-31").await;
        let report = case.final_report().await.follow_up.id;
        if hands_in {
            case.fulfil(report).await.unwrap();
        } else {
            let later = postponement("2027-04-15");
            let postponed = case.broker.reopen_follow_up(&case.reviewer, report, &later);
            postponed.await.unwrap();
        }
        let before = case.last_days().await;
        case.imported(&organisation, "", "2027-12-31").await;
        assert_eq!(case.last_days().await, before);
        assert!(case.entries("follow_up.moved").await.is_empty());
    }
}
