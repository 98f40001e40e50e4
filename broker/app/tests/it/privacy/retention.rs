use std::collections::BTreeSet;

use broker_app::Broker;
use broker_model::{EntryKind, EvidenceFinding, EvidenceId, HoldSubject, OutcomeKind};
use jiff::SignedDuration;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use site_adapter::AttemptReport;

use super::case::{Case, EMAIL, ada};
use crate::agent::Agent;
use crate::books::Books;
use crate::fault::FaultyStore;
use crate::world::World;

async fn is_there(case: &Case, id: EvidenceId) -> bool {
    let found = case.broker.store().find_dossier(&id.to_string()).await;
    found.unwrap().is_some()
}

#[tokio::test]
async fn refused_and_withdrawn_evidence_goes_after_its_time_and_what_was_accepted_stays() {
    let case = Case::new().await;
    let refused = case.judged("refused", false).await;
    let withdrawn = case.withdrawn("withdrawn").await;
    let accepted = case.judged("accepted", true).await;
    let waiting = case.evidence("waiting").await;
    case.days(364);
    assert!(case.broker.retain_once().await.unwrap().gone.is_empty());
    case.days(1);
    let done = case.broker.retain_once().await.unwrap();
    assert_eq!((done.gone["evidence"], done.gone["files"]), (2, 2));
    for (id, stays) in [
        (refused.id, false),
        (withdrawn.id, false),
        (accepted.id, true),
        (waiting.id, true),
    ] {
        assert_eq!(is_there(&case, id).await, stays, "{id}");
    }
    let again = case.broker.retain_once().await.unwrap();
    assert!(again.gone.is_empty(), "{again:?}");
    let books = Books::read(&case.broker).await;
    let told: Vec<_> = { books.entries.iter() }
        .filter(|it| it.kind == EntryKind::RetentionApplied)
        .collect();
    assert_eq!(told.len(), 1, "one entry, and none for a round of nothing");
    assert_eq!(told[0].data["evidence"], 2);
}

#[tokio::test]
async fn what_was_ever_accepted_stays_with_its_file_though_it_is_withdrawn_or_refused_since() {
    let case = Case::new().await;
    let accepted = case.judged("accepted", true).await;
    let of = (case.ours.id, accepted.id);
    case.broker.withdraw_evidence(&case.ada, of).await.unwrap();
    let turned = case.judged("turned", true).await;
    let otherwise = EvidenceFinding {
        again: true,
        accepted: false,
        words: "looked at again".to_owned(),
        files: None,
    };
    let of_turned = (case.ours.id, turned.id);
    let judged = { &case.broker }.check_evidence(&case.reviewer, of_turned, otherwise);
    let judged = judged.await.unwrap();
    assert_eq!(judged.accepted_at, turned.accepted_at);
    let never = case.withdrawn("never looked at").await;
    case.days(400);
    let done = case.broker.retain_once().await.unwrap();
    assert_eq!((done.gone["evidence"], done.gone["files"]), (1, 1));
    assert!(!is_there(&case, never.id).await);
    for (id, text) in [(accepted.id, "accepted"), (turned.id, "turned")] {
        assert!(is_there(&case, id).await, "{text}");
        let sha256 = hex::encode(Sha256::digest(text));
        let file = { &case.broker }.evidence_file(&case.reviewer, (case.ours.id, id), &sha256);
        assert_eq!(file.await.unwrap().1, text);
    }
}

/// Jobs rest on what a setup file says is good, which nobody has looked at here.
#[tokio::test]
async fn what_a_setup_file_found_good_stays_though_a_reviewer_refuses_it() {
    let case = Case::new().await;
    let good = broker_model::Evidence {
        checked_by: Some("operator".to_owned()),
        ..evidence_of_age(&case, case.ours.id, None)
    };
    store(&case, good.clone()).await;
    let refused = EvidenceFinding {
        again: false,
        accepted: false,
        words: "not theirs".to_owned(),
        files: None,
    };
    let of = (case.ours.id, good.id);
    let judged = case.broker.check_evidence(&case.reviewer, of, refused);
    assert!(judged.await.unwrap().accepted_at.is_some());
    case.days(400);
    case.broker.retain_once().await.unwrap();
    assert!(is_there(&case, good.id).await);
}

