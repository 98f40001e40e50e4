use std::task::{Context, Poll, Waker};

use broker_model::Job;
use futures::FutureExt as _;
use futures::future::join_all;

use super::fixtures::{World, commit, insert_placement};
use crate::{Change, CommitError, Store, StoreError, Write};

fn insert(job: &Job) -> Write {
    Write::InsertJob(Box::new(job.clone()))
}

pub async fn waiting_changes_share_a_transaction(store: &dyn Store) {
    let world = World::new();
    let jobs: Vec<Job> = (0..64).map(|_| world.job()).collect();
    let answers = join_all(jobs.iter().map(|job| commit(store, vec![insert(job)]))).await;
    let largest = answers.into_iter().map(|it| it.unwrap().group_size).max();
    assert!(largest.unwrap() > 1, "every change was committed alone");
}

/// The failing change fails with its last write, so that all the others have to be taken back.
pub async fn a_change_that_fails_leaves_nothing_and_its_neighbours_commit(store: &dyn Store) {
    let world = World::new();
    let account = world.account(store).await;
    let taken = world.stored_job(store).await;
    let hold = Write::Hold {
        allocation: account.allocation,
        amount: broker_model::UnitMillis(1),
    };
    let good: Vec<Job> = (0..20).map(|_| world.job()).collect();
    let bad: Vec<Job> = (0..20).map(|_| world.job()).collect();
    let change = |job: &Job, fails: bool| {
        let mut writes = vec![insert(job), hold.clone()];
        let placement = world.placement("here");
        writes.push(insert_placement(job.id, 1, &placement));
        writes.extend(fails.then(|| insert(&taken)));
        let entries = vec![world.entry(Some(job.id))];
        store.commit(Change { writes, entries })
    };
    let good_and_bad = good.iter().zip(&bad);
    let both = good_and_bad.flat_map(|(good, bad)| [change(good, false), change(bad, true)]);
    let answers = join_all(both).await;
    for (at, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), at % 2 == 0, "{at}: {answer:?}");
    }
    for (good, bad) in good.iter().zip(&bad) {
        assert_eq!(store.find_job(good.id).await.unwrap().as_ref(), Some(good));
        assert!(store.find_placement(good.id).await.unwrap().is_some());
        assert_eq!(store.find_job(bad.id).await.unwrap(), None);
        assert_eq!(store.find_placement(bad.id).await.unwrap(), None);
    }
    let allocation = store.find_allocation(account.allocation).await.unwrap();
    assert_eq!(allocation.unwrap().balance.held.0, 20);
    assert_eq!(store.ledger_size().await.unwrap(), 20);
}

/// A project of an organisation that is not there: only the database's own constraint knows.
pub async fn a_change_that_the_database_refuses_fails_alone(store: &dyn Store) {
    let world = World::new();
    let orphan = Write::PutProject(Box::new(world.project(world.id())));
    let jobs: Vec<Job> = (0..10).map(|_| world.job()).collect();
    let good = jobs.iter().map(|job| commit(store, vec![insert(job)]));
    let bad = commit(store, vec![orphan]);
    let (bad, good) = futures::join!(bad, join_all(good));
    assert!(matches!(
        bad,
        Err(CommitError::Store(StoreError::Database(_)))
    ));
    for (job, answer) in jobs.iter().zip(good) {
        answer.unwrap();
        assert!(store.find_job(job.id).await.unwrap().is_some());
    }
}

pub async fn a_caller_that_goes_away_does_not_take_its_change_along(store: &dyn Store) {
    let world = World::new();
    let job = world.job();
    let mut context = Context::from_waker(Waker::noop());
    let mut asked = commit(store, vec![insert(&job)]).boxed();
    let answer = asked.poll_unpin(&mut context);
    assert!(matches!(answer, Poll::Pending));
    drop(asked);
    // Changes are taken in their order: when this one is through, so is the one before.
    world.stored_job(store).await;
    assert_eq!(store.find_job(job.id).await.unwrap(), Some(job));
}

/// Across the sizes that statements are made in.
pub async fn a_group_of_any_size_is_written_whole(store: &dyn Store) {
    let world = World::new();
    let mut expected = 0;
    for size in [1, 3, 4, 5, 63, 64, 65, 150] {
        let jobs: Vec<Job> = (0..size).map(|_| world.job()).collect();
        let writes = jobs.iter().map(insert).collect();
        commit(store, writes).await.unwrap();
        expected += size;
        let count = store.count_active().await.unwrap();
        let count: u64 = count.iter().map(|it| it.2).sum();
        assert_eq!(count, expected);
    }
}

pub async fn an_empty_change_asks_whether_the_database_takes_writes(store: &dyn Store) {
    store.ready().await.unwrap();
    let receipt = commit(store, Vec::new()).await.unwrap();
    assert_eq!(receipt.first_seq, None);
    assert_eq!(store.ledger_size().await.unwrap(), 0);
}
