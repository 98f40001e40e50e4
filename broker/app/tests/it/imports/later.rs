use broker_app::imports::{ImportBatch, OverLine};
use broker_model::{EntryKind, UnitMillis};
use jiff::SignedDuration;

use super::{import, import_of, imported, line, refused, table};
use crate::books::Books;
use crate::world::World;

#[tokio::test]
async fn a_changed_line_changes_hours_term_and_accounts_with_what_was_and_is() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    import(
        &world,
        &table(&[&line("A-1", "100", "2027-05-31", "lumi=project_1")]),
    )
    .await;
    let before = broker.store().ledger_size().await.unwrap();
    let text = table(&[&line("A-1", "80.5", "2027-06-30", "lumi=project_2;bsc=b2")]);
    let report = import(&world, &text).await;
    assert_eq!(
        report.changes,
        [
            "allocation A-1: valid_until 2027-05-31T22:00:00Z became 2027-06-30T22:00:00Z",
            "allocation A-1: local_accounts lumi=project_1 became bsc=b2;lumi=project_2",
            "allocation A-1: its final_report is due on 2027-09-30",
            "allocation A-1: 100.0000 hours granted became 80.5000",
        ]
    );
    let now = imported(&broker, "A-1").await.unwrap();
    assert_eq!(now.balance.granted, UnitMillis(289_800_000));
    assert_eq!(now.local_accounts.len(), 2);
    let entries = Books::read(&broker).await.entries;
    let [terms, report, grant] = &entries[usize::try_from(before).unwrap()..] else {
        panic!("{entries:?}");
    };
    assert_eq!(terms.kind, EntryKind::AllocationChanged);
    assert_eq!(terms.data["before"]["valid_until"], "2027-05-31T22:00:00Z");
    assert_eq!(terms.data["after"]["valid_until"], "2027-06-30T22:00:00Z");
    let digest = |of: &str| terms.data[of]["local_accounts_sha256"].clone();
    assert_ne!(digest("before"), digest("after"));
    assert_eq!(report.kind, EntryKind::FollowUpMoved);
    assert_eq!(report.data["due_on"], "2027-09-30");
    assert_eq!(grant.kind, EntryKind::GrantChanged);
    assert_eq!(grant.data["from_unit_ms"], 360_000_000);
    assert_eq!(grant.data["to_unit_ms"], 289_800_000);
}

#[tokio::test]
async fn what_would_make_it_another_allocation_is_refused_with_what_it_was() {
    let world = World::sqlite().await;
    import(&world, &table(&[&line("A-1", "100", "2027-05-31", "")])).await;
    let other = "A-1,Pleione Oy,FI,ext:pleione,Another,,federation,commercial,GPU-hour,100,2026-11-01,2027-05-31,,";
    let said = refused(&world, &table(&[other])).await;
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].starts_with("line 2, system: alc_"), "{said:?}");
    assert!(said[0].contains("is for `lumi/lumi`, and the line says `federation`"));
    assert!(said[1].contains("is for `union`, and the line says `commercial`"));
    assert!(said[2].starts_with("line 2, project: "), "{said:?}");
}

#[tokio::test]
async fn fewer_hours_than_were_spent_are_refused_with_the_numbers() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    import(&world, &table(&[&line("A-1", "100", "2027-05-31", "")])).await;
    let allocation = imported(&broker, "A-1").await.unwrap().id;
    let amount = UnitMillis::from_hours(40);
    let change = broker_store::Change {
        writes: vec![broker_store::Write::Hold { allocation, amount }],
        entries: Vec::new(),
    };
    broker_store::Commits::commit(&world.store().await, change)
        .await
        .unwrap();
    let said = refused(&world, &table(&[&line("A-1", "39.5", "2027-05-31", "")])).await;
    let expected = format!(
        "line 2, hours: 39.5000 GPU-hours are fewer than what {allocation} has spent: 0.0000 used, 40.0000 held, \
         0.0000 lost; allowed: no fewer than 40.0000; to stop its jobs say `yes` in `suspended`"
    );
    assert_eq!(said, [expected]);
    let report = import(&world, &table(&[&line("A-1", "40", "2027-05-31", "")])).await;
    assert_eq!(report.changes.len(), 1);
}

