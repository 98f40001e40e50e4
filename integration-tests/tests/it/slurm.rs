//! A broker and an agent beside a real Slurm 24.11: the way of a job through slurmrestd and slurmdbd.

use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::JobView;
use broker_client::{Client, Error};
use broker_model::{JobId, OutcomeKind, StateName};
use integration_tests::{
    Alcyone, Books, ENGINEER, Installation, JobFile, People, Running, Setup, SiteAgent,
    site_of_slurm, until,
};
use site_adapter_slurm::testing::{SlurmSite, Suite};

/// A time limit of a minute is the shortest that Slurm has.
const LIMIT: Duration = Duration::from_mins(5);

struct Beside {
    slurm: Arc<SlurmSite>,
    installation: Installation,
    people: People,
    engineer: Client,
    agent: SiteAgent,
    _broker: Running,
    running: Running,
}

impl Beside {
    async fn start() -> Option<Self> {
        let people = People::arrive().await?;
        let started = tokio::task::spawn_blocking(|| SlurmSite::start_or_skip(Suite::Trixie, &[]));
        let slurm = Arc::new(started.await.unwrap()?);
        let site = site_of_slurm();
        let installation =
            Installation::set_up(Setup::new(people.issuer(), vec![site.clone()])).await;
        let broker = installation.serve(0).await;
        let url = installation.url(0);
        let folder = installation.path("agent-slurm");
        let agent = SiteAgent::of_slurm(&folder, &slurm, &url, installation.enrolment(&site.id));
        let said = agent.check().await.with(0).stdout;
        let readme = include_str!("../../../README.md");
        assert!(
            readme.contains(&said),
            "the README shows another than:\n{said}"
        );
        let running = agent.start();
        let engineer = people.client(&url, ENGINEER).await;
        Some(Self {
            slurm,
            installation,
            people,
            engineer,
            agent,
            _broker: broker,
            running,
        })
    }

    fn job(&self, name: &str, script: &str) -> JobFile {
        JobFile::new(self.installation.project(), name, script)
    }

    async fn submit(&self, job: JobFile) -> JobId {
        self.engineer.submit(&job.0, &job.0.name).await.unwrap().id
    }

    async fn state(&self, job: JobId, wanted: StateName) -> JobView {
        until(
            &format!("{job} is {}", wanted.as_str()),
            LIMIT,
            async || {
                let job = self.engineer.job(job).await.unwrap();
                assert!(!job.state.is_final() || job.state == wanted, "{job:?}");
                (job.state == wanted).then_some(job)
            },
        )
        .await
    }

    async fn log(&self, job: JobId) -> String {
        let home = self.installation.path("home");
        let alcyone = Alcyone::new(home, &self.installation.url(0));
        alcyone
            .run(&["logs", &job.to_string()])
            .await
            .with(0)
            .stdout
    }

