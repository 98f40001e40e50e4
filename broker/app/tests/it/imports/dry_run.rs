use super::{import, import_of, imported, line, table};
use crate::world::World;

/// New, changed, and vanished ones at once.
#[tokio::test]
async fn a_dry_run_says_what_the_real_one_then_does_and_changes_nothing() {
    for world in World::each().await {
        let broker = world.broker().await;
        let first = [
            line("A-1", "100", "2027-05-31", ""),
            line("A-2", "7", "2027-05-31", ""),
        ];
        import(&world, &table(&[&first[0], &first[1]])).await;
        let text = table(&[
            &line("A-1", "90", "2027-06-30", "lumi=project_1"),
            &line("A-3", "12", "2027-05-31", "").replace("ext:pleione", "ext:other"),
        ]);
        let (before, size) = (
            imported(&broker, "A-1").await,
            broker.store().ledger_size().await.unwrap(),
        );
        let dry = import_of(&broker, &text, true).await.unwrap();
        assert_eq!(imported(&broker, "A-1").await, before);
        assert_eq!(imported(&broker, "A-3").await, None);
        assert_eq!(broker.store().ledger_size().await.unwrap(), size);
        assert_eq!((dry.changes.len(), dry.remarks.len()), (7, 1), "{dry:?}");

        let real = import_of(&broker, &text, false).await.unwrap();
        assert_eq!(real, dry, "ids included");
        let made = imported(&broker, "A-3").await.unwrap();
        assert!(
            dry.changes
                .iter()
                .any(|it| it.contains(&made.id.to_string()))
        );
        let after = import_of(&broker, &text, true).await.unwrap();
        assert_eq!(after.changes, Vec::<String>::new());
    }
}

#[tokio::test]
async fn two_imports_at_once_make_an_allocation_once() {
    let world = World::sqlite().await;
    let (one, other) = (world.broker().await, world.broker().await);
    let text = table(&[&line("A-1", "100", "2027-05-31", "")]);
    let (one_did, other_did) = futures::future::join(
        import_of(&one, &text, false),
        import_of(&other, &text, false),
    )
    .await;
    for did in [&one_did, &other_did] {
        let is_told = matches!(did, Ok(_) | Err(broker_app::Error::Contended));
        assert!(is_told, "{did:?}");
    }
    assert!(one_did.is_ok() || other_did.is_ok());
    let again = import_of(&one, &text, false).await.unwrap();
    assert_eq!(again.changes, Vec::<String>::new());
}
