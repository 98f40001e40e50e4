use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use broker_model::{JobId, SiteId};
use tokio::sync::{Notify, broadcast};

/// Wakes what waits in this process: long polls of agents, followers of a job, the loops.
///
/// Only a nudge: whoever is woken looks for itself, and also looks on a timer, since other replicas
/// write to the same database.
#[derive(Debug)]
pub struct Nudges {
    sites: Mutex<HashMap<SiteId, Arc<Notify>>>,
    jobs: broadcast::Sender<JobId>,
    pending: Notify,
    ledger: Notify,
}

impl Default for Nudges {
    fn default() -> Self {
        Self {
            sites: Mutex::default(),
            jobs: broadcast::channel(4096).0,
            pending: Notify::new(),
            ledger: Notify::new(),
        }
    }
}

impl Nudges {
    /// Work was placed at a site, or something there shall be cancelled.
    pub fn site(&self, site: &SiteId) {
        self.site_notify(site).notify_waiters();
    }

    pub fn site_notify(&self, site: &SiteId) -> Arc<Notify> {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(notify) = sites.get(site) {
            return notify.clone();
        }
        sites.entry(site.clone()).or_default().clone()
    }

    /// A job, or its log, changed.
    pub fn job(&self, job: JobId) {
        // An error only says that nobody follows any job.
        let _ = self.jobs.send(job);
    }

    pub fn follow_jobs(&self) -> broadcast::Receiver<JobId> {
        self.jobs.subscribe()
    }

    /// A job waits for a placement.
    pub fn pending(&self) {
        self.pending.notify_one();
    }

    pub async fn pending_job(&self) {
        self.pending.notified().await;
    }

    /// There are entries to seal.
    pub fn ledger(&self) {
        self.ledger.notify_one();
    }

    pub async fn unsealed_entry(&self) {
        self.ledger.notified().await;
    }
}
