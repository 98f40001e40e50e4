//! Everything at once: jobs, cancels, agents that crash, commits that fail before or after they are
//! made, sites that fall silent, two replicas on one database. After every step the books are right.

mod site;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use broker_app::jobs::{Accepted, FirstAnswer, Idempotency};
use broker_app::{Broker, Error};
use broker_model::{AttemptState, EntryBody, JobId, StateName};
use futures::future::join;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use site::{Cluster, SimAgent};
use site_adapter::{LeaseRequest, Report};
use step::{Step, step};

use crate::agent::Agent;
use crate::books::{Books, audit};
use crate::fault::{Fault, FaultyStore};
use crate::world::{World, at, engineer, sealer};

const SITES: [&str; 2] = ["lumi", "cineca"];
const AGENTS: usize = 4;
/// More than a listening broker may miss, less than the lost timer.
const LISTEN_EVERY: u8 = 20;

struct Sim<'w> {
    world: &'w World,
    stores: [Arc<FaultyStore>; 2],
    brokers: [Broker; 2],
    /// Reads only, and is never cut off.
    reader: Broker,
    agents: Vec<SimAgent>,
    clusters: [Cluster; SITES.len()],
    jobs: Vec<JobId>,
    submitted: u32,
}

impl<'w> Sim<'w> {
    async fn new(world: &'w World) -> Self {
        let store = || async { Arc::new(FaultyStore::over(world.store().await)) };
        let stores = [store().await, store().await];
        // Two processes at each site that were given one id.
        let ids = SITES.map(|_| world.ids.next(&*world.clock));
        let agent = |n: usize| {
            let site = n % SITES.len();
            let instance = world.ids.next(&*world.clock);
            SimAgent::new(ids[site], instance, SITES[site].parse().unwrap())
        };
        let sim = Self {
            world,
            brokers: stores.clone().map(|store| world.broker_over(store)),
            stores,
            reader: world.broker().await,
            agents: (0..AGENTS).map(agent).collect(),
            clusters: Default::default(),
            jobs: Vec::new(),
            submitted: 0,
        };
        for site in SITES {
            Agent::of(world, site).show(&sim.brokers[0]).await;
        }
        sim.brokers[1].listen_once().await.unwrap();
        sim
    }

    async fn take(&mut self, step: &Step) {
        match *step {
            Step::Submit {
                replica,
                restartable,
                sites,
            } => {
                self.submit(replica, restartable, sites).await;
            }
            Step::Cancel { replica, job } => self.cancel(replica, job).await,
            Step::Lease {
                replica,
                agent,
                want,
            } => {
                let request = self.request(agent, want);
                if let Ok(reply) = self.brokers[replica].lease(&request).await {
                    self.agents[agent].leased(reply);
                }
            }
            Step::Contend { first, second } => self.contend(first, second).await,
            Step::Act { agent, refuses } => self.act(agent, refuses),
            Step::Report {
                replica,
                agent,
                shows,
                renews,
            } => {
                self.report(replica, agent, shows, renews).await;
            }
            Step::Round { replica, agent } => {
                for _ in 0..2 {
                    let request = self.request(agent, 1);
                    if let Ok(reply) = self.brokers[replica].lease(&request).await {
                        self.agents[agent].leased(reply);
                    }
                    self.act(agent, false);
                    self.report(replica, agent, false, false).await;
                    self.act(agent, false);
                    self.report(replica, agent, false, false).await;
                }
            }
            Step::ReportUnheard { replica, agent } => {
                let report = self.agents[agent].message(true);
                let _unheard = self.brokers[replica].report(report).await;
            }
            Step::Clash { agent, job } => self.clash(agent, job).await,
            Step::Crash {
                agent,
                comes_back_as_another,
            } => {
                let next = self.world.ids.next(&*self.world.clock);
                self.agents[agent].crash(next);
                if comes_back_as_another {
                    self.agents[agent].id = self.world.ids.next(&*self.world.clock);
                }
            }
            Step::Work { site, fails } => self.clusters[site].work(self.world.now(), fails),
            Step::Pass { times } => self.pass(times).await,
            Step::Place { replica } => {
                let _cut_off = self.brokers[replica].place_pending_once().await;
            }
            Step::Seal { replica } => {
                let _cut_off = self.brokers[replica].seal_once(&sealer()).await;
            }
            Step::Restart { replica } => {
                self.stores[replica].mend();
                self.brokers[replica] = self.world.broker_over(self.stores[replica].clone());
                self.brokers[replica].listen_once().await.unwrap();
            }
            Step::Fault {
                replica,
                commits,
                after,
            } => {
                let fault = [Fault::Before, Fault::After][usize::from(after)];
                self.stores[replica].fail_after(commits, fault);
            }
        }
    }

