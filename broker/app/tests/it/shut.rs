//! Hours that are good anywhere, at systems that the rules keep them from; and what else of a project tells where a job goes.

use broker_app::replay::replay_placement;
use broker_app::setup::{SetupFile, project_id};
use broker_app::{Broker, Error};
use broker_model::{
    Clause, Considered, Job, JobSpec, MissingFrom, Placement, SettledRule, StateName,
};
use broker_store::{Change, Write};

use crate::agent::Agent;
use crate::world::{ISSUER, World, at, engineer, job, submit};

/// Half of 11912 modules in 365 days, and 35 % of 800 GPUs.
const OF_LUMI: u32 = 52_174_560;
const OF_MELUXINA: u32 = 2_452_800;

async fn stored(broker: &Broker, write: Write) {
    let change = Change {
        writes: vec![write],
        entries: Vec::new(),
    };
    broker.store().commit(change).await.unwrap();
}

async fn used(world: &World, broker: &Broker, site: &str, partition: &str, gpu_hours: u32) {
    let at = [site, site, partition];
    stored(broker, crate::used::at(world, at, gpu_hours)).await;
}

fn site_of(job: &Job) -> &str {
    job.state.partition().unwrap().site.as_str()
}

fn entry<'p>(placement: &'p Placement, system: &str) -> &'p Considered {
    let mut considered = placement.considered.iter();
    let at = considered.find(|it| it.partition.system.as_str() == system);
    at.unwrap()
}

/// The placing that is stored, made again from its row.
async fn placing(broker: &Broker, of: &Job) -> (Placement, String) {
    let stored = broker.store().placements_of(of.id).await.unwrap();
    let last = stored.last().unwrap();
    let again = replay_placement(&**broker.store(), &of.spec, last).await;
    assert_eq!(again.unwrap(), last.document);
    let placement = serde_json::from_str(&last.document).unwrap();
    (placement, last.inputs.clone())
}

async fn refused(broker: &Broker, spec: JobSpec) -> Placement {
    let caller = engineer(broker).await;
    match broker.submit(&caller, spec, None).await {
        Err(Error::NoFeasiblePartition(placement)) => *placement,
        other => panic!("{other:?}"),
    }
}

fn preferring(sites: &[&str], first: &str) -> JobSpec {
    let mut spec = at(sites);
    spec.placement.prefer = vec![first.parse().unwrap()];
    spec
}

#[tokio::test]
async fn a_job_under_hours_that_are_good_anywhere_goes_where_their_share_is_not_used_up() {
    for world in World::each().await {
        let broker = world.broker().await;
        for site in ["lumi", "meluxina"] {
            Agent::of(&world, site).show(&broker).await;
        }
        let wish = preferring(&["lumi", "meluxina"], "lumi");
        used(&world, &broker, "lumi", "standard-g", OF_LUMI - 11_000).await;
        let before = submit(&broker, wish.clone()).await;
        assert_eq!(site_of(&before), "lumi");
        let (_, inputs) = placing(&broker, &before).await;
        assert!(!inputs.contains("shut") && !inputs.contains("sectors"));

        used(&world, &broker, "lumi", "standard-g", 11_000).await;
        let elsewhere = submit(&broker, wish).await;
        assert_eq!(site_of(&elsewhere), "meluxina");
        let (placement, _) = placing(&broker, &elsewhere).await;
        let dropped = entry(&placement, "lumi").rejections.iter();
        let said = dropped.map(|it| (it.clause, it.words.as_str(), it.temporary));
        let words = "50 % of the system's time are used for the Union, which may have 50 %";
        assert_eq!(said.collect::<Vec<_>>(), [(Clause::Ceiling, words, true)]);
    }
}

#[tokio::test]
async fn where_the_share_is_used_up_everywhere_a_job_is_refused_and_one_that_waits_goes_on_waiting()
{
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let wish = at(&["lumi", "meluxina"]);
    let waiting = submit(&broker, wish.clone()).await;
    assert_eq!(waiting.state.name(), StateName::Pending);
    for site in ["lumi", "meluxina"] {
        Agent::of(&world, site).show(&broker).await;
    }
    used(&world, &broker, "lumi", "standard-g", OF_LUMI).await;
    used(&world, &broker, "meluxina", "gpu", OF_MELUXINA).await;
    let placement = refused(&broker, wish.clone()).await;
    let reason = "what the share of the allocation may have is used up at every system that could take this job";
    assert_eq!(placement.reason, reason);
    let caller = engineer(&broker).await;
    let quote = broker.quote(&caller, &wish).await.unwrap();
    assert_eq!(quote.placement.unwrap().reason, reason);
    let shut = quote.missing.iter().map(|it| it.site.as_ref().unwrap());
    let shut: Vec<&str> = shut.map(broker_model::SiteId::as_str).collect();
    assert_eq!(shut, ["lumi", "meluxina"]);
    assert_eq!(broker.place_pending_once().await.unwrap(), 0);
    let waits = job(&broker, waiting.id).await;
    assert_eq!(waits.state.name(), StateName::Pending);
    // A year later nothing of it counts any more.
    world.pass(366 * 24 * 3600);
    for site in ["lumi", "meluxina"] {
        Agent::of(&world, site).show(&broker).await;
    }
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);
    let placed = job(&broker, waiting.id).await;
    assert_eq!(placed.state.name(), StateName::Placed);
}

