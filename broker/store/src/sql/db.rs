//! One connection to either database, and values that both know: integers, text and bytes.

use std::fmt;
use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite};

pub(super) use super::row::Row;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    /// Only as an argument, for statements made by [`Select::any`].
    List(Arc<[Arc<str>]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
    Bytes,
}

impl Cell {
    pub(super) fn text(value: impl fmt::Display) -> Self {
        Self::Text(value.to_string().into())
    }

    pub(super) fn maybe(value: Option<impl fmt::Display>) -> Self {
        value.map_or(Self::Null, Self::text)
    }

    /// SQL has no unsigned integers; nothing that is counted here comes near the limit.
    pub(super) fn count(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }

    pub(super) fn list(values: impl IntoIterator<Item = impl fmt::Display>) -> Self {
        Self::List(values.into_iter().map(|v| v.to_string().into()).collect())
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            _ => 8,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Sql {
    Same(&'static str),
    Each {
        sqlite: &'static str,
        postgres: &'static str,
    },
    Built(Arc<str>),
}

impl Sql {
    fn on(&self, dialect: Dialect) -> SqlStr {
        match (self, dialect) {
            (Self::Same(sql), _) => sql.into_sql_str(),
            (Self::Each { sqlite, .. }, Dialect::Sqlite) => sqlite.into_sql_str(),
            (Self::Each { postgres, .. }, Dialect::Postgres) => postgres.into_sql_str(),
            // Built from constants of this crate; every value is an argument.
            (Self::Built(sql), _) => AssertSqlSafe(Arc::clone(sql)).into_sql_str(),
        }
    }
}

/// A reading statement: the table it is about (for errors), its text, and what its columns are.
#[derive(Clone, Debug)]
pub(super) struct Select {
    pub(super) table: &'static str,
    pub(super) sql: Sql,
    pub(super) kinds: &'static [Kind],
}

impl Select {
    pub(super) const fn new(
        table: &'static str,
        sql: &'static str,
        kinds: &'static [Kind],
    ) -> Self {
        let sql = Sql::Same(sql);
        Self { table, sql, kinds }
    }
}

/// A `Select` whose first argument is a list: the text up to it and the text after it.
macro_rules! select_any {
    ($table:literal, $before:literal, $after:literal, $kinds:expr) => {
        $crate::sql::db::Select {
            table: $table,
            sql: $crate::sql::db::Sql::Each {
                sqlite: concat!($before, " IN (SELECT value FROM json_each($1)) ", $after),
                postgres: concat!($before, " = ANY($1) ", $after),
            },
            kinds: $kinds,
        }
    };
}
pub(super) use select_any;

/// A connection. After an error its state is unknown: drop it, or roll back first.
pub(super) enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conn({:?})", self.dialect())
    }
}

/// Expands one body for each driver.
macro_rules! on {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn {
            Conn::Sqlite($c) => $body,
            Conn::Postgres($c) => $body,
        }
    };
}

macro_rules! decoded {
    ($row:expr, $kinds:expr) => {
        $kinds
            .iter()
            .enumerate()
            .map(|(at, kind)| {
                Ok(match kind {
                    Kind::Int => $row.try_get::<Option<i64>, _>(at)?.map(Cell::Int),
                    Kind::Text => $row
                        .try_get::<Option<&str>, _>(at)?
                        .map(|text| Cell::Text(text.into())),
                    Kind::Bytes => $row
                        .try_get::<Option<&[u8]>, _>(at)?
                        .map(|bytes| Cell::Bytes(bytes.into())),
                }
                .unwrap_or(Cell::Null))
            })
            .collect::<Result<Vec<Cell>, sqlx::Error>>()
    };
}

impl Conn {
    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(super) async fn fetch(
        &mut self,
        select: &Select,
        args: &[Cell],
    ) -> Result<Vec<Row>, sqlx::Error> {
        let sql = select.sql.on(self.dialect());
        let table = select.table;
        match self {
            Self::Sqlite(conn) => {
                let rows = sqlite_query(sql, args).fetch_all(conn).await?;
                rows.iter()
                    .map(|row| decoded!(row, select.kinds).map(|cells| Row::new(table, cells)))
                    .collect()
            }
            Self::Postgres(conn) => {
                let rows = postgres_query(sql, args).fetch_all(conn).await?;
                rows.iter()
                    .map(|row| decoded!(row, select.kinds).map(|cells| Row::new(table, cells)))
                    .collect()
            }
        }
    }

    /// Runs one prepared statement; returns how many rows it touched.
    pub(super) async fn execute(&mut self, sql: &Sql, args: &[Cell]) -> Result<u64, sqlx::Error> {
        let sql = sql.on(self.dialect());
        match self {
            Self::Sqlite(conn) => {
                let done = sqlite_query(sql, args).execute(conn).await?;
                Ok(done.rows_affected())
            }
            Self::Postgres(conn) => {
                let done = postgres_query(sql, args).execute(conn).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// Runs statements without arguments, several if separated by `;`.
    pub(super) async fn batch(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        on!(self, conn => sqlx::raw_sql(sql).execute(conn).await.map(|_| ()))
    }

    /// Begins a transaction that may write, and on SQLite takes the write lock at once: taking it
    /// later could fail half-way with "database is locked".
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        match self.dialect() {
            Dialect::Sqlite => self.batch("BEGIN IMMEDIATE").await,
            // Named, since a server may default to another: who waited for the ledger's lock must
            // read what its holder has committed.
            Dialect::Postgres => self.batch("BEGIN ISOLATION LEVEL READ COMMITTED").await,
        }
    }

    /// Commits without the server's statement timeout: a commit that waits for a standby and is broken
    /// off by it would be reported as done. Whoever waits for this gives up in time (`group::commit`)
    /// and does not know then whether it was done.
    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        match self.dialect() {
            Dialect::Sqlite => self.batch("COMMIT").await,
            Dialect::Postgres => self.batch("SET LOCAL statement_timeout = 0; COMMIT").await,
        }
    }

    pub(super) async fn close(self) {
        let closed = on!(self, conn => conn.close().await);
        if let Err(error) = closed {
            tracing::debug!(%error, "the database connection did not close cleanly");
        }
    }
}

fn sqlite_query(sql: SqlStr, args: &[Cell]) -> Query<'static, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(sql);
    for arg in args {
        query = match arg {
            Cell::Null => query.bind(None::<i64>),
            Cell::Int(value) => query.bind(*value),
            Cell::Text(text) => query.bind(Arc::clone(text)),
            Cell::Bytes(bytes) => query.bind(Arc::clone(bytes)),
            Cell::List(list) => query.bind(json_array(list)),
        };
    }
    query
}

/// What `json_each` reads.
fn json_array(list: &[Arc<str>]) -> String {
    let texts: Vec<&str> = list.iter().map(AsRef::as_ref).collect();
    serde_json::json!(texts).to_string()
}

fn postgres_query(sql: SqlStr, args: &[Cell]) -> Query<'static, Postgres, PgArguments> {
    let mut query = sqlx::query(sql);
    for arg in args {
        query = match arg {
            Cell::Null => query.bind(None::<String>),
            Cell::Int(value) => query.bind(*value),
            Cell::Text(text) => query.bind(&**text),
            Cell::Bytes(bytes) => query.bind(&**bytes),
            Cell::List(list) => {
                let texts: Vec<&str> = list.iter().map(AsRef::as_ref).collect();
                query.bind(texts)
            }
        };
    }
    query
}
