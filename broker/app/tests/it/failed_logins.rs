//! Failed sign-ins that the ledger could not take at once.

use std::sync::Arc;

use broker_app::{Broker, Door};
use broker_model::EntryKind;

use crate::books::Books;
use crate::fault::{Fault, FaultyStore};
use crate::world::{ISSUER, World};

/// The reason of each entry with its count, if it has one.
async fn entered(broker: &Broker) -> Vec<(String, Option<u64>)> {
    let mut entries = Books::read(broker).await.entries;
    entries.retain(|it| it.kind == EntryKind::LoginFailed);
    let told = entries.iter().map(|it| {
        let reason = it.data["reason"].as_str().unwrap().to_owned();
        (
            reason,
            it.data.get("count").and_then(serde_json::Value::as_u64),
        )
    });
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

#[tokio::test]
async fn what_could_not_be_entered_is_counted_and_entered_later() {
    let world = World::sqlite().await;
    let store = Arc::new(FaultyStore::over(world.store().await));
    let broker = world.broker_over(store.clone());
    let fail = async |reason| broker.record_failed_login(Door::Api, ISSUER, reason).await;
    store.fail_after(0, Fault::Before);
    fail("expired").await.unwrap_err();
    assert!(store.mend());
    for _ in 0..2 {
        fail("expired").await.unwrap();
        fail("bad_signature").await.unwrap();
    }
    let said = |reason: &str, count| (reason.to_owned(), count);
    assert_eq!(entered(&broker).await, [said("bad_signature", None)]);

    world.pass(60);
    store.fail_after(0, Fault::Before);
    broker.enter_failed_logins_once().await.unwrap_err();
    assert!(store.mend());
    fail("expired").await.unwrap();
    assert_eq!(broker.enter_failed_logins_once().await.unwrap(), 2);
    let all = [
        said("bad_signature", None),
        said("bad_signature", Some(1)),
        said("expired", Some(4)),
    ];
    assert_eq!(entered(&broker).await, all);
    assert_eq!(broker.enter_last_failed_logins().await.unwrap(), 0);
}