    /// Does something to the cluster that takes its time.
    async fn with_slurm(&self, act: impl FnOnce(&SlurmSite) + Send + 'static) {
        let slurm = self.slurm.clone();
        tokio::task::spawn_blocking(move || act(&slurm))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_go_through_a_real_slurm_to_their_charge() {
    let Some(mut beside) = Beside::start().await else {
        return;
    };
    let home = beside.installation.path("home");
    let alcyone = Alcyone::new(home, &beside.installation.url(0));
    let _in = alcyone.log_in(ENGINEER).await.with(0);

    let too_long = beside
        .submit(beside.job("too-long", "sleep 900").within(60))
        .await;
    let quoted = a_script_full_of_metacharacters(&beside).await;
    let survivor = a_job_outlives_slurmrestd_and_the_agent(&mut beside).await;
    let stopped = a_job_is_cancelled(&beside).await;
    let timed_out = beside.state(too_long, StateName::TimedOut).await;
    assert_eq!(timed_out.outcome.unwrap().kind, OutcomeKind::TimedOut);

    // The job that was handed in while slurmrestd was down has run or was cancelled in the queue, so
    // there are four records or five; nothing is held once all are in.
    let ours = [too_long, quoted, survivor, stopped];
    let books = until("slurmdbd's records are charged", LIMIT, async || {
        let books = Books::read(&beside.engineer).await;
        let charged = |job: &JobId| books.usage.iter().any(|usage| usage.record.job == *job);
        let all = ours.iter().all(charged) && books.held.0 == 0;
        all.then_some(books)
    })
    .await;
    books.must_add_up();
    for job in ours {
        let usage = books
            .usage
            .iter()
            .find(|usage| usage.record.job == job)
            .unwrap();
        assert_eq!((usage.record.nodes, usage.record.scheduler_gpus), (1, 1));
    }
    slurmdbd_says_the_same(&beside, &books).await;
}

/// Refused where a scheduler would read it, data where it is the job's own.
async fn a_script_full_of_metacharacters(beside: &Beside) -> JobId {
    let names = ["a;touch /tmp/pwned", "a$(id)", "a\nb", "`id`", "--wrap=id"];
    for (number, name) in names.into_iter().enumerate() {
        let mut job = beside.job("fine", "exit 0");
        job.0.name = name.to_owned();
        let error = beside
            .engineer
            .submit(&job.0, &format!("bad-{number}"))
            .await
            .unwrap_err();
        let Error::Problem(problem) = error else {
            panic!("{error}")
        };
        assert_eq!(problem.status, 400, "{problem:?}");
        assert_eq!(problem.errors[0].field, "name");
    }
    let script = "cat <<'END'\n'; touch ~/pwned; \"$(touch ~/pwned)\" `touch ~/pwned` \\ %j {user} &&\nEND\n";
    let job = beside.submit(beside.job("quoted", script)).await;
    beside.state(job, StateName::Completed).await;
    let wanted = "'; touch ~/pwned; \"$(touch ~/pwned)\" `touch ~/pwned` \\ %j {user} &&\n";
    until("its log is there", LIMIT, async || {
        (beside.log(job).await == wanted).then_some(())
    })
    .await;
    assert!(!beside.slurm.home("alice").join("pwned").exists());
    job
}

async fn a_job_outlives_slurmrestd_and_the_agent(beside: &mut Beside) -> JobId {
    let script =
        "echo begun; until [ -e release ]; do sleep 0.2; done; echo \"$SLURM_JOB_NAME\" done";
    let job = beside.submit(beside.job("survivor", script)).await;
    let running = beside.state(job, StateName::Running).await;
    beside
        .with_slurm(|slurm| slurm.kill("slurmrestd").unwrap())
        .await;
    // What is handed in meanwhile waits, and is submitted once.
    let meanwhile = beside.submit(beside.job("meanwhile", "exit 0")).await;
    std::mem::replace(&mut beside.running, beside.agent.start()).kill();
    let release = beside.slurm.home("alice").join("release");
    std::fs::write(&release, "").unwrap();
    beside
        .with_slurm(|slurm| slurm.start_daemon("slurmrestd").unwrap())
        .await;
    let ended = beside.state(job, StateName::Completed).await;
    assert_eq!(ended.partition, running.partition);
    until("its log is whole", LIMIT, async || {
        let log = beside.log(job).await;
        (log.starts_with("begun\n") && log.ends_with(" done\n")).then_some(())
    })
    .await;
    let _known = beside.engineer.cancel(meanwhile).await;
    until("the other is over too", LIMIT, async || {
        beside
            .engineer
            .job(meanwhile)
            .await
            .unwrap()
            .state
            .is_final()
            .then_some(())
    })
    .await;
    job
}

async fn a_job_is_cancelled(beside: &Beside) -> JobId {
    let job = beside.submit(beside.job("stopped", "sleep 900")).await;
    beside.state(job, StateName::Running).await;
    beside.engineer.cancel(job).await.unwrap();
    beside.state(job, StateName::Cancelled).await;
    job
}

/// Each job is once in Slurm's own accounting, and its times are those that were charged.
async fn slurmdbd_says_the_same(beside: &Beside, books: &Books) {
    let words = [
        "sacct",
        "-aXnP",
        "-S",
        "now-1hours",
        "-o",
        "JobName,ElapsedRaw",
    ];
    let slurm = beside.slurm.clone();
    let told = tokio::task::spawn_blocking(move || slurm.exec(&words).unwrap())
        .await
        .unwrap();
    for usage in &books.usage {
        let attempt = usage.record.attempt.to_string();
        let elapsed: Vec<&str> = told
            .lines()
            .filter_map(|line| line.strip_prefix(&*attempt)?.strip_prefix('|'))
            .collect();
        let ran = usage
            .record
            .ended_at
            .duration_since(usage.record.started_at);
        assert_eq!(elapsed, [ran.as_secs().to_string()], "{told}");
    }
    assert_eq!(beside.people.provider.audience(), "urn:broker:api");
}
