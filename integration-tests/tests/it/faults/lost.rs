//! A site that falls silent while its jobs run on, and comes back.

use std::path::PathBuf;
use std::time::Duration;

use broker_client::Client;
use broker_client::wire::JobView;
use broker_model::{JobSpec, Site, StateName};
use integration_tests::{
    Books, ENGINEER, Installation, JobFile, People, Running, Setup, SiteAgent, alpha, beta, until,
};

const LIMIT: Duration = Duration::from_mins(2);

struct Stage {
    installation: Installation,
    engineer: Client,
    _people: People,
    _broker: Running,
}

impl Stage {
    /// A broker that gives a site up after ten seconds without a word.
    async fn set() -> Option<Self> {
        let people = People::arrive().await?;
        let mut setup = Setup::new(people.issuer(), vec![alpha(), beta()]);
        setup.limits.lease_seconds = Some(5);
        setup.limits.site_state_ttl_seconds = Some(6);
        setup.limits.site_lost_after_seconds = Some(10);
        let installation = Installation::set_up(setup).await;
        let broker = installation.serve(0).await;
        let engineer = people.client(&installation.url(0), ENGINEER).await;
        Some(Self {
            installation,
            engineer,
            _people: people,
            _broker: broker,
        })
    }

    async fn open(&self, site: &Site) -> (SiteAgent, Running) {
        let agent = self.installation.agent(site, &self.installation.url(0));
        let running = agent.start();
        until("the site is ready", LIMIT, async || {
            let listed = self.engineer.sites().await.unwrap();
            let listed = serde_json::to_value(&listed.items).unwrap();
            let mut sites = listed.as_array().unwrap().iter();
            sites
                .any(|it| it["site"]["id"] == site.id.as_str() && it["readiness"] == "ready")
                .then_some(())
        })
        .await;
        (agent, running)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.installation.path(name)
    }

    /// Says what happens to it, and ends when the file `go` is there.
    fn job(&self, name: &str, restartable: bool, sites: &[&str]) -> JobSpec {
        let (trace, go) = (self.path("trace"), self.path("go"));
        let script = format!(
            "say() {{ echo \"$ALCYONE_JOB_NAME $1 at ${{ALCYONE_PARTITION%%/*}}\" >> {trace}; }}\n\
             trap 'say cancelled; exit 1' TERM\n\
             say started\n\
             until [ -e {go} ]; do sleep 0.1; done\n\
             say ended\n",
            trace = trace.display(),
            go = go.display(),
        );
        let mut spec = JobFile::new(self.installation.project(), name, &script).0;
        spec.placement.restartable = restartable;
        spec.placement.require = sites.iter().map(|site| site.parse().unwrap()).collect();
        spec
    }

    async fn submit(&self, spec: &JobSpec) -> JobView {
        self.engineer.submit(spec, &spec.name).await.unwrap()
    }

    /// What the jobs of that name said.
    fn trace(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("trace")).unwrap_or_default();
        let own = text.lines().filter_map(|line| line.strip_prefix(name));
        own.map(|line| line.trim().to_owned()).collect()
    }

    async fn says(&self, name: &str, line: &str) {
        until(&format!("{name} says `{line}`"), LIMIT, async || {
            self.trace(name).iter().any(|it| it == line).then_some(())
        })
        .await;
    }

    /// Lets the jobs end; so many charges come of it.
    async fn ends(&self, charges: usize) -> Books {
        std::fs::write(self.path("go"), "").unwrap();
        let books = until("all is charged", LIMIT, async || {
            let books = Books::read(&self.engineer).await;
            let over = books.jobs.iter().all(|job| job.state.is_final());
            (over && books.usage.len() >= charges).then_some(books)
        })
        .await;
        assert_eq!(books.usage.len(), charges);
        assert_eq!(books.held.0, 0, "a hold was left");
        books.must_add_up();
        for job in &books.jobs {
            assert_eq!(job.state, StateName::Completed, "{job:?}");
        }
        books
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_site_is_lost_restartable_jobs_move_and_others_never() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let (lost, running) = stage.open(&alpha()).await;
    for (name, restartable) in [("moves", true), ("stays", false)] {
        let spec = stage.job(name, restartable, &["alpha", "beta"]);
        let _accepted = stage.submit(&spec).await;
        stage.says(name, "started at alpha").await;
    }
    let _other = stage.open(&beta()).await;
    running.kill();
    stage.says("moves", "started at beta").await;
    assert_eq!(stage.trace("stays"), ["started at alpha"]);

    // It comes back with both: the one that moved is ended there, and runs on elsewhere.
    let _back = lost.start();
    stage.says("moves", "cancelled at alpha").await;
    let books = stage.ends(3).await;
    assert_eq!(
        stage.trace("moves"),
        [
            "started at alpha",
            "started at beta",
            "cancelled at alpha",
            "ended at beta"
        ]
    );
    assert_eq!(stage.trace("stays"), ["started at alpha", "ended at alpha"]);
    let at = |name: &str| {
        let job = books.jobs.iter().find(|job| job.name == name).unwrap();
        job.partition.as_ref().unwrap().site.to_string()
    };
    assert_eq!((at("moves"), at("stays")), ("beta".into(), "alpha".into()));
}

/// The job has nowhere else to go: it is placed at the same site again, where it still runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_site_has_left_of_a_job_is_cancelled_before_the_job_starts_there_again() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let (lost, running) = stage.open(&alpha()).await;
    let spec = stage.job("again", true, &["alpha"]);
    let id = stage.submit(&spec).await.id;
    stage.says("again", "started at alpha").await;
    running.kill();
    until("the job is given up there", LIMIT, async || {
        let job = stage.engineer.job(id).await.unwrap();
        (job.state == StateName::Pending).then_some(())
    })
    .await;
    assert_eq!(stage.trace("again"), ["started at alpha"], "it runs on");

    let _back = lost.start();
    until("it was started again", LIMIT, async || {
        (stage.trace("again").len() >= 3).then_some(())
    })
    .await;
    assert_eq!(
        stage.trace("again"),
        ["started at alpha", "cancelled at alpha", "started at alpha"]
    );
    stage.ends(2).await;
}
