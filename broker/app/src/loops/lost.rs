//! What is given up of the sites, and what has to wait for its site.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use broker_model::{Attempt, AttemptId, PartitionRef, SiteId, SystemHeard, SystemId};
use jiff::{SignedDuration, Timestamp};

/// How often systems are looked at that are shut at sites that are heard.
const SYSTEMS_EVERY: SignedDuration = SignedDuration::from_secs(20);

/// A site, or a system of one, for which nobody has taken work for longer than the lost timer.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) site: SiteId,
    /// The whole site where it is none.
    system: Option<SystemId>,
    /// Nobody tells of it either: what was sent there may be lost too.
    pub(super) is_silent: bool,
    /// Why what was not sent is placed elsewhere.
    pub(super) words: String,
}

impl Lost {
    pub(super) fn whole(site: &SiteId) -> Self {
        Self {
            site: site.clone(),
            system: None,
            is_silent: true,
            words: "nobody has spoken for its site for too long, and it had not been sent there"
                .to_owned(),
        }
    }

    pub(super) fn part(site: &SiteId, heard: SystemHeard, forsaken: Timestamp) -> Self {
        let (system, open_at) = (heard.system, heard.open_at);
        Self {
            site: site.clone(),
            is_silent: heard.heard_at < forsaken,
            words: format!("{system} has taken no work since {open_at}, and had not been sent it"),
            system: Some(system),
        }
    }

    pub(super) fn covers(&self, at: &PartitionRef) -> bool {
        let is_its = |system: &SystemId| *system == at.system;
        self.site == at.site && self.system.as_ref().is_none_or(is_its)
    }
}

/// Attempts of silent sites that have to wait for their site, whatever else happens: they are not looked
/// at again while the silence lasts.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    sites: Mutex<HashMap<SiteId, HashSet<AttemptId>>>,
    systems_at: Mutex<Option<Timestamp>>,
}

impl Judged {
    pub(super) fn is_systems_turn(&self, now: Timestamp) -> bool {
        let mut last = self
            .systems_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now.duration_since(last) >= SYSTEMS_EVERY);
        if is_due {
            *last = Some(now);
        }
        is_due
    }

    pub(super) fn keep_silent(&self, silent: &HashSet<SiteId>) {
        self.sites().retain(|site, _| silent.contains(site));
    }

    pub(super) fn of(&self, site: &SiteId) -> HashSet<AttemptId> {
        self.sites().get(site).cloned().unwrap_or_default()
    }

    pub(super) fn waits(&self, attempt: &Attempt) {
        let mut sites = self.sites();
        let judged = sites.entry(attempt.partition.site.clone()).or_default();
        judged.insert(attempt.id);
    }

    fn sites(&self) -> std::sync::MutexGuard<'_, HashMap<SiteId, HashSet<AttemptId>>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
