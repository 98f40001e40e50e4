use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use broker_client::Client;
use broker_model::Site;
use broker_store::testing::TestPostgres;
use futures::future::join_all;
use integration_tests::{
    ENGINEER, FaultyProxy, Installation, People, Plan, Running, Setup, SiteAgent, until,
};
use rand::Rng as _;
use rand::rngs::StdRng;

use super::ground::Ground;
use super::lines::ENDED;

/// Longer than agents wait for the broker (30 s, and 35 s for a lease) and their adapters for Slurm.
pub(super) const SILENCE: Duration = Duration::from_secs(45);
/// How late a request to the broker arrives of which the connection was cut.
const LATE: Duration = Duration::from_secs(3);

/// A broker behind a bad network, and the agents of one site.
pub(super) struct Scene {
    pub(super) installation: Installation,
    pub(super) people: People,
    pub(super) engineer: Client,
    replicas: Vec<Option<Running>>,
    agents: Vec<(SiteAgent, Option<Running>)>,
    proxies: Vec<FaultyProxy>,
    pub(super) site: Site,
    seed: u64,
    calm_since: Option<Instant>,
    /// Where every start of a job leaves a line, and every end one, as the jobs name it and as the test
    /// does.
    pub(super) starts: (String, PathBuf),
    /// `kill -9`, by who it was.
    pub(super) kills: BTreeMap<&'static str, u32>,
}

impl Scene {
    /// `None` where a service is missing, which has been said.
    pub(super) async fn set<G: Ground>(ground: &G, seed: u64) -> Option<Self> {
        let people = People::arrive().await?;
        let site = ground.site();
        let mut setup = Setup::new(people.issuer(), vec![site.clone()]);
        setup.replicas = G::REPLICAS;
        if setup.replicas > 1 {
            setup.database = Some(TestPostgres::shared()?.create_database().await);
        }
        let installation = Installation::set_up(setup).await;
        let serving = (0..G::REPLICAS).map(|replica| installation.serve(replica));
        let replicas = join_all(serving).await.into_iter().map(Some).collect();
        let engineer = people.client(&installation.url(0), ENGINEER).await;
        Some(Self {
            people,
            engineer,
            replicas,
            agents: Vec::new(),
            proxies: Vec::new(),
            site,
            seed,
            calm_since: None,
            starts: ground.starts(),
            kills: BTreeMap::new(),
            installation,
        })
    }

    /// A bad network before a server.
    pub(super) async fn before(&mut self, server: SocketAddr, plan: Plan) -> url::Url {
        let seed = self.seed.wrapping_add(self.proxies.len() as u64);
        let proxy = FaultyProxy::before(server, plan, seed).await;
        let url = proxy.url().clone();
        self.proxies.push(proxy);
        url
    }

    /// A bad network before the next agent's replica of the broker.
    pub(super) async fn broker(&mut self) -> url::Url {
        let replica = self.agents.len() % self.replicas.len();
        let port = self.installation.port(replica);
        let plan = Plan::rough(SILENCE, LATE);
        self.before(([127, 0, 0, 1], port).into(), plan).await
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
        text.lines().filter(|line| !line.ends_with(ENDED)).count()
    }

    /// `kill -9` of a replica of the broker, of an agent, or of all, and a start again after a moment.
    pub(super) async fn kill_somebody(&mut self, random: &mut StdRng) {
        let agents = self.agents.iter_mut().map(|(_, it)| ("agents", it));
        let replicas = self.replicas.iter_mut().map(|it| ("broker", it));
        let mut all: Vec<_> = agents.chain(replicas).collect();
        let victim = random.random_range(0..=all.len());
        let everybody = victim == all.len();
        for (at, (name, running)) in all.iter_mut().enumerate() {
            if (everybody || victim == at)
                && let Some(running) = running.take()
            {
                running.kill();
                *self.kills.entry(name).or_default() += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1500))).await;
        for (replica, running) in self.replicas.iter_mut().enumerate() {
            running.get_or_insert_with(|| self.installation.launch(replica));
        }
        for (agent, running) in &mut self.agents {
            running.get_or_insert_with(|| agent.start());
        }
    }

    pub(super) fn calm(&mut self) {
        self.proxies.iter().for_each(FaultyProxy::calm);
        self.calm_since = Some(Instant::now());
    }

    /// Whether all that was asked for in the storm has reached the scheduler.
    pub(super) fn has_settled(&self, latest: Duration) -> bool {
        self.calm_since.is_some_and(|calm| calm.elapsed() > latest)
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
