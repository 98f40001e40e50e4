//! What a funder asks of a period, from jobs that ran and applications that were decided.

use broker_app::{Broker, Caller, Error, IndicatorQuery};
use broker_model::{
    EntryKind, FundingShare, GpuMillis, IndicatorKind, Indicators, ObjectiveDraft, ObjectiveView,
    SizeClass, Spread, UsedPart,
};
use broker_store::{Change, Commits as _, Page, Write};

use crate::agent::Agent;
use crate::books::Books;
use crate::world::{ISSUER, World, at, principal, submit};

fn november(share: Option<FundingShare>) -> IndicatorQuery {
    IndicatorQuery {
        from: "2026-11-01".parse().unwrap(),
        to: "2026-11-30".parse().unwrap(),
        share,
    }
}

/// Half an hour of four GPUs: two GPU-hours.
async fn compute(world: &World, broker: &Broker) {
    let agent = Agent::of(world, "lumi");
    agent.show(broker).await;
    submit(broker, at(&["lumi"])).await;
    let leased = agent.lease_one(broker).await;
    agent.start(broker, leased.attempt).await;
    world.pass(1800);
    agent.finish(broker, &leased, 30).await;
}

async fn by(broker: &Broker, subject: &str) -> Caller {
    broker.caller(principal(subject)).await.unwrap()
}

async fn of(broker: &Broker, caller: &Caller, share: Option<FundingShare>) -> Indicators {
    broker.indicators(caller, november(share)).await.unwrap()
}

#[tokio::test]
async fn what_ran_is_told_by_who_used_it_and_only_of_the_share_that_is_asked_for() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    compute(&world, &broker).await;
    let auditor = by(&broker, "auditor").await;
    let found = of(&broker, &auditor, None).await;
    assert_eq!(found.gpu, GpuMillis::from_hours(2));
    assert_eq!(found.organisations, 1);
    assert_eq!(found.by_country[0].permille, 1000);
    assert_eq!(found.top_10_permille, Some(1000));
    let sold = of(&broker, &auditor, Some(FundingShare::Commercial)).await;
    assert_eq!(sold.gpu, GpuMillis::ZERO);
    assert_eq!(sold.top_10_permille, None);
    let october = IndicatorQuery {
        from: "2026-10-01".parse().unwrap(),
        to: "2026-10-31".parse().unwrap(),
        share: None,
    };
    let before = broker.indicators(&auditor, october).await.unwrap();
    assert_eq!(before.organisations, 0);
}

#[tokio::test]
async fn what_ran_counts_by_what_its_organisation_was_that_day_and_not_by_what_it_became() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    compute(&world, &broker).await;
    let auditor = by(&broker, "auditor").await;
    let before = of(&broker, &auditor, None).await;
    assert_eq!(before.gpu_by_present, GpuMillis::ZERO);
    let page = Page {
        limit: 1,
        before: None,
    };
    let mut organisation = { broker.store().list_organisations(&page).await.unwrap() }.remove(0);
    (organisation.size, organisation.country) = (SizeClass::Large, "IS".to_owned());
    let old = crate::used::at(&world, ["lumi", "lumi", "lumi-g"], 3);
    let change = Change {
        writes: vec![Write::PutOrganisation(Box::new(organisation)), old],
        entries: Vec::new(),
    };
    world.store().await.commit(change).await.unwrap();
    let after = of(&broker, &auditor, None).await;
    let parts = |all: &[UsedPart]| -> Vec<(String, GpuMillis)> {
        all.iter().map(|it| (it.of.clone(), it.gpu)).collect()
    };
    for (before, after) in [
        (&before.by_size, &after.by_size),
        (&before.by_country, &after.by_country),
    ] {
        let (before, after) = (parts(before), parts(after));
        assert!(
            before.iter().all(|it| after.contains(it)),
            "{before:?} {after:?}"
        );
        assert!(
            !after
                .iter()
                .any(|it| ["large", "IS"].contains(&it.0.as_str()))
        );
    }
    // A record of before this was kept counts by the present, and it is said how much does.
    assert_eq!(after.gpu_by_present, GpuMillis::from_hours(3));
}

#[tokio::test]
async fn an_auditor_of_one_share_asks_for_that_share_and_others_for_none() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let grant = format!(
        "[[grants]]\nissuer = \"{ISSUER}\"\nsubject = \"finn\"\nrole = \"auditor\"\nshare = \"national:FI\"\n"
    );
    broker
        .import(&toml::from_str(&grant).unwrap())
        .await
        .unwrap();
    let finland = || "national:FI".parse().ok();
    let finn = by(&broker, "finn").await;
    assert!(broker.indicators(&finn, november(finland())).await.is_ok());
    let engineer = by(&broker, "engineer").await;
    for (caller, share) in [
        (&finn, None),
        (&finn, Some(FundingShare::Union)),
        (&engineer, finland()),
    ] {
        let refused = broker.indicators(caller, november(share)).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
    let operator = by(&broker, "operator").await;
    let nobodys = "national:ZZ".parse().ok();
    let refused = broker.indicators(&operator, november(nobodys)).await;
    assert!(
        matches!(&refused, Err(Error::Invalid("period", faults)) if faults[0].field == "share"),
        "{refused:?}"
    );
    let mut backwards = november(None);
    backwards.to = "2026-10-31".parse().unwrap();
    let refused = broker.indicators(&operator, backwards).await;
    assert!(
        matches!(refused, Err(Error::Invalid("period", _))),
        "{refused:?}"
    );
}

