//! What a site's windows and limits count, however many jobs and replicas come at once.

use broker_app::{Broker, Caller, Error};
use broker_model::{Clause, GpuMillis, Job, LimitDraft, StateName, WindowEnd};
use futures::future::join_all;

use crate::agent::Agent;
use crate::sites::{clauses, lumi, opened, operator, submitted, window};
use crate::world::World;

#[tokio::test]
async fn a_window_is_never_filled_beyond_its_hours_however_many_come_at_once() {
    for world in World::each().await {
        let broker = world.broker().await;
        Agent::of(&world, "lumi").show(&broker).await;
        let op = operator(&world, &broker).await;
        let mut draft = window(&world, 10);
        draft.share = "national:XX".parse().unwrap();
        let slip = broker.open_window(&op, &lumi(), &draft).await;
        let Err(Error::InvalidSite(faults)) = slip else {
            panic!("{slip:?}")
        };
        assert_eq!(faults[0].field, "share");
        draft.share = "union".parse().unwrap();
        let open = broker.open_window(&op, &lumi(), &draft).await.unwrap();
        let jobs = join_all((0..6).map(|_| submitted(&broker))).await;
        let placed = jobs
            .iter()
            .filter(|job| job.state.name() == StateName::Placed);
        assert_eq!(placed.count(), 2);
        let got = clauses(&broker).await;
        assert_eq!(got[0].0, Clause::CapacityWindow);
        assert!(got[0].1.contains("no other is announced"), "{got:?}");
        let controls = broker.controls(&op, &lumi()).await.unwrap();
        assert_eq!(controls.windows[0].uses.held, GpuMillis::from_hours(8));

        // Taken back, it limits nobody; closed, it would keep all away.
        let end = WindowEnd { withdraw: true };
        broker
            .close_window(&op, &lumi(), (open.id, end))
            .await
            .unwrap();
        assert_eq!(broker.place_pending_once().await.unwrap(), 4);
    }
}

/// Two replicas that know of each other's settings, and the site's operator at the first.
async fn two_replicas(world: &World) -> ([Broker; 2], Caller) {
    let replicas = [world.broker().await, world.broker().await];
    Agent::of(world, "lumi").show(&replicas[0]).await;
    let op = operator(world, &replicas[0]).await;
    (replicas, op)
}

/// Both count while nothing is placed, and would trust that for a second; then jobs come to both.
async fn placed_at_once(replicas: &[Broker; 2]) -> usize {
    for replica in replicas {
        replica.listen_once().await.unwrap();
        assert_eq!(clauses(replica).await, []);
    }
    let jobs = (0..3).flat_map(|_| replicas.iter().map(submitted));
    let jobs = join_all(jobs).await;
    let is_placed = |job: &&Job| job.state.name() == StateName::Placed;
    jobs.iter().filter(is_placed).count()
}

#[tokio::test]
async fn replicas_that_counted_the_same_do_not_fill_a_window_beyond_its_hours() {
    for world in World::each().await {
        let (replicas, op) = two_replicas(&world).await;
        let mut draft = window(&world, 10);
        draft.share = "union".parse().unwrap();
        let open = replicas[0].open_window(&op, &lumi(), &draft).await;
        open.unwrap();
        assert_eq!(placed_at_once(&replicas).await, 2);
        let controls = replicas[1].controls(&op, &lumi()).await.unwrap();
        assert_eq!(controls.windows[0].uses.held, GpuMillis::from_hours(8));
        for replica in &replicas {
            assert_eq!(replica.place_pending_once().await.unwrap(), 0);
        }
    }
}

#[tokio::test]
async fn replicas_that_counted_the_same_do_not_go_beyond_an_organisations_limit() {
    for world in World::each().await {
        let (replicas, op) = two_replicas(&world).await;
        let organisation = broker_app::setup::organisation_id("startup");
        let draft = LimitDraft {
            max_at_once: Some(2),
            ..LimitDraft::default()
        };
        replicas[0]
            .limit_organisation(&op, &lumi(), (organisation, draft))
            .await
            .unwrap();
        assert_eq!(placed_at_once(&replicas).await, 2);
    }
}

#[tokio::test]
async fn a_limit_lets_an_organisation_have_so_many_at_once() {
    let (world, broker) = opened().await;
    let op = operator(&world, &broker).await;
    let organisation = broker_app::setup::organisation_id("startup");
    let limit = LimitDraft {
        max_at_once: Some(2),
        ..LimitDraft::default()
    };
    broker
        .limit_organisation(&op, &lumi(), (organisation, limit))
        .await
        .unwrap();
    let jobs = join_all((0..5).map(|_| submitted(&broker))).await;
    let placed = jobs
        .iter()
        .filter(|job| job.state.name() == StateName::Placed);
    assert_eq!(placed.count(), 2);
    let words = "the organisation has 0 jobs running here and 2 that may start any time, the site lets it \
                 have 2 at once";
    assert_eq!(
        clauses(&broker).await,
        [(Clause::OrganisationLimit, words.to_owned())]
    );
    broker
        .limit_organisation(&op, &lumi(), (organisation, LimitDraft::default()))
        .await
        .unwrap();
    assert_eq!(broker.place_pending_once().await.unwrap(), 3);
}
