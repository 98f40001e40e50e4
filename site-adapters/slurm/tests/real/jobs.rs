use broker_model::{OutcomeKind, Walltime};
use site_adapter::{ErrorKind, LogStream, RemoteRef, SiteAdapter as _};
use site_adapter_slurm::SlurmAdapter;

use super::cluster::{Cluster, ends, on_each_version, runs, submit, until};
use super::proxy::Proxy;

on_each_version!(write: a_cancelled_job_never_started_has_no_start);
on_each_version!(read:
    a_job_of_two_nodes_sees_its_gpus_and_is_metered_with_them,
    a_whole_node_job_has_all_of_the_node,
    what_a_shell_could_read_arrives_as_data,
    the_job_gets_no_environment_but_ours,
    refusals_come_with_slurms_own_words,
    a_tick_is_one_call_however_many_jobs_there_are,
    many_jobs_that_left_the_queue_are_asked_for_in_a_few_calls,
);

async fn a_job_of_two_nodes_sees_its_gpus_and_is_metered_with_them(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let mut submission =
        cluster.submission("echo $SLURM_JOB_NUM_NODES $CUDA_VISIBLE_DEVICES; sleep 1");
    submission.work.resources.nodes = 2;
    submission.work.resources.gpus_per_node = 2;
    submission.work.resources.cpus_per_node = Some(3);
    submission.work.resources.memory_gib_per_node = Some(1);
    let job = submit(&adapter, &submission).await;
    assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Completed);
    assert_eq!(stdout_of(&adapter, &job).await, "2 0,1\n");
    let usage = until("usage is written", async || {
        adapter.usage(&job).await.unwrap()
    })
    .await;
    assert_eq!((usage.nodes, usage.scheduler_gpus), (2, 4));
    assert_eq!((usage.cpus, usage.memory_gib), (6, 2));
    assert!(usage.ended_at >= usage.started_at);
}

async fn a_whole_node_job_has_all_of_the_node(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let mut submission = cluster.submission("sleep 1");
    submission.work.exclusive = true;
    let job = submit(&adapter, &submission).await;
    ends(&adapter, &job).await;
    let usage = until("usage is written", async || {
        adapter.usage(&job).await.unwrap()
    })
    .await;
    assert_eq!((usage.nodes, usage.cpus), (1, 8));
}

async fn what_a_shell_could_read_arrives_as_data(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let name = "x'; touch /home/alice/pwned; \"$(touch /home/alice/pwned)`id`\\\n%j &";
    let mut submission = cluster.submission("printf '%s' \"$ALCYONE_JOB_NAME\"");
    submission.work.name = name.to_owned();
    let job = submit(&adapter, &submission).await;
    assert_eq!(ends(&adapter, &job).await.kind, OutcomeKind::Completed);
    assert_eq!(stdout_of(&adapter, &job).await, name);
    assert!(!cluster.site.home("alice").join("pwned").exists());
    // No job of a user or an account that is no plain name is ever sent.
    "alice;id".clone_into(&mut submission.account.user);
    let error = adapter.submit(&submission).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
}

async fn the_job_gets_no_environment_but_ours(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let job = submit(&adapter, &cluster.submission("env; pwd")).await;
    ends(&adapter, &job).await;
    let log = stdout_of(&adapter, &job).await;
    for line in [
        "HOME=/home/alice",
        "USER=alice",
        "ALCYONE_JOB_NAME=job",
        "/home/alice",
    ] {
        assert!(log.lines().any(|l| l == line), "{line} is not in {log}");
    }
    let ours = [
        "PATH",
        "HOSTNAME",
        "ENVIRONMENT",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "PWD",
        "SHLVL",
        "_",
        "OLDPWD",
    ];
    for name in log.lines().filter_map(|line| Some(line.split_once('=')?.0)) {
        let known = name.starts_with("SLURM") || name.starts_with("ALCYONE_");
        let known = known || ours.contains(&name) || name.ends_with("TMPDIR");
        assert!(
            known || name.ends_with("_VISIBLE_DEVICES") || name.starts_with("GPU_"),
            "{name}"
        );
    }
}

