use broker_model::{Confirmation, HoldReason, JobState, Verdict};
use jiff::SignedDuration;

use super::fixtures::{World, commit, completed, insert_placement, placed};
use crate::{
    CommitError, Entity, IdempotencyKey, Remembered, Store, StoredConfirmation, StoredDecision,
    Write,
};

pub async fn a_job_is_read_back_as_it_was_written(store: &dyn Store) {
    let world = World::new();
    let mut job = world.job();
    job.version = 7;
    let write = Write::InsertJob(Box::new(job.clone()));
    commit(store, vec![write]).await.unwrap();
    let read = store.find_job(job.id).await.unwrap().unwrap();
    assert_eq!(read, job);
    assert_ne!(read.created_at.as_microsecond() % 1000, 0);
    assert_eq!(store.find_job(world.id()).await.unwrap(), None);
    let other = world.stored_job(store).await;
    let mut both = store
        .find_jobs(&[other.id, world.id(), job.id])
        .await
        .unwrap();
    both.sort_by_key(|job| job.id);
    assert_eq!(both, [job, other]);
}

pub async fn a_job_id_is_taken_once(store: &dyn Store) {
    let world = World::new();
    let job = world.stored_job(store).await;
    let again = commit(store, vec![Write::InsertJob(Box::new(job))]).await;
    assert!(matches!(again, Err(CommitError::Conflict(Entity::Job))));
}

pub async fn an_update_needs_the_version_that_was_read(store: &dyn Store) {
    let world = World::new();
    let job = world.stored_job(store).await;
    let mut changed = job.clone();
    changed.state = placed("lumi");
    let write = || vec![Write::UpdateJob(Box::new(changed.clone()))];
    commit(store, write()).await.unwrap();
    let read = store.find_job(job.id).await.unwrap().unwrap();
    assert_eq!(read.version, job.version + 1);
    assert_eq!(read.state, changed.state);
    let late = commit(store, write()).await;
    assert!(matches!(late, Err(CommitError::Conflict(Entity::Job))));
    let unknown = commit(store, vec![Write::UpdateJob(Box::new(world.job()))]).await;
    assert!(matches!(unknown, Err(CommitError::Conflict(Entity::Job))));
}

pub async fn a_placement_is_kept_beside_earlier_ones_and_needs_its_job(store: &dyn Store) {
    let world = World::new();
    let job = world.stored_job(store).await.id;
    assert_eq!(store.find_placement(job).await.unwrap(), None);
    assert_eq!(store.placements_of(job).await.unwrap(), []);
    let mut all = Vec::new();
    for (version, reason) in [(1, "soonest there"), (2, "soonest here"), (10, "last")] {
        let placement = world.placement(reason);
        let write = insert_placement(job, version, &placement);
        let Write::InsertPlacement(stored) = write.clone() else {
            panic!("{write:?}");
        };
        all.push(*stored);
        commit(store, vec![write]).await.unwrap();
        assert_eq!(store.find_placement(job).await.unwrap(), Some(placement));
    }
    assert_eq!(store.placements_of(job).await.unwrap(), all);
    let orphan = insert_placement(world.id(), 1, &world.placement(""));
    let refused = commit(store, vec![orphan]).await;
    assert!(matches!(refused, Err(CommitError::Missing(Entity::Job))));
}

pub async fn what_placings_rest_on_is_kept_once(store: &dyn Store) {
    let put = |document: &str| Write::PutBoardDocument {
        sha256: "00ff".into(),
        document: document.into(),
    };
    assert_eq!(store.find_board_document("00ff").await.unwrap(), None);
    for again in ["{\"a\" : 1}", "{\"a\" : 2}"] {
        commit(store, vec![put(again), put(again)]).await.unwrap();
        let kept = store.find_board_document("00ff").await.unwrap();
        assert_eq!(kept.as_deref(), Some("{\"a\" : 1}"), "the first stays");
    }
}

pub async fn a_decision_is_kept_byte_for_byte_and_made_once(store: &dyn Store) {
    let decision = World::new().decision();
    let write = || vec![Write::InsertDecision(Box::new(decision.clone()))];
    commit(store, write()).await.unwrap();
    let again = commit(store, write()).await;
    let duplicate = CommitError::Duplicate(Entity::Decision).to_string();
    assert_eq!(again.unwrap_err().to_string(), duplicate);
    let read = store.find_decision(decision.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&decision));
    let later = StoredDecision {
        id: World::new().id(),
        decided_at: decision.decided_at + jiff::SignedDuration::from_secs(1),
        ..decision.clone()
    };
    commit(store, vec![Write::InsertDecision(Box::new(later.clone()))])
        .await
        .unwrap();
    let used = store.policies_used().await.unwrap();
    let used = used
        .iter()
        .find(|it| it.policy_digest == decision.policy_digest);
    let used = used.unwrap();
    assert!(used.decisions >= 2, "{used:?}");
    assert!(
        used.first_at <= decision.decided_at && used.last_at >= later.decided_at,
        "{used:?}"
    );
}

