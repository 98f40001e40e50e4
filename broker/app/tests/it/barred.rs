//! What a site's administrators set while a job waits there for a person binds that job, too.

use broker_app::{Answer, Broker, Caller, Error, Form};
use broker_model::{
    Automation, DrainDraft, GpuMillis, IncidentDraft, IncidentKind, Job, LimitDraft, QueuedJobs,
    Severity, SiteId, StateName, VetoDraft, WindowDraft, WindowEnd,
};
use jiff::SignedDuration;

use crate::agent::Agent;
use crate::books::Books;
use crate::world::{World, at, engineer, job, principal, submit};

fn lumi() -> SiteId {
    "lumi".parse().unwrap()
}

/// LUMI lets jobs in by people; its agent has told of the machine.
async fn letting_in_by(automation: Automation) -> (World, Broker) {
    let mut world = World::sqlite().await;
    world.let_in("lumi", automation);
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    (world, broker)
}

async fn admin(broker: &Broker) -> Caller {
    broker.caller(principal("admin")).await.unwrap()
}

async fn confirm(broker: &Broker, job: &Job) -> Result<Job, Error> {
    let caller = admin(broker).await;
    broker
        .answer_confirmation(&caller, &lumi(), job.id, Answer::Confirm)
        .await
}

fn drain() -> DrainDraft {
    serde_json::from_value(serde_json::json!({ "reason": "pumps" })).unwrap()
}

fn maintenance(world: &World) -> IncidentDraft {
    IncidentDraft {
        kind: IncidentKind::Maintenance,
        severity: Severity::Outage,
        title: "Cooling".to_owned(),
        words: "Pumps are exchanged.".to_owned(),
        from: Some(world.now() + SignedDuration::from_mins(1)),
        to: Some(world.now() + SignedDuration::from_hours(8)),
        affects: Vec::new(),
    }
}

fn veto(job: &Job, queued: QueuedJobs) -> VetoDraft {
    VetoDraft {
        allocation: job.allocation,
        system: None,
        reason: "export control".to_owned(),
        queued,
    }
}

