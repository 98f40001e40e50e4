//! A site that wants a person to let each job in, and one whose jobs a person carries there.

use std::path::PathBuf;
use std::time::Duration;

use broker_client::wire::JobView;
use broker_model::{Automation, Clock as _, Site, StateName, SystemClock};
use integration_tests::{
    Alcyone, Books, ENGINEER, Installation, JobFile, People, Running, Setup, SiteAgent, alpha,
    beta, until,
};
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(2);

struct Sites {
    installation: Installation,
    people: People,
    _broker: Running,
    agent: SiteAgent,
    _agent: Running,
}

/// `alpha` asks a person, `beta` takes what a person carries there and has no agent.
fn asking() -> [Site; 2] {
    let (mut alpha, mut beta) = (alpha(), beta());
    alpha.automation = Automation::HumanConfirm;
    beta.automation = Automation::Handoff;
    beta.systems[0].scheduler = Some("slurm".to_owned());
    [alpha, beta]
}

impl Sites {
    async fn start() -> Option<Self> {
        let people = People::arrive().await?;
        let [alpha, beta] = asking();
        let setup = Setup::new(people.issuer(), vec![alpha.clone(), beta]);
        let installation = Installation::set_up(setup).await;
        let broker = installation.serve(0).await;
        let agent = installation.agent(&alpha, &installation.url(0));
        Some(Self {
            _agent: agent.start(),
            _broker: broker,
            agent,
            installation,
            people,
        })
    }

    async fn engineer(&self) -> Alcyone {
        let home = self.installation.path("home-engineer");
        let alcyone = Alcyone::new(home, &self.installation.url(0));
        let _in = alcyone.log_in(ENGINEER).await.with(0);
        alcyone
    }

    fn job(&self, name: &str, site: &str) -> PathBuf {
        let script = "echo \"hello from $ALCYONE_PARTITION\"";
        let job = JobFile::new(self.installation.project(), name, script);
        job.only_at(site).write(&self.installation.path(""))
    }

    /// Hands a job in as soon as the site is heard of.
    async fn submitted(&self, alcyone: &Alcyone, name: &str) -> JobView {
        until("the site is ready", LIMIT, async || {
            let words = ["--json", "sites", "alpha"];
            let sites: Vec<Value> = alcyone.run(&words).await.with(0).json();
            (sites[0]["readiness"] == "ready").then_some(())
        })
        .await;
        let file = self.job(name, "alpha");
        let words = ["--json", "submit", file.to_str().unwrap()];
        alcyone.run(&words).await.with(0).json()
    }
}

