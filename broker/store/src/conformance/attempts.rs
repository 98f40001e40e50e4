use broker_model::{Attempt, AttemptState, JobId};
use jiff::SignedDuration;

use super::fixtures::{World, commit, outcome};
use crate::{CommitError, Entity, Store, Write};

fn insert(attempt: &Attempt) -> Write {
    Write::InsertAttempt(Box::new(attempt.clone()))
}

fn update(attempt: &Attempt) -> Write {
    Write::UpdateAttempt(Box::new(attempt.clone()))
}

fn is_conflict<T>(answer: &Result<T, CommitError>) -> bool {
    matches!(answer, Err(CommitError::Conflict(Entity::Attempt)))
}

pub async fn a_job_has_one_attempt_that_is_not_over(store: &dyn Store) {
    let world = World::new();
    let job = world.stored_job(store).await.id;
    let mut first = world.attempt(job);
    commit(store, vec![insert(&first)]).await.unwrap();
    assert!(is_conflict(&commit(store, vec![insert(&first)]).await));
    let second = world.attempt(job);
    assert!(is_conflict(&commit(store, vec![insert(&second)]).await));

    first.state = AttemptState::Lost;
    commit(store, vec![update(&first)]).await.unwrap();
    commit(store, vec![insert(&second)]).await.unwrap();
    first.version += 1;
    first.state = AttemptState::Submitting;
    assert!(is_conflict(&commit(store, vec![update(&first)]).await));

    let orphan = world.attempt(world.id::<JobId>());
    let refused = commit(store, vec![insert(&orphan)]).await;
    assert!(matches!(refused, Err(CommitError::Missing(Entity::Job))));
}

pub async fn an_attempt_is_updated_by_the_version_that_was_read(store: &dyn Store) {
    let world = World::new();
    let job = world.stored_job(store).await.id;
    let mut attempt = world.attempt(job);
    commit(store, vec![insert(&attempt)]).await.unwrap();
    attempt.state = AttemptState::Submitting;
    commit(store, vec![update(&attempt)]).await.unwrap();
    assert!(is_conflict(&commit(store, vec![update(&attempt)]).await));
    let unknown = world.attempt(job);
    assert!(is_conflict(&commit(store, vec![update(&unknown)]).await));
    attempt.version += 1;
    let read = store.find_attempt(attempt.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&attempt));
    let several = store.find_attempts(&[world.id(), attempt.id]).await;
    assert_eq!(several.unwrap(), [attempt]);
}

/// An order of writes that would break a naive index on open attempts: the first attempt is written
/// once more after the second has begun.
pub async fn an_attempt_ends_and_its_successor_begins_in_one_group(store: &dyn Store) {
    let world = World::new();
    let job = world.stored_job(store).await.id;
    let mut first = world.attempt(job);
    let second = world.attempt(job);
    commit(store, vec![insert(&first)]).await.unwrap();
    first.state = AttemptState::Lost;
    let lost = update(&first);
    first.version += 1;
    first.state = AttemptState::Ended { outcome: outcome() };
    let ended = update(&first);
    commit(store, vec![lost, insert(&second), ended])
        .await
        .unwrap();
    first.version += 1;
    let attempts = store.attempts_of(job).await.unwrap();
    assert_eq!(attempts, [first, second]);
}

pub async fn attempts_are_open_until_they_are_settled(store: &dyn Store) {
    let world = World::new();
    let mut attempts = Vec::new();
    for _ in 0..3 {
        let job = world.stored_job(store).await.id;
        let attempt = world.attempt(job);
        commit(store, vec![insert(&attempt)]).await.unwrap();
        attempts.push(attempt);
    }
    attempts[0].state = AttemptState::Ended { outcome: outcome() };
    attempts[1].state = AttemptState::Refused {
        reason: "no such partition".to_owned(),
    };
    attempts[1].settled = true;
    let writes = attempts.iter().take(2).map(update).collect();
    commit(store, writes).await.unwrap();

    let lumi = "lumi".parse().unwrap();
    let open = store.open_attempts(&lumi, None, 10).await.unwrap();
    let ids: Vec<_> = open.iter().map(|attempt| attempt.id).collect();
    assert_eq!(ids, [attempts[0].id, attempts[2].id]);
    assert_eq!(store.open_attempts(&lumi, None, 1).await.unwrap().len(), 1);
    let after = Some(attempts[0].id);
    let rest = store.open_attempts(&lumi, after, 10).await.unwrap();
    let ids: Vec<_> = rest.iter().map(|attempt| attempt.id).collect();
    assert_eq!(ids, [attempts[2].id]);
    let bsc = "bsc".parse().unwrap();
    assert_eq!(store.open_attempts(&bsc, None, 10).await.unwrap(), []);
}

pub async fn an_agent_may_take_its_own_attempts_and_those_whose_lease_ran_out(store: &dyn Store) {
    let world = World::new();
    let lumi = "lumi".parse().unwrap();
    let (me, now) = (world.id(), world.now());
    let later = now + SignedDuration::from_hours(1);
    let mut attempts = Vec::new();
    for (leased_by, lease_until, settled) in [
        (me, later, false),
        (world.id(), later, false),
        (world.id(), now, false),
        (me, now, false),
        (me, now, true),
    ] {
        let job = world.stored_job(store).await.id;
        let attempt = Attempt {
            leased_by,
            scheduler: None,
            lease_until,
            settled,
            ..world.attempt(job)
        };
        commit(store, vec![insert(&attempt)]).await.unwrap();
        attempts.push(attempt);
    }
    let free = |after, limit| {
        let lumi = &lumi;
        async move {
            let free = store.free_attempts(lumi, me, now, after, limit).await;
            free.unwrap().iter().map(|it| it.id).collect::<Vec<_>>()
        }
    };
    let [own, held, ran_out, both, _] = [0, 1, 2, 3, 4].map(|at| attempts[at].id);
    assert_eq!(free(None, 10).await, [own, ran_out, both]);
    assert_eq!(free(None, 2).await, [own, ran_out]);
    assert_eq!(free(Some(own), 10).await, [ran_out, both]);
    let bsc = "bsc".parse().unwrap();
    let elsewhere = store.free_attempts(&bsc, me, later, None, 10).await;
    assert_eq!(elsewhere.unwrap(), []);
    // A lease that is renewed or taken is looked for as it is now.
    attempts[1].leased_by = me;
    attempts[2].lease_until = later;
    let writes = vec![update(&attempts[1]), update(&attempts[2])];
    commit(store, writes).await.unwrap();
    assert_eq!(free(None, 10).await, [own, held, both]);
}
