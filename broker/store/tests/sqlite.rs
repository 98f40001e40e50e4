//! The store over SQLite.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what tests share fails by panicking, too"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use broker_store::{Change, CommitError, Commits as _, SqlStore, Store, StoreError, StoreOptions};

#[path = "sqlite/crash.rs"]
mod crash;
#[path = "sqlite/full_disk.rs"]
mod full_disk;

async fn open(file: &Path) -> SqlStore {
    let url = format!("sqlite://{}", file.display());
    SqlStore::connect(&url, StoreOptions::default())
        .await
        .unwrap()
}

#[tokio::test]
async fn sqlite_does_what_every_store_must_do() {
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicU32::new(0);
    broker_store::conformance::all(|| async {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let store = open(&folder.path().join(format!("{number}.db"))).await;
        store.migrate().await.unwrap();
        Arc::new(store) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test]
async fn the_folder_is_made_for_the_broker_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("var/alcyone");
    open(&inner.join("broker.db")).await;
    let mode = std::fs::metadata(&inner).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn two_programs_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broker.db");
    let (one, other) = (open(&file).await, open(&file).await);
    let (first, second) = tokio::join!(one.migrate(), other.migrate());
    assert_eq!(first.unwrap().len() + second.unwrap().len(), 1);
    let commits = (0..50).map(|n| {
        let store = if n % 2 == 0 { &one } else { &other };
        store.commit(Change::default())
    });
    for answer in futures::future::join_all(commits).await {
        answer.unwrap();
    }
}

#[tokio::test]
async fn a_url_that_names_no_database_is_refused_without_repeating_it() {
    for url in [
        "",
        "sqlite::memory:",
        "sqlite://",
        "mysql://root:secret@x/y",
    ] {
        let refused = SqlStore::connect(url, StoreOptions::default()).await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("expected `sqlite:///path"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_store_without_its_tables_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("broker.db")).await;
    let missing = store.check_schema().await.unwrap();
    assert_eq!(missing.first().map(String::as_str), Some("0001_first"));
    let Err(StoreError::Database(reason)) = store.ready().await else {
        panic!("it is ready without a schema");
    };
    assert!(reason.contains("ledger_head"), "{reason}");
    store.migrate().await.unwrap();
    assert_eq!(store.check_schema().await.unwrap(), [""; 0]);
    store.ready().await.unwrap();
}

#[tokio::test]
async fn closing_finishes_what_waits_and_refuses_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broker.db");
    let store = open(&file).await;
    store.migrate().await.unwrap();
    let clone = store.clone();
    let waiting = (0..300).map(|_| clone.commit(Change::default()));
    let (answers, ()) = tokio::join!(futures::future::join_all(waiting), store.close());
    for answer in answers {
        answer.unwrap();
    }
    let late = clone.commit(Change::default()).await;
    assert!(matches!(
        late,
        Err(CommitError::Store(StoreError::Unavailable(_)))
    ));
}

#[tokio::test]
async fn commits_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("broker.db")).await;
    store.migrate().await.unwrap();
    let waiting = (0..100).map(|_| store.commit(Change::default()));
    futures::future::join_all(waiting).await;
    let stats = store.stats();
    assert_eq!(stats.changes, 100);
    assert!(stats.groups < 100, "{stats:?}");
    assert!(stats.largest_group > 1 && stats.commit_seconds_sum > 0.0);
}