    fn act(&mut self, agent: usize, refuses: bool) {
        let cluster = &mut self.clusters[agent % SITES.len()];
        self.agents[agent].act(cluster, self.world.now(), refuses);
    }

    /// A client repeats a request whose answer it did not see, with the same key, anywhere.
    async fn submit(&mut self, replica: usize, restartable: bool, sites: usize) {
        self.submitted += 1;
        let mut wish = at([&SITES[..1], &SITES[1..], &SITES[..]][sites]);
        wish.placement.restartable = restartable;
        let mut answer = Err(Error::InFlight);
        for replica in [replica, 1 - replica] {
            let key = Idempotency {
                key: format!("order-{}", self.submitted),
                request_sha256: "same".to_owned(),
                render: Box::new(|job| FirstAnswer {
                    status: 202,
                    body: job.id.to_string(),
                }),
            };
            let broker = &self.brokers[replica];
            let caller = engineer(&self.reader).await;
            answer = broker.submit(&caller, wish.clone(), Some(key)).await;
            if answer.is_ok() {
                break;
            }
        }
        match answer {
            Ok(Accepted::New { job, .. }) => self.jobs.push(job.id),
            Ok(Accepted::Repeated(first)) => self.jobs.push(first.body.parse().unwrap()),
            Err(_) => {}
        }
    }