#[tokio::test]
async fn a_file_goes_with_the_last_evidence_that_names_it() {
    let case = Case::new().await;
    case.withdrawn("the same bytes").await;
    case.withdrawn("their own bytes").await;
    let kept = case.judged("the same bytes", true).await;
    case.days(365);
    case.broker.retain_once().await.unwrap();
    let of = (case.ours.id, kept.id);
    let digest = |text: &str| hex::encode(Sha256::digest(text));
    let shared = digest("the same bytes");
    let found = case.broker.evidence_file(&case.ada, of, &shared).await;
    assert_eq!(found.unwrap().1, "the same bytes");
    let store = case.broker.store();
    assert!(store.file_removals(10).await.unwrap().is_empty());
    let files = case.files();
    assert_eq!(files.await, BTreeSet::from([shared]));
}

#[tokio::test]
async fn what_was_written_in_a_referral_goes_and_its_course_stays() {
    let case = Case::new().await;
    let closed = case.closed_referral().await;
    let open = case.referral().await;
    let withdrawn = case.profile().await;
    let taken = case.broker.withdraw_profile(&case.ada, case.ours.id);
    taken.await.unwrap();
    case.days(365);
    let done = case.broker.retain_once().await.unwrap();
    assert_eq!((done.gone["referrals"], done.gone["profiles"]), (1, 1));
    let found = async |id: String| case.broker.store().find_dossier(&id).await.unwrap();
    assert!(found(withdrawn.id.to_string()).await.is_none());
    let left = found(closed.id.to_string()).await.unwrap().document;
    assert!(
        !left.contains("Ada") && left.contains("withdrawn"),
        "{left}"
    );
    let at_work = found(open.id.to_string()).await.unwrap().document;
    assert!(at_work.contains("Call Ada"), "{at_work}");
    assert!(case.broker.retain_once().await.unwrap().gone.is_empty());
}

#[tokio::test]
async fn scripts_and_sign_ins_of_the_erased_go_after_their_time() {
    let case = Case::new().await;
    let job = case.cancelled_job().await;
    case.broker.erase_person(case.ada.person).await.unwrap();
    let script = async || {
        let found = case.broker.store().find_job(job.id).await.unwrap().unwrap();
        serde_json::to_string(&found.spec).unwrap()
    };
    case.days(2);
    let early = case.broker.retain_once().await.unwrap();
    assert_eq!(early.gone.keys().collect::<Vec<_>>(), [&"erased_logins"]);
    assert!(case.broker.revocations().await.unwrap().is_empty());
    assert!(
        !case
            .broker
            .is_revoked(&ada(), case.world.now())
            .await
            .unwrap()
    );
    assert!(script().await.contains(EMAIL));
    case.days(28);
    let done = case.broker.retain_once().await.unwrap();
    assert_eq!(done.gone["jobs"], 1);
    assert!(!script().await.contains(EMAIL), "{}", script().await);
    let left = case.broker.store().find_job(job.id).await.unwrap().unwrap();
    assert_eq!(
        (left.owner, left.state.name()),
        (job.owner, job.state.name())
    );
    assert!(
        case.broker
            .store()
            .open_erasures()
            .await
            .unwrap()
            .is_empty()
    );
    assert!(case.broker.retain_once().await.unwrap().gone.is_empty());
    Books::check(&case.broker).await;
}

#[tokio::test]
async fn what_is_held_stays_until_the_hold_is_lifted() {
    let case = Case::new().await;
    let evidence = case.withdrawn("withdrawn").await;
    let job = case.cancelled_job().await;
    case.broker.erase_person(case.ada.person).await.unwrap();
    let project = case.broker.store().find_project(job.spec.project).await;
    let theirs = project.unwrap().unwrap().organisation;
    for organisation in [case.ours.id, theirs] {
        let subject = HoldSubject::Organisation(organisation);
        case.broker.set_hold(subject, "an audit").await.unwrap();
    }
    case.days(400);
    let done = case.broker.retain_once().await.unwrap();
    assert_eq!(done.held, 2, "{done:?}");
    assert!(is_there(&case, evidence.id).await);
    for organisation in [case.ours.id, theirs] {
        let subject = HoldSubject::Organisation(organisation);
        case.broker.lift_hold(subject).await.unwrap();
    }
    case.broker
        .set_hold(case.subject(), "a dispute")
        .await
        .unwrap();
    let done = case.broker.retain_once().await.unwrap();
    assert_eq!((done.held, done.gone.len()), (2, 0), "{done:?}");
    case.broker.lift_hold(case.subject()).await.unwrap();
    let done = case.broker.retain_once().await.unwrap();
    assert_eq!((done.gone["evidence"], done.gone["jobs"]), (1, 1));
}

