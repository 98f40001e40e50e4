//! Failed sign-ins in the ledger, without letting who fails fill it (decision 6).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use broker_model::{EntryBody, EntryKind};
use broker_store::Change;
use jiff::{SignedDuration, Timestamp};

use crate::{Broker, Result};

/// After the first of a kind the others are counted for so long.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// Where somebody knocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// A sign-in in the browser.
    Portal,
    /// A bearer token.
    Api,
}

/// Door, issuer, and the reason in one of the words of `broker-auth`.
type Kind = (Door, String, &'static str);

#[derive(Debug, Default)]
pub(crate) struct FailedLogins(Mutex<HashMap<Kind, Window>>);

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Timestamp,
    /// Beside the first, which has an entry of its own unless that could not be made.
    more: u64,
}

impl FailedLogins {
    /// Whether this is the first of its kind for a while; others are counted.
    fn is_first(&self, kind: &Kind, now: Timestamp) -> bool {
        match self.windows().entry(kind.clone()) {
            Entry::Vacant(slot) => {
                slot.insert(Window {
                    since: now,
                    more: 0,
                });
                true
            }
            Entry::Occupied(mut slot) => {
                let window = slot.get_mut();
                window.more = window.more.saturating_add(1);
                false
            }
        }
    }

    /// Counts again what could not be entered.
    fn put_back(&self, failed: impl IntoIterator<Item = (Kind, Window)>) {
        let mut windows = self.windows();
        for (kind, failed) in failed {
            let window = windows.entry(kind).or_insert(Window { more: 0, ..failed });
            window.since = window.since.min(failed.since);
            window.more = window.more.saturating_add(failed.more);
        }
    }

    fn take_begun_before(&self, time: Timestamp) -> Vec<(Kind, Window)> {
        self.windows()
            .extract_if(|_, window| window.since <= time)
            .collect()
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<Kind, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broker {
    /// Notes that somebody was not let in. The first of a kind is in the ledger at once, those of the
    /// next minute as one entry with their number. `issuer` and `reason` come from the configuration
    /// and from the code, never from who knocked, so the kinds are few.
    pub async fn record_failed_login(
        &self,
        door: Door,
        issuer: &str,
        reason: &'static str,
    ) -> Result<()> {
        let kind = (door, issuer.to_owned(), reason);
        let now = self.inner.clock.now();
        if !self.inner.failed_logins.is_first(&kind, now) {
            return Ok(());
        }
        let entered = self.enter(entry(&kind, now)).await;
        if entered.is_err() {
            let first = Window {
                since: now,
                more: 1,
            };
            self.inner.failed_logins.put_back([(kind, first)]);
        }
        entered
    }

    /// Enters what was counted in the minutes that are over; returns how many entries that made.
    pub async fn enter_failed_logins_once(&self) -> Result<usize> {
        let over = self.inner.clock.now().saturating_sub(WINDOW);
        self.enter_begun_before(over.unwrap_or(Timestamp::MIN))
            .await
    }

    /// Enters all that was counted: nothing more will be.
    pub async fn enter_last_failed_logins(&self) -> Result<usize> {
        self.enter_begun_before(Timestamp::MAX).await
    }

    async fn enter_begun_before(&self, time: Timestamp) -> Result<usize> {
        let windows = &self.inner.failed_logins;
        let mut entered = 0;
        let mut due = windows.take_begun_before(time).into_iter();
        while let Some((kind, window)) = due.next() {
            if window.more == 0 {
                continue;
            }
            let entry = entry(&kind, self.inner.clock.now())
                .with("count", window.more)
                .with("since", window.since.to_string());
            if let Err(error) = self.enter(entry).await {
                windows.put_back(std::iter::once((kind, window)).chain(due));
                return Err(error);
            }
            entered += 1;
        }
        Ok(entered)
    }

    async fn enter(&self, entry: EntryBody) -> Result<()> {
        let entries = vec![entry];
        let writes = Vec::new();
        self.commit(Change { writes, entries }).await?;
        Ok(())
    }
}

fn entry((door, issuer, reason): &Kind, now: Timestamp) -> EntryBody {
    let door = match door {
        Door::Portal => "portal",
        Door::Api => "api",
    };
    EntryBody::new(now, EntryKind::LoginFailed)
        .with("door", door)
        .with("issuer", issuer.as_str())
        .with("reason", *reason)
}
