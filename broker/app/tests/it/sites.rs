//! Sites, who administers them, and what they set: what the tests of the registry share.

use broker_app::{Broker, Caller};
use broker_model::{
    Clause, IncidentDraft, IncidentKind, Job, Role, Severity, Site, SiteId, SiteScope, WindowDraft,
};
use broker_store::{Change, Commits as _, StoredGrant, Write};
use jiff::SignedDuration;

use crate::agent::Agent;
use crate::world::{World, at, engineer, principal};

pub(crate) fn lumi() -> SiteId {
    "lumi".parse().unwrap()
}

/// Somebody with one more role than others.
pub(crate) async fn with_role(world: &World, broker: &Broker, subject: &str, role: Role) -> Caller {
    let caller = broker.caller(principal(subject)).await.unwrap();
    let write = Write::PutGrant(StoredGrant {
        person: caller.person,
        role,
    });
    let change = Change {
        writes: vec![write],
        entries: Vec::new(),
    };
    world.store().await.commit(change).await.unwrap();
    broker.forget_callers();
    broker.caller(principal(subject)).await.unwrap()
}

pub(crate) fn admin() -> Role {
    Role::SiteAdmin {
        site: lumi(),
        sees_people: false,
    }
}

pub(crate) async fn operator(world: &World, broker: &Broker) -> Caller {
    with_role(world, broker, "op", Role::Operator).await
}

/// A site that nobody knows yet.
pub(crate) fn new_site(id: &str) -> Site {
    toml::from_str(&format!(
        r#"
        id = "{id}"
        name = "A new factory"
        hosting_entity = "A host"
        city = "Turku"
        country = "FI"
        automation = "allowed"
        source = {{ checked_on = "2026-11-20", from = ["made for a test"] }}
        [[system]]
        id = "m"
        status = "operational"
        [[system.partition]]
        id = "p"
        nodes = 10
        gpus_per_node = 4
        container_target = "x86_64+cuda"
        billing = {{ unit = "GPU-hour", terms = [{{ of = "scheduler_gpus", milliunits = 1000 }}] }}
        "#
    ))
    .unwrap()
}

/// The job of the tests, to go to LUMI and nowhere else: 4 GPU-hours.
fn at_lumi() -> broker_model::JobSpec {
    at(&["lumi"])
}

pub(crate) async fn submitted(broker: &Broker) -> Job {
    crate::world::submit(broker, at_lumi()).await
}

/// What keeps a job from LUMI's partition that its like is placed at otherwise.
pub(crate) async fn clauses(broker: &Broker) -> Vec<(Clause, String)> {
    let ada = engineer(broker).await;
    let quote = broker.quote(&ada, &at_lumi()).await.unwrap();
    let placement = quote.placement.unwrap();
    let one = { placement.considered.iter() }.find(|it| {
        it.partition.system.as_str() == "lumi" && it.partition.partition.as_str() == "standard-g"
    });
    let rejections = one.unwrap().rejections.iter();
    rejections.map(|it| (it.clause, it.words.clone())).collect()
}

pub(crate) async fn opened() -> (World, Broker) {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    assert_eq!(clauses(&broker).await, []);
    (world, broker)
}

pub(crate) fn window(world: &World, gpu_hours: u32) -> WindowDraft {
    let now = world.now();
    WindowDraft {
        share: "union".parse().unwrap(),
        scope: SiteScope::default(),
        from: now,
        to: now + SignedDuration::from_hours(24 * 365),
        gpu_hours,
    }
}

pub(crate) fn maintenance(world: &World, in_hours: i64) -> IncidentDraft {
    let from = world.now() + SignedDuration::from_hours(in_hours);
    IncidentDraft {
        kind: IncidentKind::Maintenance,
        severity: Severity::Outage,
        title: "Cooling".to_owned(),
        words: "Pumps are exchanged.".to_owned(),
        from: Some(from),
        to: Some(from + SignedDuration::from_hours(8)),
        affects: Vec::new(),
    }
}
