use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker_model::{AfterWhen, Ids, Outcome, PartitionRef, Resources, SystemClock, Walltime};
use emulated_pbs::Emulator;
use site_adapter::conformance::{Condition, Lack, Site};
use site_adapter::{
    Activity, ErrorKind, LocalAccount, RemoteAfter, RemoteJob, RemoteRef, SiteAdapter as _,
    Submission, Submitted, Work,
};
use site_adapter_pbs::{PbsAdapter, PbsSettings};
use tempfile::TempDir;

const LACKS: &[Lack<'static>] = &[
    (
        Condition::OutOfMemory,
        "the emulated hosts hold nobody to a memory limit",
    ),
    (
        Condition::WholeNodes,
        "PBS counts what was asked for; the broker bills whole nodes by the site's file",
    ),
];

const FORGETS: Lack<'static> = (
    Condition::SubmitTime,
    "a server without history tells nothing of what is over",
);

/// An emulated server and an adapter for it. PBS runs nothing as root, so as root the tests run jobs as
/// `nobody`.
pub(crate) struct Rig {
    pub(crate) pbs: Emulator,
    pub(crate) adapter: PbsAdapter,
    settings: PbsSettings,
    pub(crate) ids: Ids,
    pub(crate) user: String,
    pub(crate) folder: TempDir,
}

fn own_user() -> String {
    let uid = std::fs::metadata("/proc/self").unwrap().uid().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&uid))
        .unwrap();
    line.split(':').next().unwrap().to_owned()
}

