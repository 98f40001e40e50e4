//! `kill -9` of broker and agents: no job is lost, none runs twice, and the books add up.

mod steps;
mod storm;

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::Duration;

use broker_client::wire::JobView;
use broker_client::{Client, Error};
use broker_model::JobSpec;
use broker_store::testing::TestPostgres;
use integration_tests::{
    AUDITOR, Books, ENGINEER, Installation, JobFile, People, Running, Setup, SiteAgent, alpha,
    beta, until,
};

const LIMIT: Duration = Duration::from_mins(4);

/// One broker, two sites, and who can be killed.
struct Scene {
    installation: Installation,
    people: People,
    engineer: Client,
    broker: Option<Running>,
    sites: Vec<SiteAgent>,
    agents: Vec<Option<Running>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Broker,
    Agents,
    All,
}

#[derive(Clone, Copy, Debug)]
enum Database {
    Sqlite,
    Postgres,
}

impl Scene {
    /// `None` where a service is missing, which has been said.
    async fn set(database: Database) -> Option<Self> {
        let people = People::arrive().await?;
        let mut setup = Setup::new(people.issuer(), vec![alpha(), beta()]);
        if let Database::Postgres = database {
            setup.database = Some(TestPostgres::shared()?.create_database().await);
        }
        let installation = Installation::set_up(setup).await;
        let broker = installation.serve(0).await;
        let url = installation.url(0);
        let sites: Vec<SiteAgent> = [alpha(), beta()]
            .iter()
            .map(|site| installation.agent(site, &url))
            .collect();
        let agents = sites.iter().map(|site| Some(site.start())).collect();
        let engineer = people.client(&url, ENGINEER).await;
        let scene = Self {
            installation,
            people,
            engineer,
            broker: Some(broker),
            sites,
            agents,
        };
        until("both sites are ready", LIMIT, async || {
            let listed = scene.engineer.sites().await.ok()?;
            let listed = serde_json::to_value(&listed.items).unwrap();
            let ready = listed
                .as_array()
                .unwrap()
                .iter()
                .filter(|s| s["readiness"] == "ready");
            (ready.count() == 2).then_some(())
        })
        .await;
        Some(scene)
    }

    /// Every start of a job leaves a line here.
    fn starts(&self) -> PathBuf {
        self.installation.path("starts")
    }

    /// A job that leaves its name where each start is counted, then does some more.
    fn job(&self, name: &str, more: &str) -> JobFile {
        let starts = self.starts();
        let script = format!("echo \"$ALCYONE_JOB_NAME\" >> {}\n{more}", starts.display());
        JobFile::new(self.installation.project(), name, &script)
    }

    fn kill(&mut self, victim: Victim) {
        if victim != Victim::Agents
            && let Some(broker) = self.broker.take()
        {
            broker.kill();
        }
        if victim != Victim::Broker {
            self.agents
                .iter_mut()
                .filter_map(Option::take)
                .for_each(Running::kill);
        }
    }

    fn restart(&mut self) {
        if self.broker.is_none() {
            self.broker = Some(self.installation.launch(0));
        }
        for (site, agent) in self.sites.iter().zip(&mut self.agents) {
            agent.get_or_insert_with(|| site.start());
        }
    }

    /// Waits until so many jobs are charged, then holds everything against everything.
    async fn all_is_well(&self, jobs: usize) -> Books {
        let books = until("every job is charged", LIMIT, async || {
            self.engineer.whoami().await.ok()?;
            let books = Books::read(&self.engineer).await;
            (books.usage.len() >= jobs).then_some(books)
        })
        .await;
        assert_eq!(books.jobs.len(), jobs, "jobs were lost or made twice");
        assert_eq!(books.usage.len(), jobs, "jobs were charged twice");
        assert!(books.jobs.iter().all(|job| job.state.is_final()));
        assert_eq!(books.held.0, 0, "a hold was left");
        books.must_add_up();
        self.started_once(&books);
        self.ledger_agrees(jobs as u64).await;
        books
    }

    fn started_once(&self, books: &Books) {
        let lines = std::fs::read_to_string(self.starts()).unwrap();
        let mut starts: BTreeMap<&str, u32> = BTreeMap::new();
        for line in lines.lines() {
            *starts.entry(line).or_default() += 1;
        }
        let twice: Vec<_> = starts.iter().filter(|(_, count)| **count != 1).collect();
        assert!(twice.is_empty(), "started more than once: {twice:?}");
        for job in &books.jobs {
            assert!(
                starts.contains_key(job.name.as_str()),
                "{} never started: {job:?}",
                job.name
            );
        }
    }

    async fn ledger_agrees(&self, jobs: u64) {
        let auditor = self.people.client(&self.installation.url(0), AUDITOR).await;
        let trusted = [self.installation.ledger_key().clone()];
        let kinds = until("every entry is sealed", LIMIT, async || {
            let export = auditor.export().await.unwrap().bytes().await.unwrap();
            let verified =
                broker_ledger::export::verify(BufReader::new(export.as_ref()), &trusted).unwrap();
            let charged = verified.kinds.get("usage.charged").copied().unwrap_or(0);
            (charged >= jobs).then_some(verified.kinds)
        })
        .await;
        for kind in ["job.accepted", "attempt.leased", "usage.charged"] {
            assert_eq!(kinds.get(kind), Some(&jobs), "{kind}: {kinds:?}");
        }
    }
}

/// Hands a job in as a careful program does: with a key of its own, again and again until there is
/// an answer.
pub(crate) async fn hand_in(client: &Client, spec: &JobSpec) -> JobView {
    until("the job is accepted", LIMIT, async || {
        match client.submit(spec, &spec.name).await {
            Ok(job) => Some(job),
            Err(Error::Unreachable { .. }) => None,
            Err(Error::Problem(problem)) if problem.status >= 500 || problem.status == 409 => None,
            Err(error) => panic!("{error}"),
        }
    })
    .await
}
