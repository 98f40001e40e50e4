//! An agent that dies before or after any of its calls, and the next one that goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use broker_model::{AttemptId, OutcomeKind, SystemClock};
use site_adapter::{ErrorKind, SiteAdapter};
use tokio_util::sync::CancellationToken;

use crate::broker::{MemoryBroker, Metered};
use crate::fuse::{Fuse, FusedLink, FusedSite};
use crate::site::{Fault, ScriptedSite};
use crate::stage::{leased, running_agent, spooling};

pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Runs an agent until the attempt is settled; false when the fuse went first.
pub(crate) async fn live(
    fuse: &Arc<Fuse>,
    broker: &Arc<MemoryBroker>,
    adapter: Arc<dyn SiteAdapter>,
    attempt: AttemptId,
    spool: Option<&Path>,
) -> bool {
    let link = FusedLink {
        fuse: fuse.clone(),
        inner: broker.clone(),
    };
    let site = FusedSite {
        fuse: fuse.clone(),
        inner: adapter,
    };
    let mut agent = running_agent(Arc::new(link), Arc::new(site));
    if let Some(folder) = spool {
        agent = spooling(agent, folder);
    }
    let settled = async {
        while !broker.row(attempt).is_settled() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = agent.run(CancellationToken::new()) => panic!("nobody stopped it"),
        () = fuse.blown.cancelled() => false,
        () = settled => true,
        () = tokio::time::sleep(DEADLINE) => panic!("stuck: {:?}", broker.row(attempt)),
    }
}

pub(crate) fn endless() -> Arc<Fuse> {
    Fuse::after(i64::MAX)
}

async fn survives(fault: Option<Fault>) {
    survives_with(fault, false).await;
    survives_with(fault, true).await;
}

async fn survives_with(fault: Option<Fault>, spools: bool) {
    for points in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let spool = spools.then_some(folder.path());
        let broker = Arc::new(MemoryBroker::new(Arc::new(SystemClock)));
        let site = Arc::new(ScriptedSite::new(broker.clone(), Arc::new(SystemClock)));
        if let Some(fault) = fault {
            site.fail("submit", fault);
        }
        let offered = leased("echo hello");
        let attempt = offered.attempt;
        broker.offer(offered);
        let finished = live(&Fuse::after(points), &broker, site.clone(), attempt, spool).await;
        if !finished {
            assert!(live(&endless(), &broker, site.clone(), attempt, spool).await);
        }
        let row = broker.row(attempt);
        assert_eq!(site.starts(), [1], "after {points} points");
        assert_eq!(
            row.outcome(),
            Some(OutcomeKind::Completed),
            "after {points} points"
        );
        assert_eq!(row.stdout, b"hello\nworld\n", "after {points} points");
        assert_eq!(row.metered, Metered::With, "after {points} points");
        if finished {
            assert!(
                points > 20,
                "{points} points are fewer than the calls of one job"
            );
            return;
        }
    }
}

#[tokio::test]
async fn an_agent_that_dies_at_any_step_leaves_a_job_that_runs_once() {
    survives(None).await;
}

#[tokio::test]
async fn an_agent_that_dies_at_any_step_of_an_unclear_submit_leaves_a_job_that_runs_once() {
    survives(Some(Fault::After(ErrorKind::Unclear))).await;
    survives(Some(Fault::Before(ErrorKind::Unclear))).await;
}

#[tokio::test]
async fn an_agent_stops_when_it_is_told_to_and_the_next_one_finishes_the_job() {
    let broker = Arc::new(MemoryBroker::new(Arc::new(SystemClock)));
    let site = Arc::new(ScriptedSite::new(broker.clone(), Arc::new(SystemClock)));
    let offered = leased("echo hello");
    let attempt = offered.attempt;
    broker.offer(offered);
    let agent = Arc::new(running_agent(broker.clone(), site.clone()));
    let shutdown = CancellationToken::new();
    let running = tokio::spawn({
        let (agent, shutdown) = (agent.clone(), shutdown.clone());
        async move { agent.run(shutdown).await }
    });
    let stopped = async {
        while broker.row(attempt).seen.is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        shutdown.cancel();
        running.await.unwrap();
    };
    tokio::time::timeout(DEADLINE, stopped).await.unwrap();
    assert!(live(&endless(), &broker, site.clone(), attempt, None).await);
    assert_eq!(site.starts(), [1]);
}

#[tokio::test]
async fn an_agent_without_work_holds_a_long_poll_and_does_nothing_else() {
    let broker = Arc::new(MemoryBroker::new(Arc::new(SystemClock)));
    let site = Arc::new(ScriptedSite::new(broker.clone(), Arc::new(SystemClock)));
    let agent = running_agent(broker.clone(), site.clone());
    let third_poll = async {
        while broker.rows().leases < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = agent.run(CancellationToken::new()) => panic!("nobody stopped it"),
        () = third_poll => {}
        () = tokio::time::sleep(DEADLINE) => panic!("no third poll"),
    }
    assert_eq!(site.script().calls, ["snapshot"]);
    assert_eq!(broker.rows().reports, 1);
}
