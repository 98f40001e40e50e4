use std::path::PathBuf;
use std::time::Duration;

use broker_model::Site;
use integration_tests::{Plan, SiteAgent, site_of_slurm};
use site_adapter_slurm::testing::{SlurmSite, Suite};
use url::Url;

use super::ground::{Ground, Starts, counted};
use super::never_twice_never_lost;
use super::scene::Scene;

/// The shortest that the adapter allows.
const TIMEOUT: Duration = Duration::from_secs(26);
/// Until the adapter no longer waits for an answer, its kernel may go on to send what it asked for.
const LATE: Duration = Duration::from_secs(TIMEOUT.as_secs() - 1);

impl Ground for SlurmSite {
    const LATEST: Duration = TIMEOUT;

    fn site(&self) -> Site {
        site_of_slurm()
    }

    fn starts(&self) -> (String, PathBuf) {
        let here = self.home("alice").join("starts");
        ("/home/alice/starts".to_owned(), here)
    }

    async fn agent(&self, scene: &mut Scene, name: &str, broker: &Url) -> SiteAgent {
        let rest: Url = self.url().parse().unwrap();
        let server = ([127, 0, 0, 1], rest.port().unwrap()).into();
        let rest = scene.before(server, Plan::rough(Self::SILENCE, LATE)).await;
        let folder = scene.installation.path(name);
        let enrolment = scene.installation.enrolment(&site_of_slurm().id);
        let agent = SiteAgent::of_slurm(&folder, self, broker, enrolment);
        agent.edit(|config| {
            let settings = config["adapter"]["settings"].as_table_mut().unwrap();
            settings.insert("url".to_owned(), rest.as_str().into());
            let timeout = i64::try_from(TIMEOUT.as_secs()).unwrap();
            settings.insert("timeout_seconds".to_owned(), timeout.into());
            // The shortest to that.
            settings.insert("settle_seconds".to_owned(), 41.into());
        });
        agent
    }

    /// The job's name is the marker. Requeues are rows of their own.
    fn by_accounting(&self) -> Starts {
        let words = [
            "sacct",
            "--allusers",
            "--allocations",
            "--duplicates",
            "--noheader",
            "--parsable2",
            "--starttime=now-1days",
            "--format=JobID,JobName,Start",
        ];
        let told = self.exec(&words).unwrap();
        counted(told.lines().filter_map(started))
    }

    fn is_idle(&self) -> bool {
        let waiting = self.exec(&["squeue", "--all", "--noheader"]).unwrap();
        waiting.trim().is_empty()
    }
}

/// `12_3|NAME|2026-07-01T12:00:00`, or `12|…`; the tasks that have not started are one row, `12_[3-7]`.
fn started(row: &str) -> Option<(String, Option<u32>)> {
    let mut fields = row.split('|');
    let (id, name, start) = (fields.next()?, fields.next()?, fields.next()?);
    (!matches!(start, "Unknown" | "None" | "")).then(|| {
        let index = id.split_once('_').map(|(_, index)| index.parse().unwrap());
        (name.to_owned(), index)
    })
}

async fn on(suite: Suite, short: usize) {
    let started = tokio::task::spawn_blocking(move || SlurmSite::start_or_skip(suite, &[]));
    if let Some(slurm) = started.await.unwrap() {
        never_twice_never_lost(slurm, short).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_starts_once_behind_a_bad_network_at_slurm_22_05() {
    on(Suite::Bookworm, 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_starts_once_behind_a_bad_network_at_slurm_24_11() {
    on(Suite::Trixie, 120).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_starts_once_behind_a_bad_network_at_slurm_26_05() {
    on(Suite::Forky, 30).await;
}

#[test]
fn tasks_of_slurm_that_have_not_started_are_no_starts() {
    let index = |row| started(row).map(|(_, index)| index);
    assert_eq!(index("12_[3-7]|att_1|Unknown"), None);
    assert_eq!(index("12_3|att_1|2026-07-01T12:00:00"), Some(Some(3)));
    assert_eq!(index("12|att_1|2026-07-01T12:00:00"), Some(None));
}

#[test]
fn slurm_is_not_idle_while_a_job_is_held_at_slurm_24_11() {
    let Some(slurm) = SlurmSite::start_or_skip(Suite::Trixie, &[]) else {
        return;
    };
    assert!(slurm.is_idle());
    slurm.exec(&["sbatch", "--hold", "--wrap", "true"]).unwrap();
    assert!(!slurm.is_idle());
}
