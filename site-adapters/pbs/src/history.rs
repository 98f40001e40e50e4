use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::calls::server::Server;

const FRESH: Duration = Duration::from_mins(1);

/// Resources that the server said it does not have.
///
/// On a complex without accelerators nobody has made `ngpus`, and a job may not even ask for none of
/// them. Asked for anew after a minute, since it may be made.
#[derive(Debug, Default)]
pub(crate) struct MissingResources(Mutex<BTreeMap<String, Instant>>);

impl MissingResources {
    pub(crate) fn has(&self, name: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).is_some_and(|since| since.elapsed() < FRESH)
    }

    pub(crate) fn put(&self, name: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.to_owned(), Instant::now());
    }
}

/// What the server said of itself, for a minute: whether it keeps a history decides how everything
/// else is asked.
#[derive(Debug, Default)]
pub(crate) struct KnownServer(Mutex<Option<(Server, Instant)>>);

impl KnownServer {
    pub(crate) fn get(&self) -> Option<Server> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (server, since) = known.as_ref()?;
        (since.elapsed() < FRESH).then(|| server.clone())
    }

    pub(crate) fn set(&self, server: Server) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((server, Instant::now()));
    }

    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Server {
    /// Whether a job that was there at the time would still be told of: the history holds a job for so
    /// long after its end, which is not before.
    pub(crate) fn remembers(&self, since: Timestamp, now: Timestamp) -> bool {
        let age = now.duration_since(since).as_secs();
        let kept = self
            .history_seconds
            .and_then(|kept| i64::try_from(kept).ok());
        kept.is_some_and(|kept| age < kept)
    }
}
