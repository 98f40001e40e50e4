//! Many rows in few statements.
//!
//! PostgreSQL takes any number of rows as one array for each column. SQLite takes as many
//! arguments as there are cells, so its rows go in chunks of a few fixed sizes, and each size is
//! prepared once.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::postgres::PgConnection;

use super::db::{Cell, Conn, Kind, Sql};
use super::pending::Final;
use super::tables::{OnConflict, TABLES, Table};

const CHUNKS: [usize; 4] = [64, 16, 4, 1];

/// Texts of statements by table, rows and whether they remove.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<(usize, usize, bool), Arc<str>>);

pub(super) async fn write(
    conn: &mut Conn,
    texts: &mut Texts,
    table: usize,
    rows: &Final<'_>,
) -> Result<(), sqlx::Error> {
    write_rows(conn, texts, (table, false), &rows.puts).await?;
    write_rows(conn, texts, (table, true), &rows.removals).await
}

async fn write_rows(
    conn: &mut Conn,
    texts: &mut Texts,
    (table, remove): (usize, bool),
    rows: &[&[Cell]],
) -> Result<(), sqlx::Error> {
    let mut rest = rows;
    while !rest.is_empty() {
        let size = match conn {
            Conn::Sqlite(_) => CHUNKS.into_iter().find(|size| *size <= rest.len()),
            Conn::Postgres(_) => None,
        };
        let (chunk, later) = rest.split_at(size.unwrap_or(rest.len()));
        rest = later;
        let text = texts.get(table, size.unwrap_or(0), remove);
        match conn {
            Conn::Sqlite(_) => {
                conn.execute(&Sql::Built(text), &chunk.concat()).await?;
            }
            Conn::Postgres(pg) => postgres(pg, text, table, chunk).await?,
        }
    }
    Ok(())
}

impl Texts {
    /// `rows` is 0 for arrays.
    fn get(&mut self, table: usize, rows: usize, remove: bool) -> Arc<str> {
        let text = self.0.entry((table, rows, remove)).or_insert_with(|| {
            TABLES
                .get(table)
                .map_or_else(String::new, |table| statement(table, rows, remove))
                .into()
        });
        Arc::clone(text)
    }
}

fn statement(table: &Table, rows: usize, remove: bool) -> String {
    let width = if remove {
        table.keys
    } else {
        table.columns.len()
    };
    let columns: Vec<&str> = table.columns.iter().take(width).map(|c| c.0).collect();
    let columns = columns.join(", ");
    let name = table.name;
    let source = if rows == 0 {
        format!("SELECT * FROM {}", unnest(table, width))
    } else {
        let one = format!("({})", vec!["?"; width].join(", "));
        format!("VALUES {}", vec![one; rows].join(", "))
    };
    if remove {
        return format!("DELETE FROM {name} WHERE ({columns}) IN ({source})");
    }
    let conflict = on_conflict(table);
    format!("INSERT INTO {name} ({columns}) {source}{conflict}")
}

fn unnest(table: &Table, width: usize) -> String {
    let arrays: Vec<String> = table
        .columns
        .iter()
        .take(width)
        .zip(1..)
        .map(|((_, kind), at)| match kind {
            Kind::Int => format!("${at}::BIGINT[]"),
            Kind::Text => format!("${at}::TEXT[]"),
            Kind::Bytes => format!("${at}::BYTEA[]"),
        })
        .collect();
    format!("UNNEST({})", arrays.join(", "))
}

fn on_conflict(table: &Table) -> String {
    let keys: Vec<&str> = table.columns.iter().take(table.keys).map(|c| c.0).collect();
    let keys = keys.join(", ");
    match table.on_conflict {
        OnConflict::Refuse => String::new(),
        OnConflict::Keep => format!(" ON CONFLICT ({keys}) DO NOTHING"),
        OnConflict::Replace(columns) => {
            let set: Vec<String> = columns
                .iter()
                .map(|column| format!("{column} = excluded.{column}"))
                .collect();
            format!(" ON CONFLICT ({keys}) DO UPDATE SET {}", set.join(", "))
        }
    }
}

async fn postgres(
    conn: &mut PgConnection,
    text: Arc<str>,
    table: usize,
    rows: &[&[Cell]],
) -> Result<(), sqlx::Error> {
    let columns = TABLES.get(table).map_or(&[][..], |table| table.columns);
    let width = rows.first().map_or(0, |row| row.len());
    let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
    for (at, (_, kind)) in columns.iter().take(width).enumerate() {
        let column = rows.iter().map(|row| row.get(at));
        query = match kind {
            Kind::Int => query.bind(column.map(int).collect::<Vec<_>>()),
            Kind::Text => query.bind(column.map(text_of).collect::<Vec<_>>()),
            Kind::Bytes => query.bind(column.map(bytes).collect::<Vec<_>>()),
        };
    }
    query.execute(conn).await.map(|_| ())
}

fn int(cell: Option<&Cell>) -> Option<i64> {
    match cell {
        Some(Cell::Int(value)) => Some(*value),
        _ => None,
    }
}

fn text_of(cell: Option<&Cell>) -> Option<&str> {
    match cell {
        Some(Cell::Text(text)) => Some(text),
        _ => None,
    }
}

fn bytes(cell: Option<&Cell>) -> Option<&[u8]> {
    match cell {
        Some(Cell::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::tables::TableId;

    #[test]
    fn statements_name_every_column_and_what_a_second_row_does() {
        let table = &TABLES[TableId::LogStreams as usize];
        assert_eq!(
            statement(table, 2, false),
            "INSERT INTO log_streams (attempt_id, stream, length) VALUES (?, ?, ?), (?, ?, ?) \
             ON CONFLICT (attempt_id, stream) DO UPDATE SET length = excluded.length"
        );
        assert_eq!(
            statement(table, 0, true),
            "DELETE FROM log_streams WHERE (attempt_id, stream) IN \
             (SELECT * FROM UNNEST($1::TEXT[], $2::TEXT[]))"
        );
    }
}
