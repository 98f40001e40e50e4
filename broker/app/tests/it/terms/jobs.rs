use broker_app::replay::replay_placement;
use broker_app::setup::project_id;
use broker_app::{Broker, Error};
use broker_model::{Clause, EntryKind, Job, JobSpec, MissingFrom, MissingKind, StateName};
use broker_store::Ledger as _;

use super::{accept, entries, file, put};
use crate::agent::Agent;
use crate::world::{World, at, engineer, job, submit};

const DAY: i64 = 24 * 3600;

/// The documents that a submission is refused for.
async fn refused(broker: &Broker, spec: JobSpec) -> Vec<String> {
    let caller = engineer(broker).await;
    match broker.submit(&caller, spec, None).await {
        Err(Error::TermsNotAccepted(lacking)) => {
            let named = lacking.iter().map(|it| format!("{} {}", it.id, it.version));
            named.collect()
        }
        other => panic!("{other:?}"),
    }
}

fn site_of(job: &Job) -> Option<&str> {
    job.state.partition().map(|it| it.site.as_str())
}

/// The clauses against each partition of a site.
async fn clauses(broker: &Broker, of: &Job, site: &str) -> Vec<Clause> {
    let placement = broker.store().find_placement(of.id).await;
    let considered = placement.unwrap().unwrap().considered;
    let there = considered
        .iter()
        .filter(|it| it.partition.site.as_str() == site);
    there
        .flat_map(|it| it.rejections.iter().map(|it| it.clause))
        .collect()
}

#[tokio::test]
async fn whoever_has_not_accepted_the_platforms_terms_hands_in_nothing_and_leaves_nothing() {
    for world in World::each().await {
        let broker = world.broker().await;
        Agent::of(&world, "lumi").show(&broker).await;
        put(&broker, &[file("platform", "2026-01", "2026-01-01")]);
        let before = world.store().await.ledger_size().await.unwrap();
        assert_eq!(refused(&broker, at(&["lumi"])).await, ["platform 2026-01"]);
        let after = world.store().await.ledger_size().await.unwrap();
        assert_eq!(before, after, "nothing is decided of them either");
        accept(&broker, "platform").await;
        let taken = submit(&broker, at(&["lumi"])).await;
        assert_eq!(site_of(&taken), Some("lumi"));
        assert_eq!(entries(&broker, EntryKind::TermsAccepted).await, 1);
    }
}

#[tokio::test]
async fn who_may_not_see_a_project_is_not_asked_for_terms_in_its_name() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    put(&broker, &[file("platform", "2026-01", "2026-01-01")]);
    let stranger = crate::world::principal("stranger");
    let caller = broker.caller(stranger).await.unwrap();
    let refused = broker.submit(&caller, at(&["lumi"]), None).await;
    assert!(
        matches!(refused, Err(Error::NotFound("project"))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_new_version_asks_again_from_its_day_on_and_leaves_waiting_jobs_alone() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    put(
        &broker,
        &[
            file("platform", "2026-01", "2026-01-01"),
            file("platform", "2026-12", "2026-11-21"),
        ],
    );
    accept(&broker, "platform").await;
    let waiting = submit(&broker, at(&["lumi"])).await;
    assert_eq!(
        waiting.state.name(),
        StateName::Pending,
        "the site is silent"
    );
    // The last second of 20 November in Brussels.
    world.pass(11 * 3600 - 1);
    agent.show(&broker).await;
    let next = submit(&broker, at(&["lumi"])).await;
    assert_eq!(site_of(&next), Some("lumi"));
    world.pass(1);
    assert_eq!(refused(&broker, at(&["lumi"])).await, ["platform 2026-12"]);
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);
    assert_eq!(site_of(&job(&broker, waiting.id).await), Some("lumi"));
    accept(&broker, "platform").await;
    submit(&broker, at(&["lumi"])).await;
}

#[tokio::test]
async fn terms_of_a_site_drop_that_site_alone_and_the_placing_can_be_made_again() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    for site in ["lumi", "cineca"] {
        Agent::of(&world, site).show(&broker).await;
    }
    put(&broker, &[file("lumi", "2026-01", "2026-01-01")]);
    let mut wish = at(&["lumi", "cineca"]);
    wish.placement.prefer = vec!["lumi".parse().unwrap()];
    let elsewhere = submit(&broker, wish.clone()).await;
    assert_eq!(site_of(&elsewhere), Some("cineca"));
    let dropped = clauses(&broker, &elsewhere, "lumi").await;
    assert!(dropped.contains(&Clause::Terms), "{dropped:?}");
    let stored = broker.store().placements_of(elsewhere.id).await.unwrap();
    let again = replay_placement(&**broker.store(), &elsewhere.spec, &stored[0]).await;
    assert_eq!(again.unwrap(), stored[0].document);
    assert_eq!(refused(&broker, at(&["lumi"])).await, ["site-lumi 2026-01"]);
    accept(&broker, "site-lumi").await;
    assert_eq!(site_of(&submit(&broker, wish).await), Some("lumi"));
}