pub async fn an_idempotency_key_is_taken_once_and_forgotten_by_age(store: &dyn Store) {
    let world = World::new();
    let key = IdempotencyKey {
        person: world.id(),
        key: "a key' OR 1=1 --".to_owned(),
    };
    let answer = Remembered {
        request_sha256: "00ff".to_owned(),
        status: 202,
        body: "{\"id\" : 1}".to_owned(),
        created_at: world.now(),
    };
    let write = |answer: &Remembered| {
        let (key, answer) = (key.clone(), answer.clone());
        vec![Write::Remember { key, answer }]
    };
    commit(store, write(&answer)).await.unwrap();
    let other = Remembered {
        body: String::new(),
        ..answer.clone()
    };
    let again = commit(store, write(&other)).await;
    assert!(matches!(
        again,
        Err(CommitError::Duplicate(Entity::IdempotencyKey))
    ));
    let stored = store.find_remembered(&key).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&answer));

    assert_eq!(store.forget_keys(answer.created_at).await.unwrap(), 0);
    let later = answer.created_at + SignedDuration::from_micros(1);
    assert_eq!(store.forget_keys(later).await.unwrap(), 1);
    assert_eq!(store.find_remembered(&key).await.unwrap(), None);
    commit(store, write(&other)).await.unwrap();
}

pub async fn a_cancel_request_is_told_to_the_site_while_the_job_is_active(store: &dyn Store) {
    let world = World::new();
    let mut job = world.stored_job(store).await;
    let attempt = world.attempt(job.id);
    job.state = placed("lumi");
    job.attempt = Some(attempt.id);
    job.cancel_requested_at = Some(world.now());
    let writes = vec![
        Write::UpdateJob(Box::new(job.clone())),
        Write::InsertAttempt(Box::new(attempt.clone())),
    ];
    commit(store, writes).await.unwrap();
    let (lumi, bsc) = ("lumi".parse().unwrap(), "bsc".parse().unwrap());
    let asked = store.cancel_requests(&lumi).await.unwrap();
    assert_eq!(asked, [attempt.id]);
    assert_eq!(store.cancel_requests(&bsc).await.unwrap(), []);
    job.version += 1;
    job.state = completed(world.now());
    commit(store, vec![Write::UpdateJob(Box::new(job))])
        .await
        .unwrap();
    assert_eq!(store.cancel_requests(&lumi).await.unwrap(), []);
}

pub async fn of_two_racers_one_claims_the_job(store: &dyn Store) {
    let world = World::new();
    let job = world.stored_job(store).await;
    let claim = || {
        let attempt = world.attempt(job.id);
        let mut claimed = job.clone();
        claimed.state = placed("lumi");
        claimed.attempt = Some(attempt.id);
        let writes = vec![
            Write::UpdateJob(Box::new(claimed)),
            Write::InsertAttempt(Box::new(attempt.clone())),
        ];
        async move { (attempt.id, commit(store, writes).await) }
    };
    let (first, second) = futures::join!(claim(), claim());
    let (winner, loser) = match first.1 {
        Ok(_) => (first.0, second),
        Err(_) => (second.0, first),
    };
    assert!(matches!(
        loser.1,
        Err(CommitError::Conflict(Entity::Job | Entity::Attempt))
    ));
    let read = store.find_job(job.id).await.unwrap().unwrap();
    assert_eq!(read.attempt, Some(winner));
    let attempts = store.attempts_of(job.id).await.unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(store.find_attempt(loser.0).await.unwrap(), None);
}

fn held(world: &World, site: &str) -> JobState {
    JobState::Held {
        reason: HoldReason::Confirmation,
        partition: placed(site).partition().cloned(),
        since: world.now(),
    }
}

pub async fn a_site_sees_the_jobs_that_wait_for_its_people(store: &dyn Store) {
    let world = World::new();
    let mut jobs = Vec::new();
    for state in [
        held(&world, "lumi"),
        placed("lumi"),
        held(&world, "bsc"),
        held(&world, "lumi"),
        JobState::Pending,
    ] {
        let mut job = world.job();
        job.state = state;
        let write = Write::InsertJob(Box::new(job.clone()));
        commit(store, vec![write]).await.unwrap();
        jobs.push(job);
    }
    let lumi = "lumi".parse().unwrap();
    let waiting = store.held_jobs(&lumi, None, 10).await.unwrap();
    assert_eq!(waiting, [jobs[0].clone(), jobs[3].clone()]);
    let first = store.held_jobs(&lumi, None, 1).await.unwrap();
    assert_eq!(first, [jobs[0].clone()]);
    let rest = store.held_jobs(&lumi, Some(jobs[0].id), 10).await.unwrap();
    assert_eq!(rest, [jobs[3].clone()]);
    jobs[3].state = placed("lumi");
    let write = Write::UpdateJob(Box::new(jobs[3].clone()));
    commit(store, vec![write]).await.unwrap();
    let waiting = store.held_jobs(&lumi, None, 10).await.unwrap();
    assert_eq!(waiting, [jobs[0].clone()], "it was let in");
}

pub async fn what_a_site_said_is_kept_with_the_job(store: &dyn Store) {
    let world = World::new();
    let job = world.stored_job(store).await;
    let said = |verdict, by| Confirmation {
        job: job.id,
        partition: placed("lumi").partition().unwrap().clone(),
        verdict,
        reason: Some("not in November; Maia says so".to_owned()),
        by,
        agent: None,
        waited_since: world.now(),
        decided_at: world.now() + SignedDuration::from_hours(1),
    };
    let declined = said(Verdict::Declined, Some(world.id()));
    let expired = said(Verdict::Expired, None);
    for (job_version, confirmation) in [(3, &expired), (2, &declined)] {
        let confirmation = confirmation.clone();
        let stored = StoredConfirmation {
            job_version,
            confirmation,
        };
        let write = Write::InsertConfirmation(Box::new(stored));
        commit(store, vec![write]).await.unwrap();
    }
    let read = store.confirmations_of(job.id).await.unwrap();
    assert_eq!(read, [declined, expired]);
    assert_eq!(store.confirmations_of(world.id()).await.unwrap(), []);
}
