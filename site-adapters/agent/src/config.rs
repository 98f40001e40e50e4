use std::time::Duration;

use broker_model::{AgentId, InstanceId, SiteId, SystemId};

pub(crate) const SNAPSHOT_EVERY: Duration = Duration::from_secs(30);
pub(crate) const USAGE_GIVE_UP: Duration = Duration::from_hours(24);
pub(crate) const UNREACHABLE_AFTER: Duration = Duration::from_mins(1);

/// The least time to live with which a site never counts as unknown while its agent speaks: one
/// snapshot may be lost on its way, and none is made of a scheduler that is away before it counts as
/// that.
pub(crate) fn least_snapshot_ttl(every: Duration, unreachable_after: Duration) -> Duration {
    every.saturating_mul(2).saturating_add(unreachable_after)
}

/// How an agent behaves; [`AgentConfig::new`] gives what a real site wants.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    pub id: AgentId,
    /// This process: the broker gives an attempt to one process only, even of one agent id.
    pub instance: InstanceId,
    pub site: SiteId,
    /// The scheduler, by a name that no other scheduler of the site has, and the systems it runs.
    pub scheduler: Option<String>,
    pub systems: Vec<SystemId>,
    /// Most attempts worked on at once, waiting ones included.
    pub max_attempts: u32,
    /// Most attempts that wait to be sent: each is in memory with its script of up to 256 KiB.
    pub max_unsent: u32,
    /// Most submit, find and cancel calls at once; logs and usage have as many of their own.
    pub max_calls: usize,
    /// How often the scheduler is asked for the states of the agent's jobs, while there are any.
    pub tick: Duration,
    /// How long the broker may hold a lease request that has no answer yet.
    pub lease_wait: Duration,
    pub snapshot_every: Duration,
    /// How long a snapshot counts at the broker when nothing newer comes; derived from the timers when
    /// absent.
    pub snapshot_ttl: Option<Duration>,
    /// How long the scheduler may not be reachable before the site counts as unavailable.
    pub unreachable_after: Duration,
    /// How long a credential or a setting may be refused before the site's state says so.
    pub misconfigured_after: Duration,
    pub retry_min: Duration,
    /// Also the pause after errors that only a person can mend.
    pub retry_max: Duration,
    /// How long after its end a job's usage is asked for before the attempt is closed without.
    pub usage_give_up: Duration,
    /// How long after its end a job's logs may fail to be read before they are left.
    pub logs_give_up: Duration,
    pub log_chunk_bytes: usize,
    /// Log bytes in one report.
    pub report_log_bytes: usize,
    /// Log bytes read but not yet stored by the broker; no log is read above it.
    pub log_backlog_bytes: usize,
    /// Of each stream of a job, the rest stays at the site.
    pub max_log_bytes: u64,
    /// How long [`Agent::run`](crate::Agent::run) goes on after its shutdown token, to finish the
    /// calls and the report in flight.
    pub shutdown_grace: Duration,
}

impl AgentConfig {
    pub fn new(id: AgentId, instance: InstanceId, site: SiteId) -> Self {
        Self {
            id,
            instance,
            site,
            scheduler: None,
            systems: Vec::new(),
            max_attempts: 2_000,
            max_unsent: 64,
            max_calls: 8,
            tick: Duration::from_secs(1),
            lease_wait: Duration::from_secs(25),
            snapshot_every: SNAPSHOT_EVERY,
            snapshot_ttl: None,
            unreachable_after: UNREACHABLE_AFTER,
            misconfigured_after: Duration::ZERO,
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_mins(1),
            usage_give_up: USAGE_GIVE_UP,
            logs_give_up: Duration::from_mins(10),
            log_chunk_bytes: 64 * 1024,
            report_log_bytes: 512 * 1024,
            log_backlog_bytes: 8 * 1024 * 1024,
            max_log_bytes: 256 * 1024 * 1024,
            shutdown_grace: Duration::from_secs(10),
        }
    }

    /// In whole seconds, as it is sent.
    pub fn snapshot_ttl_seconds(&self) -> u32 {
        let least = || least_snapshot_ttl(self.snapshot_every, self.unreachable_after);
        let ttl = self.snapshot_ttl.unwrap_or_else(least);
        u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX)
    }
}
