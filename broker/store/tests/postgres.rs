//! The store over PostgreSQL; skipped, with a word about it, where that is not installed.
#![expect(
    clippy::unwrap_used,
    reason = "what tests share fails by panicking, too"
)]

use std::sync::Arc;

use broker_model::{Clock as _, EntryBody, EntryKind, SystemClock};
use broker_store::testing::TestPostgres;
use broker_store::{Change, Commits as _, Ledger as _, SqlStore, Store, StoreOptions};
use futures::future::join_all;

async fn open(url: &str) -> SqlStore {
    SqlStore::connect(url, StoreOptions::default())
        .await
        .unwrap()
}

fn one_entry() -> Change {
    Change {
        writes: Vec::new(),
        entries: vec![EntryBody::new(SystemClock.now(), EntryKind::LoginFailed)],
    }
}

#[tokio::test]
async fn postgres_does_what_every_store_must_do() {
    let Some(postgres) = TestPostgres::shared() else {
        return;
    };
    broker_store::conformance::all(|| async {
        let store = open(&postgres.create_database().await).await;
        store.migrate().await.unwrap();
        Arc::new(store) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test]
async fn replicas_number_the_ledger_without_gaps() {
    let Some(postgres) = TestPostgres::shared() else {
        return;
    };
    let url = postgres.create_database().await;
    let replicas = [open(&url).await, open(&url).await, open(&url).await];
    let all = replicas[0].check_schema().await.unwrap().len();
    // At once, as replicas do that are started together.
    let migrated = join_all(replicas.iter().map(SqlStore::migrate)).await;
    let ran: usize = migrated.into_iter().map(|it| it.unwrap().len()).sum();
    assert_eq!(ran, all);
    let commits = (0..300).map(|n| replicas[n % 3].commit(one_entry()));
    let receipts = join_all(commits).await;
    let mut firsts: Vec<u64> = receipts
        .into_iter()
        .filter_map(|receipt| receipt.unwrap().first_seq)
        .collect();
    firsts.sort_unstable();
    assert_eq!(firsts, (0..300).collect::<Vec<u64>>());
    let entries = replicas[0].entries(0, 1000).await.unwrap();
    assert_eq!(entries.len(), 300);
    assert_eq!(replicas[1].ledger_size().await.unwrap(), 300);
}

#[tokio::test]
async fn connections_that_broke_while_idle_are_replaced() {
    let Some(postgres) = TestPostgres::start_alone().unwrap() else {
        assert!(TestPostgres::shared().is_none());
        return;
    };
    let store = open(&postgres.create_database().await).await;
    store.migrate().await.unwrap();
    store.commit(one_entry()).await.unwrap();
    for size in 1..4 {
        assert_eq!(store.ledger_size().await.unwrap(), size);
        postgres.break_connections().await;
        store.commit(one_entry()).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_and_no_change_is_taken() {
    let Some(postgres) = TestPostgres::start_alone().unwrap() else {
        assert!(TestPostgres::shared().is_none());
        return;
    };
    let store = open(&postgres.create_database().await).await;
    store.migrate().await.unwrap();
    store.ready().await.unwrap();
    drop(postgres);
    let unavailable = |error: &broker_store::StoreError| {
        matches!(error, broker_store::StoreError::Unavailable(_))
    };
    assert!(unavailable(&store.ready().await.unwrap_err()));
    assert!(unavailable(&store.ledger_size().await.unwrap_err()));
}
