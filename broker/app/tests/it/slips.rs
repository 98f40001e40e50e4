//! What an administrator or a user may have written by mistake.

use broker_app::Error;
use broker_model::{DrainDraft, InvalidSpec, PlacementWishes, SiteScope, WindowDraft, WindowEnd};
use jiff::{SignedDuration, Timestamp};

use crate::agent::Agent;
use crate::sites::{lumi, maintenance, new_site, operator, window};
use crate::world::{World, engineer, spec};

fn drain(reason: &str, from: Option<Timestamp>) -> DrainDraft {
    DrainDraft {
        scope: SiteScope::default(),
        reason: reason.to_owned(),
        from,
        until: None,
    }
}

fn already<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::AlreadySo(words)) => words,
        other => panic!("{other:?}"),
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Error>) -> Vec<InvalidSpec> {
    match answer {
        Err(Error::InvalidSite(wrong) | Error::InvalidSpec(wrong)) => wrong,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_set_already_is_not_set_beside_itself() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let op = operator(&world, &broker).await;
    let asked = window(&world, 1000);
    let first = broker.open_window(&op, &lumi(), &asked).await.unwrap();
    let larger = WindowDraft {
        gpu_hours: 2000,
        ..asked.clone()
    };
    let words = already(broker.open_window(&op, &lumi(), &larger).await);
    assert!(words.contains(&first.id.to_string()), "{words}");
    let other = WindowDraft {
        to: asked.to - SignedDuration::from_hours(1),
        ..asked
    };
    broker.open_window(&op, &lumi(), &other).await.unwrap();

    let draft = drain("pumps", None);
    let first = broker.drain_site(&op, &lumi(), &draft).await.unwrap();
    world.clock.advance(SignedDuration::from_mins(1));
    let words = already(broker.drain_site(&op, &lumi(), &drain("again", None)).await);
    assert!(words.contains(&first.id.to_string()), "{words}");
    let later = drain("later", Some(world.now() + SignedDuration::from_hours(9)));
    broker.drain_site(&op, &lumi(), &later).await.unwrap();
}

#[tokio::test]
async fn a_drain_does_not_begin_in_another_year() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let op = operator(&world, &broker).await;
    let ago = |hours: i64| Some(world.now() - SignedDuration::from_hours(hours));
    let long = drain("pumps", ago(25));
    let wrong = refused(broker.drain_site(&op, &lumi(), &long).await);
    assert_eq!(wrong[0].field, "from");
    let recent = drain("pumps", ago(23));
    broker.drain_site(&op, &lumi(), &recent).await.unwrap();
}

#[tokio::test]
async fn what_is_called_off_keeps_the_begin_that_was_announced() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let op = operator(&world, &broker).await;
    let planned = maintenance(&world, 1000);
    let opened = broker.open_incident(&op, &lumi(), &planned).await.unwrap();
    let closed = broker.close_incident(&op, &lumi(), opened.id).await;
    let closed = closed.unwrap();
    assert_eq!(closed.from, opened.from);
    assert_eq!(closed.to, Some(world.now()));

    let mut ahead = window(&world, 1000);
    ahead.from += SignedDuration::from_hours(1);
    let opened = broker.open_window(&op, &lumi(), &ahead).await.unwrap();
    let end = (opened.id, WindowEnd::default());
    let closed = broker.close_window(&op, &lumi(), end).await.unwrap();
    assert_eq!((closed.from, closed.to), (opened.from, world.now()));
    world.clock.advance(SignedDuration::from_hours(2));
    assert!(!closed.is_open(world.now()));
}

#[tokio::test]
async fn a_job_that_names_no_site_of_the_federation_is_refused_by_its_fields() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    let caller = engineer(&broker).await;
    let mut job = spec();
    job.placement.require = vec!["lummi".parse().unwrap()];
    job.placement.prefer = vec![lumi(), "lumo".parse().unwrap()];
    job.placement.exclude = vec!["bcs".parse().unwrap()];
    let wrong = refused(broker.submit(&caller, job.clone(), None).await);
    let fields: Vec<&str> = wrong.iter().map(|it| it.field.as_str()).collect();
    let all = ["require[0]", "prefer[1]", "exclude[0]"].map(|it| format!("placement.{it}"));
    assert_eq!(fields, all);
    assert_eq!(wrong[0].reason, "`lummi` is no site of the federation");
    assert!(wrong[0].allowed.contains("lumi"), "{}", wrong[0].allowed);
    assert_eq!(refused(broker.quote(&caller, &job).await), wrong);

    let op = operator(&world, &broker).await;
    let filed = broker.file_site(&op, new_site("bcs"), None, false).await;
    filed.unwrap();
    broker
        .retire_site(&op, &"bcs".parse().unwrap())
        .await
        .unwrap();
    job.placement = PlacementWishes {
        exclude: vec!["bcs".parse().unwrap()],
        ..PlacementWishes::default()
    };
    let quoted = broker.quote(&caller, &job).await;
    assert!(
        quoted.is_ok(),
        "a site that was retired is no slip: {quoted:?}"
    );
}

#[tokio::test]
async fn a_kind_of_container_that_nobody_has_is_taken_with_a_note() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let op = operator(&world, &broker).await;
    let mut site = new_site("x");
    let known = broker.file_site(&op, site.clone(), None, true).await;
    assert_eq!(known.unwrap().notes, Vec::<String>::new());
    site.systems[0].partitions[0].container_target = "x86_64+cudda".parse().unwrap();
    let filed = broker.file_site(&op, site.clone(), None, false).await;
    let notes = filed.unwrap().notes;
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("`x86_64+cudda`"), "{notes:?}");
    let again = broker.file_site(&op, site, None, false).await.unwrap();
    assert_eq!(again.notes, Vec::<String>::new());
}
