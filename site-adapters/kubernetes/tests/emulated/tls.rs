//! The way to the API server: a kubeconfig, an authority of the cluster's own, tokens and certificates
//! that rotate.

use std::path::Path;
use std::sync::Arc;

use broker_model::{OutcomeKind, SystemClock};
use emulated_kubernetes::{Cluster, Credential};
use site_adapter::{ErrorKind, SiteAdapter as _};
use site_adapter_kubernetes::{KubernetesAdapter, KubernetesSettings};

use crate::rig::Rig;

fn adapter(access: &str) -> KubernetesAdapter {
    let text = format!(
        r#"
        system = "alpha"
        timeout_seconds = 5
        settle_seconds = 6
        allow_root = true
        access = {{ {access} }}
        [partitions.main]
        default_image = "docker://busybox:1"
        gpu_resource = "nvidia.com/gpu"
        "#
    );
    let settings: KubernetesSettings = toml::from_str(&text).unwrap();
    KubernetesAdapter::new(settings, Arc::new(SystemClock)).unwrap()
}

fn kubeconfig(file: &Path, context: &str) -> KubernetesAdapter {
    adapter(&format!(
        "kind = \"kubeconfig\", file = \"{}\", context = \"{context}\"",
        file.display()
    ))
}

fn token(cluster: &Cluster, ca: bool) -> KubernetesAdapter {
    let ca = if ca {
        format!(", ca_file = \"{}\"", cluster.ca_file().display())
    } else {
        String::new()
    };
    adapter(&format!(
        "kind = \"token\", server = \"{}\", token_file = \"{}\"{ca}",
        cluster.url(),
        cluster.token_file().display()
    ))
}

fn rig(cluster: Cluster, adapter: KubernetesAdapter) -> Rig {
    Rig {
        cluster,
        adapter,
        ids: broker_model::Ids::from_os(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_by_each_kind_of_credential_of_a_kubeconfig() {
    for credential in [
        Credential::Token,
        Credential::TokenFile,
        Credential::Certificate,
    ] {
        let cluster = Cluster::start_with_tls().await;
        let adapter = kubeconfig(&cluster.kubeconfig(credential), "main");
        let rig = rig(cluster, adapter);
        let (job, outcome) = rig.run("echo through TLS").await;
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{credential:?}");
        let log = rig.wait("the log is there", async || {
            Some(rig.log(&job).await).filter(|log| !log.is_empty())
        });
        assert_eq!(log.await, "through TLS\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_not_trusted_is_told_with_the_remedy_and_nothing_was_sent() {
    let cluster = Cluster::start_with_tls().await;
    let rig = rig(Cluster::start().await, token(&cluster, false));
    let submission = rig.submission("exit 0");
    let error = rig.adapter.submit(&submission).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Local, "{error}");
    assert!(error.message.contains("access.ca_file"), "{error}");
    assert_eq!(cluster.requests("POST /"), 0);
    let trusting = token(&cluster, true);
    assert!(trusting.snapshot().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_is_absent_or_has_no_credential_is_told_as_such() {
    let cluster = Cluster::start_with_tls().await;
    let file = cluster.kubeconfig(Credential::Token);
    let error = kubeconfig(&file, "absent").snapshot().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Local, "{error}");
    assert!(error.message.contains("access.file"), "{error}");
    assert_eq!(cluster.requests("GET /"), 0);
    // As kubectl does: a user that is not in the file is nobody.
    let error = kubeconfig(&file, "nobody").snapshot().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized, "{error}");
    assert!(error.message.contains("system:anonymous"), "{error}");
}

/// A bound token expires within the hour, and its file has a new one before.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_replaced_is_read_again_from_its_file() {
    let cluster = Cluster::start_with_tls().await;
    let adapter = token(&cluster, true);
    let rig = rig(cluster, adapter);
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    rig.cluster.rotate_token("another-token");
    rig.wait("the new token is used", async || {
        rig.adapter.snapshot().await.ok()
    })
    .await;
    rig.adapter.cancel(&job).await.unwrap();
    assert_eq!(rig.ended(&job).await.kind, OutcomeKind::Cancelled);
    assert_eq!(rig.cluster.starts_of(&job.marker), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_was_replaced_is_read_again_from_its_file() {
    let cluster = Cluster::start_with_tls().await;
    let adapter = token(&cluster, true);
    let mut rig = rig(cluster, adapter);
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    rig.cluster.restart_with_another_authority().await;
    rig.wait("the new authority is trusted", async || {
        rig.adapter.snapshot().await.ok()
    })
    .await;
    rig.running(&job).await;
    assert_eq!(rig.cluster.starts_of(&job.marker), 1);
}
