use broker_model::{AttemptId, AttemptState, JobId};

use super::fixtures::{World, commit};
use crate::{Store, Write};

fn append(job: JobId, attempt: AttemptId, offset: u64, bytes: &[u8]) -> Write {
    Write::AppendLog {
        job,
        attempt,
        stream: "stdout",
        offset,
        bytes: bytes.to_vec(),
    }
}

async fn running(world: &World, store: &dyn Store) -> (JobId, AttemptId) {
    let job = world.stored_job(store).await.id;
    let attempt = world.attempt(job);
    let id = attempt.id;
    commit(store, vec![Write::InsertAttempt(Box::new(attempt))])
        .await
        .unwrap();
    (job, id)
}

pub async fn a_log_grows_where_it_ends_and_nowhere_else(store: &dyn Store) {
    let world = World::new();
    let (job, attempt) = running(&world, store).await;
    assert_eq!(store.log_length(attempt, "stdout").await.unwrap(), 0);
    let first = append(job, attempt, 0, b"one\xff\0");
    commit(store, vec![first.clone()]).await.unwrap();
    // A repeated report, a gap, an overlap and nothing at all: ignored, and no error.
    let ignored = [
        first,
        append(job, attempt, 9, b"gap"),
        append(job, attempt, 3, b"overlap"),
        append(job, attempt, 5, b""),
    ];
    for write in ignored {
        commit(store, vec![write]).await.unwrap();
        assert_eq!(store.log_length(attempt, "stdout").await.unwrap(), 5);
    }
    let two = vec![
        append(job, attempt, 5, b"two"),
        append(job, attempt, 8, b"three"),
    ];
    commit(store, two).await.unwrap();
    assert_eq!(store.log_length(attempt, "stdout").await.unwrap(), 13);
    assert_eq!(store.log_length(attempt, "stderr").await.unwrap(), 0);
    let log = store.read_log(job, "stdout", 0, 100).await.unwrap();
    assert_eq!(log, b"one\xff\0twothree");
}

pub async fn a_log_is_read_from_any_byte(store: &dyn Store) {
    let world = World::new();
    let (job, attempt) = running(&world, store).await;
    let whole: Vec<u8> = (0..100).collect();
    let mut offset = 0;
    for chunk in whole.chunks(7) {
        commit(store, vec![append(job, attempt, offset, chunk)])
            .await
            .unwrap();
        offset += chunk.len() as u64;
    }
    for from in [0, 1, 6, 7, 8, 50, 99, 100, 1000] {
        for most in [0, 1, 7, 20, 1000] {
            let log = store.read_log(job, "stdout", from, most).await.unwrap();
            let start = usize::try_from(from).unwrap().min(100);
            let end = (start + most).min(100);
            assert_eq!(log, whole[start..end], "from {from}, at most {most}");
        }
    }
    let nothing = store.read_log(world.id(), "stdout", 0, 10).await;
    assert_eq!(nothing.unwrap(), b"");
}

pub async fn a_job_shows_the_log_of_its_newest_attempt(store: &dyn Store) {
    let world = World::new();
    let (job, first) = running(&world, store).await;
    commit(store, vec![append(job, first, 0, b"first")])
        .await
        .unwrap();
    let mut lost = store.find_attempt(first).await.unwrap().unwrap();
    lost.state = AttemptState::Lost;
    let second = world.attempt(job);
    let id = second.id;
    let writes = vec![
        Write::UpdateAttempt(Box::new(lost)),
        Write::InsertAttempt(Box::new(second)),
    ];
    commit(store, writes).await.unwrap();
    let log = store.read_log(job, "stdout", 0, 10).await.unwrap();
    assert_eq!(log, b"");
    commit(store, vec![append(job, id, 0, b"second")])
        .await
        .unwrap();
    let log = store.read_log(job, "stdout", 0, 10).await.unwrap();
    assert_eq!(log, b"second");
    assert_eq!(store.log_length(first, "stdout").await.unwrap(), 5);
}