#[tokio::test]
async fn two_replicas_let_the_same_go_once() {
    let case = Case::new().await;
    for _ in 0..5 {
        case.withdrawn("withdrawn").await;
    }
    case.days(365);
    let other = case.world.broker().await;
    let (one, two) = futures::join!(case.broker.retain_once(), other.retain_once());
    let gone = |it: broker_app::Retained| it.gone.get("evidence").copied().unwrap_or_default();
    assert_eq!(gone(one.unwrap()) + gone(two.unwrap()), 5);
    let books = Books::read(&case.broker).await;
    assert_eq!(books.count(EntryKind::RetentionApplied), 1);
}

/// Days since it was withdrawn, if it was, and whether it is another organisation's that is held.
type Sample = (Option<i64>, bool);

async fn exactly_what_is_over_goes(samples: &[Sample]) {
    let case = Case::new().await;
    let held = held_organisation(&case.broker, &case.world).await;
    let mut expected = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (age, is_held) in samples {
        let of = if *is_held { held } else { case.ours.id };
        let evidence = evidence_of_age(&case, of, *age);
        ids.insert(evidence.id);
        if *is_held || age.is_none_or(|days| days < 365) {
            expected.insert(evidence.id);
        }
        store(&case, evidence).await;
    }
    let subject = HoldSubject::Organisation(held);
    case.broker.set_hold(subject, "an audit").await.unwrap();
    let done = case.broker.retain_once().await.unwrap();
    let mut left = BTreeSet::new();
    for id in &ids {
        if is_there(&case, *id).await {
            left.insert(*id);
        }
    }
    assert_eq!(left, expected);
    let gone = done.gone.get("evidence").copied().unwrap_or_default();
    assert_eq!(gone, (ids.len() - expected.len()) as u64);
    let over = |(age, is_held): &&Sample| *is_held && age.is_some_and(|days| days >= 365);
    assert_eq!(done.held, samples.iter().filter(over).count() as u64);
}

async fn held_organisation(broker: &Broker, world: &World) -> broker_model::OrganisationId {
    let id = world.ids.next(&*world.clock);
    let size = broker_model::SizeClass::Small;
    let other = broker_model::Organisation::new(id, "Held", "FR", size);
    let change = broker_store::Change {
        writes: vec![broker_store::Write::PutOrganisation(Box::new(other))],
        entries: Vec::new(),
    };
    broker.store().commit(change).await.unwrap();
    id
}

fn evidence_of_age(
    case: &Case,
    organisation: broker_model::OrganisationId,
    age: Option<i64>,
) -> broker_model::Evidence {
    let withdrawn = |days| case.world.now() - SignedDuration::from_hours(24 * days);
    broker_model::Evidence {
        id: case.world.ids.next(&*case.world.clock),
        organisation,
        person: None,
        kind: broker_model::EvidenceKind("ai_pact_pledge".to_owned()),
        issued_on: "2020-01-01".parse().unwrap(),
        expires_on: None,
        source: "a list".to_owned(),
        checked_by: None,
        added_by: None,
        added_at: None,
        check: None,
        files: Vec::new(),
        accepted_at: None,
        withdrawn_at: age.map(withdrawn),
        version: 0,
    }
}

async fn store(case: &Case, evidence: broker_model::Evidence) {
    let stored = broker_store::StoredDossier {
        id: evidence.id.to_string(),
        kind: "evidence".to_owned(),
        organisation: evidence.organisation,
        desk: None,
        due_at: None,
        version: 0,
        document: serde_json::to_string(&evidence).unwrap(),
    };
    let change = broker_store::Change {
        writes: vec![broker_store::Write::PutDossier(Box::new(stored))],
        entries: Vec::new(),
    };
    case.broker.store().commit(change).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn exactly_what_is_over_and_not_held_goes(
        samples in prop::collection::vec(
            (prop::option::of(prop_oneof![Just(364), Just(365), 0..800_i64]), any::<bool>()), 0..40)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(exactly_what_is_over_goes(&samples));
    }
}

