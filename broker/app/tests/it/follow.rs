use std::time::Duration;

use broker_app::Broker;
use broker_app::jobs::{JobEventRow, LogPiece};
use broker_model::{EntryKind, Job, OutcomeKind};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use site_adapter::Report;
use tokio::time::timeout;

use crate::agent::{Agent, chunk};
use crate::world::{World, at, engineer, restartable, submit};

async fn next<T>(stream: &mut (impl Stream<Item = broker_app::Result<T>> + Unpin)) -> Option<T> {
    let next = timeout(Duration::from_secs(20), stream.next()).await;
    assert!(next.is_ok(), "the stream hangs");
    next.unwrap().map(Result::unwrap)
}

async fn rest<T>(stream: impl Stream<Item = broker_app::Result<T>>) -> Vec<T> {
    let all = timeout(Duration::from_secs(20), stream.try_collect()).await;
    assert!(all.is_ok(), "the stream does not end");
    all.unwrap().unwrap()
}

async fn log_of(
    broker: &Broker,
    job: &Job,
    offset: u64,
) -> impl Stream<Item = broker_app::Result<LogPiece>> + use<> {
    let caller = engineer(broker).await;
    broker
        .follow_log(&caller, job.id, "stdout", offset)
        .await
        .unwrap()
}

async fn events_of(broker: &Broker, job: &Job, after: Option<u64>) -> Vec<JobEventRow> {
    let caller = engineer(broker).await;
    rest(broker.follow_events(&caller, job.id, after).await.unwrap()).await
}

fn text(pieces: &[LogPiece]) -> String {
    let bytes: Vec<u8> = pieces.iter().flat_map(|it| it.bytes.clone()).collect();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_see_everything_to_the_settlement_wherever_they_begin() {
    let world = World::sqlite().await;
    let (broker, other) = (world.broker().await, world.broker().await);
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let mut log = Box::pin(log_of(&other, &placed, 0).await);
    let events = tokio::spawn({
        let (broker, placed) = (other.clone(), placed.clone());
        async move { events_of(&broker, &placed, None).await }
    });
    let leased = agent.lease_one(&broker).await;
    let id = leased.attempt;
    agent.start(&broker, id).await;
    agent.log(&broker, id, 0, "one\n").await;
    assert_eq!(next(&mut log).await.unwrap().bytes, b"one\n");
    agent
        .report(&broker, vec![agent.ended(id, OutcomeKind::Completed)])
        .await;
    agent.log(&broker, id, 4, "two\n").await;
    assert_eq!(
        next(&mut log).await.unwrap().bytes,
        b"two\n",
        "over, but not settled"
    );
    // The last words and what closes the attempt in one message.
    let last = Report {
        logs: vec![chunk(id, 8, "three\n")],
        ..agent.message(vec![agent.used(&leased, 1)])
    };
    broker.report(last).await.unwrap();
    assert_eq!(text(&rest(log).await), "three\n");

    let events = events.await.unwrap();
    assert_eq!(events.last().unwrap().entry.kind, EntryKind::UsageCharged);
    let again = events_of(&broker, &placed, None).await;
    let seqs = |rows: &[JobEventRow]| rows.iter().map(|it| it.seq).collect::<Vec<_>>();
    assert_eq!(seqs(&events), seqs(&again));
    let resumed = events_of(&broker, &placed, Some(events[2].seq)).await;
    assert_eq!(seqs(&resumed), seqs(&events[3..]));
    let log = rest(log_of(&broker, &placed, 6).await).await;
    assert_eq!((log[0].offset, text(&log)), (6, "o\nthree\n".to_owned()));
}

#[tokio::test]
async fn following_a_job_that_never_ran_ends_with_it() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let pending = submit(&broker, at(&["lumi"])).await;
    let caller = engineer(&broker).await;
    broker.cancel(&caller, pending.id).await.unwrap();
    assert_eq!(rest(log_of(&broker, &pending, 0).await).await.len(), 0);
    let kinds: Vec<_> = events_of(&broker, &pending, None)
        .await
        .iter()
        .map(|it| it.entry.kind)
        .collect();
    let expected = [
        EntryKind::JobAccepted,
        EntryKind::JobCancelRequested,
        EntryKind::JobStateChanged,
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn a_job_that_is_started_again_elsewhere_begins_its_log_anew() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (lumi, cineca) = (Agent::of(&world, "lumi"), Agent::of(&world, "cineca"));
    lumi.show(&broker).await;
    let placed = submit(&broker, restartable(at(&["lumi", "cineca"]))).await;
    let old = lumi.lease_one(&broker).await;
    lumi.start(&broker, old.attempt).await;
    lumi.log(&broker, old.attempt, 0, "first try\n").await;
    let mut log = Box::pin(log_of(&broker, &placed, 0).await);
    assert_eq!(next(&mut log).await.unwrap().bytes, b"first try\n");
    for _ in 0..92 {
        world.pass(20);
        broker.listen_once().await.unwrap();
    }
    cineca.show(&broker).await;
    broker.place_pending_once().await.unwrap();
    let new = cineca.lease_one(&broker).await;
    cineca.start(&broker, new.attempt).await;
    cineca.log(&broker, new.attempt, 0, "second\n").await;
    let piece = next(&mut log).await.unwrap();
    assert_eq!(
        (piece.offset, piece.bytes.as_slice()),
        (0, &b"second\n"[..])
    );
    cineca.finish(&broker, &new, 1).await;
    assert_eq!(rest(log).await.len(), 0);
}