async fn draft(broker: &Broker, kind: IndicatorKind, numbers: (u64, u64)) -> ObjectiveDraft {
    let page = Page {
        limit: 1,
        before: None,
    };
    let owner = broker.store().list_organisations(&page).await.unwrap();
    ObjectiveDraft {
        owner: owner[0].id,
        indicator: kind,
        share: None,
        baseline: numbers.0,
        target: numbers.1,
        from: "2026-11-21".parse().unwrap(),
        to: "2026-11-30".parse().unwrap(),
    }
}

#[tokio::test]
async fn an_objective_is_measured_from_its_first_day_on_by_what_the_broker_computes() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let operator = by(&broker, "operator").await;
    compute(&world, &broker).await;
    let draft = draft(&broker, IndicatorKind::GpuHours, (0, 4)).await;
    let set = broker.set_objective(&operator, &draft).await.unwrap();
    let seen = async || -> ObjectiveView {
        let auditor = by(&broker, "auditor").await;
        broker.objectives(&auditor).await.unwrap().remove(0)
    };
    let before = seen().await;
    assert_eq!(before.objective, set);
    assert_eq!(before.measured, None, "its period has not begun");
    world.pass(24 * 3600);
    assert_eq!(
        seen().await.measured,
        Some(0),
        "what ran before does not count"
    );
    compute(&world, &broker).await;
    let half = seen().await;
    assert_eq!(
        (half.measured, half.progress_permille, half.reached),
        (Some(2), Some(500), false)
    );
    compute(&world, &broker).await;
    assert!(seen().await.reached);
    world.pass(30 * 24 * 3600);
    let over = seen().await;
    assert!(over.over && over.measured == Some(4));
    assert_eq!(
        Books::check(&broker).await.count(EntryKind::ObjectiveSet),
        1
    );
    let engineer = by(&broker, "engineer").await;
    assert!(matches!(
        broker.objectives(&engineer).await,
        Err(Error::Forbidden(_))
    ));
}

#[tokio::test]
async fn an_objective_is_set_before_it_begins_and_goes_somewhere() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (operator, auditor) = (by(&broker, "operator").await, by(&broker, "auditor").await);
    let good = draft(&broker, IndicatorKind::Top10Permille, (900, 600)).await;
    let refused = broker.set_objective(&auditor, &good).await;
    assert!(
        matches!(refused, Err(Error::Forbidden("`operator`"))),
        "{refused:?}"
    );
    let bad = ObjectiveDraft {
        owner: world.ids.next(&*world.clock),
        baseline: 1001,
        target: 1001,
        from: "2026-11-20".parse().unwrap(),
        to: "2026-11-19".parse().unwrap(),
        share: Some("national:ZZ".parse().unwrap()),
        ..good.clone()
    };
    let Err(Error::Invalid("objective", faults)) = broker.set_objective(&operator, &bad).await
    else {
        panic!("it cannot be taken");
    };
    let fields: Vec<&str> = faults.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "share", "owner", "from", "to", "target", "baseline", "target"
        ]
    );
    let first = broker.set_objective(&operator, &good).await.unwrap();
    let again = broker.set_objective(&operator, &good).await;
    let Err(Error::AlreadySo(words)) = again else {
        panic!("set twice: {again:?}");
    };
    assert!(words.contains(&first.id.to_string()), "{words}");
    let other = ObjectiveDraft {
        target: 500,
        ..good
    };
    broker.set_objective(&operator, &other).await.unwrap();
}

#[tokio::test]
async fn the_time_to_access_is_measured_from_the_application_to_the_first_job() {
    let (world, broker) = crate::entitlement::first_job_after_three_days().await;
    let auditor = by(&broker, "auditor").await;
    let found = of(&broker, &auditor, None).await;
    let [union] = &found.access[..] else {
        panic!("{found:?}");
    };
    let took = |hours| {
        Some(Spread {
            count: 1,
            median_hours: hours,
            ninth_decile_hours: hours,
            longest_hours: hours,
        })
    };
    assert_eq!(union.share, FundingShare::Union);
    assert_eq!((union.applications, union.accepted), (1, 1));
    assert_eq!(union.decision, took(24));
    assert_eq!(union.first_job, took(48));
    assert_eq!(union.whole, took(72));
    drop(world);
}

#[tokio::test]
async fn usage_names_the_mode_that_gave_the_hours_and_the_account_is_a_step_of_access() {
    let (world, broker) = crate::entitlement::first_job_after_three_days().await;
    let agent = Agent::of(&world, "meluxina");
    agent.show(&broker).await;
    broker.place_pending_once().await.unwrap();
    let leased = agent.lease_one(&broker).await;
    agent.start(&broker, leased.attempt).await;
    world.pass(1800);
    agent.finish(&broker, &leased, 30).await;
    let auditor = by(&broker, "auditor").await;
    let page = Page {
        limit: 10,
        before: None,
    };
    let found = broker.usage(&auditor, broker_store::UsageFilter::default(), page);
    let records = found.await.unwrap().records;
    assert_eq!(records[0].mode.as_deref(), Some("aif_playground"));
    // Whoever checks offline has the ledger and no records.
    let entries = crate::books::Books::read(&broker).await.entries;
    for kind in [EntryKind::AllocationGranted, EntryKind::UsageCharged] {
        let of_it = { entries.iter() }.rfind(|it| it.kind == kind).unwrap();
        assert_eq!(of_it.allocation, Some(records[0].allocation), "{of_it:?}");
        assert_eq!(of_it.data["mode"], "aif_playground");
        assert_eq!(of_it.data["share"], "union");
    }
    let totals = broker_app::audit::totals(&records);
    assert_eq!(totals[0].mode.as_deref(), Some("aif_playground"));
    let access = of(&broker, &auditor, None).await.access;
    let account = access[0].account.unwrap();
    assert_eq!(
        (account.count, account.median_hours),
        (1, 0),
        "named with the hours"
    );
}
