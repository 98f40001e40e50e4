use std::sync::Arc;
use std::time::Duration;

use broker_model::{Ids, Outcome, PartitionRef, RemoteId, Resources, SystemClock, Walltime};
use site_adapter::{
    Activity, ErrorKind, LocalAccount, RemoteRef, SiteAdapter as _, Submission, Submitted, Work,
};
use site_adapter_slurm::testing::{SlurmSite, Suite};
use site_adapter_slurm::{SlurmAdapter, SlurmSettings};
use tokio::sync::{OnceCell, RwLock};

/// A cluster that the tests of one Slurm version share. Tests that break something hold it alone.
pub(crate) struct Cluster {
    pub(crate) site: SlurmSite,
    pub(crate) ids: Ids,
}

type Shared = OnceCell<Option<RwLock<Cluster>>>;

static BOOKWORM: Shared = OnceCell::const_new();
static TRIXIE: Shared = OnceCell::const_new();
static FORKY: Shared = OnceCell::const_new();

/// `None` where no cluster can run: the test is then skipped, which is printed.
pub(crate) async fn cluster(suite: Suite) -> Option<&'static RwLock<Cluster>> {
    let shared = match suite {
        Suite::Bookworm => &BOOKWORM,
        Suite::Trixie => &TRIXIE,
        Suite::Forky => &FORKY,
    };
    let start = || async move {
        let started = tokio::task::spawn_blocking(move || SlurmSite::start_or_skip(suite, OPTIONS));
        let started = started.await.unwrap()?;
        started
            .exec(&["chown", "root", &format!("/home/{HOMELESS}")])
            .unwrap();
        let ids = Ids::from_os();
        Some(RwLock::new(Cluster { site: started, ids }))
    };
    shared.get_or_init(start).await.as_ref()
}

/// Whose home takes no files: nothing of such a user's job can be launched.
pub(crate) const HOMELESS: &str = "carol";

/// A crash is noticed in ten seconds; a job of `urgent` takes the place of one of `main`; `whole`
/// gives out nodes as a whole.
const OPTIONS: &[&str] = &[
    "--users",
    "alice,bob,carol",
    "--partition",
    "main Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE",
    "--partition",
    "urgent Nodes=ALL PriorityTier=10",
    "--partition",
    "whole Nodes=ALL PriorityTier=1 OverSubscribe=EXCLUSIVE",
    "--conf",
    "PreemptType=preempt/partition_prio",
    "--conf",
    "PreemptMode=REQUEUE",
    "--conf",
    "SlurmdTimeout=10",
];

/// One test function per Slurm version; `$hold` is `read` (others may run) or `write` (alone).
macro_rules! on_each_version {
    ($hold:ident: $($name:ident),+ $(,)?) => { $(
        mod $name {
            use site_adapter_slurm::testing::Suite;
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn slurm_22_05() {
                if let Some(cluster) = $crate::cluster::cluster(Suite::Bookworm).await {
                    super::$name(&*cluster.$hold().await).await;
                }
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn slurm_24_11() {
                if let Some(cluster) = $crate::cluster::cluster(Suite::Trixie).await {
                    super::$name(&*cluster.$hold().await).await;
                }
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn slurm_26_05() {
                if let Some(cluster) = $crate::cluster::cluster(Suite::Forky).await {
                    super::$name(&*cluster.$hold().await).await;
                }
            }
        }
    )+ };
}
pub(crate) use on_each_version;

impl Cluster {
    pub(crate) fn adapter(&self) -> SlurmAdapter {
        self.adapter_with(|_| {})
    }

    pub(crate) fn adapter_with(&self, change: impl FnOnce(&mut SlurmSettings)) -> SlurmAdapter {
        let mut settings = self.site.settings().unwrap();
        change(&mut settings);
        SlurmAdapter::new(settings, Arc::new(SystemClock)).unwrap()
    }

    pub(crate) fn submission(&self, script: &str) -> Submission {
        submission(&self.ids, script)
    }
}

pub(crate) fn submission(ids: &Ids, script: &str) -> Submission {
    Submission {
        attempt: ids.next(&SystemClock),
        account: alice(),
        work: Work {
            after: Vec::new(),
            array: None,
            restartable: false,
            name: "job".to_owned(),
            resources: Resources {
                nodes: 1,
                gpus_per_node: 0,
                gpu_memory_gib: None,
                cpus_per_node: None,
                memory_gib_per_node: None,
                walltime: Walltime::from_seconds(300).unwrap(),
            },
            image: None,
            script: script.to_owned(),
            partition: main_partition(),
            scheduler_gpus_per_gpu: 1,
            exclusive: false,
        },
        may_exist: false,
    }
}

pub(crate) fn alice() -> LocalAccount {
    LocalAccount {
        user: "alice".to_owned(),
        account: Some("lab".to_owned()),
        qos: None,
    }
}

pub(crate) fn main_partition() -> PartitionRef {
    PartitionRef {
        site: "slurm".parse().unwrap(),
        system: "slurm".parse().unwrap(),
        partition: "main".parse().unwrap(),
    }
}

pub(crate) fn reference(submission: &Submission, submitted: &Submitted) -> RemoteRef {
    RemoteRef {
        marker: submission.marker(),
        remote_id: RemoteId(submitted.remote_id.0.clone()),
        submitted_at: submitted.submitted_at,
        account: submission.account.clone(),
    }
}

/// As an agent does: what surely had no effect is tried again. On a loaded machine a command that makes a token may take
/// longer than a request is given.
pub(crate) async fn submit(adapter: &SlurmAdapter, submission: &Submission) -> RemoteRef {
    let submitted = until("the job is handed in", async || {
        match adapter.submit(submission).await {
            Err(error) if error.kind == ErrorKind::Unavailable => None,
            submitted => Some(submitted.unwrap()),
        }
    });
    reference(submission, &submitted.await)
}

/// Asks again and again, for at most five minutes: machines that run the tests are slow, and so are old slurmctlds after a kill.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(Duration::from_millis(300));
    let looking = async {
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(5), looking)
        .await
        .unwrap_or_else(|_| panic!("not within five minutes: {what}"))
}

pub(crate) async fn activity(adapter: &SlurmAdapter, job: &RemoteRef) -> Option<Activity> {
    let told = adapter.poll(std::slice::from_ref(job)).await.unwrap();
    told.into_iter().next().map(|job| job.activity)
}

pub(crate) async fn runs(adapter: &SlurmAdapter, job: &RemoteRef) {
    until("the job runs", async || {
        let now = activity(adapter, job).await?;
        assert!(!matches!(now, Activity::Ended { .. }), "{now:?}");
        matches!(now, Activity::Running { .. }).then_some(())
    })
    .await;
}

pub(crate) async fn ends(adapter: &SlurmAdapter, job: &RemoteRef) -> Outcome {
    until("the job ends", async || {
        match activity(adapter, job).await? {
            Activity::Ended { outcome, .. } => Some(outcome),
            Activity::Queued { .. } | Activity::Running { .. } | Activity::Unknown => None,
        }
    })
    .await
}