#[tokio::test]
async fn whoever_checks_is_told_where_the_hours_cannot_be_used() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let asks = async || {
        let caller = engineer(&broker).await;
        let answer = broker.check(&caller, project_id("sample")).await.unwrap();
        assert_eq!(answer.missing, [], "nothing is to be done");
        answer.closed_systems
    };
    assert_eq!(asks().await, []);
    used(&world, &broker, "meluxina", "gpu", OF_MELUXINA).await;
    let closed = asks().await;
    let [one] = closed.as_slice() else {
        panic!("{closed:?}");
    };
    let words = "no hours at meluxina/meluxina: 35 % of the system's time are used for the Union, which may have 35 %";
    assert_eq!((one.by, one.words.as_str()), (MissingFrom::Nobody, words));
    assert_eq!(one.rule.as_deref(), Some("ceiling.union_reached"));
}

/// Armenia is associated to Horizon Europe, and Digital Europe paid for Arrhenius.
#[tokio::test]
async fn a_system_whose_programme_is_not_open_to_the_organisation_takes_none_of_its_jobs() {
    let mut world = World::sqlite().await;
    world.keep_partitions(|_, partition| partition.id.as_str() != "berzelius");
    let broker = world.broker().await;
    for site in ["lumi", "mimer"] {
        Agent::of(&world, site).show(&broker).await;
    }
    let file: SetupFile = toml::from_str(&format!(
        r#"
        [organisations.yerevan]
        name = "Yerevan Labs"
        country = "AM"
        size = "small"
        [[organisations.yerevan.evidence]]
        kind = "ai_act_self_assessment"
        issued_on = "2026-10-01"
        source = "form of the portal"
        checked_by = "reviewer"
        [projects.ararat]
        organisation = "yerevan"
        name = "Ararat"
        civilian = true
        [[projects.ararat.members]]
        issuer = "{ISSUER}"
        subject = "engineer"
        [projects.ararat.allocations.grant]
        share = "union"
        unit = "GPU-hour"
        hours = 100
        valid_from = "2026-11-01T00:00:00Z"
        valid_until = "2031-11-01T00:00:00Z"
        "#
    ))
    .unwrap();
    broker.import(&file).await.unwrap();
    let of = |sites: &[&str], project: &str| {
        let mut spec = preferring(sites, "mimer");
        spec.project = project_id(project);
        let script = spec.variants.values().next().unwrap().clone();
        spec.variants
            .insert("aarch64+cuda".parse().unwrap(), script);
        spec
    };
    let french = submit(&broker, of(&["lumi", "mimer"], "sample")).await;
    assert_eq!(site_of(&french), "mimer");
    let elsewhere = submit(&broker, of(&["lumi", "mimer"], "ararat")).await;
    assert_eq!(site_of(&elsewhere), "lumi");
    let (placement, _) = placing(&broker, &elsewhere).await;
    let [dropped] = entry(&placement, "arrhenius").rejections.as_slice() else {
        panic!("{placement:?}");
    };
    assert_eq!(
        (dropped.clause, dropped.temporary),
        (Clause::Programme, false)
    );
    let begins = "Digital Europe paid for mimer/arrhenius, and AM (Armenia) is not associated";
    assert!(dropped.words.starts_with(begins), "{}", dropped.words);
    refused(&broker, of(&["mimer"], "ararat")).await;

    // What a reviewer has settled of that system is settled.
    let project = broker.store().find_project(project_id("ararat")).await;
    let mut project = project.unwrap().unwrap();
    project.settled.push(SettledRule {
        rule: "programme.digital_europe".to_owned(),
        on: "2026-11-20".parse().unwrap(),
        words: dropped.words.clone(),
    });
    stored(&broker, Write::PutProject(Box::new(project))).await;
    let settled = submit(&broker, of(&["lumi", "mimer"], "ararat")).await;
    assert_eq!(site_of(&settled), "mimer");
}

#[tokio::test]
async fn of_two_sites_that_are_alike_the_one_that_names_the_projects_sector_is_first() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    for site in ["lumi", "cineca"] {
        Agent::of(&world, site).show(&broker).await;
    }
    let by_name = submit(&broker, at(&["lumi", "cineca"])).await;
    assert_eq!(site_of(&by_name), "cineca");
    let project = broker.store().find_project(project_id("sample")).await;
    let mut project = project.unwrap().unwrap();
    project.sectors = vec!["language_llm".to_owned()];
    stored(&broker, Write::PutProject(Box::new(project))).await;
    let by_sector = submit(&broker, at(&["lumi", "cineca"])).await;
    assert_eq!(site_of(&by_sector), "lumi");
    let (placement, inputs) = placing(&broker, &by_sector).await;
    assert!(inputs.contains(r#""sectors":["language_llm"]"#), "{inputs}");
    let named = |it: &&Considered| it.candidate.as_ref().is_some_and(|it| it.sector.is_some());
    let naming = placement.considered.iter().filter(named);
    assert!(
        naming
            .clone()
            .all(|it| it.partition.site.as_str() == "lumi")
    );
    assert!(naming.count() > 0);
}

#[tokio::test]
async fn a_job_that_says_where_its_data_lies_goes_there_and_a_slip_in_the_site_is_told() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    for site in ["lumi", "cineca"] {
        Agent::of(&world, site).show(&broker).await;
    }
    let mut spec = at(&["lumi", "cineca"]);
    spec.data.at = vec!["lumi".parse().unwrap()];
    let there = submit(&broker, spec.clone()).await;
    assert_eq!(site_of(&there), "lumi");
    placing(&broker, &there).await;
    spec.data.at.push("lummi".parse().unwrap());
    let caller = engineer(&broker).await;
    let slip = broker.submit(&caller, spec, None).await;
    let Err(Error::InvalidSpec(wrong)) = slip else {
        panic!("{slip:?}");
    };
    assert_eq!(wrong[0].field, "data.at[1]");
}
