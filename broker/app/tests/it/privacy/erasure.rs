use std::sync::Arc;

use broker_app::{Error, InviteOrder};
use broker_model::{EntryKind, HoldSubject, InviteState, Role, ScreeningDraft, ScreeningOutcome};
use broker_store::{Commits as _, StoredGrant};
use serde_json::Value;

use super::case::{COOKIE, Case, EMAIL, NAME, ada};
use crate::books::Books;
use crate::fault::{Fault, FaultyStore};
use crate::world::principal;

fn refused(answer: Result<broker_app::ErasurePlan, Error>) -> String {
    match answer {
        Err(Error::InUse(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_erased_person_is_a_pseudonym_without_access() {
    let case = Case::new().await;
    case.evidence("ours").await;
    let profile = case.profile().await;
    let closed = case.closed_referral().await;
    let open = case.referral().await;
    case.session().await;
    case.answer().await;
    let before = Books::read(&case.broker).await.entries.len();
    let plan = case.broker.plan_erasure(case.ada.person).await.unwrap();
    assert_eq!(
        Books::read(&case.broker).await.entries.len(),
        before,
        "a plan"
    );
    let done = case.broker.erase_person(case.ada.person).await.unwrap();
    assert_eq!(done, plan, "what was said is what was done");
    let classes: Vec<&str> = done.goes.iter().map(|it| it.class).collect();
    let expected = [
        "answers",
        "identity",
        "profiles",
        "referrals",
        "roles",
        "sessions",
    ];
    assert_eq!(classes, expected);
    let careful = done.careful.join("\n");
    assert!(careful.contains("has no lead then"), "{careful}");
    assert!(careful.contains("nobody speaks for"), "{careful}");

    let store = case.broker.store();
    assert!(case.broker.session(COOKIE).await.unwrap().is_none());
    assert_eq!(store.sessions_of(case.ada.person).await.unwrap(), []);
    assert_eq!(store.remembered_of(case.ada.person).await.unwrap(), []);
    assert_eq!(store.grants_of(case.ada.person).await.unwrap(), []);
    let dossier = async |id: String| store.find_dossier(&id).await.unwrap().unwrap().document;
    assert!(!dossier(profile.id.to_string()).await.contains(EMAIL));
    assert!(!dossier(closed.id.to_string()).await.contains("Ada"));
    let open = dossier(open.id.to_string()).await;
    assert!(open.contains("Call Ada"), "somebody is at work on it");
    let text = case.all_text().await;
    assert!(!text.contains(NAME) && !text.contains(r#""ada""#), "{text}");
    let entries = Books::read(&case.broker).await.entries;
    let erased: Vec<_> = { entries.iter() }
        .filter(|it| it.kind == EntryKind::PersonErased)
        .collect();
    assert_eq!(erased.len(), 1);
    assert_eq!(erased[0].actor, Some(case.ada.person));
    assert_eq!(erased[0].data["sessions"], Value::from(1));
    let removed = { entries.iter() }
        .filter(|it| it.kind == EntryKind::RoleRemoved && it.actor == Some(case.ada.person));
    assert_eq!(removed.count(), 2);
}

#[tokio::test]
async fn words_of_a_screening_go_with_the_person_and_its_outcome_stays() {
    let case = Case::new().await;
    let draft = |person| ScreeningDraft {
        kind: "sanctions_screening".to_owned(),
        person,
        list: "a list of namesakes of Ada".to_owned(),
        screened_on: "2026-10-01".parse().unwrap(),
        expires_on: None,
        outcome: ScreeningOutcome::Unsettled,
        words: "Ada has the same name as somebody there".to_owned(),
    };
    let record = async |person| {
        let (broker, of) = (&case.broker, case.ours.id);
        let draft = draft(person);
        let recorded = broker.record_screening(&case.reviewer, of, &draft);
        recorded.await.unwrap().id.to_string()
    };
    let (of_ada, of_ours) = (record(Some(case.ada.person)).await, record(None).await);
    let plan = case.broker.erase_person(case.ada.person).await.unwrap();
    let told = plan.goes.iter().find(|it| it.class == "screenings");
    assert_eq!(told.map(|it| it.count), Some(1));
    let dossier = async |id: &str| {
        let found = case.broker.store().find_dossier(id).await;
        serde_json::from_str::<Value>(&found.unwrap().unwrap().document).unwrap()
    };
    let gone = dossier(&of_ada).await;
    assert_eq!(
        (&gone["source"], &gone["check"]["words"]),
        (&"".into(), &"".into())
    );
    assert_eq!(
        gone["check"]["accepted"],
        Value::from(false),
        "it counts as before"
    );
    assert!(
        dossier(&of_ours).await["source"]
            .as_str()
            .unwrap()
            .contains("list")
    );
    let again = case.broker.erase_person(case.ada.person).await.unwrap();
    assert!(!again.goes.iter().any(|it| it.class == "screenings"));
}

#[tokio::test]
async fn who_signs_in_again_is_somebody_new() {
    let case = Case::new().await;
    case.broker.erase_person(case.ada.person).await.unwrap();
    let old = case.broker.is_revoked(&ada(), case.world.now()).await;
    assert!(old.unwrap(), "what was issued before does not count");
    case.world.pass(1);
    let new = case.broker.is_revoked(&ada(), case.world.now()).await;
    assert!(!new.unwrap());
    let again = case.broker.caller(ada()).await.unwrap();
    assert_ne!(again.person, case.ada.person);
    assert!(again.roles.is_empty(), "{:?}", again.roles);
    let export = case.broker.export_me(&again).await.unwrap();
    let export = serde_json::to_value(export).unwrap().to_string();
    let link = case.ada.person.to_string();
    assert!(!export.contains(&link), "nothing leads back: {export}");
}

#[tokio::test]
async fn nobody_is_erased_while_their_job_is_not_over_or_they_are_held() {
    let case = Case::new().await;
    let job = case.job().await;
    let words = refused(case.broker.erase_person(case.ada.person).await);
    assert!(words.contains(&job.id.to_string()), "{words}");
    assert!(words.contains("`alcyone cancel JOB`"), "{words}");
    case.broker.cancel(&case.ada, job.id).await.unwrap();
    let hold = case
        .broker
        .set_hold(case.subject(), "case 4711 of the court");
    hold.await.unwrap();
    let words = refused(case.broker.erase_person(case.ada.person).await);
    assert!(words.contains("hold lift"), "{words}");
    let person = case.broker.store().find_person(case.ada.person).await;
    assert_eq!(person.unwrap().unwrap().name.as_deref(), Some(NAME));
    assert!(case.broker.lift_hold(case.subject()).await.unwrap());
    assert!(!case.broker.lift_hold(case.subject()).await.unwrap());
    case.broker.erase_person(case.ada.person).await.unwrap();
    let entries = case.broker.store().entries(0, 10_000).await.unwrap();
    let all: String = entries.into_iter().map(|it| it.text).collect();
    assert!(
        !all.contains("4711"),
        "the reason is in the ledger by its digest"
    );
    assert!(all.contains("legal_hold.set") && all.contains("legal_hold.lifted"));
}

#[tokio::test]
async fn a_hold_that_comes_between_reading_and_commit_wins() {
    let case = Case::new().await;
    let store = Arc::new(FaultyStore::over(case.world.store().await));
    let broker = case.world.broker_over(store.clone());
    let (other, subject) = (case.broker.clone(), case.subject());
    store.meanwhile(async move {
        other.set_hold(subject, "just now").await.unwrap();
    });
    let words = refused(broker.erase_person(case.ada.person).await);
    assert!(words.contains("legal hold"), "{words}");
    let person = case.broker.store().find_person(case.ada.person).await;
    assert_eq!(person.unwrap().unwrap().email.as_deref(), Some(EMAIL));
}

#[tokio::test]
async fn an_erasure_whose_answer_is_lost_is_done_once() {
    let case = Case::new().await;
    let store = Arc::new(FaultyStore::over(case.world.store().await));
    let broker = case.world.broker_over(store.clone());
    store.fail_after(0, Fault::Before);
    assert!(broker.erase_person(case.ada.person).await.is_err());
    let whole = case.broker.export_me(&case.ada).await.unwrap();
    assert!(
        whole.identity.is_some() && whole.roles.len() == 2,
        "nothing half done"
    );
    store.fail_after(0, Fault::After);
    assert!(broker.erase_person(case.ada.person).await.is_err());
    assert!(store.mend());
    let again = broker.erase_person(case.ada.person).await.unwrap();
    assert!(
        again.goes.is_empty() && again.erased_at.is_some(),
        "{again:?}"
    );
    let books = Books::read(&case.broker).await;
    assert_eq!(books.count(EntryKind::PersonErased), 1);
    let role = broker_model::Role::Reviewer;
    let person = case.ada.person;
    let write = broker_store::Write::PutGrant(StoredGrant { person, role });
    let change = broker_store::Change {
        writes: vec![write],
        entries: Vec::new(),
    };
    case.world.store().await.commit(change).await.unwrap();
    let late = broker.erase_person(case.ada.person).await.unwrap();
    assert_eq!(
        late.goes[0].class, "roles",
        "what came to the id since goes, too"
    );
}

#[tokio::test]
async fn a_wish_to_be_erased_is_taken_back_while_it_waits_and_says_what_would_be_left_alone() {
    let case = Case::new().await;
    let none = case.broker.withdraw_erasure(&case.ada).await;
    assert!(matches!(none, Err(Error::NotWaiting(_))), "{none:?}");
    case.broker.request_erasure(&case.ada).await.unwrap();
    case.broker.withdraw_erasure(&case.ada).await.unwrap();
    assert_eq!(case.broker.erasure_requests().await.unwrap(), []);
    case.days(3);
    let anew = case.broker.request_erasure(&case.ada).await.unwrap();
    assert_eq!(
        anew.asked_at,
        Some(case.broker.clock().now()),
        "its month begins anew"
    );
    assert_eq!(case.broker.erasure_requests().await.unwrap(), [anew]);
    let plan = case.broker.plan_erasure(case.ada.person).await.unwrap();
    let left = case.broker.left_by_erasure(&case.ada).await.unwrap();
    assert!(
        !left.is_empty(),
        "the case gives her a role that nobody else has"
    );
    assert_eq!(left, plan.careful);
    case.broker.erase_person(case.ada.person).await.unwrap();
    let late = case.broker.withdraw_erasure(&case.ada).await;
    assert!(matches!(late, Err(Error::NotWaiting(_))), "{late:?}");
    let books = Books::read(&case.broker).await;
    let count = |kind| books.count(kind);
    assert_eq!(
        (
            count(EntryKind::ErasureRequested),
            count(EntryKind::ErasureWithdrawn)
        ),
        (2, 1)
    );
}

#[tokio::test]
async fn who_asks_to_be_erased_is_on_the_operators_list_until_they_are() {
    let case = Case::new().await;
    let asked = case.broker.request_erasure(&case.ada).await.unwrap();
    case.days(3);
    let again = case.broker.request_erasure(&case.ada).await.unwrap();
    assert_eq!(again, asked);
    let open = case.broker.erasure_requests().await.unwrap();
    assert_eq!(open, [asked]);
    let books = Books::read(&case.broker).await;
    assert_eq!(books.count(EntryKind::ErasureRequested), 1);
    case.broker.erase_person(case.ada.person).await.unwrap();
    assert_eq!(case.broker.erasure_requests().await.unwrap(), []);
    let somebody = case.broker.caller(principal("somebody")).await.unwrap();
    let nobody = case.world.ids.next(&*case.world.clock);
    assert!(matches!(
        case.broker.erase_person(nobody).await,
        Err(Error::NotFound("person"))
    ));
    assert_ne!(somebody.person, nobody);
}

/// The hold comes after the footprint was read and before the commit.
#[tokio::test]
async fn a_hold_on_an_organisation_that_is_set_while_somebody_is_erased_wins() {
    let case = Case::new().await;
    let profile = case.profile().await;
    let store = Arc::new(FaultyStore::over(case.world.store().await));
    let replica = case.world.broker_over(store.clone());
    let (other, of) = (case.broker.clone(), HoldSubject::Organisation(case.ours.id));
    store.meanwhile(async move {
        other.set_hold(of, "dispute 7").await.unwrap();
    });
    let done = replica.erase_person(case.ada.person).await.unwrap();
    assert!(
        done.careful
            .iter()
            .any(|it| it.contains("a legal hold is on the organisation"))
    );
    let found = case
        .broker
        .store()
        .find_dossier(&profile.id.to_string())
        .await;
    let left = found.unwrap().unwrap().document;
    assert!(left.contains(EMAIL), "what is held stays: {left}");
}

#[tokio::test]
async fn a_request_that_comes_with_the_erasure_leaves_the_time_of_the_erasure() {
    let case = Case::new().await;
    let store = Arc::new(FaultyStore::over(case.world.store().await));
    let replica = case.world.broker_over(store.clone());
    let (other, person) = (case.broker.clone(), case.ada.person);
    store.meanwhile(async move {
        other.erase_person(person).await.unwrap();
    });
    let told = replica.request_erasure(&case.ada).await.unwrap();
    assert_eq!(told.erased_at, Some(case.world.now()));
    case.world.pass(60);
    let later = case.broker.request_erasure(&case.ada).await.unwrap();
    assert_eq!(later, told, "and asking again changes nothing");
    let kept = case.broker.store().find_erasure(person).await.unwrap();
    assert_eq!(kept, Some(told));
    assert!(case.broker.erasure_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn invites_that_an_erased_administrator_made_and_nobody_used_are_withdrawn() {
    let case = Case::new().await;
    let lumi = "lumi".parse().unwrap();
    let role = Role::SiteAdmin {
        site: "lumi".parse().unwrap(),
        sees_people: false,
    };
    let grant = StoredGrant {
        person: case.ada.person,
        role,
    };
    let change = broker_store::Change {
        writes: vec![broker_store::Write::PutGrant(grant)],
        entries: Vec::new(),
    };
    case.broker.store().commit(change).await.unwrap();
    case.broker.forget_callers();
    let admin = case.broker.caller(ada()).await.unwrap();
    let order = InviteOrder::new(None, None).unwrap();
    let made = case.broker.invite_agent(Some(&admin), &lumi, order);
    let made = made.await.unwrap();
    let plan = case.broker.erase_person(case.ada.person).await.unwrap();
    assert!(
        plan.goes
            .iter()
            .any(|it| it.class == "invites" && it.count == 1),
        "{plan:?}"
    );
    let found = case.broker.store().find_invite(made.invite.id).await;
    let state = found.unwrap().unwrap().state(case.world.now());
    assert_eq!(state, InviteState::Withdrawn);
    let entries = Books::read(&case.broker).await.entries;
    let withdrawn = { entries.iter() }.filter(|it| it.kind == EntryKind::AgentInviteWithdrawn);
    assert_eq!(withdrawn.count(), 1);
    let again = case.broker.erase_person(case.ada.person).await.unwrap();
    assert!(again.goes.is_empty(), "{again:?}");
}
