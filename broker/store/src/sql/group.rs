//! One transaction for a group of changes.

use super::bulk::{self, Texts};
use super::connect::Target;
use super::db::Kind::Int;
use super::db::{Cell, Conn, Select, Sql};
use super::errors::store_error;
use super::facts;
use super::pending::Pending;
use super::prepare::Prepared;
use super::steps::Entry;
use super::tables::TableId;
use crate::{CommitError, Committed, StoreError};

/// PostgreSQL: whoever has this row locked is the only one that commits, in any replica. So entries
/// are numbered without gaps and in the order of the commits. SQLite has one writer anyhow.
pub(super) const LOCK_HEAD: Select = Select {
    table: "ledger_head",
    sql: Sql::Each {
        sqlite: "SELECT size FROM ledger_head WHERE id = 1",
        postgres: "SELECT size FROM ledger_head WHERE id = 1 FOR UPDATE",
    },
    kinds: &[Int],
};
const MOVE_HEAD: Sql = Sql::Same("UPDATE ledger_head SET size = $1 WHERE id = 1");

/// Why a transaction failed, and whether the database may have taken it nevertheless.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: StoreError,
    pub(super) may_have_committed: bool,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            error,
            may_have_committed: false,
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        store_error(&error).into()
    }
}

#[derive(Debug)]
pub(super) struct Outcome {
    /// One answer for each change, in their order.
    pub(super) answers: Vec<Result<Committed, CommitError>>,
    pub(super) committed: u32,
    pub(super) ledger_size: u64,
}

/// Commits what can be committed of a group. After an error nothing of it is stored (but see
/// [`Failure::may_have_committed`]), and the connection may still be in the transaction.
pub(super) async fn commit(
    target: &Target,
    conn: &mut Conn,
    texts: &mut Texts,
    group: &[&Prepared],
) -> Result<Outcome, Failure> {
    let outcome = target.answered(write_group(conn, texts, group)).await??;
    let ended = end(conn, outcome.committed > 0);
    target.answered(ended).await.map_err(|late| Failure {
        error: late,
        may_have_committed: true,
    })??;
    Ok(outcome)
}

/// All but the end of the transaction.
async fn write_group(
    conn: &mut Conn,
    texts: &mut Texts,
    group: &[&Prepared],
) -> Result<Outcome, Failure> {
    conn.begin().await?;
    let size = lock_head(conn).await?;
    let mut known = facts::read(conn, group).await?;
    let mut entries = Entries::from(size);
    let mut answers: Vec<Result<Option<u64>, CommitError>> = Vec::with_capacity(group.len());
    for change in group {
        let done = known.apply(change);
        answers.push(done.map(|()| entries.append(&change.entries)));
    }
    let mut pending = known.pending;
    let grown = entries.next != size;
    for row in entries.rows {
        pending.put(TableId::LedgerEntries, row);
    }
    let must_write = grown || group.iter().any(|change| change.is_probe());
    write(conn, texts, &pending, must_write.then_some(entries.next)).await?;
    let committed = answers.iter().filter(|a| a.is_ok()).count();
    let committed = u32::try_from(committed).unwrap_or(u32::MAX);
    let receipt = |first_seq| Committed {
        first_seq,
        group_size: committed,
    };
    Ok(Outcome {
        answers: answers.into_iter().map(|a| a.map(receipt)).collect(),
        committed,
        ledger_size: entries.next,
    })
}

pub(super) async fn lock_head(conn: &mut Conn) -> Result<u64, StoreError> {
    let rows = conn
        .fetch(&LOCK_HEAD, &[])
        .await
        .map_err(|e| store_error(&e))?;
    let head = rows.first().ok_or_else(|| StoreError::Unreadable {
        table: "ledger_head",
        reason: "the row is not there".to_owned(),
    })?;
    head.count(0)
}

async fn write(
    conn: &mut Conn,
    texts: &mut Texts,
    pending: &Pending<'_>,
    head: Option<u64>,
) -> Result<(), Failure> {
    for (table, rows) in pending.finals() {
        bulk::write(conn, texts, table, &rows).await?;
    }
    if let Some(size) = head {
        conn.execute(&MOVE_HEAD, &[Cell::count(size)]).await?;
    }
    Ok(())
}

/// Ends the transaction. A connection that is lost now leaves it open whether it was taken.
pub(super) async fn end(conn: &mut Conn, commit: bool) -> Result<(), Failure> {
    if !commit {
        return Ok(conn.batch("ROLLBACK").await?);
    }
    conn.commit().await.map_err(|e| Failure {
        error: store_error(&e),
        may_have_committed: true,
    })
}

struct Entries {
    next: u64,
    rows: Vec<Vec<Cell>>,
}

impl Entries {
    fn from(size: u64) -> Self {
        Self {
            next: size,
            rows: Vec::new(),
        }
    }

    /// Numbers the entries of a change; returns the number of its first.
    fn append(&mut self, entries: &[Entry]) -> Option<u64> {
        let first = self.next;
        for entry in entries {
            let (job, text) = (entry.job.clone(), entry.text.clone());
            self.rows.push(vec![Cell::count(self.next), job, text]);
            self.next += 1;
        }
        (!entries.is_empty()).then_some(first)
    }
}