async fn refusals_come_with_slurms_own_words(cluster: &Cluster) {
    let adapter = cluster.adapter_with(|settings| {
        let other = site_adapter_slurm::PartitionSettings {
            slurm: Some("nope".to_owned()),
            ..Default::default()
        };
        settings.partitions.insert("other".parse().unwrap(), other);
    });
    let good = cluster.submission("exit 0");
    let mut partition = good.clone();
    partition.work.partition.partition = "other".parse().unwrap();
    let mut account = good.clone();
    account.account.account = Some("nope".to_owned());
    let mut qos = good.clone();
    qos.account.qos = Some("nope".to_owned());
    let mut gpus = good.clone();
    gpus.work.resources.gpus_per_node = 9;
    for (submission, words) in [
        (partition, "partition"),
        (account, "account"),
        (qos, "qos"),
        (gpus, "configuration"),
    ] {
        let error = adapter.submit(&submission).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    let mut unknown = good;
    unknown.work.partition.partition = "unheard-of".parse().unwrap();
    let error = adapter.submit(&unknown).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
}

async fn a_cancelled_job_never_started_has_no_start(cluster: &Cluster) {
    let adapter = cluster.adapter();
    let mut blocker = cluster.submission("sleep 600");
    blocker.work.resources.nodes = 2;
    blocker.work.exclusive = true;
    let blocker = submit(&adapter, &blocker).await;
    let mut waiting = cluster.submission("exit 0");
    waiting.work.resources.nodes = 2;
    waiting.work.exclusive = true;
    waiting.work.resources.walltime = Walltime::from_seconds(61).unwrap();
    let waiting = submit(&adapter, &waiting).await;
    runs(&adapter, &blocker).await;
    adapter.cancel(&waiting).await.unwrap();
    assert_eq!(ends(&adapter, &waiting).await.kind, OutcomeKind::Cancelled);
    let told = super::cluster::activity(&adapter, &waiting).await.unwrap();
    assert!(
        matches!(
            told,
            site_adapter::Activity::Ended {
                started_at: None,
                ..
            }
        ),
        "{told:?}"
    );
    assert_eq!(adapter.usage(&waiting).await.unwrap(), None);
    adapter.cancel(&blocker).await.unwrap();
    ends(&adapter, &blocker).await;
}

/// Jobs that wait or run as before: 22.05 tells no states, and all of its short queue is read.
async fn a_tick_is_one_call_however_many_jobs_there_are(cluster: &Cluster) {
    let proxy = Proxy::before(cluster.site.url()).await;
    let adapter = cluster.adapter_with(|settings| settings.url = proxy.url.parse().unwrap());
    let is_old = adapter.api_version().await.unwrap() == "v0.0.38".parse().unwrap();
    let mut jobs = Vec::new();
    for _ in 0..12 {
        jobs.push(submit(&adapter, &cluster.submission("sleep 600")).await);
    }
    until("a tick costs what it should", async || {
        proxy.take();
        let told = adapter.poll(&jobs).await.unwrap();
        assert_eq!(told.len(), jobs.len());
        let calls = proxy.take();
        let query = if is_old { "/jobs" } else { "/jobs/state/" };
        let queries = calls.iter().filter(|call| call.ends_with(query));
        assert_eq!(queries.count(), 1, "{calls:?}");
        (calls.len() == 1).then_some(())
    })
    .await;
    for job in &jobs {
        adapter.cancel(job).await.unwrap();
    }
    for job in &jobs {
        ends(&adapter, job).await;
    }
}

async fn many_jobs_that_left_the_queue_are_asked_for_in_a_few_calls(cluster: &Cluster) {
    let proxy = Proxy::before(cluster.site.url()).await;
    let adapter = cluster.adapter_with(|settings| settings.url = proxy.url.parse().unwrap());
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(submit(&adapter, &cluster.submission("exit 0")).await);
    }
    for job in &jobs {
        ends(&adapter, job).await;
    }
    // Ids that nobody has make the queries as long as hundreds of jobs do.
    let is_old = adapter.api_version().await.unwrap() == "v0.0.38".parse().unwrap();
    let real = jobs.len();
    for id in 0..400 {
        let mut other = jobs[0].clone();
        other.remote_id.0 = (5_000_000 + id).to_string();
        jobs.push(other);
    }
    proxy.take();
    let told = adapter.poll(&jobs).await.unwrap();
    assert_eq!(told.len(), real);
    let calls = proxy.take();
    let singly = calls.iter().filter(|call| call.contains("/job/")).count();
    assert!(
        calls.len() - singly <= 1 + jobs.len().div_ceil(200),
        "{calls:?}"
    );
    assert!(singly <= if is_old { 0 } else { real }, "{calls:?}");
}

pub(crate) async fn stdout_of(adapter: &SlurmAdapter, job: &RemoteRef) -> String {
    let bytes = adapter.read_log(job, LogStream::Stdout, 0, 1 << 20).await;
    String::from_utf8(bytes.unwrap()).unwrap()
}