/// The words that bring a command to another user, none where the tests have an ordinary one.
pub(crate) fn run_as(user: &str) -> Vec<String> {
    if own_user() == user {
        return Vec::new();
    }
    let group = Path::new("/etc/debian_version").exists();
    let group = if group { "nogroup" } else { "nobody" };
    [
        "/usr/bin/setpriv",
        "--reuid={user}",
        &format!("--regid={group}"),
        "--clear-groups",
        "--",
    ]
    .map(str::to_owned)
    .to_vec()
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// A server of which one partition is offered, and that one is open.
    pub(crate) fn open() -> Self {
        Self::with(|settings, _| settings.partitions.retain(|id, _| id.as_str() == "gpu"))
    }

    /// A server whose adapter has other settings; they get the folder too.
    pub(crate) fn with(change: impl FnOnce(&mut PbsSettings, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        open_for_all(folder.path());
        let program = Path::new(env!("CARGO_BIN_EXE_emulated-pbs"));
        let pbs = Emulator::install(&folder.path().join("pbs"), program).unwrap();
        let work = folder.path().join("work");
        std::fs::create_dir(&work).unwrap();
        open_for_all(&work);
        let user = match own_user().as_str() {
            "root" => "nobody".to_owned(),
            user => user.to_owned(),
        };
        let mut settings: PbsSettings = toml::from_str(&format!(
            "system = \"polaris\"\n\
             reader = \"{user}\"\n\
             bin_dir = \"{}\"\n\
             work_dir = \"{}\"\n\
             command_seconds = 10\n\
             submit_seconds = 3\n\
             settle_seconds = 6\n\
             concurrent_commands = 8\n\
             [partitions.gpu]\n\
             gpu_kind = \"a100\"\n\
             [partitions.work]\n\
             queue = \"workq\"\n\
             [partitions.route]\n\
             queue = \"routeq\"\n\
             [partitions.limited]\n\
             queue = \"limitq\"\n",
            pbs.bin_dir().display(),
            work.display(),
        ))
        .unwrap();
        settings.run_as = run_as(&user);
        change(&mut settings, folder.path());
        Self {
            adapter: adapter(settings.clone()),
            settings,
            pbs,
            ids: Ids::from_os(),
            user,
            folder,
        }
    }

    /// The adapter of an agent that was started anew.
    pub(crate) fn again(&self) -> PbsAdapter {
        adapter(self.settings.clone())
    }

    pub(crate) fn account(&self) -> LocalAccount {
        LocalAccount {
            user: self.user.clone(),
            account: Some("acct42".to_owned()),
            qos: None,
        }
    }

    pub(crate) fn work_dir(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn partition(name: &str) -> PartitionRef {
        PartitionRef {
            site: "anl".parse().unwrap(),
            system: "polaris".parse().unwrap(),
            partition: name.parse().unwrap(),
        }
    }

    pub(crate) fn submission(&self, script: &str) -> Submission {
        Submission {
            attempt: self.ids.next(&SystemClock),
            account: self.account(),
            work: Work {
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
                partition: Rig::partition("gpu"),
                scheduler_gpus_per_gpu: 1,
                exclusive: false,
                restartable: false,
                array: None,
                after: Vec::new(),
            },
            may_exist: false,
        }
    }

    pub(crate) async fn submit(&self, submission: &Submission) -> RemoteRef {
        let submitted = self.adapter.submit(submission).await.unwrap();
        reference(submission, &submitted)
    }

    /// Submits what PBS gets, or may have got, without saying so.
    pub(crate) async fn submit_unanswered(&self, script: &str) -> Submission {
        let mut submission = self.submission(script);
        let error = self.adapter.submit(&submission).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unclear, "{error}");
        submission.may_exist = true;
        submission
    }

    /// Submits again what is there already: it is found, and runs once.
    pub(crate) async fn adopted_and_run_once(&self, submission: &Submission) -> Outcome {
        let found = self.adapter.submit(submission).await.unwrap();
        assert!(found.adopted);
        let outcome = self.wait_until_ended(&reference(submission, &found)).await;
        assert_eq!(self.pbs.starts(&submission.marker()).unwrap(), 1);
        outcome
    }

    pub(crate) async fn poll_one(&self, job: &RemoteRef) -> Option<RemoteJob> {
        let mut told = self.adapter.poll(std::slice::from_ref(job)).await.unwrap();
        assert!(told.len() <= 1, "{told:?}");
        told.pop()
    }

    /// Looks again and again until `look` has an answer.
    pub(crate) async fn wait_for<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        let answer = async {
            loop {
                ticks.tick().await;
                if let Some(answer) = look().await {
                    return answer;
                }
            }
        };
        let answer = tokio::time::timeout(Duration::from_mins(1), answer).await;
        answer.unwrap_or_else(|_| panic!("no sign that {what}"))
    }

    pub(crate) async fn wait_for_the_next_second(&self) {
        let now = || broker_model::Clock::now(&SystemClock).as_second();
        let begun = now();
        self.wait_for("time goes by", async || (now() > begun).then_some(()))
            .await;
    }

    pub(crate) async fn wait_until_ended(&self, job: &RemoteRef) -> Outcome {
        self.wait_for("the job ends", async || {
            match self.poll_one(job).await?.activity {
                Activity::Ended { outcome, .. } => Some(outcome),
                _ => None,
            }
        })
        .await
    }

    pub(crate) async fn wait_until_running(&self, job: &RemoteRef) {
        self.wait_for("the job runs", async || {
            let running = matches!(self.poll_one(job).await?.activity, Activity::Running { .. });
            running.then_some(())
        })
        .await;
    }

    /// What the job's code said, once it has said something.
    pub(crate) async fn said(&self, job: &RemoteRef) -> String {
        let path = self.work_dir().join(format!("alcyone-{}.out", job.marker));
        self.wait_for("the job says something", async || {
            std::fs::read_to_string(&path)
                .ok()
                .filter(|text| !text.is_empty())
        })
        .await
    }

    /// One whose server keeps no history.
    pub(crate) fn forgetful_site<'a>(&'a self, partition: &str) -> Site<'a> {
        let lacks = [LACKS, &[FORGETS]].concat();
        Site {
            lacks: Box::leak(lacks.into_boxed_slice()),
            ..self.site(partition)
        }
    }

    pub(crate) fn site<'a>(&'a self, partition: &str) -> Site<'a> {
        Site {
            adapter: &self.adapter,
            account: self.account(),
            partition: Rig::partition(partition),
            gpus_per_node: 2,
            scheduler_gpus_per_gpu: 1,
            gpu_kind: Some("a100"),
            launch_failure: Some(|job| "#!/no/such/shell\n".clone_into(&mut job.work.script)),
            lacks: LACKS,
            shortest_walltime: Walltime::from_seconds(1).unwrap(),
            patience: Duration::from_secs(90),
            pause: Duration::from_millis(100),
            scratch: Some(&*Box::leak(self.work_dir().into_boxed_path())),
            ids: &self.ids,
            clock: &SystemClock,
        }
    }
}

fn adapter(settings: PbsSettings) -> PbsAdapter {
    let adapter = PbsAdapter::new(settings, Arc::new(SystemClock)).unwrap();
    adapter.at_pace(1000)
}

pub(crate) fn after(job: &RemoteRef, when: AfterWhen) -> RemoteAfter {
    RemoteAfter {
        marker: job.marker.clone(),
        remote: job.remote_id.clone(),
        when,
    }
}

pub(crate) fn reference(submission: &Submission, submitted: &Submitted) -> RemoteRef {
    RemoteRef {
        marker: submission.marker(),
        remote_id: submitted.remote_id.clone(),
        submitted_at: submitted.submitted_at,
        account: submission.account.clone(),
    }
}

pub(crate) fn open_for_all(folder: &Path) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
}
