//! Five hundred agents lose the broker at one moment, and do not fall upon it when it is there again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use broker_model::SystemClock;
use site_adapter::{BrokerLink, LeaseReply, LeaseRequest, LinkError, Report, ReportReply};
use site_agent::Agent;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::broker::MemoryBroker;
use crate::site::ScriptedSite;
use crate::stage::{config, everyone};

const AGENTS: u64 = 500;
const OUTAGE: Duration = Duration::from_mins(10);

/// A broker that is there or not, and counts who asks in which second.
#[derive(Debug)]
struct Gate {
    begun: Instant,
    /// What it says while it is not.
    says: fn(String) -> LinkError,
    up: watch::Sender<bool>,
    calls: Mutex<BTreeMap<u64, u64>>,
    longest_held: Mutex<Duration>,
}

impl Gate {
    fn new(is_up: bool, says: fn(String) -> LinkError) -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            says,
            up: watch::Sender::new(is_up),
            calls: Mutex::default(),
            longest_held: Mutex::default(),
        })
    }

    fn note(&self) -> Result<(), LinkError> {
        let second = self.begun.elapsed().as_secs();
        *self.calls.lock().unwrap().entry(second).or_default() += 1;
        if *self.up.borrow() {
            return Ok(());
        }
        Err((self.says)("not now".to_owned()))
    }

    /// The most calls of a second between two moments.
    fn most(&self, from: Duration, to: Duration) -> u64 {
        let calls = self.calls.lock().unwrap();
        let range = calls.range(from.as_secs()..to.as_secs());
        range.map(|(_, count)| *count).max().unwrap_or(0)
    }
}

#[async_trait]
impl BrokerLink for Gate {
    async fn lease(&self, request: LeaseRequest) -> Result<LeaseReply, LinkError> {
        self.note()?;
        let asked = Instant::now();
        let mut up = self.up.subscribe();
        // A broker that ends answers all who wait.
        tokio::select! {
            () = sleep(Duration::from_secs(request.wait_seconds.into())) => {}
            _ = up.wait_for(|up| !up) => {}
        }
        let mut longest = self.longest_held.lock().unwrap();
        *longest = longest.max(asked.elapsed());
        Ok(LeaseReply::default())
    }

    async fn report(&self, _: Report) -> Result<ReportReply, LinkError> {
        self.note()?;
        Ok(ReportReply::default())
    }
}

async fn run_agent(gate: Arc<Gate>, shutdown: CancellationToken) {
    let broker = Arc::new(MemoryBroker::new(Arc::new(SystemClock)));
    let site = Arc::new(ScriptedSite::new(broker, Arc::new(SystemClock)));
    let agent = Agent::new(config(), gate, site, everyone(), Arc::new(SystemClock));
    agent.run(shutdown).await;
}

#[tokio::test(start_paused = true)]
async fn five_hundred_agents_come_back_over_a_minute_and_not_in_a_second() {
    let gate = Gate::new(true, LinkError::Unreachable);
    let shutdown = CancellationToken::new();
    let mut running = JoinSet::new();
    for number in 0..AGENTS {
        let (gate, shutdown) = (gate.clone(), shutdown.clone());
        running.spawn(async move {
            // Nobody started them all at once.
            sleep(Duration::from_millis(number * 60)).await;
            run_agent(gate, shutdown).await;
        });
    }
    let lost = Duration::from_mins(2);
    sleep(lost).await;
    assert_eq!(
        *gate.longest_held.lock().unwrap(),
        config().lease_wait,
        "a long poll"
    );
    gate.up.send_replace(false);
    sleep(OUTAGE).await;
    let back = gate.begun.elapsed();
    gate.up.send_replace(true);
    sleep(Duration::from_mins(2)).await;
    shutdown.cancel();
    while running.join_next().await.is_some() {}

    let usual = gate.most(Duration::from_mins(1), lost);
    let losing = gate.most(lost, lost + Duration::from_secs(30));
    let returning = gate.most(back, back + Duration::from_mins(2));
    let told = format!("usual {usual}, losing {losing}, returning {returning}");
    assert!(usual >= 1, "they work: {told}");
    assert!(losing < AGENTS / 2, "{told}");
    assert!(returning < AGENTS / 8, "{told}");
}

#[tokio::test(start_paused = true)]
async fn agents_that_are_refused_at_one_moment_do_not_ask_again_at_one() {
    let gate = Gate::new(false, LinkError::Unauthorized);
    let shutdown = CancellationToken::new();
    let mut running = JoinSet::new();
    for _ in 0..100 {
        running.spawn(run_agent(gate.clone(), shutdown.clone()));
    }
    let longest = config().retry_max;
    sleep(longest * 3).await;
    shutdown.cancel();
    while running.join_next().await.is_some() {}
    let at_once = gate.most(Duration::ZERO, Duration::from_secs(1));
    assert!(at_once >= 100, "{at_once} begin together");
    let soon = gate.most(Duration::from_secs(2), longest / 2);
    assert_eq!(soon, 0, "nobody is let in soon");
    let again = gate.most(longest / 2, longest * 3);
    assert!((1..25).contains(&again), "{again} in one second");
}
