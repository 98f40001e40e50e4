use std::sync::Arc;
use std::time::Duration;

use broker_model::{AfterWhen, Ids, Outcome, PartitionRef, Resources, SystemClock, Walltime};
use emulated_kubernetes::{Cluster, NAMESPACE};
use site_adapter::{
    Activity, LocalAccount, LogStream, RemoteAfter, RemoteJob, RemoteRef, SiteAdapter as _,
    Submission, Submitted, Work,
};
use site_adapter_kubernetes::{KubernetesAdapter, KubernetesSettings};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const PAUSE: Duration = Duration::from_millis(30);

pub(crate) struct Rig {
    pub(crate) cluster: Cluster,
    pub(crate) adapter: KubernetesAdapter,
    pub(crate) ids: Ids,
}

pub(crate) fn adapter(cluster: &Cluster, more: &str) -> KubernetesAdapter {
    adapter_of(settings(cluster, more))
}

pub(crate) fn adapter_of(settings: KubernetesSettings) -> KubernetesAdapter {
    KubernetesAdapter::new(settings, Arc::new(SystemClock)).unwrap()
}

pub(crate) fn settings(cluster: &Cluster, more: &str) -> KubernetesSettings {
    let text = format!(
        r#"
        system = "alpha"
        timeout_seconds = 5
        settle_seconds = 6
        grace_seconds = 2
        launch_timeout_seconds = 1
        allow_root = true
        access = {{ kind = "token", server = "{}", token_file = "{}" }}
        [partitions.main]
        default_image = "docker://busybox:1"
        gpu_resource = "nvidia.com/gpu"
        {more}
        "#,
        cluster.url(),
        cluster.token_file().display()
    );
    toml::from_str(&text).unwrap()
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    pub(crate) async fn with(partition: &str) -> Self {
        let cluster = Cluster::start().await;
        Self {
            adapter: adapter(&cluster, partition),
            cluster,
            ids: Ids::from_os(),
        }
    }

    /// Another process of the agent's, which remembers nothing.
    pub(crate) fn restarted(&mut self) {
        self.adapter = adapter(&self.cluster, "");
    }

    pub(crate) fn account() -> LocalAccount {
        LocalAccount {
            user: NAMESPACE.to_owned(),
            account: None,
            qos: None,
        }
    }

    pub(crate) fn partition() -> PartitionRef {
        PartitionRef {
            site: "alpha".parse().unwrap(),
            system: "alpha".parse().unwrap(),
            partition: "main".parse().unwrap(),
        }
    }

    pub(crate) fn submission(&self, script: &str) -> Submission {
        Submission {
            attempt: self.ids.next(&SystemClock),
            account: Self::account(),
            work: Work {
                name: "job".to_owned(),
                resources: Resources {
                    nodes: 1,
                    gpus_per_node: 0,
                    gpu_memory_gib: None,
                    cpus_per_node: None,
                    memory_gib_per_node: None,
                    walltime: Walltime::from_seconds(600).unwrap(),
                },
                image: None,
                script: script.to_owned(),
                partition: Self::partition(),
                scheduler_gpus_per_gpu: 1,
                exclusive: false,
                restartable: false,
                array: None,
                after: Vec::new(),
            },
            may_exist: false,
        }
    }

    /// One that waits for the end of `first`.
    pub(crate) fn waiting_for(&self, first: &RemoteRef, script: &str) -> Submission {
        let mut waits = self.submission(script);
        waits.work.after.push(RemoteAfter {
            marker: first.marker.clone(),
            remote: first.remote_id.clone(),
            when: AfterWhen::Ended,
        });
        waits
    }

    pub(crate) fn reference(submission: &Submission, submitted: &Submitted) -> RemoteRef {
        RemoteRef {
            marker: submission.marker(),
            remote_id: submitted.remote_id.clone(),
            submitted_at: submitted.submitted_at,
            account: submission.account.clone(),
        }
    }

    pub(crate) async fn submit(&self, submission: &Submission) -> RemoteRef {
        let submitted = self.adapter.submit(submission).await.unwrap();
        Self::reference(submission, &submitted)
    }

    pub(crate) async fn run(&self, script: &str) -> (RemoteRef, Outcome) {
        let job = self.submit(&self.submission(script)).await;
        let outcome = self.ended(&job).await;
        (job, outcome)
    }

    pub(crate) async fn told(&self, job: &RemoteRef) -> Option<RemoteJob> {
        let told = self.adapter.poll(std::slice::from_ref(job)).await;
        told.unwrap_or_default().pop()
    }

    pub(crate) async fn wait<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let mut ticks = tokio::time::interval(PAUSE);
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                ticks.tick().await;
                if let Some(found) = look().await {
                    return found;
                }
            }
        });
        found
            .await
            .unwrap_or_else(|_| panic!("no sign that {what}"))
    }

    pub(crate) async fn ended(&self, job: &RemoteRef) -> Outcome {
        self.wait("the job ends", async || {
            match self.told(job).await?.activity {
                Activity::Ended { outcome, .. } => Some(outcome),
                _ => None,
            }
        })
        .await
    }

    /// The Job has a condition of its own that says so, which its time to live begins with.
    pub(crate) async fn ended_by_its_controller(&self, job: &RemoteRef) {
        self.wait("its controller ends it", async || {
            let stored = self.cluster.get("jobs", &Self::name(job))?;
            let all = stored["status"]["conditions"].as_array()?.clone();
            all.iter().any(|c| c["type"] == "Failed").then_some(())
        })
        .await;
    }

    pub(crate) async fn running(&self, job: &RemoteRef) {
        self.wait("the job runs", async || {
            matches!(self.told(job).await?.activity, Activity::Running { .. }).then_some(())
        })
        .await;
    }

    pub(crate) async fn waits_because(&self, job: &RemoteRef, words: &str) -> String {
        self.wait(words, async || match self.told(job).await?.activity {
            Activity::Queued {
                reason: Some(reason),
                ..
            } if reason.contains(words) => Some(reason),
            _ => None,
        })
        .await
    }

    /// A Job that was ended while it stood still is deleted when its time is over.
    pub(crate) async fn swept(&self, job: &RemoteRef) {
        let mut stored = self.cluster.get("jobs", &Self::name(job)).unwrap();
        let note = &mut stored["metadata"]["annotations"]["alcyone/verdict"];
        let mut verdict: serde_json::Value = serde_json::from_str(note.as_str().unwrap()).unwrap();
        verdict["at"] = "2026-01-01T00:00:00Z".into();
        *note = verdict.to_string().into();
        self.cluster.put("jobs", stored);
        self.wait("the Job is gone", async || {
            self.told(job).await;
            let stored = self.cluster.get("jobs", &Self::name(job));
            stored.is_none().then_some(())
        })
        .await;
    }

    /// What the Job says in one of its annotations.
    pub(crate) fn note(&self, job: &RemoteRef, key: &str) -> Option<String> {
        let stored = self.cluster.get("jobs", &Self::name(job))?;
        Some(stored["metadata"]["annotations"][key].as_str()?.to_owned())
    }

    pub(crate) async fn noted_as_started(&self, job: &RemoteRef) {
        self.wait("its start is noted", async || {
            self.told(job).await?;
            self.note(job, "alcyone/started")
        })
        .await;
    }

    pub(crate) async fn log(&self, job: &RemoteRef) -> String {
        let read = self
            .adapter
            .read_log(job, LogStream::Stdout, 0, 1 << 20)
            .await;
        String::from_utf8(read.unwrap()).unwrap()
    }

    /// The Job's name in the cluster.
    pub(crate) fn name(job: &RemoteRef) -> String {
        format!("alcyone-{}", job.marker.trim_start_matches("att_"))
    }
}
