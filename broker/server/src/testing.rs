//! What tests of this crate share.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use broker_app::{Broker, BrokerParts, Limits};
use broker_model::{Ids, SystemClock};
use broker_store::{SqlStore, StoreOptions};
use policy_engine::Engine;

use crate::config::Config;

/// That names nothing but what it must.
pub(crate) fn config() -> Config {
    toml::from_str(
        r#"
        [server]
        listen = "127.0.0.1:0"
        public_url = "http://127.0.0.1:1"
        [database]
        url = "sqlite://unused.db"
        [ledger]
        name = "broker.example.eu/ledger"
        key_file = "key.pem"
        "#,
    )
    .unwrap()
}

/// Over a database of its own, without sites.
pub(crate) async fn bare_broker(folder: &Path) -> Broker {
    let url = format!("sqlite://{}/broker.db", folder.display());
    let store = SqlStore::connect(&url, StoreOptions::default()).await;
    let store = store.unwrap();
    store.migrate().await.unwrap();
    Broker::new(BrokerParts {
        store: Arc::new(store),
        policy: Arc::new(Engine::shipped().unwrap()),
        sites: Vec::new(),
        zones: BTreeMap::new(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(Ids::from_os()),
        limits: Limits::default(),
        files: None,
    })
}

/// Copies a folder with all that lies in it.
pub(crate) fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copied(&path, &copy);
        } else {
            std::fs::copy(&path, &copy).unwrap();
        }
    }
}