#[tokio::test]
async fn more_than_one_commit_takes_goes_in_one_round() {
    let samples: Vec<Sample> = (0..450).map(|_| (Some(400), false)).collect();
    exactly_what_is_over_goes(&samples).await;
}

/// A dossier of an organisation that nobody can read, off every desk and due.
async fn unreadable(case: &Case, id: &str, kind: &str) {
    let dossier = broker_store::StoredDossier {
        id: id.to_owned(),
        kind: kind.to_owned(),
        organisation: case.ours.id,
        desk: None,
        due_at: Some(case.world.now()),
        version: 0,
        document: "{}".to_owned(),
    };
    let change = broker_store::Change {
        writes: vec![broker_store::Write::PutDossier(Box::new(dossier))],
        entries: Vec::new(),
    };
    case.broker.store().commit(change).await.unwrap();
}

#[tokio::test]
async fn a_dossier_that_cannot_be_read_keeps_no_other_from_going() {
    let case = Case::new().await;
    // Before all others by id.
    unreadable(&case, "evi_00000000000000000000000000000001", "evidence").await;
    let refused = case.judged("refused", false).await;
    case.days(365);
    let done = case.broker.retain_once().await.unwrap();
    assert_eq!(done.gone["evidence"], 1);
    assert!(!is_there(&case, refused.id).await);
    let left = case
        .broker
        .store()
        .find_dossier("evi_00000000000000000000000000000001")
        .await;
    assert!(left.unwrap().is_some(), "it is left as it is");
}

#[tokio::test]
async fn a_hold_that_is_set_while_evidence_goes_wins_for_the_organisation_and_for_who_is_named() {
    for of_person in [false, true] {
        let case = Case::new().await;
        let refused = case.judged("refused", false).await;
        case.days(365);
        let store = std::sync::Arc::new(FaultyStore::over(case.world.store().await));
        let replica = case.world.broker_over(store.clone());
        let other = case.broker.clone();
        let held = if of_person {
            case.subject()
        } else {
            HoldSubject::Organisation(case.ours.id)
        };
        store.meanwhile(async move {
            other.set_hold(held, "dispute 7").await.unwrap();
        });
        let done = replica.retain_once().await.unwrap();
        assert!(done.gone.is_empty(), "{done:?}");
        assert!(is_there(&case, refused.id).await);
        let next = replica.retain_once().await.unwrap();
        assert_eq!((next.held, next.gone.len()), (1, 0));
    }
}

#[tokio::test]
async fn what_a_site_said_of_the_attempts_of_the_erased_goes_with_their_scripts() {
    let case = Case::new().await;
    let agent = Agent::of(&case.world, "lumi");
    agent.show(&case.broker).await;
    let job = case.job().await;
    let leased = agent.lease_one(&case.broker).await;
    agent.start(&case.broker, leased.attempt).await;
    case.world.pass(60);
    let mut ended = agent.ended(leased.attempt, OutcomeKind::Failed);
    if let AttemptReport::Ended { outcome, .. } = &mut ended {
        outcome.site_words = format!("/home/{EMAIL}: no space");
    }
    let used = AttemptReport::Usage {
        attempt: leased.attempt,
        usage: Some(agent.usage(&leased, 1)),
        account: None,
    };
    agent.report(&case.broker, vec![ended, used]).await;
    let words = async || {
        let store = case.broker.store();
        let attempts = store.attempts_of(job.id).await.unwrap();
        serde_json::to_string(&attempts).unwrap()
    };
    assert!(words().await.contains(EMAIL));
    case.broker.erase_person(case.ada.person).await.unwrap();
    case.days(30);
    let done = case.broker.retain_once().await.unwrap();
    assert_eq!((done.gone["attempts"], done.gone["jobs"]), (1, 1));
    assert!(!words().await.contains(EMAIL), "{}", words().await);
    assert!(
        case.broker
            .store()
            .open_erasures()
            .await
            .unwrap()
            .is_empty()
    );
    Books::check(&case.broker).await;
}