#[tokio::test]
async fn what_vanished_is_reported_as_long_as_it_goes_on_and_stays_as_it_is() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let both = [
        line("A-1", "100", "2027-05-31", ""),
        line("A-2", "100", "2026-11-30", ""),
    ];
    import(&world, &table(&[&both[0], &both[1]])).await;
    let before = imported(&broker, "A-1").await;
    let size = broker.store().ledger_size().await.unwrap();
    let none = import(&world, &table(&[])).await;
    assert_eq!(none.changes, Vec::<String>::new());
    assert_eq!(none.remarks.len(), 2);
    assert!(none.remarks[0].starts_with("A-1 was imported before and is not there any more"));
    world.clock.advance(SignedDuration::from_hours(24 * 20));
    assert_eq!(import(&world, &table(&[])).await.remarks.len(), 1);
    assert_eq!(imported(&broker, "A-1").await, before);
    assert_eq!(broker.store().ledger_size().await.unwrap(), size);
}

#[tokio::test]
async fn an_allocation_is_suspended_and_served_again_as_its_line_says_and_stays_where_it_says_nothing()
 {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    for (word, suspended) in [("", false), ("yes", true), ("", true), ("no", false)] {
        let text = format!("{}{word}", line("A-1", "100", "2027-05-31", ""));
        import(&world, &table(&[&text])).await;
        assert_eq!(imported(&broker, "A-1").await.unwrap().suspended, suspended);
    }
}

#[tokio::test]
async fn what_is_over_at_its_source_is_suspended_once_and_what_was_never_here_is_left_out() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    import(&world, &table(&[&line("A-1", "100", "2027-05-31", "")])).await;
    let over = |reference: &str| OverLine {
        reference: reference.to_owned(),
        words: "is Terminated in Waldur".to_owned(),
    };
    let batch = ImportBatch {
        source: "csv".to_owned(),
        over: vec![over("A-1"), over("A-9")],
        whole: true,
        ..ImportBatch::default()
    };
    let report = broker.import_allocations(&batch, false).await.unwrap();
    let said = "allocation A-1: suspended, since it is Terminated in Waldur";
    assert_eq!(report.changes, [said]);
    assert_eq!(
        report.remarks,
        ["A-9 is Terminated in Waldur, and was never imported: left out"]
    );
    assert!(imported(&broker, "A-1").await.unwrap().suspended);
    let again = broker.import_allocations(&batch, false).await.unwrap();
    assert_eq!(again.changes, Vec::<String>::new());
}

#[tokio::test]
async fn hours_that_a_source_takes_back_after_the_term_are_told_and_stop_no_other_line() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    import(&world, &table(&[&line("A-1", "100", "2026-11-30", "")])).await;
    world.pass(20 * 24 * 3600);
    broker.lapse_once().await.unwrap();
    let lost = imported(&broker, "A-1").await.unwrap().balance.lost;
    assert_eq!(lost, UnitMillis::from_hours(100));
    let text = table(&[
        &line("A-1", "40", "2026-11-30", "lumi=project_1"),
        &line("A-2", "7", "2027-05-31", ""),
    ]);
    let report = import(&world, &text).await;
    assert_eq!(report.remarks.len(), 1, "{report:?}");
    assert!(
        report.remarks[0].starts_with("line 2 (A-1): its term is over"),
        "{report:?}"
    );
    assert!(
        report.remarks[0].ends_with("the hours stay 100.0000"),
        "{report:?}"
    );
    let ended = imported(&broker, "A-1").await.unwrap();
    assert_eq!(ended.balance.granted, UnitMillis::from_hours(100));
    assert_eq!(
        ended.local_accounts.len(),
        1,
        "what else the line says is done"
    );
    assert!(imported(&broker, "A-2").await.is_some());
}

/// A number that was mistyped may be another's.
#[tokio::test]
async fn whom_an_identifier_leads_to_is_told_once_where_something_is_made_for_them() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let first = line("A-1", "100", "2027-05-31", "");
    let made = import(&world, &table(&[&first])).await;
    assert_eq!(
        made.led_to,
        Vec::<String>::new(),
        "the import registers them itself"
    );
    let others = [
        line("A-2", "7", "2027-05-31", ""),
        line("A-3", "7", "2027-05-31", ""),
    ];
    let text = table(&[&first, &others[0], &others[1]]);
    let text = text.replace("Pleione Oy", "Somebody Else Oy");
    let dry = import_of(&broker, &text, true).await.unwrap();
    let claim = broker
        .store()
        .claim_holder("organisation:csv:pleione")
        .await;
    let id = claim.unwrap().unwrap();
    let words = format!("line 3: its identifier leads to {id} (Pleione Oy, FI)");
    assert_eq!(dry.led_to, [words]);
    assert_eq!(import(&world, &text).await.led_to, dry.led_to);
    assert_eq!(import(&world, &text).await.led_to, Vec::<String>::new());
}