fn words(answer: Result<Job, Error>) -> String {
    match answer {
        Err(Error::NotWaiting(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nobody_lets_a_job_into_a_site_that_is_drained_or_about_to_be_maintained() {
    let (world, broker) = letting_in_by(Automation::HumanConfirm).await;
    let boss = admin(&broker).await;
    let waiting = submit(&broker, at(&["lumi"])).await;
    let drained = broker.drain_site(&boss, &lumi(), &drain()).await.unwrap();
    let said = words(confirm(&broker, &waiting).await);
    assert!(said.contains("drained") && said.contains("pumps"), "{said}");
    broker
        .undrain_site(&boss, &lumi(), drained.id)
        .await
        .unwrap();
    let draft = maintenance(&world);
    let planned = broker.open_incident(&boss, &lumi(), &draft).await.unwrap();
    let said = words(confirm(&broker, &waiting).await);
    assert!(said.contains("maintenance `Cooling`"), "{said}");
    assert_eq!(
        job(&broker, waiting.id).await,
        waiting,
        "it goes on waiting"
    );
    broker
        .close_incident(&boss, &lumi(), planned.id)
        .await
        .unwrap();
    let placed = confirm(&broker, &waiting).await.unwrap();
    assert_eq!(placed.state.name(), StateName::Placed);
    Books::check(&broker).await;
}

#[tokio::test]
async fn a_vetoed_grant_gets_no_waiting_job_in_and_loses_it_where_asked() {
    let (_world, broker) = letting_in_by(Automation::HumanConfirm).await;
    let boss = admin(&broker).await;
    let waiting = submit(&broker, at(&["lumi"])).await;
    let draft = veto(&waiting, QueuedJobs::Stay);
    let set = broker.veto_grant(&boss, &lumi(), &draft).await.unwrap();
    let said = words(confirm(&broker, &waiting).await);
    assert!(said.contains("export control"), "{said}");
    broker.lift_veto(&boss, &lumi(), set.id).await.unwrap();
    let draft = veto(&waiting, QueuedJobs::Cancel);
    broker.veto_grant(&boss, &lumi(), &draft).await.unwrap();
    let over = job(&broker, waiting.id).await;
    assert_eq!(over.state.name(), StateName::Cancelled);
    Books::check(&broker).await;
}

#[tokio::test]
async fn a_job_that_nobody_has_carried_yet_is_not_given_out_where_its_grant_is_vetoed() {
    let (_world, broker) = letting_in_by(Automation::Handoff).await;
    let boss = admin(&broker).await;
    let ada = engineer(&broker).await;
    let carried = submit(&broker, at(&["lumi"])).await;
    let waits = submit(&broker, at(&["lumi"])).await;
    let first = broker.handoff(&ada, carried.id, &Form::Script).await;
    let first = first.unwrap();
    let draft = veto(&waits, QueuedJobs::Stay);
    broker.veto_grant(&boss, &lumi(), &draft).await.unwrap();
    let refused = broker.handoff(&ada, waits.id, &Form::Script).await;
    assert!(matches!(&refused, Err(Error::NotWaiting(words)) if words.contains("export control")));
    let again = broker.handoff(&ada, carried.id, &Form::Script).await;
    assert_eq!(again.unwrap(), first, "it may be at the site already");
}

#[tokio::test]
async fn what_waits_for_a_person_counts_in_windows_and_limits_for_as_long_as_it_waits() {
    for automation in [Automation::HumanConfirm, Automation::Handoff] {
        let (world, broker) = letting_in_by(automation).await;
        let boss = admin(&broker).await;
        let draft = WindowDraft {
            share: "union".parse().unwrap(),
            scope: broker_model::SiteScope::default(),
            from: world.now(),
            to: world.now() + SignedDuration::from_hours(24),
            gpu_hours: 5,
        };
        let window = broker.open_window(&boss, &lumi(), &draft).await.unwrap();
        let first = submit(&broker, at(&["lumi"])).await;
        assert_eq!(first.state.name(), StateName::Held);
        let set = broker.controls(&boss, &lumi()).await.unwrap();
        assert_eq!(set.windows[0].uses.held, GpuMillis::from_hours(4));
        // One that has not counted it while it was placed.
        let broker = world.broker().await;
        broker.board().refresh(&**broker.store()).await.unwrap();
        let second = submit(&broker, at(&["lumi"])).await;
        assert_eq!(second.state.name(), StateName::Pending);

        let end = WindowEnd { withdraw: true };
        broker
            .close_window(&boss, &lumi(), (window.id, end))
            .await
            .unwrap();
        let limit = LimitDraft {
            max_at_once: Some(1),
            ..LimitDraft::default()
        };
        let ours = broker_app::setup::organisation_id("startup");
        broker
            .limit_organisation(&boss, &lumi(), (ours, limit))
            .await
            .unwrap();
        assert_eq!(broker.place_pending_once().await.unwrap(), 0);
    }
}

/// The agent was away when the job was placed, and comes back to a system that is drained.
#[tokio::test]
async fn what_was_never_sent_is_not_sent_into_a_drain_or_a_maintenance() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let boss = admin(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    assert_eq!(placed.state.name(), StateName::Placed);
    let drained = broker.drain_site(&boss, &lumi(), &drain()).await.unwrap();
    assert_eq!(agent.lease(&broker).await, []);
    let back = job(&broker, placed.id).await;
    assert_eq!((back.state.name(), back.held.0), (StateName::Pending, 0));
    assert_eq!(broker.place_pending_once().await.unwrap(), 0);
    broker
        .undrain_site(&boss, &lumi(), drained.id)
        .await
        .unwrap();
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);

    let planned = maintenance(&world);
    broker
        .open_incident(&boss, &lumi(), &planned)
        .await
        .unwrap();
    assert_eq!(agent.lease(&broker).await, []);
    assert_eq!(
        job(&broker, placed.id).await.state.name(),
        StateName::Pending
    );
    Books::check(&broker).await;
}

/// Whoever made the veto has said that they stay.
#[tokio::test]
async fn a_veto_that_lets_waiting_jobs_stay_lets_them_be_sent() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let boss = admin(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let stays = veto(&placed, QueuedJobs::Stay);
    broker.veto_grant(&boss, &lumi(), &stays).await.unwrap();
    assert_eq!(agent.lease_one(&broker).await.job, placed.id);
}

/// Another replica had not heard of the veto yet when it placed the job there.
#[tokio::test]
async fn what_comes_late_to_a_site_that_vetoed_its_grant_is_cancelled_as_the_others_were() {
    for world in World::each().await {
        let (here, there) = (world.broker().await, world.broker().await);
        Agent::of(&world, "lumi").show(&here).await;
        there.listen_once().await.unwrap();
        let boss = admin(&here).await;
        let first = submit(&here, at(&["lumi"])).await;
        let cancels = veto(&first, QueuedJobs::Cancel);
        here.veto_grant(&boss, &lumi(), &cancels).await.unwrap();
        assert_eq!(
            job(&here, first.id).await.state.name(),
            StateName::Cancelled
        );
        let late = submit(&there, at(&["lumi"])).await;
        assert_eq!(late.state.name(), StateName::Placed);
        here.cancel_vetoed_once().await.unwrap();
        assert_eq!(job(&here, late.id).await.state.name(), StateName::Cancelled);
        Books::check(&here).await;
    }
}
