//! What people do wrong, and what they are told.

use broker_app::setup::project_id;
use broker_client::wire::Problem;
use broker_client::{Client, Error};
use broker_model::{Clause, JobSpec, StateName};
use integration_tests::{
    AUDITOR, Alcyone, Done, ENGINEER, Installation, JobFile, People, Running, Setup, alpha, until,
};

use crate::shutdown::LIMIT;

/// Projects beside the sample one: with an allocation of the past, with one hour left, and of others.
const MORE: &str = r#"
[projects.past]
organisation = "sample-startup"
name = "Past"
civilian = true
members = [{ issuer = "(the demo's)", subject = "engineer" }]
[projects.past.allocations.old]
share = "union"
unit = "GPU-hour"
hours = 100
valid_from = "2024-01-01T00:00:00Z"
valid_until = "2025-01-01T00:00:00Z"

[projects.small]
organisation = "sample-startup"
name = "Small"
civilian = true
members = [{ issuer = "(the demo's)", subject = "engineer" }]
[projects.small.allocations.rest]
share = "union"
unit = "GPU-hour"
hours = 1
valid_from = "2024-01-01T00:00:00Z"
valid_until = "2034-01-01T00:00:00Z"

[projects.foreign]
organisation = "sample-startup"
name = "Foreign"
civilian = true
members = [{ issuer = "(the demo's)", subject = "auditor" }]
[projects.foreign.allocations.own]
share = "union"
unit = "GPU-hour"
hours = 1
valid_from = "2024-01-01T00:00:00Z"
valid_until = "2034-01-01T00:00:00Z"
"#;

struct Desk {
    installation: Installation,
    people: People,
    engineer: Client,
    alcyone: Alcyone,
    _programs: [Running; 2],
}

impl Desk {
    async fn open() -> Option<Self> {
        let people = People::arrive().await?;
        let mut setup = Setup::new(people.issuer(), vec![alpha()]);
        MORE.clone_into(&mut setup.more_to_import);
        let installation = Installation::set_up(setup).await;
        let broker = installation.serve(0).await;
        let url = installation.url(0);
        let agent = installation.agent(&alpha(), &url).start();
        let alcyone = Alcyone::new(installation.path("home"), &url);
        let _in = alcyone.log_in(ENGINEER).await.with(0);
        let engineer = people.client(&url, ENGINEER).await;
        until("the site is ready", LIMIT, async || {
            let sites = engineer.sites().await.unwrap();
            let sites = serde_json::to_value(sites.items).unwrap();
            (sites[0]["readiness"] == "ready").then_some(())
        })
        .await;
        Some(Self {
            installation,
            people,
            engineer,
            alcyone,
            _programs: [broker, agent],
        })
    }

    fn job(&self, name: &str) -> JobFile {
        JobFile::new(self.installation.project(), name, "exit 0")
    }

    async fn submit_text(&self, text: &str) -> Done {
        let file = self.installation.path("job.toml");
        std::fs::write(&file, text).unwrap();
        self.alcyone.run(&["submit", file.to_str().unwrap()]).await
    }

    async fn refused(&self, spec: &JobSpec) -> Problem {
        match self.engineer.submit(spec, &spec.name).await {
            Err(Error::Problem(problem)) => *problem,
            other => panic!("{other:?}"),
        }
    }

