//! What must be true of the whole database at every commit.

use std::collections::{BTreeMap, BTreeSet};

use broker_app::Broker;
use broker_ledger::export::{Verified, verify};
use broker_model::{
    Attempt, AttemptState, EntryBody, EntryKind, Job, JobState, UnitMillis, UsageRecord,
};
use broker_store::{JobFilter, Page};
use futures::TryStreamExt as _;

use crate::world::{LEDGER, allocation, principal, sealer, signer};

/// Everything there is, as it is stored.
pub(crate) struct Books {
    pub(crate) jobs: Vec<Job>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) usage: Vec<UsageRecord>,
    pub(crate) entries: Vec<EntryBody>,
}

impl Books {
    pub(crate) async fn read(broker: &Broker) -> Self {
        let store = broker.store();
        let page = Page {
            limit: 200,
            before: None,
        };
        let jobs = store.list_jobs(&JobFilter::default(), &page).await.unwrap();
        let (mut attempts, mut usage) = (Vec::new(), Vec::new());
        for job in &jobs {
            attempts.extend(store.attempts_of(job.id).await.unwrap());
            usage.extend(store.usage_of(job.id).await.unwrap());
        }
        let entries = store.entries(0, 1_000_000).await.unwrap();
        Self {
            jobs,
            attempts,
            usage,
            entries: entries.iter().map(|row| row.body().unwrap()).collect(),
        }
    }

    /// Reads, and checks the invariants.
    pub(crate) async fn check(broker: &Broker) -> Self {
        let books = Self::read(broker).await;
        books.hours_are_accounted_for(broker).await;
        books.one_attempt_may_run();
        books.what_is_over_holds_nothing();
        books.the_ledger_tells_every_state();
        books
    }

    /// granted = used + held + lost + remaining, and used and held are the sums over the jobs.
    async fn hours_are_accounted_for(&self, broker: &Broker) {
        let balance = allocation(broker).await.balance;
        let held: UnitMillis = self.jobs.iter().map(|job| job.held).sum();
        let used: UnitMillis = self.usage.iter().map(|record| record.charge.charged).sum();
        assert_eq!(balance.held, held, "held");
        assert_eq!(balance.used, used, "used");
        assert_eq!(balance.granted, self.granted(), "the ledger's grants");
        let sum = balance.used + balance.held + balance.lost + balance.remaining();
        assert_eq!(balance.granted, sum);
        let charged: BTreeSet<_> = self.usage.iter().map(|record| record.attempt).collect();
        assert_eq!(
            charged.len(),
            self.usage.len(),
            "an attempt is charged once"
        );
    }

    /// What the ledger says was granted last.
    fn granted(&self) -> UnitMillis {
        let mut told = self.entries.iter().filter_map(|entry| match entry.kind {
            EntryKind::AllocationGranted => entry.data.get("granted_unit_ms"),
            EntryKind::GrantChanged => entry.data.get("to_unit_ms"),
            _ => None,
        });
        UnitMillis(
            told.next_back()
                .and_then(serde_json::Value::as_i64)
                .unwrap(),
        )
    }

    fn one_attempt_may_run(&self) {
        let mut open = BTreeMap::new();
        for attempt in self.attempts.iter().filter(|it| !it.state.is_over()) {
            let other = open.insert(attempt.job, attempt.id);
            assert_eq!(other, None, "{} has two open attempts", attempt.job);
            let job = self.jobs.iter().find(|job| job.id == attempt.job).unwrap();
            assert_eq!(
                job.attempt,
                Some(attempt.id),
                "an open attempt is its job's"
            );
            assert!(!attempt.settled, "what is open is not settled");
        }
    }

    fn what_is_over_holds_nothing(&self) {
        for job in &self.jobs {
            let attempt = self.attempts.iter().find(|it| Some(it.id) == job.attempt);
            let owed = attempt.is_some_and(|attempt| !attempt.settled);
            let waits = job.state == JobState::Pending || job.state.is_final();
            if waits && !owed {
                assert_eq!(job.held, UnitMillis::ZERO, "{job:?}");
            } else {
                assert_ne!(job.held, UnitMillis::ZERO, "{job:?}");
            }
            if job.state.is_final() {
                let ended = attempt.is_none_or(|attempt| attempt.state.is_over());
                assert!(ended, "{} is over and its attempt is not", job.id);
            }
        }
    }

    /// The last that the ledger says of each job and attempt is the state that is stored.
    fn the_ledger_tells_every_state(&self) {
        let (mut jobs, mut attempts) = (BTreeMap::new(), BTreeMap::new());
        let (mut held, mut closed) = (0, BTreeSet::new());
        for entry in &self.entries {
            let text = |key: &str| entry.data.get(key).and_then(|it| it.as_str());
            let number = |key: &str| entry.data.get(key).and_then(serde_json::Value::as_i64);
            match entry.kind {
                EntryKind::JobAccepted | EntryKind::JobStateChanged => {
                    jobs.insert(entry.job.unwrap(), text("state").unwrap());
                }
                EntryKind::JobPlaced => {
                    let state = text("state").unwrap_or("placed");
                    jobs.insert(entry.job.unwrap(), state);
                    held += number("charge_unit_ms").unwrap();
                }
                EntryKind::HoldReleased => held -= number("unit_ms").unwrap(),
                EntryKind::UsageCharged | EntryKind::UsageUncharged => {
                    held -= number("released_unit_ms").unwrap_or(0);
                    assert!(closed.insert(entry.attempt.unwrap()), "closed twice");
                }
                EntryKind::AttemptLeased | EntryKind::AttemptStateChanged => {
                    attempts.insert(entry.attempt.unwrap(), text("state").unwrap());
                }
                _ => {}
            }
        }
        for job in &self.jobs {
            assert_eq!(jobs[&job.id], job.state.name().as_str(), "{}", job.id);
        }
        for attempt in &self.attempts {
            assert_eq!(attempts[&attempt.id], attempt.state.as_str());
            let refused = matches!(attempt.state, AttemptState::Refused { .. });
            let is_closed = refused || closed.contains(&attempt.id);
            assert_eq!(attempt.settled, is_closed, "{attempt:?}");
        }
        let stored: UnitMillis = self.jobs.iter().map(|job| job.held).sum();
        assert_eq!(held, stored.0, "the ledger's holds");
    }

    pub(crate) fn count(&self, kind: EntryKind) -> usize {
        self.entries.iter().filter(|it| it.kind == kind).count()
    }
}

/// Seals, exports, and verifies as an auditor would.
pub(crate) async fn audit(broker: &Broker) -> Verified {
    broker.seal_once(&sealer()).await.unwrap();
    export(broker).await
}

pub(crate) async fn export(broker: &Broker) -> Verified {
    let auditor = broker.caller(principal("auditor")).await.unwrap();
    let key = signer().verifier();
    let stream = broker.export(&auditor, LEDGER, vec![key.clone()]).await;
    let parts: Vec<Vec<u8>> = stream.unwrap().try_collect().await.unwrap();
    verify(parts.concat().as_slice(), &[key]).unwrap()
}