    async fn cancel(&self, replica: usize, job: usize) {
        let Some(job) = self.jobs.get(job) else {
            return;
        };
        let caller = engineer(&self.reader).await;
        match self.brokers[replica].cancel(&caller, *job).await {
            Ok(_) | Err(Error::JobIsOver(_) | Error::Store(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    fn request(&self, agent: usize, want: u32) -> LeaseRequest {
        let agent = &self.agents[agent];
        LeaseRequest {
            agent: agent.id,
            instance: Some(agent.instance),
            site: agent.site.clone(),
            scheduler: None,
            systems: Vec::new(),
            only_sent: false,
            want,
            wait_seconds: 0,
            working_on: agent.working_on(),
        }
    }

    async fn contend(&mut self, first: usize, second: usize) {
        if first == second {
            return;
        }
        let requests = [self.request(first, 2), self.request(second, 2)];
        let [one, other] = &self.brokers;
        let (a, b) = join(one.lease(&requests[0]), other.lease(&requests[1])).await;
        for (agent, reply) in [(first, a), (second, b)] {
            if let Ok(reply) = reply {
                self.agents[agent].leased(reply);
            }
        }
    }

    fn message(&self, agent: usize, shows: bool, renews: bool) -> Report {
        let snapshot = Agent::of(self.world, SITES[agent % SITES.len()]).snapshot();
        Report {
            snapshot: shows.then_some(snapshot),
            ..self.agents[agent].message(renews)
        }
    }

    async fn report(&mut self, replica: usize, agent: usize, shows: bool, renews: bool) {
        let report = self.message(agent, shows, renews);
        if let Ok(reply) = self.brokers[replica].report(report.clone()).await {
            self.agents[agent].reported(&report, &reply, self.world.now());
        }
    }

    async fn clash(&mut self, agent: usize, job: usize) {
        let report = self.message(agent, false, false);
        let reporting = self.brokers[0].report(report.clone());
        let (reply, ()) = join(reporting, self.cancel(1, job)).await;
        if let Ok(reply) = reply {
            self.agents[agent].reported(&report, &reply, self.world.now());
        }
    }

    async fn pass(&self, times: u8) {
        for _ in 0..times {
            self.world.pass(LISTEN_EVERY.into());
            for broker in &self.brokers {
                let _cut_off = broker.listen_once().await;
            }
        }
    }

    async fn check(&self) -> Books {
        let books = Books::check(&self.reader).await;
        self.nothing_runs_twice(&books);
        books
    }

    /// At the schedulers: each attempt is started once at most, and a second attempt of a job only
    /// where the first was given up with its site, which only a restartable job may be.
    fn nothing_runs_twice(&self, books: &Books) {
        let mut of_job: BTreeMap<JobId, Vec<_>> = BTreeMap::new();
        for (job, attempt) in self.clusters.iter().flat_map(|it| &it.starts) {
            of_job.entry(*job).or_default().push(*attempt);
        }
        for (id, started) in of_job {
            let job = books.jobs.iter().find(|job| job.id == id).unwrap();
            let mut different = started.clone();
            different.sort();
            different.dedup();
            assert_eq!(different.len(), started.len(), "an attempt was sent twice");
            let given_up = books.entries.iter().filter(|it| {
                it.job == Some(id) && it.data.get("state").is_some_and(|it| it == "lost")
            });
            let given_up = given_up.count();
            assert!(
                started.len() <= 1 + given_up,
                "{id} was started {started:?}"
            );
            assert!(given_up == 0 || job.spec.placement.restartable);
            let alive = started
                .iter()
                .filter(|it| self.clusters.iter().any(|c| c.is_alive(**it)));
            assert!(alive.count() <= 1 + given_up);
        }
    }

    /// Everything works again: whatever was begun comes to its end.
    async fn settle(&mut self) {
        for store in &self.stores {
            store.mend();
        }
        for round in 0..60 {
            for agent in 0..AGENTS {
                self.take(&Step::Lease {
                    replica: 0,
                    agent,
                    want: 5,
                })
                .await;
                self.take(&Step::Act {
                    agent,
                    refuses: false,
                })
                .await;
                self.report(0, agent, true, true).await;
            }
            for site in 0..SITES.len() {
                self.clusters[site].work(self.world.now(), false);
            }
            self.brokers[0].place_pending_once().await.unwrap();
            self.pass(1).await;
            let books = self.check().await;
            let over = books.jobs.iter().all(|job| job.state.is_final());
            let settled = books.attempts.iter().all(|attempt| attempt.settled);
            let idle = self.agents.iter().all(SimAgent::is_idle);
            if over && settled && idle {
                return;
            }
            assert!(round < 59, "{:#?}\n{:#?}", books.jobs, self.agents);
        }
    }
}

/// What happened in all lives together: a test in which nothing goes wrong shows nothing.
#[derive(Debug, Default)]
struct Tally {
    over: BTreeMap<StateName, usize>,
    refused: usize,
    given_up: usize,
    started_again: usize,
    charged: usize,
}

impl Tally {
    fn add(&mut self, sim: &Sim<'_>, books: &Books) {
        for job in &books.jobs {
            *self.over.entry(job.state.name()).or_default() += 1;
        }
        let refused = |state: &AttemptState| matches!(state, AttemptState::Refused { .. });
        self.refused += books
            .attempts
            .iter()
            .filter(|it| refused(&it.state))
            .count();
        let lost = |entry: &&EntryBody| entry.data.get("state").is_some_and(|it| it == "lost");
        self.given_up += books.entries.iter().filter(lost).count();
        self.charged += books.usage.len();
        let starts: usize = sim.clusters.iter().map(|it| it.starts.len()).sum();
        let jobs = sim.clusters.iter().flat_map(|it| &it.starts).map(|it| it.0);
        self.started_again += starts - jobs.collect::<BTreeSet<_>>().len();
    }

    fn assert_worth_it(&self) {
        let kinds = [
            StateName::Completed,
            StateName::Failed,
            StateName::Cancelled,
        ];
        assert!(
            kinds.iter().all(|kind| self.over.contains_key(kind)),
            "{self:?}"
        );
        let counts = [
            self.refused,
            self.given_up,
            self.started_again,
            self.charged,
        ];
        assert!(counts.iter().all(|count| *count >= 5), "{self:?}");
    }
}

async fn live_through(steps: &[Step], tally: &Mutex<Tally>) {
    let mut world = World::sqlite().await;
    world.limits.site_lost_after = std::time::Duration::from_mins(2);
    let mut sim = Sim::new(&world).await;
    for n in 0..3 {
        sim.submit(n % 2, n > 0, 2).await;
    }
    for step in steps {
        sim.take(step).await;
        sim.check().await;
    }
    sim.settle().await;
    let books = sim.check().await;
    for id in &sim.jobs {
        assert!(
            books.jobs.iter().any(|job| job.id == *id),
            "{id} was acknowledged"
        );
    }
    assert_eq!(audit(&sim.reader).await.entries, books.entries.len() as u64);
    tally.lock().unwrap().add(&sim, &books);
}

#[test]
fn no_interleaving_breaks_the_books_or_starts_a_job_twice() {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases = cases.and_then(|it| it.parse().ok()).unwrap_or(50);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let steps = prop::collection::vec(step(), 20..100);
    let tally = Mutex::new(Tally::default());
    TestRunner::new_with_rng(config, rng)
        .run(&steps, |steps| {
            let lives =
                std::panic::AssertUnwindSafe(|| runtime.block_on(live_through(&steps, &tally)));
            std::panic::catch_unwind(lives).map_err(|_| TestCaseError::fail("see the panic above"))
        })
        .unwrap();
    let tally = tally.into_inner().unwrap();
    tally.assert_worth_it();
}
