use broker_model::PartitionSnapshot;
use jiff::SignedDuration;
use serde_json::json;
use site_adapter::SiteAdapter as _;

use crate::asked::QUEUE;
use crate::server::{Fake, Job, SUBMITTED, nodes};

/// With 10,000 jobs it is 76 MB and some 20 s of slurmctld's time.
#[tokio::test]
async fn a_snapshot_reads_a_short_queue_for_its_forecasts_and_a_long_one_never() {
    let node = json!({"name": "n1", "state": ["IDLE", "DRAIN"], "partitions": ["main"],
        "gres": "gpu:h100:4,gpu:a100:2", "gres_used": "gpu:h100:1(IDX:0),gpu:a100:0(IDX:N/A)",
        "reason": "new cooling"});
    let up = json!({"name": "n2", "state": ["MIXED"], "partitions": ["main"],
        "gres": "gpu:h100:4", "gres_used": "gpu:h100:1(IDX:0)"});
    let main = json!({"name": "main", "partition": {"state": ["UP"]}});
    for (jobs, reads) in [(3, true), (300, false)] {
        let fake = Fake::start().await;
        let later = SUBMITTED + 5000;
        fake.with((1..=jobs).map(|id| Job {
            started_at: Some(later + i64::try_from(id).unwrap()),
            ..Job::new(id, "PENDING")
        }));
        for (path, list, entries) in [
            ("/slurm/nodes", "nodes", json!([node.clone(), up.clone()])),
            ("/slurm/partitions", "partitions", json!([main.clone()])),
        ] {
            let answer = (200, json!({list: entries, "errors": []}));
            fake.slurm().instead.insert(path.to_owned(), answer);
        }
        let offer = fake.adapter.snapshot().await.unwrap().partitions.remove(0);
        let calls = fake.calls();
        assert_eq!(
            calls.contains(&"GET /slurm/jobs".to_owned()),
            reads,
            "{calls:?}"
        );
        assert!(calls.len() <= 4, "{calls:?}");
        let expected = offer.expected_start.map(jiff::Timestamp::as_second);
        assert_eq!(expected, reads.then_some(later + 3));
        assert_eq!((offer.nodes_drained, offer.nodes_free), (1, 0));
        let gpus: Vec<_> = offer
            .gpus
            .iter()
            .map(|it| (it.kind.as_str(), it.total, it.free))
            .collect();
        assert_eq!(gpus, [("a100", 2, 0), ("h100", 8, 3)]);
        assert_eq!((offer.gpus_total, offer.gpus_free), (10, 3));
        assert!(offer.accepting && offer.reason.is_none());
    }
}

async fn offers(fake: &Fake) -> Vec<PartitionSnapshot> {
    let node = json!({"name": "n1", "state": ["IDLE"], "partitions": ["main", "other"]});
    fake.slurm()
        .instead
        .insert("/slurm/nodes".to_owned(), nodes(node));
    let up = |name: &str| json!({"name": name, "partition": {"state": ["UP"]}});
    let both = json!({"partitions": [up("main"), up("other")], "errors": []});
    let path = "/slurm/partitions".to_owned();
    fake.slurm().instead.insert(path, (200, both));
    fake.adapter.snapshot().await.unwrap().partitions
}

#[tokio::test]
async fn jobs_of_a_short_queue_are_counted_in_their_own_partition() {
    let two = json!({"partitions": {"main": {}, "other": {}}, "api_version": "v0.0.42"});
    let fake = Fake::with_settings("v0.0.42", two).await;
    let in_partition = |id, state, partition| Job {
        partition,
        ..Job::new(id, state)
    };
    fake.with([
        in_partition(1, "RUNNING", "main"),
        in_partition(2, "RUNNING", "other"),
        in_partition(3, "PENDING", "other"),
        in_partition(4, "PENDING", "main,other"),
        in_partition(5, "COMPLETED", "other"),
    ]);
    let counts = |offer: &PartitionSnapshot| (offer.jobs_running, offer.jobs_queued);
    let offers = offers(&fake).await;
    assert_eq!(counts(&offers[0]), (1, 1));
    assert_eq!(counts(&offers[1]), (1, 2));
}

/// All that ended in the last five minutes is in the answer, and in no counter.
#[tokio::test]
async fn a_short_queue_that_turns_out_to_be_long_is_read_once_a_minute() {
    let fake = Fake::start().await;
    fake.with((1..=3).map(|id| Job::new(id, "PENDING")));
    fake.with((4..=2_003).map(|id| Job::new(id, "COMPLETED")));
    let first = offers(&fake).await;
    fake.clock.advance(SignedDuration::from_secs(30));
    let second = offers(&fake).await;
    let reads = fake.calls().iter().filter(|call| *call == QUEUE).count();
    assert_eq!(reads, 1);
    assert_eq!((first[0].jobs_queued, second[0].jobs_queued), (3, 3));
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_costs_the_snapshot_its_counts_by_partition_alone() {
    let fake = Fake::start().await;
    fake.with([Job::new(1, "RUNNING"), Job::new(2, "PENDING")]);
    let path = "/slurm/jobs".to_owned();
    let garbage = (500, json!({"errors": []}));
    fake.slurm().instead.insert(path, garbage);
    let offers = offers(&fake).await;
    assert_eq!((offers[0].jobs_running, offers[0].jobs_queued), (1, 1));
}
