use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker_model::{GpuMillis, SiteId, WindowId, WindowUse};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// What sites count as it was read lately, with what this process has placed since.
///
/// Of jobs that are counted anywhere this process places one at a time, so its own never go beyond;
/// what another replica places moves the version of the site's count on, and the commit notices.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    sites: Mutex<HashMap<SiteId, Counted>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Kept from the count to the commit of what was placed by it.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "held, never read")] OwnedMutexGuard<()>);

/// What one site counts.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) at: Instant,
    /// The version that its count had before any of it was read.
    pub(super) version: i64,
    pub(super) windows: HashMap<WindowId, WindowUse>,
}

impl Tallies {
    pub(crate) async fn turn(&self) -> Turn {
        Turn(Arc::clone(&self.turn).lock_owned().await)
    }

    /// A job was placed at a site whose count had this version, in a window it may be.
    pub(crate) fn took(&self, site: &SiteId, version: i64, window: Option<(WindowId, GpuMillis)>) {
        let mut sites = self.sites();
        let Some(counted) = sites.get_mut(site).filter(|it| it.version == version) else {
            sites.remove(site);
            return;
        };
        counted.version += 1;
        if let Some((window, gpu)) = window
            && let Some(uses) = counted.windows.get_mut(&window)
        {
            uses.held = uses.held + gpu;
        }
    }

    /// Another replica has placed by a count that is known here.
    pub(crate) fn forget(&self) {
        self.sites().clear();
    }

    pub(super) fn keep(&self, site: SiteId, counted: Counted) {
        self.sites().insert(site, counted);
    }

    /// What is known of a site for no longer than `fresh`, if these windows are in it.
    pub(super) fn find(
        &self,
        site: &SiteId,
        windows: &[WindowId],
        fresh: Duration,
    ) -> Option<Counted> {
        let mut sites = self.sites();
        sites.retain(|_, it| it.at.elapsed() < fresh);
        let counted = sites.get(site)?;
        let has_all = windows.iter().all(|it| counted.windows.contains_key(it));
        has_all.then(|| counted.clone())
    }

    fn sites(&self) -> MutexGuard<'_, HashMap<SiteId, Counted>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
