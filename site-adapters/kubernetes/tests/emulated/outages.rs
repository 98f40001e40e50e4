//! Watches that break, expire and come back.

use std::time::Duration;

use broker_model::OutcomeKind;
use emulated_kubernetes::Fault;
use site_adapter::{Activity, ErrorKind, SiteAdapter as _};

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_after_410_cuts_and_forgotten_versions() {
    let rig = Rig::start().await;
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    for fault in [
        Fault::Expired,
        Fault::CutBefore,
        Fault::Broken,
        Fault::Silent,
    ] {
        rig.cluster.fail_next("GET", "watch=1", fault);
        rig.cluster.forget_versions();
        let (_, outcome) = rig.run("exit 0").await;
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{fault:?}");
    }
    rig.adapter.cancel(&job).await.unwrap();
    assert_eq!(rig.ended(&job).await.kind, OutcomeKind::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_away_is_unavailable_and_its_jobs_come_back_with_it() {
    let rig = Rig::start().await;
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    rig.cluster.stop();
    let error = rig
        .wait("the outage is told", async || {
            rig.adapter.poll(std::slice::from_ref(&job)).await.err()
        })
        .await;
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    let error = rig
        .adapter
        .find(&job.account, &job.marker)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(rig.adapter.cancel(&job).await.is_err());
    rig.cluster.restart().await;
    rig.running(&job).await;
    rig.adapter.cancel(&job).await.unwrap();
    assert_eq!(rig.ended(&job).await.kind, OutcomeKind::Cancelled);
    assert_eq!(rig.cluster.starts_of(&job.marker), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_costs_the_api_server_nothing_however_many_jobs_there_are() {
    let rig = Rig::start().await;
    let mut jobs = Vec::new();
    for _ in 0..10 {
        jobs.push(rig.submit(&rig.submission("exec sleep 600")).await);
    }
    rig.wait("all are noted as started", async || {
        rig.adapter.poll(&jobs).await.ok()?;
        let noted = rig.cluster.all("jobs");
        let noted = noted.iter().filter(|job| {
            job["metadata"]["annotations"]
                .get("alcyone/started")
                .is_some()
        });
        (noted.count() == jobs.len()).then_some(())
    })
    .await;
    // One list and one watch of Jobs, the same of pods: since the first submission, for all ten.
    let watches = |kind: &str| {
        let path = format!("GET {kind}?");
        let all = rig.cluster.requests_with(&path, "labelSelector=alcyone");
        let watched = rig.cluster.requests_with(&path, "watch=1");
        (all - watched, watched)
    };
    assert_eq!(watches("/apis/batch/v1/namespaces/team-a/jobs"), (1, 1));
    assert_eq!(watches("/api/v1/namespaces/team-a/pods"), (1, 1));
    // A list by version would be one from a cache.
    let by_version = rig.cluster.requests_with("GET /", "resourceVersion=");
    assert_eq!(by_version, rig.cluster.requests_with("GET /", "watch=1"));
    rig.wait("a poll without a question", async || {
        let before = rig.cluster.requests("GET /") + rig.cluster.requests("PATCH /");
        let told = rig.adapter.poll(&jobs).await.unwrap();
        let after = rig.cluster.requests("GET /") + rig.cluster.requests("PATCH /");
        let all = told.len() == jobs.len()
            && told
                .iter()
                .all(|job| matches!(job.activity, Activity::Running { .. }));
        (all && before == after).then_some(())
    })
    .await;
}

/// After a restore of its etcd the server is behind what this watch has seen, and stays so.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_the_server_never_had_begins_with_a_list_again() {
    let rig = Rig::start().await;
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    rig.cluster.restore_older_versions().await;
    let (_, outcome) = rig.run("exit 0").await;
    assert_eq!(outcome.kind, OutcomeKind::Completed);
    rig.adapter.cancel(&job).await.unwrap();
    assert_eq!(rig.ended(&job).await.kind, OutcomeKind::Cancelled);
}

/// Jobs and pods come by two watches, and only the pod tells why.
#[tokio::test(flavor = "multi_thread")]
async fn a_jobs_end_that_is_heard_before_its_pods_is_told_with_the_pods_reason() {
    let rig = Rig::start().await;
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    let pods = "/api/v1/namespaces/team-a/pods?watch=1";
    let hangs = Fault::HangsThenDone(Duration::from_mins(1));
    rig.cluster.fail_next("GET", pods, hangs);
    rig.cluster.restart().await;
    rig.cluster.out_of_memory(&Rig::name(&job));
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::OutOfMemory, "{outcome:?}");
}

/// It would come again and again from the version before it.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_is_got_past_by_a_list() {
    let rig = Rig::start().await;
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    rig.cluster.fail_next("GET", "watch=1", Fault::Garbled);
    rig.cluster.forget_versions();
    let (_, outcome) = rig.run("exit 0").await;
    assert_eq!(outcome.kind, OutcomeKind::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_deleted_by_others_is_left_out_and_proven_absent() {
    let rig = Rig::start().await;
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    let client = emulated_delete(&rig, &job);
    client.await;
    rig.wait("it is gone", async || {
        rig.told(&job).await.is_none().then_some(())
    })
    .await;
    let found = rig.adapter.find(&job.account, &job.marker).await.unwrap();
    assert_eq!(found, None);
    assert_eq!(rig.cluster.starts_of(&job.marker), 1);
}

/// Somebody else's `kubectl delete job`.
async fn emulated_delete(rig: &Rig, job: &site_adapter::RemoteRef) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let url = rig.cluster.url();
    let address = url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let body = r#"{"propagationPolicy":"Background"}"#;
    let request = format!(
        "DELETE /apis/batch/v1/namespaces/team-a/jobs/{} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \
         {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        Rig::name(job),
        emulated_kubernetes::TOKEN,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_told_by_verb_and_resource() {
    let rig = Rig::start().await;
    rig.run("exit 0").await;
    rig.cluster.deny("get", "pods/log");
    rig.cluster.deny("list", "nodes");
    let probes = rig.adapter.probe().await;
    let problem = |name: &str| {
        let probe = probes.iter().find(|probe| probe.subsystem == name).unwrap();
        probe.problem.clone().unwrap_or_default()
    };
    assert!(
        problem("authorization").contains("get pods/log in team-a"),
        "{probes:?}"
    );
    assert!(problem("nodes").contains("ClusterRole"), "{probes:?}");
    assert_eq!(problem("api server"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_told_as_the_token() {
    let rig = Rig::start().await;
    std::fs::write(rig.cluster.token_file(), "another").unwrap();
    let error = rig.adapter.snapshot().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized, "{error}");
    let probes = rig.adapter.probe().await;
    let token = probes
        .iter()
        .find(|probe| probe.subsystem == "token")
        .unwrap();
    assert!(token.problem.is_some(), "{probes:?}");
}