    /// Posts a body as it is and returns status and problem.
    async fn post(&self, body: String) -> (u16, Problem) {
        let url = self.installation.url(0).join("/api/v1/jobs").unwrap();
        let request = reqwest::Client::new()
            .post(url)
            .header("content-type", "application/json");
        let token = self.people.token(ENGINEER).await;
        let request = request
            .header("idempotency-key", "raw")
            .bearer_auth(token)
            .body(body);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        (status, answer.json().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mistake_is_answered_with_what_is_wrong_and_what_would_be_right() {
    let Some(desk) = Desk::open().await else {
        return;
    };
    mistakes_in_a_job_file(&desk).await;
    mistakes_in_a_request(&desk).await;
    no_site_can_run_it(&desk).await;
    the_allocation_is_over(&desk).await;
    more_hours_than_are_left(&desk).await;
    what_is_not_yours_is_not_there(&desk).await;
    let jobs = desk.engineer.jobs(&[]).await.unwrap().items;
    assert_eq!(jobs, [], "something that was refused is there");
}

async fn mistakes_in_a_job_file(desk: &Desk) {
    let good = toml::to_string(&desk.job("good").0).unwrap();
    for (right, wrong, words) in [
        (
            "nodes = 1",
            "nodez = 1",
            &["job.toml", "line", "nodez", "`nodes`"][..],
        ),
        (
            "nodes = 1",
            "nodes = \"two\"",
            &["job.toml", "line", "invalid type"],
        ),
        (
            "walltime = \"10m\"",
            "walltime = \"soon\"",
            &["job.toml", "line", "walltime"],
        ),
        (
            "name = \"good\"",
            "name = \"$(id)\"",
            &["job.toml", "name", "allowed"],
        ),
        (
            "nodes = 1",
            "nodes = 0",
            &["job.toml", "resources.nodes", "1 to"],
        ),
    ] {
        assert!(good.contains(right), "{good}");
        let said = desk
            .submit_text(&good.replacen(right, wrong, 1))
            .await
            .with(2)
            .stderr;
        for word in words {
            assert!(said.contains(word), "no `{word}` in: {said}");
        }
    }
}

async fn mistakes_in_a_request(desk: &Desk) {
    let good = serde_json::to_string(&desk.job("good").0).unwrap();
    let (status, problem) = desk.post(good.replacen("\"nodes\"", "\"nodez\"", 1)).await;
    assert_eq!(status, 400, "{problem:?}");
    let said = serde_json::to_string(&problem).unwrap();
    assert!(
        said.contains("nodez") && said.contains("resources"),
        "{said}"
    );
    let (status, problem) = desk.post(good.replacen("\"10m\"", "17", 1)).await;
    assert_eq!(status, 400, "{problem:?}");
    let said = serde_json::to_string(&problem).unwrap();
    assert!(said.contains("walltime"), "{said}");
    let (status, problem) = desk
        .post(format!("{{\"name\":\"{}\"}}", "x".repeat(10 << 20)))
        .await;
    assert_eq!(status, 413, "{problem:?}");
    assert!(problem.request_id.is_some());
}

async fn no_site_can_run_it(desk: &Desk) {
    let mut job = desk.job("too-wide");
    job.0.resources.gpus_per_node = 99;
    job.0.resources.nodes = 9;
    let problem = desk.refused(&job.0).await;
    assert_eq!(
        (problem.status, problem.code.as_str()),
        (409, "no-feasible-partition")
    );
    let placement = problem.placement.unwrap();
    assert_eq!(placement.considered.len(), 1);
    let clauses: Vec<Clause> = placement.considered[0]
        .rejections
        .iter()
        .map(|rejection| rejection.clause)
        .collect();
    assert!(
        clauses.contains(&Clause::GpuCount) && clauses.contains(&Clause::Nodes),
        "{clauses:?}"
    );
    let words = &placement.considered[0].rejections[0].words;
    let file = job.write(&desk.installation.path(""));
    let said = desk
        .alcyone
        .run(&["quote", file.to_str().unwrap()])
        .await
        .with(1)
        .stdout;
    assert!(said.contains(words.as_str()), "no `{words}` in: {said}");
}

async fn the_allocation_is_over(desk: &Desk) {
    let mut job = desk.job("late");
    job.0.project = project_id("past");
    let problem = desk.refused(&job.0).await;
    assert_eq!(
        (problem.status, problem.code.as_str()),
        (403, "not-eligible")
    );
    let decision = serde_json::to_value(&problem.decision).unwrap();
    let rules = decision["rules"].as_array().unwrap();
    let spoke = rules.iter().find(|rule| rule["rule"] == "allocation.ended");
    let spoke = spoke.unwrap_or_else(|| panic!("{rules:?}"));
    assert!(
        spoke["words"].as_str().unwrap().contains("2025-01-01"),
        "{spoke}"
    );
    assert!(problem.remedy.is_some());
}

async fn more_hours_than_are_left(desk: &Desk) {
    let mut job = desk.job("long").within(7200);
    job.0.project = project_id("small");
    let problem = desk.refused(&job.0).await;
    assert_eq!(problem.status, 409, "{problem:?}");
    let said = serde_json::to_string(&problem).unwrap();
    assert!(
        said.contains("hours_left") || problem.code == "hours-exceeded",
        "{said}"
    );
}

async fn what_is_not_yours_is_not_there(desk: &Desk) {
    let mut job = desk.job("foreign");
    job.0.project = project_id("foreign");
    let problem = desk.refused(&job.0).await;
    assert_eq!((problem.status, problem.code.as_str()), (404, "not-found"));

    let other = desk.people.client(&desk.installation.url(0), AUDITOR).await;
    let theirs = other.submit(&job.0, "theirs").await.unwrap();
    let asked = [
        desk.engineer.job(theirs.id).await.map(drop),
        desk.engineer.placement(theirs.id).await.map(drop),
        desk.engineer.cancel(theirs.id).await.map(drop),
        desk.engineer.events(theirs.id, None).await.map(drop),
        desk.engineer
            .logs(theirs.id, "stdout", false, None)
            .await
            .map(drop),
    ];
    for answer in asked {
        let Err(Error::Problem(problem)) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(problem.status, 404);
    }
    until("it goes on", LIMIT, async || {
        (other.job(theirs.id).await.unwrap().state == StateName::Completed).then_some(())
    })
    .await;
}
