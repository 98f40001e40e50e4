//! Allocations from a table: once, again, changed, refused, and before it is done.

mod dry_run;
mod faults;
mod first;
mod large;
mod later;

use broker_app::imports::{ImportReport, read_table};
use broker_app::{Broker, Error};
use broker_model::{Allocation, AllocationId};

use crate::world::World;

pub(crate) const HEAD: &str = "reference,organisation,country,identifier,project,call_reference,system,share,unit,hours,valid_from,valid_to,local_accounts,suspended";

pub(crate) fn table(lines: &[&str]) -> String {
    format!("{HEAD}\n{}\n", lines.join("\n"))
}

/// Of Pleione at LUMI, with this many hours, this last day, and these accounts.
pub(crate) fn line(reference: &str, hours: &str, until: &str, accounts: &str) -> String {
    format!(
        "{reference},Pleione Oy,FI,ext:pleione,Folding,,lumi/lumi,union,GPU-hour,{hours},2026-11-01,{until},{accounts},"
    )
}

pub(crate) async fn import_of(
    broker: &Broker,
    table: &str,
    dry_run: bool,
) -> Result<ImportReport, Error> {
    let batch = read_table(table.as_bytes(), "csv");
    broker.import_allocations(&batch, dry_run).await
}

pub(crate) async fn import(world: &World, table: &str) -> ImportReport {
    import_of(&world.broker().await, table, false)
        .await
        .unwrap()
}

/// What is said of each fault.
pub(crate) async fn refused(world: &World, table: &str) -> Vec<String> {
    let broker = world.broker().await;
    let before = broker.store().ledger_size().await.unwrap();
    let refused = import_of(&broker, table, false).await.unwrap_err();
    let Error::Invalid("import", faults) = refused else {
        panic!("{refused}");
    };
    assert_eq!(broker.store().ledger_size().await.unwrap(), before);
    faults.iter().map(ToString::to_string).collect()
}

/// The allocation that a reference made.
pub(crate) async fn imported(broker: &Broker, reference: &str) -> Option<Allocation> {
    let claim = format!("allocation:csv:{reference}");
    let holder = broker.store().claim_holder(&claim).await.unwrap()?;
    let id: AllocationId = holder.parse().unwrap();
    broker.store().find_allocation(id).await.unwrap()
}
