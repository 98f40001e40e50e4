//! `config/kubernetes/agent.yaml` gives what the adapter needs, and nothing that it does not.

use std::collections::BTreeSet;

use broker_model::OutcomeKind;
use site_adapter::SiteAdapter as _;

use crate::rig::{Rig, adapter_of, settings};

/// Verb and resource of every rule; they stand on one line each.
fn granted() -> BTreeSet<(String, String)> {
    let text = include_str!("../../../../config/kubernetes/agent.yaml");
    let list = |line: &str, key: &str| -> Vec<String> {
        let (_, rest) = line.split_once(&format!("{key}: [")).unwrap();
        let (names, _) = rest.split_once(']').unwrap();
        names.split(", ").map(ToOwned::to_owned).collect()
    };
    let rules = text.lines().filter(|line| line.contains("apiGroups: ["));
    let mut all = BTreeSet::new();
    for rule in rules {
        for resource in list(rule, "resources") {
            for verb in list(rule, "verbs") {
                all.insert((verb, resource.clone()));
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_in_the_shipped_manifest_are_those_that_are_used() {
    let rig = Rig::with("queue = \"gpu\"").await;
    rig.cluster.install_kueue(4);
    rig.cluster.grant_only(granted());
    rig.adapter.snapshot().await.unwrap();
    let mut wide = rig.submission("exec sleep 600");
    wide.work.resources.nodes = 2;
    let wide = rig.submit(&wide).await;
    rig.running(&wide).await;
    rig.wait("there is a log, if an empty one", async || {
        let stream = site_adapter::LogStream::Stdout;
        rig.adapter.read_log(&wide, stream, 0, 10).await.ok()
    })
    .await;
    let mut classless = rig.submission("exit 0");
    classless.account.qos = Some("nope".to_owned());
    let classless = rig.submit(&classless).await;
    rig.waits_because(&classless, "not found").await;
    let held = rig.submit(&rig.waiting_for(&wide, "exit 0")).await;
    rig.adapter.cancel(&wide).await.unwrap();
    assert_eq!(rig.ended(&held).await.kind, OutcomeKind::Completed);
    assert_eq!(rig.ended(&wide).await.kind, OutcomeKind::Cancelled);
    rig.adapter.cancel(&classless).await.unwrap();
    assert_eq!(rig.ended(&classless).await.kind, OutcomeKind::Cancelled);
    rig.swept(&classless).await;
    for probe in rig.adapter.probe().await {
        assert_eq!(probe.problem, None, "{}", probe.subsystem);
    }
    assert_eq!(rig.cluster.rights_used(), granted());
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_checked_before_any_job_is_there() {
    let rig = Rig::start().await;
    let told = async |users: &[&str]| {
        let mut settings = settings(&rig.cluster, "");
        settings.know_users(users.iter().copied());
        let probes = adapter_of(settings).probe().await;
        let mut all = probes.into_iter();
        all.find(|probe| probe.subsystem.starts_with("authorization"))
            .unwrap()
    };
    let unknown = told(&[]).await;
    assert!(unknown.subsystem.contains("not checked"), "{unknown:?}");
    assert_eq!(told(&["team-a"]).await.problem, None);
    let bound_nowhere = told(&["team-a", "team-b"]).await.problem.unwrap();
    assert!(
        bound_nowhere.contains("create jobs in team-b")
            && bound_nowhere.contains("list events in team-b")
            && !bound_nowhere.contains("in team-a"),
        "{bound_nowhere}"
    );
    rig.cluster.deny("create", "services");
    let lacking = told(&["team-a"]).await.problem.unwrap();
    assert!(lacking.contains("create services in team-a"), "{lacking}");
}
