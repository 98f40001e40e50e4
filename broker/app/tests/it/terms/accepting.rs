use broker_app::Error;
use broker_model::{EntryKind, TermsDraft};
use futures::future::join_all;

use super::{accept, entries, file, put};
use crate::world::{World, engineer};

fn draft(version: &str, digest: &str) -> TermsDraft {
    TermsDraft {
        version: version.to_owned(),
        digest: digest.to_owned(),
    }
}

#[tokio::test]
async fn an_acceptance_is_entered_once_with_the_text_that_was_read_and_the_text_is_kept() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    put(&broker, &[file("lumi", "2026-01", "2026-01-01")]);
    let first = accept(&broker, "site-lumi").await;
    world.pass(60);
    let again = accept(&broker, "site-lumi").await;
    assert_eq!(again, first, "with its own time");
    let caller = engineer(&broker).await;
    let shown = broker.terms(&caller).await.unwrap().remove(0);
    assert_eq!(shown.accepted_at, Some(first.accepted_at));
    let french = shown.document.text["fr"].digest();
    let in_french = draft("2026-01", french);
    let id = &shown.document.id;
    let twice = broker.accept_terms(&caller, id, &in_french).await.unwrap();
    assert_eq!(
        twice, first,
        "read in another language, it is the same version"
    );
    assert_eq!(entries(&broker, EntryKind::TermsAccepted).await, 1);
    let rows = broker.store().entries(0, 10_000).await.unwrap();
    let entry = rows.last().unwrap().body().unwrap();
    assert_eq!(entry.actor, Some(caller.person));
    assert_eq!(entry.site, Some("lumi".parse().unwrap()));
    assert_eq!(entry.data["document"], "site-lumi");
    assert_eq!(entry.data["version"], "2026-01");
    assert_eq!(entry.data["text_sha256"], first.sha256);
    let kept = broker.store().find_board_document(&first.sha256).await;
    let kept = kept.unwrap().unwrap();
    assert_eq!(kept, "Be kind to lumi, says 2026-01.");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_are_one_person_accept_at_two_replicas_at_once_and_one_entry_is_left() {
    for world in World::each().await {
        let replicas = [world.broker().await, world.broker().await];
        for broker in &replicas {
            put(broker, &[file("platform", "2026-01", "2026-01-01")]);
        }
        let at_once = (0..6).map(|n| accept(&replicas[n % 2], "platform"));
        let mut accepted = join_all(at_once).await;
        accepted.dedup();
        assert_eq!(accepted.len(), 1);
        assert_eq!(entries(&replicas[0], EntryKind::TermsAccepted).await, 1);
    }
}

#[tokio::test]
async fn a_text_that_is_not_in_force_cannot_be_accepted_and_the_one_that_is_is_named() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let versions =
        ["2026-01", "2026-11", "2027-01"].map(|it| file("platform", it, &format!("{it}-01")));
    put(&broker, &versions);
    let caller = engineer(&broker).await;
    let shown = broker.terms(&caller).await.unwrap().remove(0);
    let (id, digest) = (&shown.document.id, shown.document.text["en"].digest());
    for (version, digest) in [
        ("2026-01", digest),
        ("2027-01", digest),
        ("2026-11", &"0".repeat(64)),
        ("2026-11", ""),
    ] {
        let refused = broker
            .accept_terms(&caller, id, &draft(version, digest))
            .await;
        let Err(Error::OtherTerms(in_force)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(in_force.version, "2026-11");
    }
    let other = "site-lumi".parse().unwrap();
    let unknown = broker
        .accept_terms(&caller, &other, &draft("1", digest))
        .await;
    assert!(matches!(unknown, Err(Error::NotFound("terms document"))));
    assert_eq!(entries(&broker, EntryKind::TermsAccepted).await, 0);
    broker
        .accept_terms(&caller, id, &draft("2026-11", digest))
        .await
        .unwrap();
    assert_eq!(entries(&broker, EntryKind::TermsAccepted).await, 1);
}

/// Whoever changes a text without a new version has another text, which nobody has accepted.
#[tokio::test]
async fn an_acceptance_counts_for_the_text_that_was_read_and_for_no_other() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (name, text) = file("platform", "2026-01", "2026-01-01");
    put(&broker, &[(name.clone(), text.clone())]);
    accept(&broker, "platform").await;
    let changed = text.replace("Be kind", "Be very kind");
    put(&broker, &[(name, changed)]);
    let caller = engineer(&broker).await;
    let shown = broker.terms(&caller).await.unwrap().remove(0);
    assert_eq!(shown.accepted_at, None);
    accept(&broker, "platform").await;
    assert_eq!(entries(&broker, EntryKind::TermsAccepted).await, 2);
}
