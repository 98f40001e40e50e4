use broker_model::{ArraySpec, OutcomeKind};
use site_adapter::SiteAdapter as _;

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn the_tasks_of_an_array_know_their_index_and_are_metered_one_by_one() {
    let rig = Rig::start().await;
    let mut submission = rig.submission("echo task $ALCYONE_ARRAY_INDEX of $ALCYONE_ARRAY_SIZE");
    submission.work.array = Some(ArraySpec {
        tasks: 4,
        at_once: Some(2),
    });
    submission.work.resources.gpus_per_node = 1;
    let job = rig.submit(&submission).await;
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let counts = rig.told(&job).await.unwrap().tasks.unwrap();
    assert_eq!((counts.completed, counts.failed, counts.queued), (4, 0, 0));
    let usage = rig.adapter.usage(&job).await.unwrap().unwrap();
    assert_eq!((usage.nodes, usage.scheduler_gpus), (1, 1));
    assert!(usage.elapsed_seconds.is_some());
    let lines: Vec<String> = (0..4).map(|index| format!("task {index} of 4\n")).collect();
    let expected = lines.concat();
    let log = rig.wait("the log is whole", async || {
        Some(rig.log(&job).await).filter(|log| log.len() >= expected.len())
    });
    assert_eq!(log.await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_leaves_the_others_to_their_end() {
    let rig = Rig::start().await;
    let mut submission =
        rig.submission("[ $ALCYONE_ARRAY_INDEX = 1 ] && exit 3\necho $ALCYONE_ARRAY_INDEX");
    submission.work.array = Some(ArraySpec {
        tasks: 3,
        at_once: Some(1),
    });
    let job = rig.submit(&submission).await;
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Failed, "{outcome:?}");
    assert_eq!(outcome.exit_code, Some(3));
    assert!(
        outcome.site_words.starts_with("1 of 3 tasks failed: 1 "),
        "{outcome:?}"
    );
    let counts = rig.told(&job).await.unwrap().tasks.unwrap();
    assert_eq!((counts.completed, counts.failed), (2, 1));
    assert_eq!(rig.cluster.starts_of(&job.marker), 3);
}

/// A cluster may sweep up the first tasks' pods while the last ones run.
#[tokio::test(flavor = "multi_thread")]
async fn an_array_is_metered_whole_when_some_pods_are_gone_and_the_agent_was_restarted() {
    let mut rig = Rig::start().await;
    let gate = rig.cluster.folder().join("gate");
    let script = format!(
        "sleep 2\n[ $ALCYONE_ARRAY_INDEX -lt 2 ] && exit 0\nwhile [ ! -e {} ]; do sleep 0.1; done",
        gate.display()
    );
    let mut submission = rig.submission(&script);
    submission.work.array = Some(ArraySpec {
        tasks: 4,
        at_once: Some(2),
    });
    let job = rig.submit(&submission).await;
    rig.wait("two are over and two run", async || {
        let counts = rig.told(&job).await?.tasks?;
        (counts.completed == 2 && counts.running == 2).then_some(())
    })
    .await;
    rig.cluster.sweep_pods();
    rig.restarted();
    std::fs::write(gate, "").unwrap();
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let words = outcome.site_words;
    assert!(words.contains("presumed from 2 others"), "{words}");
    let usage = rig.adapter.usage(&job).await.unwrap().unwrap();
    assert!(usage.elapsed_seconds.unwrap() >= 8, "{usage:?}");
    assert_eq!(rig.cluster.starts_of(&job.marker), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_find_each_other_and_end_together() {
    let rig = Rig::start().await;
    let mut submission =
        rig.submission("echo rank $ALCYONE_NODE_RANK of $ALCYONE_NODES at $MASTER_ADDR");
    submission.work.resources.nodes = 2;
    let job = rig.submit(&submission).await;
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let name = Rig::name(&job);
    let service = rig.cluster.get("services", &name).unwrap();
    assert_eq!(service["spec"]["clusterIP"], "None");
    assert_eq!(
        service["metadata"]["ownerReferences"][0]["uid"],
        job.remote_id.0
    );
    let usage = rig.adapter.usage(&job).await.unwrap().unwrap();
    assert_eq!((usage.nodes, usage.cpus), (2, 2));
    let master = format!("{name}-0.{name}");
    let expected = format!("rank 0 of 2 at {master}\nrank 1 of 2 at {master}\n");
    let log = rig.wait("the log is whole", async || {
        Some(rig.log(&job).await).filter(|log| log.len() >= expected.len())
    });
    assert_eq!(log.await, expected);
    assert_eq!(rig.cluster.starts_of(&job.marker), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_without_the_right_to_services_are_refused_and_nothing_is_left() {
    let rig = Rig::start().await;
    rig.cluster.deny("create", "services");
    let mut submission = rig.submission("echo ran");
    submission.work.resources.nodes = 2;
    let error = rig.adapter.submit(&submission).await.unwrap_err();
    assert!(
        error
            .message
            .contains("cannot create resource \"services\""),
        "{error}"
    );
    assert!(rig.cluster.all("jobs").is_empty());
    assert_eq!(rig.cluster.starts_of(&submission.marker()), 0);
}
