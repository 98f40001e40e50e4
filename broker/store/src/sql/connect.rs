use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use super::db::Conn;
use super::errors::store_error;
use crate::{StoreError, StoreOptions};

/// Where connections are made to.
#[derive(Clone)]
pub(super) enum Target {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

/// Without the options: they may hold a password.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "Sqlite",
            Self::Postgres(_) => "Postgres",
        })
    }
}

pub(super) fn target(url: &str, options: &StoreOptions) -> Result<Target, StoreError> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        return sqlite(path, options);
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return postgres(url);
    }
    // The URL itself may hold a password: it is not repeated.
    Err(StoreError::Database(
        "the database URL has an unknown form; expected `sqlite:///path/to/file.db` or \
         `postgres://user@host/name`"
            .to_owned(),
    ))
}

fn sqlite(path: &str, options: &StoreOptions) -> Result<Target, StoreError> {
    if path.is_empty() || path == ":memory:" || path.ends_with('/') {
        return Err(StoreError::Database(
            "the database URL names no file; expected `sqlite:///path/to/file.db`".to_owned(),
        ));
    }
    let path = PathBuf::from(path);
    make_folder(&path)?;
    let mut connect = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(options.patience)
        .statement_cache_capacity(512)
        // Only when `checkpoint.rs` never finds the log all copied: 64 MiB.
        .pragma("wal_autocheckpoint", "16000")
        .disable_statement_logging();
    if let Some(pages) = options.sqlite_max_pages {
        connect = connect.pragma("max_page_count", pages.to_string());
    }
    Ok(Target::Sqlite(Box::new(connect)))
}

/// Readable by the broker's own account only: the file holds personal data.
fn make_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) else {
        return Ok(());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| {
            StoreError::Unavailable(format!("cannot make the folder {}: {e}", folder.display()))
        })
}

fn postgres(url: &str) -> Result<Target, StoreError> {
    let connect = PgConnectOptions::from_str(url)
        .map_err(|e| StoreError::Database(format!("the database URL cannot be read: {e}")))?
        .application_name("alcyone-broker")
        .options([
            // A server may default to `off`; "committed" here means durable.
            ("synchronous_commit", "on"),
            // Every statement has an index for it, and statements are planned once, when the tables are
            // small: a plan that reads a whole table would be kept while the table grows.
            ("enable_seqscan", "off"),
        ])
        .statement_cache_capacity(512)
        .disable_statement_logging();
    Ok(Target::Postgres(Box::new(connect)))
}

impl Target {
    pub(super) async fn connect_writer(&self) -> Result<Conn, StoreError> {
        self.connect().await
    }

    pub(super) async fn connect_reader(&self) -> Result<Conn, StoreError> {
        match self {
            Self::Sqlite(options) => {
                let options = options.as_ref().clone().pragma("query_only", "ON");
                SqliteConnection::connect_with(&options)
                    .await
                    .map(Conn::Sqlite)
                    .map_err(|e| store_error(&e))
            }
            Self::Postgres(_) => self.connect().await,
        }
    }

    async fn connect(&self) -> Result<Conn, StoreError> {
        let conn = match self {
            Self::Sqlite(options) => SqliteConnection::connect_with(options)
                .await
                .map(Conn::Sqlite),
            Self::Postgres(options) => PgConnection::connect_with(options)
                .await
                .map(Conn::Postgres),
        };
        conn.map_err(|e| store_error(&e))
    }
}
