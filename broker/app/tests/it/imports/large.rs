use std::sync::Arc;

use broker_app::imports::{ImportBatch, ImportLine, read_table};

use super::{imported, line, table};
use crate::fault::{Fault, FaultyStore};
use crate::world::World;

/// One more than a commit takes, as a Waldur may have them.
fn batch() -> ImportBatch {
    let one = read_table(
        table(&[&line("A", "1", "2027-05-31", "")]).as_bytes(),
        "csv",
    );
    let lines = (0..5001).map(|n| ImportLine {
        place: format!("resource {n}"),
        reference: format!("A-{n}"),
        ..one.lines[0].clone()
    });
    ImportBatch {
        lines: lines.collect(),
        ..one
    }
}

#[tokio::test]
async fn more_lines_than_a_commit_takes_go_in_parts_that_are_whole_and_again_brings_the_rest() {
    let world = World::sqlite().await;
    let store = Arc::new(FaultyStore::over(world.store().await));
    let broker = world.broker_over(store.clone());
    let batch = batch();
    store.fail_after(1, Fault::Before);
    let refused = broker.import_allocations(&batch, false).await;
    assert!(refused.is_err() && store.mend(), "the second part fails");
    assert!(imported(&broker, "A-4999").await.is_some());
    assert!(imported(&broker, "A-5000").await.is_none());
    let size = broker.store().ledger_size().await.unwrap();
    let again = broker.import_allocations(&batch, false).await.unwrap();
    assert_eq!(again.changes.len(), 1, "{:?}", again.changes);
    assert!(imported(&broker, "A-5000").await.is_some());
    // The allocation, and the report that is owed for it.
    assert_eq!(broker.store().ledger_size().await.unwrap(), size + 2);
    let third = broker.import_allocations(&batch, false).await.unwrap();
    assert_eq!(third.changes, Vec::<String>::new());
}
