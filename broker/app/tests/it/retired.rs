//! What was registered or set by mistake, and is taken back.

use broker_app::{Adopted, Error};
use broker_model::{
    ControlId, DrainDraft, EntryKind, IncidentDraft, IncidentKind, LimitDraft, Severity, SiteScope,
    UnitMillis, WindowDraft,
};
use jiff::SignedDuration;

use crate::agent::Agent;
use crate::books::Books;
use crate::sites::{admin, lumi, new_site, opened, operator, submitted, with_role};
use crate::world::World;

fn in_use<T: std::fmt::Debug>(answer: Result<T, Error>, words: &str) {
    let Err(Error::InUse(said)) = answer else {
        panic!("{answer:?}")
    };
    assert!(said.contains(words), "{said}");
}

#[tokio::test]
async fn a_site_that_never_had_a_job_is_taken_out_everywhere_and_may_come_again() {
    for world in World::each().await {
        let (here, there) = (world.broker().await, world.broker().await);
        here.register_files().await.unwrap();
        let op = operator(&world, &here).await;
        let site = new_site("turku");
        here.file_site(&op, site.clone(), None, false)
            .await
            .unwrap();
        there.listen_once().await.unwrap();
        assert!(there.board().find(&site.id).is_some());
        let lena = with_role(&world, &here, "lena", admin()).await;
        let refused = here.retire_site(&lena, &site.id).await;
        assert!(matches!(refused, Err(Error::Forbidden("`operator`"))));
        here.retire_site(&op, &site.id).await.unwrap();
        there.listen_once().await.unwrap();
        for broker in [&here, &there] {
            assert!(broker.board().find(&site.id).is_none());
            let again = broker.retire_site(&op, &site.id).await;
            assert!(matches!(again, Err(Error::NotFound("site"))), "{again:?}");
        }
        let books = Books::check(&here).await;
        assert_eq!(books.count(EntryKind::SiteRetired), 1);
        here.file_site(&op, site.clone(), None, false)
            .await
            .unwrap();
        there.listen_once().await.unwrap();
        assert!(there.board().find(&site.id).is_some(), "registered anew");
    }
}

#[tokio::test]
async fn a_retired_sites_file_does_not_bring_it_back() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    broker.register_files().await.unwrap();
    let op = operator(&world, &broker).await;
    let pharos = "pharos".parse().unwrap();
    broker.retire_site(&op, &pharos).await.unwrap();
    let restarted = world.broker().await;
    let told = restarted.register_files().await.unwrap();
    assert_eq!(told, [Adopted::Retired(pharos.clone())]);
    assert!(restarted.board().find(&pharos).is_none());
}

#[tokio::test]
async fn a_site_that_jobs_or_usage_refer_to_stays_and_the_refusal_names_them() {
    let (world, broker) = opened().await;
    broker.register_files().await.unwrap();
    let op = operator(&world, &broker).await;
    let job = submitted(&broker).await;
    in_use(broker.retire_site(&op, &lumi()).await, &job.id.to_string());
    let agent = Agent::of(&world, "lumi");
    let leased = agent.lease_one(&broker).await;
    agent.start(&broker, leased.attempt).await;
    world.pass(1800);
    agent.finish(&broker, &leased, 30).await;
    assert_eq!(
        crate::world::job(&broker, job.id).await.held,
        UnitMillis::ZERO
    );
    in_use(broker.retire_site(&op, &lumi()).await, &job.id.to_string());
    assert!(broker.board().find(&lumi()).is_some());
}

#[tokio::test]
async fn what_was_set_by_mistake_is_as_if_it_had_never_been_and_the_ledger_keeps_that_it_was() {
    let (world, broker) = opened().await;
    let lena = with_role(&world, &broker, "lena", admin()).await;
    let drain = DrainDraft {
        scope: SiteScope::default(),
        reason: "the wrong site".to_owned(),
        from: None,
        until: None,
    };
    let drain = broker.drain_site(&lena, &lumi(), &drain).await.unwrap();
    let incident = IncidentDraft {
        kind: IncidentKind::Maintenance,
        severity: Severity::Outage,
        title: "The wrong site".to_owned(),
        words: "The wrong site.".to_owned(),
        from: None,
        to: None,
        affects: Vec::new(),
    };
    let incident = broker
        .open_incident(&lena, &lumi(), &incident)
        .await
        .unwrap();
    let organisation = broker_app::setup::organisation_id("startup");
    let limit = LimitDraft {
        max_at_once: Some(1),
        max_queued: None,
        gpu_hours_per_month: None,
    };
    broker
        .limit_organisation(&lena, &lumi(), (organisation, limit))
        .await
        .unwrap();
    let ids = [
        ControlId::Drain(drain.id),
        ControlId::Incident(incident.id),
        ControlId::Limit(organisation),
    ];
    let before = Books::check(&broker).await.entries.len();
    for id in ids {
        let ada = crate::world::engineer(&broker).await;
        let refused = broker.remove_control(&ada, &lumi(), id).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
        broker.remove_control(&lena, &lumi(), id).await.unwrap();
        let again = broker.remove_control(&lena, &lumi(), id).await;
        assert!(matches!(again, Err(Error::NotFound(_))), "{again:?}");
    }
    let set = broker.controls(&lena, &lumi()).await.unwrap();
    assert!(set.drains.is_empty() && set.incidents.is_empty() && set.limits.is_empty());
    let books = Books::check(&broker).await;
    let taken_back = &books.entries[before..];
    assert_eq!(taken_back.len(), 3);
    assert!(taken_back.iter().all(|it| it.data["removed"] == true));
}

#[tokio::test]
async fn a_window_that_hours_count_in_is_closed_and_not_taken_back() {
    let (world, broker) = opened().await;
    let lena = with_role(&world, &broker, "lena", admin()).await;
    let draft = WindowDraft {
        share: "union".parse().unwrap(),
        scope: SiteScope::default(),
        from: world.now(),
        to: world.now() + SignedDuration::from_hours(1000),
        gpu_hours: 1000,
    };
    let empty = broker.open_window(&lena, &lumi(), &draft).await.unwrap();
    let id = ControlId::Window(empty.id);
    broker.remove_control(&lena, &lumi(), id).await.unwrap();
    let window = broker.open_window(&lena, &lumi(), &draft).await.unwrap();
    submitted(&broker).await;
    let id = ControlId::Window(window.id);
    in_use(
        broker.remove_control(&lena, &lumi(), id).await,
        "close it instead",
    );
    let set = broker.controls(&lena, &lumi()).await.unwrap();
    assert_eq!(set.windows.len(), 1);
}
