//! That nobody waits for a replica, a server or a network that hangs.

use std::process::Command;
use std::time::Duration;

use broker_model::{Clock as _, EntryBody, EntryKind, SystemClock};
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

use super::{SqlStore, connect, group};
use crate::testing::TestPostgres;
use crate::{Change, CommitError, Commits as _, Ledger as _, StoreError, StoreOptions};

/// Far beyond every bound that follows from the patience of these tests.
const BOUND: Duration = Duration::from_secs(20);

fn options() -> StoreOptions {
    StoreOptions {
        patience: Duration::from_millis(200),
        ..StoreOptions::default()
    }
}

async fn migrated(url: &str) -> SqlStore {
    let store = SqlStore::connect(url, options()).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn commit_one(store: &SqlStore) -> Result<Option<u64>, StoreError> {
    let change = Change {
        writes: Vec::new(),
        entries: vec![EntryBody::new(SystemClock.now(), EntryKind::LoginFailed)],
    };
    match timeout(BOUND, store.commit(change)).await.unwrap() {
        Ok(committed) => Ok(committed.first_seq),
        Err(CommitError::Store(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_ledger_that_another_holds_is_not_waited_for_without_end() {
    let Some(postgres) = TestPostgres::shared() else {
        return;
    };
    let url = postgres.create_database().await;
    let store = migrated(&url).await;
    let mut holder = PgConnection::connect(&url).await.unwrap();
    let lock = "BEGIN; SELECT size FROM ledger_head WHERE id = 1 FOR UPDATE";
    sqlx::raw_sql(lock).execute(&mut holder).await.unwrap();
    for _ in 0..2 {
        let refused = commit_one(&store).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
    }
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut holder)
        .await
        .unwrap();
    assert_eq!(
        commit_one(&store).await.unwrap(),
        Some(0),
        "nothing was taken before"
    );
}

#[tokio::test]
async fn a_replica_that_hangs_in_its_transaction_loses_it() {
    let Some(postgres) = TestPostgres::shared() else {
        return;
    };
    let url = postgres.create_database().await;
    let store = migrated(&url).await;
    let target = connect::target(&url, &options()).unwrap();
    let mut hung = target.connect_writer().await.unwrap();
    hung.begin().await.unwrap();
    group::lock_head(&mut hung).await.unwrap();
    let goes_on = async { while commit_one(&store).await.is_err() {} };
    timeout(BOUND, goes_on).await.unwrap();
    assert!(hung.commit().await.is_err(), "its transaction was ended");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let Some(postgres) = TestPostgres::shared() else {
        return;
    };
    let url = postgres.create_database().await;
    let store = migrated(&url).await;
    commit_one(&store).await.unwrap();
    let mut other = PgConnection::connect(&url).await.unwrap();
    let pid: i32 = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'alcyone-broker'",
    )
    .fetch_one(&mut other)
    .await
    .unwrap();
    let signal = |name: &str| {
        let kill = Command::new("kill").args([name, &pid.to_string()]).status();
        assert!(kill.unwrap().success());
    };
    signal("-STOP");
    let late = commit_one(&store).await;
    signal("-CONT");
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    // Over a new connection; whatever the old one had taken was never committed.
    assert_eq!(commit_one(&store).await.unwrap(), Some(1));
    assert_eq!(store.ledger_size().await.unwrap(), 2);
}
