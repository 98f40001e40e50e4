use std::sync::Arc;
use std::time::Duration;

use broker_model::{
    AgentId, AttemptId, Clock, Ids, ManualClock, PartitionRef, Resources, SystemClock, Walltime,
};
use jiff::SignedDuration;
use site_adapter::{BrokerLink, LeasedAttempt, SiteAdapter, Work};
use site_agent::{AccountMap, AccountTable, Agent, AgentConfig};

use crate::broker::MemoryBroker;
use crate::site::ScriptedSite;

/// A broker, a scripted site and one agent, on a clock that the test moves.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) broker: Arc<MemoryBroker>,
    pub(crate) site: Arc<ScriptedSite>,
    pub(crate) agent: Agent,
    /// Counts from the next restart on.
    pub(crate) accounts: Arc<dyn AccountMap>,
    folder: Option<tempfile::TempDir>,
}

/// Puts a spool under an agent.
pub(crate) fn spooling(agent: Agent, folder: &std::path::Path) -> Agent {
    let (spool, restored) = site_agent::Spool::open(folder, 4 << 20).unwrap();
    agent.with_spool(spool, restored)
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut AgentConfig)) -> Self {
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let broker = Arc::new(MemoryBroker::new(clock.clone()));
        let site = Arc::new(ScriptedSite::new(broker.clone(), clock.clone()));
        let mut config = config();
        adjust(&mut config);
        let agent = Agent::new(
            config,
            broker.clone(),
            site.clone(),
            everyone(),
            clock.clone(),
        );
        Self {
            clock,
            broker,
            site,
            agent,
            accounts: everyone(),
            folder: None,
        }
    }

    /// The same with a spool, which outlives restarts.
    pub(crate) fn with_spool(adjust: impl FnOnce(&mut AgentConfig)) -> Self {
        let mut stage = Self::with(adjust);
        stage.folder = Some(tempfile::tempdir().unwrap());
        stage.restart();
        stage
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Offers one new attempt.
    pub(crate) fn offer(&self) -> AttemptId {
        self.offer_as(|_| {})
    }

    pub(crate) fn offer_as(&self, adjust: impl FnOnce(&mut LeasedAttempt)) -> AttemptId {
        let mut leased = leased("echo hello");
        adjust(&mut leased);
        let attempt = leased.attempt;
        self.broker.offer(leased);
        attempt
    }

    /// One tick, and the time that passes until the next.
    pub(crate) async fn tick(&self) {
        self.agent.tick().await;
        self.clock.advance(SignedDuration::from_secs(1));
    }

    pub(crate) async fn ticks(&self, count: u32) {
        for _ in 0..count {
            self.tick().await;
        }
    }

    /// Another agent in the place of this one, which has only what is in the spool.
    pub(crate) fn restart(&mut self) {
        let config = AgentConfig {
            id: config().id,
            instance: config().instance,
            ..self.agent.config().clone()
        };
        let agent = Agent::new(
            config,
            self.broker.clone(),
            self.site.clone(),
            self.accounts.clone(),
            self.clock.clone(),
        );
        self.agent = match &self.folder {
            Some(folder) => spooling(agent, folder.path()),
            None => agent,
        };
    }

    /// Ticks until the attempt is settled; a minute of the stage's time must do.
    pub(crate) async fn finish(&self, attempt: AttemptId) {
        for _ in 0..300 {
            if self.broker.row(attempt).is_settled() {
                return;
            }
            self.tick().await;
        }
        panic!("not settled: {:?}", self.broker.row(attempt));
    }
}

pub(crate) fn config() -> AgentConfig {
    let ids = Ids::from_os();
    let id: AgentId = ids.next(&SystemClock);
    AgentConfig::new(id, ids.next(&SystemClock), "meluxina".parse().unwrap())
}

/// For agents that run by themselves: as quick as the machine allows.
pub(crate) fn quick() -> AgentConfig {
    AgentConfig {
        tick: Duration::from_millis(2),
        lease_wait: Duration::from_secs(1),
        retry_min: Duration::from_millis(2),
        retry_max: Duration::from_millis(20),
        ..config()
    }
}

pub(crate) fn everyone() -> Arc<AccountTable> {
    Arc::new(AccountTable::everyone("alice"))
}

pub(crate) fn running_agent(link: Arc<dyn BrokerLink>, adapter: Arc<dyn SiteAdapter>) -> Agent {
    Agent::new(quick(), link, adapter, everyone(), Arc::new(SystemClock))
}

pub(crate) fn leased(script: &str) -> LeasedAttempt {
    let ids = Ids::from_os();
    LeasedAttempt {
        person: None,
        attempt: ids.next(&SystemClock),
        job: ids.next(&SystemClock),
        project: ids.next(&SystemClock),
        account_hint: None,
        work: Work {
            after: Vec::new(),
            array: None,
            restartable: false,
            name: "train".to_owned(),
            resources: Resources {
                nodes: 1,
                gpus_per_node: 0,
                gpu_memory_gib: None,
                cpus_per_node: None,
                memory_gib_per_node: None,
                walltime: Walltime::from_seconds(60).unwrap(),
            },
            image: None,
            script: script.to_owned(),
            partition: PartitionRef {
                site: "meluxina".parse().unwrap(),
                system: "meluxina".parse().unwrap(),
                partition: "cpu".parse().unwrap(),
            },
            scheduler_gpus_per_gpu: 1,
            exclusive: false,
        },
        lease_until: SystemClock.now(),
        may_exist: false,
        accepted: None,
        ended: false,
        cancel: false,
        stdout_offset: 0,
        stderr_offset: 0,
    }
}
