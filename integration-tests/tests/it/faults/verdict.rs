use std::collections::BTreeMap;
use std::io::BufReader;
use std::time::Duration;

use broker_client::wire::JobView;
use broker_model::{After, JobId, JobSpec};
use broker_store::{Attempts as _, SqlStore, StoreOptions};
use integration_tests::{AUDITOR, Books, until};

use super::ground::{Ground, Starts};
use super::lines::Lines;
use super::scene::Scene;
use super::wishes::{Line, tasks};

impl Scene {
    /// Waits until nothing more comes, then holds books, starts and ledger against each other.
    pub(super) async fn all_is_well(&self, ground: &impl Ground, jobs: usize, limit: Duration) {
        self.all_is_over(ground, jobs, limit).await;
        let books = Books::read(&self.engineer).await;
        assert_eq!(books.jobs.len(), jobs, "jobs were lost or made twice");
        assert_eq!(books.usage.len(), jobs, "jobs were charged twice");
        assert!(books.jobs.iter().all(|job| job.state.is_final()));
        assert_eq!(books.held.0, 0, "a hold was left");
        books.must_add_up();
        self.each_left_its_lines(&books);
        self.the_ledger_verifies(jobs as u64).await;
    }

    /// Every job is charged, and the scheduler has nothing left that could start: a second one of a job
    /// would be seen.
    async fn all_is_over<G: Ground>(&self, ground: &G, jobs: usize, limit: Duration) {
        until("every job is charged", limit, async || {
            self.engineer.whoami().await.ok()?;
            // Books of a thousand jobs are a heavy read.
            tokio::time::sleep(Duration::from_secs(2)).await;
            let books = Books::read(&self.engineer).await;
            (books.usage.len() >= jobs).then_some(())
        })
        .await;
        until("the scheduler has nothing left", limit, async || {
            (self.has_settled(G::LATEST) && ground.is_idle()).then_some(())
        })
        .await;
    }

    /// Each started once and ended, and none that waits for another before that had.
    fn each_left_its_lines(&self, books: &Books) {
        let text = std::fs::read_to_string(&self.starts.1).unwrap();
        let lines = Lines::of(&text);
        let jobs: BTreeMap<JobId, &JobSpec> =
            books.jobs.iter().map(|job| (job.id, &job.spec)).collect();
        let amiss = lines.amiss(jobs.values().copied());
        assert!(amiss.is_empty(), "not started and ended once: {amiss:?}");
        for job in jobs.values() {
            let too_early = |after: &&After| !lines.is_after(job, jobs[&after.job]);
            let too_early: Vec<_> = job.after.iter().filter(too_early).collect();
            assert!(
                too_early.is_empty(),
                "{} did not wait: {too_early:?}",
                job.name
            );
        }
    }

    /// The jobs, and what schedulers know their attempts by.
    async fn attempts(&self) -> Vec<(JobView, Vec<String>)> {
        let text = std::fs::read_to_string(self.installation.config(0)).unwrap();
        let config: toml::Table = toml::from_str(&text).unwrap();
        let url = config["database"]["url"].as_str().unwrap();
        let store = SqlStore::connect(url, StoreOptions::default())
            .await
            .unwrap();
        let mut all = Vec::new();
        for job in Books::read(&self.engineer).await.jobs {
            let attempts = store.attempts_of(job.id).await.unwrap();
            let markers = attempts.iter().map(|attempt| attempt.id.to_string());
            all.push((job, markers.collect()));
        }
        store.close().await;
        all
    }

    /// One start for each job, and for each task of an array, over all attempts. A scheduler's accounting is written
    /// by a daemon of its own, so a start may be told there after the end was; what was told twice stays so.
    pub(super) async fn each_started_once(&self, read: impl Fn() -> Starts) {
        let mut look = tokio::time::interval(Duration::from_secs(1));
        let (mut starts, mut found) = (Starts::default(), (Vec::new(), 0));
        for _ in 0..60 {
            look.tick().await;
            starts = read();
            found = self.not_once(&starts).await;
            if found.0.iter().all(|(_, count)| *count > 1) {
                break;
            }
        }
        let (wrong, ours) = found;
        assert!(
            wrong.is_empty(),
            "by the scheduler's own accounting: {wrong:?}"
        );
        let all: u32 = starts.values().sum();
        assert_eq!(ours, all, "the scheduler ran what no attempt is");
    }

    /// What did not start once, and all starts of ours.
    async fn not_once(&self, starts: &Starts) -> (Vec<(String, u32)>, u32) {
        let (mut wrong, mut ours) = (Vec::new(), 0);
        for (job, markers) in self.attempts().await {
            for task in tasks(&job.spec) {
                let of_task = markers.iter().map(|marker| (marker.clone(), task));
                let count: u32 = of_task.filter_map(|start| starts.get(&start)).sum();
                ours += count;
                if count != 1 {
                    wrong.push((Line(&job.name, task).to_string(), count));
                }
            }
        }
        (wrong, ours)
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
