use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

use crate::StoreError;

/// `SQLITE_FULL`, and the extended codes of "no room for the WAL or its index".
/// <https://sqlite.org/rescode.html>
const SQLITE_FULL: u32 = 13;
const SQLITE_IOERR_SHMSIZE: u32 = 4874;
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_CANTOPEN: u32 = 14;

/// Says what a driver's error means for callers. Values never get into the text: of a PostgreSQL
/// error only the message is taken, not its detail.
pub(super) fn store_error(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) => database_error(error.as_ref()),
        sqlx::Error::ColumnDecode { index, source } => StoreError::Unreadable {
            table: "of the statement",
            reason: format!("column {index}: {source}"),
        },
        sqlx::Error::Configuration(_)
        | sqlx::Error::Encode(_)
        | sqlx::Error::InvalidArgument(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. } => StoreError::Database(error.to_string()),
        // Io, Tls, Protocol, WorkerCrashed: this connection is gone, another may be had.
        _ => StoreError::Unavailable(error.to_string()),
    }
}

fn database_error(error: &dyn DatabaseError) -> StoreError {
    let message = error.message().to_owned();
    if error.try_downcast_ref::<SqliteError>().is_some() {
        let code = error.code().and_then(|code| code.parse::<u32>().ok());
        return match code {
            Some(SQLITE_IOERR_SHMSIZE) => StoreError::Full(message),
            Some(code) => match code & 0xff {
                SQLITE_FULL => StoreError::Full(message),
                SQLITE_BUSY | SQLITE_LOCKED | SQLITE_CANTOPEN => StoreError::Unavailable(message),
                _ => StoreError::Database(message),
            },
            None => StoreError::Database(message),
        };
    }
    let state = error
        .try_downcast_ref::<PgDatabaseError>()
        .map_or("", PgDatabaseError::code);
    match state {
        "53100" => StoreError::Full(message),
        // Connection exceptions, too many connections, shut down by an operator, starting up,
        // a standby that was a primary.
        _ if state.starts_with("08") || state.starts_with("57P") => {
            StoreError::Unavailable(message)
        }
        "53300" | "25006" => StoreError::Unavailable(message),
        // A lock that another replica holds too long, a statement that took too long, a transaction
        // that lay idle.
        "55P03" | "57014" | "25P03" => StoreError::Unavailable(message),
        _ => StoreError::Database(message),
    }
}
