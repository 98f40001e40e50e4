//! Agents as a site's administrator has them: let in, sharing the work, given new keys, put out.

use std::time::{Duration, Instant};

use broker_client::Client;
use broker_model::{JobId, StateName};
use integration_tests::{
    Alcyone, ENGINEER, Installation, JobFile, People, Running, Setup, SiteAgent, alpha, until,
};
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(2);
const ADMINISTRATOR: &str = r#"
[[grants]]
issuer = "(the demo's)"
subject = "alice"
role = "site_admin"
site = "alpha"
"#;

struct Shared {
    installation: Installation,
    alcyone: Alcyone,
    engineer: Client,
    agents: Vec<(SiteAgent, Running)>,
    _people: People,
    _broker: Running,
}

impl Shared {
    /// A site with two agents; its administrator is signed in.
    async fn start() -> Option<Self> {
        let people = People::arrive().await?;
        let mut setup = Setup::new(people.issuer(), vec![alpha()]);
        ADMINISTRATOR.clone_into(&mut setup.more_to_import);
        let installation = Installation::set_up(setup).await;
        let broker = installation.serve(0).await;
        let url = installation.url(0);
        let mut agents = Vec::new();
        for name in ["agent-one", "agent-two"] {
            let folder = installation.path(name);
            let enrolment = installation.enrolment(&alpha().id);
            let agent = SiteAgent::of_processes(&folder, &alpha(), &url, enrolment);
            // So that neither takes all there is.
            agent.edit(|config| {
                let agent = config["agent"].as_table_mut().unwrap();
                agent.insert("max_attempts".to_owned(), 2.into());
            });
            let running = agent.start();
            agents.push((agent, running));
        }
        let alcyone = Alcyone::new(installation.path("home"), &url);
        let _in = alcyone.log_in(ENGINEER).await.with(0);
        let engineer = people.client(&url, ENGINEER).await;
        until("the site is ready", LIMIT, async || {
            let said = alcyone.run(&["sites"]).await.with(0).stdout;
            said.contains("ready").then_some(())
        })
        .await;
        Some(Self {
            installation,
            alcyone,
            engineer,
            agents,
            _people: people,
            _broker: broker,
        })
    }

    /// Runs jobs at once; where each ran, by its working folder.
    async fn run(&self, name: &str, count: usize) -> Vec<String> {
        let mut jobs = Vec::new();
        for number in 0..count {
            let name = format!("{name}-{number}");
            let job = JobFile::new(self.installation.project(), &name, "pwd; sleep 0.3");
            jobs.push(self.engineer.submit(&job.0, &name).await.unwrap().id);
        }
        let mut places = Vec::new();
        for job in jobs {
            places.push(self.place_of(job).await);
        }
        places
    }

    async fn place_of(&self, job: JobId) -> String {
        until("the job has completed", LIMIT, async || {
            let view = self.engineer.job(job).await.unwrap();
            assert!(
                !view.state.is_final() || view.state == StateName::Completed,
                "{view:?}"
            );
            view.state.is_final().then_some(())
        })
        .await;
        until("its log is there", LIMIT, async || {
            let log = self.alcyone.run(&["logs", &job.to_string()]).await;
            let log = log.with(0).stdout;
            (!log.is_empty()).then_some(log)
        })
        .await
    }

    async fn listed(&self) -> Vec<Value> {
        let words = ["--json", "site", "agents", "alpha"];
        self.alcyone.run(&words).await.with(0).json()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_agents_share_a_sites_work_change_keys_and_one_takes_over_when_the_other_is_put_out() {
    let Some(shared) = Shared::start().await else {
        return;
    };
    let places = shared.run("shared", 12).await;
    for name in ["agent-one", "agent-two"] {
        let its = places.iter().filter(|place| place.contains(name)).count();
        assert!(its >= 1, "{name} did nothing: {places:?}");
    }
    let once = places.iter().all(|place| place.lines().count() == 1);
    assert!(once, "each ran once: {places:?}");

    // A new key while it works.
    let (first, _) = &shared.agents[0];
    let before = first.secret();
    let said = first.run(&["rotate-key"]).await.with(0).stdout;
    assert!(said.contains("the new key is in force"), "{said}");
    assert_ne!(first.secret(), before);
    let _well = first.check().await.with(0);
    let listed = shared.listed().await;
    assert_eq!(listed.len(), 2);
    let places = shared.run("rotated", 6).await;
    assert!(
        places.iter().any(|place| place.contains("agent-one")),
        "{places:?}"
    );

    // One is put out, and says so where its administrator looks.
    let out = first.agent_id();
    let words = ["site", "revoke-agent", "alpha", &out, "--reason", "a test"];
    let _done = shared.alcyone.run(&words).await.with(0);
    let told = first.check().await.with(1).stdout;
    assert!(
        told.contains("was revoked") && told.contains("a test") && told.contains("enrol`"),
        "{told}"
    );
    let places = shared.run("taken-over", 6).await;
    assert!(
        places.iter().all(|place| place.contains("agent-two")),
        "{places:?}"
    );
    let listed = shared.listed().await;
    let revoked = listed.iter().find(|agent| agent["id"] == *out).unwrap();
    assert_eq!(revoked["status"], "revoked");
    for (agent, running) in &shared.agents {
        let said = running.said();
        assert!(!said.contains(&agent.secret()), "a key is in a log");
    }
}

/// Each runs processes of its own machine: the other can tell nothing of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_a_killed_agent_waits_for_that_agent_and_runs_once() {
    let Some(mut shared) = Shared::start().await else {
        return;
    };
    let (gate, starts) = (
        shared.installation.path("gate"),
        shared.installation.path("starts"),
    );
    let script = format!(
        "echo started >> {}\nuntil [ -e {} ]; do sleep 0.1; done\npwd",
        starts.display(),
        gate.display()
    );
    let file = JobFile::new(shared.installation.project(), "waits", &script);
    let job = shared.engineer.submit(&file.0, "waits").await.unwrap().id;
    let state = async || shared.engineer.job(job).await.unwrap().state;
    until("it runs", LIMIT, async || {
        (state().await == StateName::Running).then_some(())
    })
    .await;
    let name = job.to_string();
    let its = |(_, running): &(SiteAgent, Running)| running.said().contains(&name);
    let (at, begun) = (shared.agents.iter().position(its).unwrap(), Instant::now());
    let (agent, running) = shared.agents.remove(at);
    running.kill();

    // Longer than its lease lasts, by what the other does meanwhile.
    let mut round = 0;
    while begun.elapsed() < Duration::from_secs(25) {
        shared.run(&format!("meanwhile-{round}"), 1).await;
        round += 1;
    }
    let still = shared.engineer.job(job).await.unwrap();
    assert_eq!(still.state, StateName::Running, "{still:?}");
    std::fs::write(&gate, "").unwrap();
    let _again = agent.start();
    let place = shared.place_of(job).await;
    assert_eq!(place.lines().count(), 1, "{place}");
    let started = std::fs::read_to_string(&starts).unwrap();
    assert_eq!(started, "started\n");
}