async fn state(alcyone: &Alcyone, id: &str) -> StateName {
    let shown: Value = alcyone.run(&["--json", "show", id]).await.with(0).json();
    serde_json::from_value(shown["job"]["state"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_runs_once_a_person_at_its_site_has_let_it_in() {
    let Some(sites) = Sites::start().await else {
        return;
    };
    let alcyone = sites.engineer().await;
    let waiting = sites.submitted(&alcyone, "asked").await;
    let id = waiting.id.to_string();
    assert_eq!(waiting.state, StateName::Held);
    let shown = alcyone.run(&["show", &id]).await.with(0).stdout;
    assert!(shown.contains("alpha's confirmation since "), "{shown}");

    let listed = sites.agent.confirm(&["--list"]).await.with(0).stdout;
    assert!(
        listed.starts_with(&format!("{id} (asked) waits since ")),
        "{listed}"
    );
    assert!(!listed.contains(ENGINEER), "by pseudonym: {listed}");
    let said = sites.agent.confirm(&[&id]).await.with(0).stdout;
    assert!(said.starts_with(&format!("{id} goes in: ")), "{said}");
    until("it has run", LIMIT, async || {
        (state(&alcyone, &id).await == StateName::Completed).then_some(())
    })
    .await;
    let log = alcyone.run(&["logs", &id]).await.with(0).stdout;
    assert_eq!(log, "hello from alpha/alpha/gpu\n");
    let again = sites.agent.confirm(&[&id]).await.with(1);
    assert!(again.stderr.contains("no longer waits"), "{}", again.stderr);
    let nothing = sites.agent.confirm(&["--list"]).await.with(0).stdout;
    assert_eq!(nothing, "nothing waits for alpha\n");

    let declined = sites.submitted(&alcyone, "declined").await.id.to_string();
    let words = [&declined[..], "--decline", "--reason", "not this month"];
    let _said = sites.agent.confirm(&words).await.with(0);
    until(
        "it has ended, as nothing else can take it",
        LIMIT,
        async || (state(&alcyone, &declined).await == StateName::Failed).then_some(()),
    )
    .await;
    let shown = alcyone.run(&["show", &declined]).await.with(0).stdout;
    assert!(
        shown.contains("alpha did not confirm it: not this month"),
        "{shown}"
    );
    let broker = sites.installation.url(0);
    let engineer = sites.people.client(&broker, ENGINEER).await;
    let books = until("what ran is charged", LIMIT, async || {
        let books = Books::read(&engineer).await;
        (books.usage.len() == 1).then_some(books)
    })
    .await;
    books.must_add_up();
    assert_eq!(books.held.0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_person_carries_is_fetched_as_the_same_script_twice() {
    let Some(sites) = Sites::start().await else {
        return;
    };
    let alcyone = sites.engineer().await;
    let file = sites.job("carried", "beta");
    let words = ["--json", "submit", file.to_str().unwrap()];
    let held: JobView = alcyone.run(&words).await.with(0).json();
    let id = held.id.to_string();
    assert_eq!(held.state, StateName::Held);
    let script = alcyone.run(&["handoff", &id]).await.with(0).stdout;
    assert!(
        script.starts_with("#!/bin/sh\n#SBATCH --job-name=att_"),
        "{script}"
    );
    let output = sites.installation.path("carried.sh");
    let words = ["handoff", &id, "-o", output.to_str().unwrap()];
    let said = alcyone.run(&words).await.with(0).stdout;
    assert!(said.ends_with("Hand it in once, as it is.\n"), "{said}");
    assert_eq!(std::fs::read_to_string(&output).unwrap(), script);
    let lexis = ["handoff", &id, "--format", "lexis"];
    let _names_are_missing = alcyone.run(&lexis).await.with(2);
    let words = ["--lexis-project", "sample", "--lexis-template", "generic"];
    let lexis = alcyone.run(&[&lexis[..], &words[..]].concat()).await;
    let lexis = lexis.with(0).stdout;
    assert!(lexis.contains("project_shortname: \"sample\""), "{lexis}");
    let noted = alcyone.run(&["handoff", &id, "--handed-in", "4711"]).await;
    let _noted = noted.with(0);
    let _asked = alcyone.run(&["cancel", &id]).await.with(0);
    assert_eq!(
        state(&alcyone, &id).await,
        StateName::Held,
        "it may be at the site"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_at_the_site_fetches_a_carried_job_and_tells_of_it_through_the_agent() {
    let Some(sites) = Sites::start().await else {
        return;
    };
    let alcyone = sites.engineer().await;
    let [_, beta] = asking();
    let agent = sites.installation.agent(&beta, &sites.installation.url(0));
    let nothing = agent.handoff(&["list"]).await.with(0).stdout;
    assert_eq!(nothing, "nothing is carried to beta\n");
    let marker = fetched(&sites, &agent, &alcyone).await;
    begun(&agent, &marker).await;
    ended(&agent, &marker).await;
    let nothing = agent.handoff(&["list"]).await.with(0).stdout;
    assert_eq!(nothing, "nothing is carried to beta\n", "it is settled");
    let engineer = sites
        .people
        .client(&sites.installation.url(0), ENGINEER)
        .await;
    let books = Books::read(&engineer).await;
    books.must_add_up();
    assert_eq!((books.usage.len(), books.held.0), (1, 0));
}

/// The script is the same for whoever fetches it; returns the marker in it.
async fn fetched(sites: &Sites, agent: &SiteAgent, alcyone: &Alcyone) -> String {
    let file = sites.job("carried", "beta");
    let words = ["--json", "submit", file.to_str().unwrap()];
    let held: JobView = alcyone.run(&words).await.with(0).json();
    let id = held.id.to_string();
    let listed = agent.handoff(&["list"]).await.with(0).stdout;
    assert!(
        listed.starts_with(&format!("{id} (carried) as att_")),
        "{listed}"
    );
    assert!(listed.contains("its script is not fetched"), "{listed}");
    assert!(!listed.contains(ENGINEER), "by pseudonym: {listed}");
    let marker = listed.split_whitespace().nth(3).unwrap().to_owned();

    let script = agent.handoff(&["script", &marker]).await.with(0).stdout;
    let owners = alcyone.run(&["handoff", &id]).await.with(0).stdout;
    assert_eq!(script, owners, "the same bytes for everybody");
    let output = sites.installation.path("at-the-site.sh");
    let words = ["script", &id, "-o", output.to_str().unwrap()];
    let _ready = agent.handoff(&words).await.with(0);
    assert_eq!(std::fs::read_to_string(&output).unwrap(), script);
    marker
}

/// What was told before is told again without harm, and not otherwise.
async fn begun(agent: &SiteAgent, marker: &str) {
    let tell = async |words: &[&str]| {
        let words = [&["report", marker][..], words].concat();
        agent.handoff(&words).await
    };
    let early = tell(&["started"]).await.with(1);
    assert!(
        early.stderr.contains("`submitted` first"),
        "{}",
        early.stderr
    );
    for _ in 0..2 {
        let said = tell(&["submitted", "--remote-id", "4711"]).await.with(0);
        assert_eq!(
            said.stdout,
            format!("{marker} is told as submitted: it is queued now\n")
        );
    }
    let other = tell(&["submitted", "--remote-id", "4712"]).await.with(1);
    assert!(
        other.stderr.contains("it is `4711` at the site"),
        "{}",
        other.stderr
    );
}

async fn ended(agent: &SiteAgent, marker: &str) {
    let tell = async |words: &[&str]| {
        let words = [&["report", marker][..], words].concat();
        agent.handoff(&words).await
    };
    let from = SystemClock.now() - jiff::SignedDuration::from_mins(30);
    let from = from.to_string();
    let _runs = tell(&["started", "--at", &from]).await.with(0);
    let ended = [
        "ended",
        "--outcome",
        "failed",
        "--exit-code",
        "3",
        "--words",
        "FAILED",
    ];
    let too_many = [
        "--ran-from",
        &from,
        "--nodes",
        "1",
        "--gpus",
        "9999",
        "--cpus",
        "1",
    ];
    let refused = tell(&[&ended[..], &too_many].concat()).await.with(1);
    assert!(
        refused.stderr.contains("usage: "),
        "the reason: {}",
        refused.stderr
    );
    let used = [
        "--ran-from",
        &from,
        "--nodes",
        "1",
        "--gpus",
        "1",
        "--cpus",
        "1",
    ];
    let said = tell(&[&ended[..], &used].concat()).await.with(0).stdout;
    assert!(said.ends_with("it is failed now\n"), "{said}");
}
