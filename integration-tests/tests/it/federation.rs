//! Two replicas on PostgreSQL behind one address, two sites, and a person with the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker_client::wire::{CheckView, JobView, Page, QuoteView, UsageView, WhoAmI};
use broker_model::StateName;
use broker_store::testing::TestPostgres;
use integration_tests::{
    AUDITOR, Alcyone, Books, ENGINEER, Front, Installation, JobFile, People, Running, Setup, alpha,
    beta, until,
};
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(2);

struct Federation {
    installation: Installation,
    people: People,
    front: Front,
    replicas: Vec<Running>,
    agents: Vec<Running>,
}

impl Federation {
    async fn start() -> Option<Self> {
        let people = People::arrive().await?;
        let mut setup = Setup::new(people.issuer(), vec![alpha(), beta()]);
        setup.database = Some(TestPostgres::shared()?.create_database().await);
        setup.replicas = 2;
        let installation = Installation::set_up(setup).await;
        let (first, second) = tokio::join!(installation.serve(0), installation.serve(1));
        let front = Front::before(installation.front_port(), installation.ports()).await;
        let mut agents = Vec::new();
        for site in [alpha(), beta()] {
            let agent = installation.agent(&site, &front.url());
            let _all_well = agent.check().await.with(0);
            agents.push(agent.start());
        }
        Some(Self {
            installation,
            people,
            front,
            replicas: vec![first, second],
            agents,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.installation.path(name)
    }

    fn client_of(&self, person: &str) -> Alcyone {
        Alcyone::new(self.path(&format!("home-{person}")), &self.front.url())
    }

    async fn sites_are_ready(&self, alcyone: &Alcyone) {
        until("both sites are ready", LIMIT, async || {
            let sites: Vec<Value> = alcyone.run(&["--json", "sites"]).await.with(0).json();
            let ready = sites
                .iter()
                .filter(|site| site["readiness"] == "ready")
                .count();
            (ready == 2).then_some(())
        })
        .await;
    }

    fn job(&self, name: &str, script: &str) -> JobFile {
        JobFile::new(self.installation.project(), name, script)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_goes_through_two_replicas_and_two_sites_by_the_command_line() {
    let Some(federation) = Federation::start().await else {
        return;
    };
    let alcyone = federation.client_of(ENGINEER);
    signing_in(&alcyone, &federation).await;
    federation.sites_are_ready(&alcyone).await;
    asking(&alcyone, &federation).await;
    let done = one_job_to_its_end(&alcyone, &federation).await;
    following_and_cancelling(&alcyone, &federation).await;
    what_was_used(&alcyone, &federation, &done).await;
    the_ledger_verifies(&federation).await;
    for (replica, given) in federation.front.given().iter().enumerate() {
        assert!(
            *given > 5,
            "replica {replica} was given only {given} connections"
        );
    }
    no_secret_is_in_the_logs(&federation, &alcyone).await;
}

async fn signing_in(alcyone: &Alcyone, federation: &Federation) {
    let before = alcyone.run(&["whoami"]).await.with(3);
    assert!(before.stderr.contains("alcyone login"), "{}", before.stderr);
    let me: WhoAmI = alcyone.log_in(ENGINEER).await.with(0).json();
    assert_eq!(me.subject, ENGINEER);
    let again: WhoAmI = alcyone.run(&["--json", "whoami"]).await.with(0).json();
    assert_eq!(again, me, "the other replica knows the same person");
    assert_eq!(me.projects[0].id, federation.installation.project());
}

async fn asking(alcyone: &Alcyone, federation: &Federation) {
    let check: CheckView = alcyone.run(&["--json", "check"]).await.with(0).json();
    assert_eq!(
        serde_json::to_value(&check.decision).unwrap()["result"],
        "eligible"
    );
    let file = federation
        .job("asked", "exit 0")
        .only_at("beta")
        .write(&federation.path(""));
    let quote: QuoteView = alcyone
        .run(&["--json", "quote", text(&file)])
        .await
        .with(0)
        .json();
    let placement = quote.placement.unwrap();
    assert_eq!(placement.chosen.unwrap().site.as_str(), "beta");
    assert_eq!(placement.considered.len(), 2);
    let jobs: Page<JobView> = alcyone.run(&["--json", "jobs"]).await.with(0).json();
    assert_eq!(jobs.items, [], "a quote is no job");
}

async fn one_job_to_its_end(alcyone: &Alcyone, federation: &Federation) -> Vec<JobView> {
    let mut done = Vec::new();
    for site in ["alpha", "beta"] {
        let script = "echo \"hello from $ALCYONE_PARTITION\"; echo to stderr >&2";
        let job = federation
            .job(&format!("job-at-{site}"), script)
            .only_at(site);
        let file = job.write(&federation.path(""));
        let said = alcyone
            .run(&["submit", text(&file), "--wait"])
            .await
            .with(0)
            .stdout;
        assert!(
            said.contains(&format!("hello from {site}/{site}/gpu")),
            "{said}"
        );
        let id = said.split_whitespace().next().unwrap();
        let shown: Value = alcyone.run(&["--json", "show", id]).await.with(0).json();
        let job: JobView = serde_json::from_value(shown["job"].clone()).unwrap();
        assert_eq!(job.state, StateName::Completed);
        assert_eq!(shown["placement"]["chosen"]["site"], site);
        let stderr = alcyone.run(&["logs", id, "--stderr"]).await.with(0).stdout;
        assert_eq!(stderr, "to stderr\n");
        done.push(job);
    }
    done
}

async fn following_and_cancelling(alcyone: &Alcyone, federation: &Federation) {
    let script = "echo begun; while :; do sleep 0.1; done";
    let file = federation
        .job("endless", script)
        .write(&federation.path(""));
    let job: JobView = alcyone
        .run(&["--json", "submit", text(&file)])
        .await
        .with(0)
        .json();
    let id = job.id.to_string();
    let follower = {
        let (alcyone, id) = (alcyone.clone(), id.clone());
        tokio::spawn(async move { alcyone.run(&["logs", "-f", &id]).await })
    };
    until("it runs and says so", LIMIT, async || {
        let said = alcyone.run(&["logs", &id]).await.with(0).stdout;
        (said == "begun\n").then_some(())
    })
    .await;
    let running: Page<JobView> = alcyone
        .run(&["--json", "jobs", "--state", "running"])
        .await
        .with(0)
        .json();
    assert_eq!(running.items.len(), 1);
    let _asked = alcyone.run(&["cancel", &id]).await.with(0);
    until("it is cancelled", LIMIT, async || {
        let shown: Value = alcyone.run(&["--json", "show", &id]).await.with(0).json();
        (shown["job"]["state"] == "cancelled").then_some(())
    })
    .await;
    assert_eq!(follower.await.unwrap().with(0).stdout, "begun\n");
    let _over = alcyone.run(&["cancel", &id]).await.with(1);
}

async fn what_was_used(alcyone: &Alcyone, federation: &Federation, done: &[JobView]) {
    let engineer = federation
        .people
        .client(&federation.front.url(), ENGINEER)
        .await;
    let books = until("all three jobs are charged", LIMIT, async || {
        let books = Books::read(&engineer).await;
        (books.usage.len() == 3).then_some(books)
    })
    .await;
    books.must_add_up();
    assert_eq!(books.held.0, 0);
    let usage: Vec<UsageView> = alcyone.run(&["--json", "usage"]).await.with(0).json();
    assert_eq!(usage.len(), 3);
    for job in done {
        assert_eq!(
            usage
                .iter()
                .filter(|usage| usage.record.job == job.id)
                .count(),
            1
        );
    }
}

async fn the_ledger_verifies(federation: &Federation) {
    let auditor = federation.client_of(AUDITOR);
    let _in = auditor.log_in(AUDITOR).await.with(0);
    let key = federation.installation.ledger_key().to_string();
    let kinds = until("every entry is sealed", LIMIT, async || {
        let file = federation.path("ledger.jsonl");
        let _gone_or_not_there = std::fs::remove_file(&file);
        let _written = auditor.run(&["audit", "export", text(&file)]).await.with(0);
        let words = [
            "--json",
            "audit",
            "verify",
            text(&file),
            "--trusted-key",
            &key,
        ];
        let verified: Value = auditor.run(&words).await.with(0).json();
        let kinds: BTreeMap<String, u64> =
            serde_json::from_value(verified["kinds"].clone()).unwrap();
        (kinds.get("usage.charged") == Some(&3)).then_some(kinds)
    })
    .await;
    assert_eq!(kinds["job.accepted"], 3);
    assert_eq!(kinds["attempt.leased"], 3, "each job was leased once");

    let file = federation.path("ledger.jsonl");
    let forged = federation.path("forged.jsonl");
    let honest = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &forged,
        honest.replacen("usage.charged", "usage.chargee", 1),
    )
    .unwrap();
    let _found = auditor
        .run(&["audit", "verify", text(&forged), "--trusted-key", &key])
        .await
        .with(5);
    // The engineer is no auditor.
    let engineer = federation.client_of(ENGINEER);
    let _no = engineer
        .run(&["audit", "export", text(&federation.path("mine.jsonl"))])
        .await
        .with(1);
}

async fn no_secret_is_in_the_logs(federation: &Federation, alcyone: &Alcyone) {
    let _in = alcyone.run(&["whoami"]).await.with(0);
    let mut secrets = vec![
        "alice@".to_owned(),
        "hello from".to_owned(),
        "Bearer".to_owned(),
    ];
    for site in [alpha(), beta()] {
        let agent = federation
            .installation
            .agent(&site, &federation.front.url());
        secrets.push(agent.secret());
    }
    let home = federation.path(&format!("home-{ENGINEER}"));
    for file in std::fs::read_dir(home).unwrap() {
        let kept = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let Ok(kept) = serde_json::from_str::<Value>(&kept) else {
            continue;
        };
        for name in ["access_token", "refresh_token"] {
            secrets.extend(kept["tokens"][name].as_str().map(str::to_owned));
        }
    }
    assert!(secrets.len() >= 7, "the login file has both tokens");
    for program in federation.replicas.iter().chain(&federation.agents) {
        let said = program.said();
        for secret in &secrets {
            assert!(!said.contains(secret.as_str()), "`{secret}` is in a log");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_key_gives_the_first_answer_at_the_other_replica() {
    let Some(federation) = Federation::start().await else {
        return;
    };
    let first = federation
        .people
        .client(&federation.installation.url(0), ENGINEER)
        .await;
    let second = federation
        .people
        .client(&federation.installation.url(1), ENGINEER)
        .await;
    let spec = federation.job("once", "exit 0").0;
    let (one, two) = tokio::join!(first.submit(&spec, "key-1"), second.submit(&spec, "key-1"));
    let mut ids = vec![one, two];
    ids.push(first.submit(&spec, "key-1").await);
    // A race may be answered "in flight"; nothing else but the one job.
    let ids: Vec<_> = ids
        .into_iter()
        .filter_map(Result::ok)
        .map(|job| job.id)
        .collect();
    assert!(!ids.is_empty());
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let other = federation.job("other", "exit 0").0;
    let error = second
        .submit(&other, "key-1")
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("key"), "{error}");
    assert_eq!(first.jobs(&[]).await.unwrap().items.len(), 1);
}