#[tokio::test]
async fn a_job_that_every_site_drops_for_its_terms_is_refused_with_all_of_them() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    let of = |site| file(site, "2026-01", "2026-01-01");
    put(&broker, &[of("lumi"), of("cineca")]);
    let both = at(&["lumi", "cineca"]);
    let asked = ["site-cineca 2026-01", "site-lumi 2026-01"];
    assert_eq!(refused(&broker, both.clone()).await, asked);
    let caller = engineer(&broker).await;
    let quote = broker.quote(&caller, &both).await.unwrap();
    let quoted: Vec<_> = quote
        .missing
        .iter()
        .filter_map(|it| it.site.as_ref())
        .collect();
    assert_eq!(
        quoted,
        ["cineca", "lumi"].map(|it| it.parse().unwrap()).each_ref()
    );
    // Cineca is silent, and yet a site to wait for.
    accept(&broker, "site-cineca").await;
    let waiting = submit(&broker, both).await;
    assert_eq!(waiting.state.name(), StateName::Pending);
    let mut too_large = at(&["lumi"]);
    too_large.resources.gpus_per_node = 64;
    let never = broker.submit(&caller, too_large, None).await;
    assert!(
        matches!(never, Err(Error::NoFeasiblePartition(_))),
        "{never:?}"
    );
}

#[tokio::test]
async fn a_waiting_job_gets_a_site_once_its_terms_are_accepted() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    put(&broker, &[file("lumi", "2026-01", "2026-01-01")]);
    let waiting = submit(&broker, at(&["lumi", "cineca"])).await;
    assert_eq!(waiting.state.name(), StateName::Pending);
    assert_eq!(broker.place_pending_once().await.unwrap(), 0);
    accept(&broker, "site-lumi").await;
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);
    assert_eq!(site_of(&job(&broker, waiting.id).await), Some("lumi"));
}

#[tokio::test]
async fn terms_that_a_site_gets_later_do_not_keep_a_waiting_job_from_it() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let waiting = submit(&broker, at(&["lumi"])).await;
    assert_eq!(waiting.state.name(), StateName::Pending);
    put(&broker, &[file("lumi", "2026-01", "2026-01-01")]);
    world.pass(DAY);
    Agent::of(&world, "lumi").show(&broker).await;
    assert_eq!(refused(&broker, at(&["lumi"])).await, ["site-lumi 2026-01"]);
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);
    assert_eq!(site_of(&job(&broker, waiting.id).await), Some("lumi"));
}

#[tokio::test]
async fn what_was_accepted_at_another_replica_counts_at_once() {
    let mut world = World::sqlite().await;
    world.limits.standing_ttl = std::time::Duration::from_mins(10);
    let replicas = [world.broker().await, world.broker().await];
    for broker in &replicas {
        put(broker, &[file("platform", "2026-01", "2026-01-01")]);
    }
    assert_eq!(
        refused(&replicas[1], at(&["lumi"])).await,
        ["platform 2026-01"]
    );
    accept(&replicas[0], "platform").await;
    submit(&replicas[1], at(&["lumi"])).await;
}

#[tokio::test]
async fn pre_flight_names_what_is_missing_whose_turn_it_is_and_how() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let of = |scope| file(scope, "2026-01", "2026-01-01");
    put(&broker, &[of("lumi"), of("platform")]);
    let check = async |project: &str| {
        let caller = engineer(&broker).await;
        let answer = broker.check(&caller, project_id(project)).await.unwrap();
        let told = answer.missing.into_iter();
        told.map(|it| (it.what, it.by, it.site, it.how))
            .collect::<Vec<_>>()
    };
    let terms = |site: Option<&str>, id: &str| {
        let site = site.map(|it| it.parse().unwrap());
        let how = format!("alcyone terms accept {id}");
        (MissingKind::Terms, MissingFrom::You, site, how)
    };
    let of_all = terms(None, "platform");
    let of_lumi = terms(Some("lumi"), "site-lumi");
    assert_eq!(check("sample").await, [of_all.clone(), of_lumi.clone()]);
    accept(&broker, "platform").await;
    accept(&broker, "site-lumi").await;
    assert_eq!(check("sample").await, []);
    world.import_project("none", &[]).await;
    let none = check("none").await;
    assert_eq!(none.len(), 1, "{none:?}");
    assert_eq!(none[0].0, MissingKind::Allocation);
    assert_eq!(none[0].1, MissingFrom::Representative);
    assert!(none[0].3.starts_with("alcyone apply: "), "{none:?}");
    world.import_aging("2026-01-01", "2026-11-19").await;
    let aging = check("aging").await;
    assert_eq!(aging.len(), 1, "{aging:?}");
    assert_eq!(aging[0].0, MissingKind::Evidence);
    assert_eq!(aging[0].1, MissingFrom::Representative);
    assert!(
        aging[0].3.starts_with("alcyone evidence add: "),
        "{aging:?}"
    );
}

#[tokio::test]
async fn a_login_without_a_second_factor_is_for_nobody_else_to_mend() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let mut weak = broker_model::Principal::clone(&crate::world::principal("engineer"));
    weak.assurance.multi_factor = false;
    let caller = broker.caller(std::sync::Arc::new(weak)).await.unwrap();
    let answer = broker.check(&caller, project_id("sample")).await.unwrap();
    let [missing] = answer.missing.as_slice() else {
        panic!("{:?}", answer.missing);
    };
    assert_eq!(missing.what, MissingKind::Requirement);
    assert_eq!(missing.by, MissingFrom::You);
    assert!(missing.how.starts_with("alcyone login: "), "{missing:?}");
}
