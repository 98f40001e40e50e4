use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use broker_client::Client;
use broker_model::{JobSpec, Site};
use broker_store::{Attempts as _, SqlStore, StoreOptions};
use integration_tests::{
    AUDITOR, Books, ENGINEER, FaultyProxy, Installation, JobFile, People, Plan, Running, Setup,
    SiteAgent, until,
};
use rand::Rng as _;
use rand::rngs::StdRng;

/// A silence that is shorter than what agents and adapters wait for, and one that is longer.
const SILENCE: Duration = Duration::from_secs(6);

/// One broker behind a bad network, and the agents of one site.
pub(super) struct Scene {
    pub(super) installation: Installation,
    people: People,
    pub(super) engineer: Client,
    broker: Option<Running>,
    agents: Vec<(SiteAgent, Option<Running>)>,
    proxies: Vec<FaultyProxy>,
    site: Site,
    seed: u64,
    /// Where every start of a job leaves a line, as the jobs name it and as the test does.
    starts: (String, PathBuf),
}

impl Scene {
    pub(super) async fn set(
        site: Site,
        seed: u64,
        starts: Option<(String, PathBuf)>,
    ) -> Option<Self> {
        let people = People::arrive().await?;
        let installation =
            Installation::set_up(Setup::new(people.issuer(), vec![site.clone()])).await;
        let broker = installation.serve(0).await;
        let engineer = people.client(&installation.url(0), ENGINEER).await;
        let own = installation.path("starts");
        Some(Self {
            people,
            engineer,
            broker: Some(broker),
            agents: Vec::new(),
            proxies: Vec::new(),
            site,
            seed,
            starts: starts.unwrap_or_else(|| (own.display().to_string(), own)),
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

    pub(super) fn spec(&self, number: usize) -> JobSpec {
        let more = match number % 10 {
            7 => "exit 3",
            1 | 2 => "sleep 0.5",
            _ => "exit 0",
        };
        let starts = &self.starts.0;
        let script = format!("echo \"$ALCYONE_JOB_NAME\" >> {starts}\n{more}");
        let name = format!("fault-{number:05}");
        let job = JobFile::new(self.installation.project(), &name, &script);
        job.only_at(self.site.id.as_str()).0
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
        }
        for (at, (_, running)) in self.agents.iter_mut().enumerate() {
            if (everybody || victim == at)
                && let Some(running) = running.take()
            {
                running.kill();
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
        for proxy in &self.proxies {
            proxy.calm();
            eprintln!("{:?}", proxy.done());
        }
    }

    /// Waits until every job is charged, then holds books, starts and ledger against each other.
    pub(super) async fn all_is_well(&self, jobs: usize, limit: Duration) {
        let books = until("every job is charged", limit, async || {
            self.engineer.whoami().await.ok()?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            let books = Books::read(&self.engineer).await;
            (books.usage.len() >= jobs).then_some(books)
        })
        .await;
        assert_eq!(books.jobs.len(), jobs, "jobs were lost or made twice");
        assert_eq!(books.usage.len(), jobs, "jobs were charged twice");
        assert!(books.jobs.iter().all(|job| job.state.is_final()));
        assert_eq!(books.held.0, 0, "a hold was left");
        books.must_add_up();
        self.each_left_one_line(&books);
        self.the_ledger_verifies(jobs as u64).await;
    }

    fn each_left_one_line(&self, books: &Books) {
        let text = std::fs::read_to_string(&self.starts.1).unwrap();
        let mut starts: BTreeMap<&str, u32> = BTreeMap::new();
        for line in text.lines() {
            *starts.entry(line).or_default() += 1;
        }
        let wrong = starts.iter().filter(|(_, count)| **count != 1);
        let wrong: Vec<_> = wrong.collect();
        assert!(wrong.is_empty(), "started more than once: {wrong:?}");
        let missing = books
            .jobs
            .iter()
            .filter(|job| !starts.contains_key(job.name.as_str()));
        let missing: Vec<_> = missing.map(|job| (&job.name, &job.outcome)).collect();
        assert!(missing.is_empty(), "never started: {missing:?}");
    }

    /// The attempts of every job: what schedulers know them by.
    pub(super) async fn attempts(&self) -> BTreeMap<String, Vec<String>> {
        let text = std::fs::read_to_string(self.installation.config(0)).unwrap();
        let config: toml::Table = toml::from_str(&text).unwrap();
        let url = config["database"]["url"].as_str().unwrap();
        let store = SqlStore::connect(url, StoreOptions::default())
            .await
            .unwrap();
        let books = Books::read(&self.engineer).await;
        let mut all = BTreeMap::new();
        for job in books.jobs {
            let attempts = store.attempts_of(job.id).await.unwrap();
            let markers = attempts.iter().map(|attempt| attempt.id.to_string());
            all.insert(job.name, markers.collect());
        }
        store.close().await;
        all
    }

    /// One start for each job, over all its attempts.
    pub(super) async fn each_started_once(&self, starts: &BTreeMap<String, u32>) {
        let count = |marker: &String| starts.get(marker).copied().unwrap_or(0);
        let attempts = self.attempts().await;
        let counted = attempts
            .iter()
            .map(|(job, markers)| (job, markers.iter().map(count).sum::<u32>()));
        let wrong: Vec<_> = counted.filter(|(_, starts)| *starts != 1).collect();
        assert!(
            wrong.is_empty(),
            "by the scheduler's own accounting: {wrong:?}"
        );
        let ours: u32 = attempts.values().flatten().map(count).sum();
        let all: u32 = starts.values().sum();
        assert_eq!(ours, all, "the scheduler ran what no attempt is");
    }

    async fn the_ledger_verifies(&self, jobs: u64) {
        let auditor = self.people.client(&self.installation.url(0), AUDITOR).await;
        let trusted = [self.installation.ledger_key().clone()];
        let kinds = until(
            "every entry is sealed",
            Duration::from_mins(2),
            async || {
                let export = auditor.export().await.ok()?.bytes().await.ok()?;
                let verified =
                    broker_ledger::export::verify(BufReader::new(export.as_ref()), &trusted)
                        .unwrap();
                let charged = verified.kinds.get("usage.charged").copied().unwrap_or(0);
                (charged >= jobs).then_some(verified.kinds)
            },
        )
        .await;
        for kind in ["job.accepted", "usage.charged"] {
            assert_eq!(kinds.get(kind), Some(&jobs), "{kind}: {kinds:?}");
        }
    }
}
