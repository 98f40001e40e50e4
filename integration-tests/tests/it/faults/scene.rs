use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use broker_client::Client;
use broker_model::Site;
use integration_tests::{
    ENGINEER, FaultyProxy, Installation, People, Plan, Running, Setup, SiteAgent, until,
};
use rand::Rng as _;
use rand::rngs::StdRng;

use super::ground::Ground;

/// A silence that is shorter than what agents and adapters wait for, and one that is longer.
const SILENCE: Duration = Duration::from_secs(6);

/// One broker behind a bad network, and the agents of one site.
pub(super) struct Scene {
    pub(super) installation: Installation,
    pub(super) people: People,
    pub(super) engineer: Client,
    broker: Option<Running>,
    agents: Vec<(SiteAgent, Option<Running>)>,
    proxies: Vec<FaultyProxy>,
    pub(super) site: Site,
    seed: u64,
    /// Where every start of a job leaves a line, as the jobs name it and as the test does.
    pub(super) starts: (String, PathBuf),
    /// `kill -9`, by who it was.
    pub(super) kills: BTreeMap<&'static str, u32>,
}

impl Scene {
    /// `None` where a service is missing, which has been said.
    pub(super) async fn set(ground: &impl Ground, seed: u64) -> Option<Self> {
        let people = People::arrive().await?;
        let site = ground.site();
        let installation =
            Installation::set_up(Setup::new(people.issuer(), vec![site.clone()])).await;
        let broker = installation.serve(0).await;
        let engineer = people.client(&installation.url(0), ENGINEER).await;
        Some(Self {
            people,
            engineer,
            broker: Some(broker),
            agents: Vec::new(),
            proxies: Vec::new(),
            site,
            seed,
            starts: ground.starts(),
            kills: BTreeMap::new(),
            installation,
        })
    }

    /// A bad network before a server.
    pub(super) async fn before(&mut self, server: SocketAddr) -> url::Url {
        let seed = self.seed.wrapping_add(self.proxies.len() as u64);
        let proxy = FaultyProxy::before(server, Plan::rough(SILENCE), seed).await;
        let url = proxy.url().clone();
        self.proxies.push(proxy);
        url
    }

    /// A bad network before the broker.
    pub(super) async fn broker(&mut self) -> url::Url {
        let port = self.installation.port(0);
        self.before(([127, 0, 0, 1], port).into()).await
    }

    pub(super) async fn another_client(&self) -> Client {
        self.people
            .client(&self.installation.url(0), ENGINEER)
            .await
    }

    pub(super) fn start(&mut self, agent: SiteAgent) {
        let running = agent.start();
        self.agents.push((agent, Some(running)));
    }

    pub(super) async fn is_ready(&self) {
        until("the site is ready", Duration::from_mins(2), async || {
            let listed = self.engineer.sites().await.ok()?;
            let listed = serde_json::to_value(&listed.items).unwrap();
            let sites = listed.as_array().unwrap();
            sites
                .iter()
                .any(|site| site["readiness"] == "ready")
                .then_some(())
        })
        .await;
    }

    /// How many starts there were so far.
    pub(super) fn started(&self) -> usize {
        let text = std::fs::read_to_string(&self.starts.1).unwrap_or_default();
        text.lines().count()
    }

    /// `kill -9` of the broker, of an agent, or of all, and a start again after a moment.
    pub(super) async fn kill_somebody(&mut self, random: &mut StdRng) {
        let agents = self.agents.len();
        let victim = random.random_range(0..agents + 2);
        let everybody = victim == agents + 1;
        if (victim == agents || everybody)
            && let Some(broker) = self.broker.take()
        {
            broker.kill();
            *self.kills.entry("broker").or_default() += 1;
        }
        for (at, (_, running)) in self.agents.iter_mut().enumerate() {
            if (everybody || victim == at)
                && let Some(running) = running.take()
            {
                running.kill();
                *self.kills.entry("agents").or_default() += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1500))).await;
        if self.broker.is_none() {
            self.broker = Some(self.installation.launch(0));
        }
        for (agent, running) in &mut self.agents {
            running.get_or_insert_with(|| agent.start());
        }
    }

    pub(super) fn calm(&self) {
        self.proxies.iter().for_each(FaultyProxy::calm);
    }

    /// What the proxies did to requests, by kind.
    pub(super) fn faults(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (fault, count) in self.proxies.iter().flat_map(FaultyProxy::done) {
            *all.entry(fault.to_owned()).or_default() += count;
        }
        all
    }
}
