use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use broker_model::{Clock, Ids, JobId, Site};
use broker_store::{Change, CommitError, Committed, Store};
use policy_engine::Engine;

use crate::agents::Looks;
use crate::caller::Callers;
use crate::contact::Directory;
use crate::decisions::Decisions;
use crate::drain::Drain;
use crate::enrolment::AgentDoor;
use crate::failed_logins::FailedLogins;
use crate::jobs::{InFlight, JobReads};
use crate::loops::{Hearing, Judged};
use crate::shares::Measured;
use crate::standing::Standings;
use crate::state_log::Lines;
use crate::tally::Tallies;
use crate::terms::{Accepted, TermsSet};
use crate::{Board, Error, FileStore, Nudges, Result, Retention, RoleRule};

/// What a broker is made of.
#[derive(Debug)]
pub struct BrokerParts {
    pub store: Arc<dyn Store>,
    pub policy: Arc<Engine>,
    /// The federation, from `config/sites/`; the registry says more ([`Broker::register_files`]).
    pub sites: Vec<Site>,
    /// Residency zones (`EU`) as sets of country codes.
    pub zones: BTreeMap<String, BTreeSet<String>>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub limits: Limits,
    /// Where files of evidence lie; without it none are taken.
    pub files: Option<FileStore>,
}

/// Numbers that an operator may set; the defaults serve a federation of tens of sites.
#[derive(Clone, Debug)]
pub struct Limits {
    /// An agent that is silent for so long loses its attempts to another agent of its site.
    pub lease: Duration,
    /// A site's word counts for so long where its agent tells no time of its own; then its state is
    /// unknown and nothing is placed there.
    pub site_state_ttl: Duration,
    /// A restartable job moves when its site was silent for so long.
    pub site_lost_after: Duration,
    /// How long a job waits for a person of its site; then this counts as declined.
    pub confirmation: Duration,
    /// Stored bytes of one log stream; what comes later is dropped with a last line that says so.
    pub log_bytes: u64,
    /// How long an idempotency key is remembered.
    pub idempotency: Duration,
    /// How long facts of a project may be reused between submissions. A suspension or a spent
    /// balance is caught at once all the same: the hold is checked in the transaction.
    pub standing_ttl: Duration,
    /// For how long what is over is kept.
    pub retention: Retention,
}

/// Less than this is over before a report has reached every replica.
const LEAST_TTL: u64 = 5;

impl Limits {
    /// How long a site's word counts. An agent knows best how often it looks, but a word that outlived
    /// the lost timer would place jobs at a site that is given up.
    pub(crate) fn site_ttl_seconds(&self, told: Option<u32>) -> u32 {
        let longest = self.site_lost_after.as_secs().max(LEAST_TTL);
        let ttl = match told {
            Some(told) => u64::from(told).clamp(LEAST_TTL, longest),
            None => self.site_state_ttl.as_secs(),
        };
        u32::try_from(ttl).unwrap_or(u32::MAX)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lease: Duration::from_mins(1),
            site_state_ttl: Duration::from_mins(2),
            site_lost_after: Duration::from_mins(30),
            confirmation: Duration::from_hours(7 * 24),
            log_bytes: 64 * 1024 * 1024,
            idempotency: Duration::from_hours(24),
            standing_ttl: Duration::from_secs(1),
            retention: Retention::default(),
        }
    }
}

/// The broker: every use case is a method of it, each in a file of its own.
#[derive(Clone, Debug)]
pub struct Broker {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    policy: RwLock<Arc<Engine>>,
    pub(crate) role_rules: RwLock<Arc<[RoleRule]>>,
    pub(crate) directory: RwLock<Arc<Directory>>,
    pub(crate) terms: RwLock<Arc<TermsSet>>,
    pub(crate) board: Board,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<Ids>,
    pub(crate) limits: Limits,
    pub(crate) nudges: Nudges,
    files: Option<FileStore>,
    pub(crate) callers: Callers,
    pub(crate) standings: Standings,
    pub(crate) measured: Measured,
    pub(crate) accepted: Accepted,
    pub(crate) decisions: Decisions,
    pub(crate) reads: JobReads,
    pub(crate) in_flight: InFlight,
    pub(crate) failed_logins: FailedLogins,
    pub(crate) looks: Looks,
    pub(crate) hearing: Hearing,
    pub(crate) agent_door: RwLock<Arc<AgentDoor>>,
    pub(crate) drain: Drain,
    pub(crate) judged: Judged,
    pub(crate) tallies: Tallies,
    /// One export of a person at a time.
    pub(crate) exporting: tokio::sync::Semaphore,
    /// One comparison of policies at a time: it may load a set of somebody's own.
    pub(crate) comparing: Arc<tokio::sync::Semaphore>,
    /// The last job that the placement loop looked at, while there are more behind it.
    pub(crate) placing: Mutex<Option<JobId>>,
}

impl Broker {
    pub fn new(parts: BrokerParts) -> Self {
        Self {
            inner: Arc::new(Inner {
                board: Board::new(parts.sites, parts.zones),
                policy: RwLock::new(parts.policy),
                role_rules: RwLock::new(Arc::new([])),
                directory: RwLock::new(crate::contact::shipped()),
                terms: RwLock::default(),
                callers: Callers::new(&parts.limits),
                standings: Standings::new(&parts.limits),
                measured: Measured::new(&parts.limits),
                accepted: Accepted::new(&parts.limits),
                decisions: Decisions::default(),
                reads: JobReads::default(),
                in_flight: InFlight::default(),
                failed_logins: FailedLogins::default(),
                looks: Looks::default(),
                hearing: Hearing::from(parts.clock.now()),
                agent_door: RwLock::default(),
                drain: Drain::default(),
                judged: Judged::default(),
                tallies: Tallies::default(),
                exporting: tokio::sync::Semaphore::new(1),
                comparing: Arc::new(tokio::sync::Semaphore::new(1)),
                placing: Mutex::default(),
                nudges: Nudges::default(),
                files: parts.files,
                store: parts.store,
                clock: parts.clock,
                ids: parts.ids,
                limits: parts.limits,
            }),
        }
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub fn nudges(&self) -> &Nudges {
        &self.inner.nudges
    }

    pub fn board(&self) -> &Board {
        &self.inner.board
    }

    pub(crate) fn files(&self) -> Result<&FileStore> {
        let none = || Error::Files("this broker is not set up to keep files".to_owned());
        self.inner.files.as_ref().ok_or_else(none)
    }

    /// The policy set in force.
    pub fn policy(&self) -> Arc<Engine> {
        let policy = self.inner.policy.read();
        Arc::clone(&policy.unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn swap_policy(&self, policy: Engine) {
        let mut slot = { self.inner.policy.write() }.unwrap_or_else(PoisonError::into_inner);
        *slot = Arc::new(policy);
    }

    /// Commits, logs what it did to jobs, and wakes the sealing loop if the change left entries.
    pub(crate) async fn commit(&self, change: Change) -> Result<Committed, CommitError> {
        let lines = Lines::of(&change.entries);
        let committed = self.inner.store.commit(change).await?;
        lines.write();
        if committed.first_seq.is_some() {
            self.inner.nudges.ledger();
        }
        Ok(committed)
    }
}
