//! A file that may not grow any more.

use std::path::Path;

use broker_model::{Clock as _, Ids, PersonId, SystemClock};
use broker_store::{
    Change, CommitError, Commits as _, IdempotencyKey, Jobs as _, Remembered, SqlStore, StoreError,
    StoreOptions, Write,
};

async fn open(folder: &Path, pages: u32) -> SqlStore {
    let url = format!("sqlite://{}/full.db", folder.display());
    let options = StoreOptions {
        sqlite_max_pages: Some(pages),
        ..StoreOptions::default()
    };
    let store = SqlStore::connect(&url, options).await.unwrap();
    store.migrate().await.unwrap();
    store
}

fn remember(number: u32, person: PersonId) -> (IdempotencyKey, Change) {
    let key = IdempotencyKey {
        person,
        key: number.to_string(),
    };
    let answer = Remembered {
        request_sha256: String::new(),
        status: 202,
        body: "x".repeat(10_000),
        created_at: SystemClock.now(),
    };
    let write = Write::Remember {
        key: key.clone(),
        answer,
    };
    let change = Change {
        writes: vec![write],
        entries: Vec::new(),
    };
    (key, change)
}

/// Writes until the file is full; returns the keys that were stored, and the first that was not.
async fn fill(store: &SqlStore, person: PersonId) -> (Vec<IdempotencyKey>, IdempotencyKey) {
    let mut stored = Vec::new();
    for number in 0.. {
        let (key, change) = remember(number, person);
        match store.commit(change).await {
            Ok(_) => stored.push(key),
            Err(CommitError::Store(StoreError::Full(_))) => return (stored, key),
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!("the file never filled up");
}

#[tokio::test]
async fn a_full_file_refuses_writes_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let person = Ids::from_os().next(&SystemClock);
    let store = open(folder.path(), 300).await;
    let (stored, refused) = fill(&store, person).await;
    assert!(stored.len() > 10);
    for _ in 0..3 {
        let (_, change) = remember(u32::MAX, person);
        let again = store.commit(change).await;
        assert!(matches!(
            again,
            Err(CommitError::Store(StoreError::Full(_)))
        ));
    }
    for key in &stored {
        assert!(store.find_remembered(key).await.unwrap().is_some());
    }
    assert_eq!(store.find_remembered(&refused).await.unwrap(), None);

    // Room that is made in the file is used without a restart ...
    store.forget_keys(SystemClock.now()).await.unwrap();
    let (key, change) = remember(0, person);
    store.commit(change).await.unwrap();
    store.close().await;

    // ... and so is a larger limit after one.
    let store = open(folder.path(), 100_000).await;
    for number in 1..=2 * u32::try_from(stored.len()).unwrap() {
        let (_, change) = remember(number, person);
        store.commit(change).await.unwrap();
    }
    assert!(store.find_remembered(&key).await.unwrap().is_some());
}
