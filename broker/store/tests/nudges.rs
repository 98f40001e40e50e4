//! What subscribers hear of commits.
#![expect(
    clippy::unwrap_used,
    reason = "what tests share fails by panicking, too"
)]

use broker_model::{Clock as _, Ids, SiteReadiness, SiteState, SystemClock};
use broker_store::{Change, Commits as _, Nudge, SqlStore, StoreOptions, Write};

#[tokio::test]
async fn subscribers_hear_which_sites_a_commit_was_about() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/broker.db", folder.path().display());
    let store = SqlStore::connect(&url, StoreOptions::default())
        .await
        .unwrap();
    store.migrate().await.unwrap();
    let mut nudges = store.subscribe();
    let refused = Write::UpdateAllocationTerms(Box::new(allocation()));
    let refused = Change {
        writes: vec![site_state("bsc", 0), refused],
        entries: Vec::new(),
    };
    store.commit(refused).await.unwrap_err();
    let taken = Change {
        writes: vec![site_state("lumi", 0), site_state("lumi", 1)],
        entries: Vec::new(),
    };
    store.commit(taken).await.unwrap();
    let expected = Nudge {
        jobs: Vec::new(),
        sites: vec!["lumi".parse().unwrap()],
        ledger_size: 0,
    };
    assert_eq!(*nudges.recv().await.unwrap(), expected);
}

fn site_state(site: &str, version: i64) -> Write {
    Write::PutSiteState(Box::new(SiteState {
        site: site.parse().unwrap(),
        readiness: SiteReadiness::Ready,
        reason: None,
        observed_at: SystemClock.now(),
        ttl_seconds: 60,
        agents: Vec::new(),
        systems: Vec::new(),
        version,
    }))
}

fn allocation() -> broker_model::Allocation {
    let ids = Ids::from_os();
    broker_model::Allocation {
        id: ids.next(&SystemClock),
        project: ids.next(&SystemClock),
        scope: broker_model::AllocationScope::Federation,
        share: broker_model::FundingShare::Union,
        unit: "GPU-hour".to_owned(),
        balance: broker_model::Balance::default(),
        valid_from: SystemClock.now(),
        valid_until: SystemClock.now(),
        local_accounts: std::collections::BTreeMap::new(),
        suspended: false,
        mode: None,
        account_named_at: None,
    }
}
