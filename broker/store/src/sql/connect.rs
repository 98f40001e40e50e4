use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

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
    Postgres {
        options: Box<PgConnectOptions>,
        /// How long an answer of the server is waited for.
        answer: Duration,
    },
}

/// Without the options: they may hold a password.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "Sqlite",
            Self::Postgres { .. } => "Postgres",
        })
    }
}

pub(super) fn target(url: &str, options: &StoreOptions) -> Result<Target, StoreError> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        return sqlite(path, options);
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return postgres(url, options.patience);
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

/// A replica that hangs, or whose network does, must not hold up the others: the server ends what it
/// began. It looks for a client that is gone with TCP keepalives, since sqlx sends none.
fn postgres(url: &str, patience: Duration) -> Result<Target, StoreError> {
    let millis = |times: u32| format!("{}ms", (patience * times).as_millis().max(1));
    let connect = PgConnectOptions::from_str(url)
        .map_err(|e| StoreError::Database(format!("the database URL cannot be read: {e}")))?
        .application_name("alcyone-broker")
        .options([
            // A server may default to `off`; "committed" here means durable.
            ("synchronous_commit", "on".to_owned()),
            // Every statement has an index for it, and statements are planned once, when the tables are
            // small: a plan that reads a whole table would be kept while the table grows.
            ("enable_seqscan", "off".to_owned()),
            ("lock_timeout", millis(1)),
            ("statement_timeout", millis(2)),
            ("idle_in_transaction_session_timeout", millis(2)),
            ("tcp_keepalives_idle", "10".to_owned()),
            ("tcp_keepalives_interval", "5".to_owned()),
            ("tcp_keepalives_count", "3".to_owned()),
            ("tcp_user_timeout", "25s".to_owned()),
        ])
        .statement_cache_capacity(512)
        .disable_statement_logging();
    Ok(Target::Postgres {
        options: Box::new(connect),
        answer: patience * 3,
    })
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
            Self::Postgres { .. } => self.connect().await,
        }
    }

    async fn connect(&self) -> Result<Conn, StoreError> {
        let conn = match self {
            Self::Sqlite(options) => SqliteConnection::connect_with(options)
                .await
                .map(Conn::Sqlite),
            Self::Postgres { options, .. } => {
                let connecting = PgConnection::connect_with(options);
                self.answered(connecting).await?.map(Conn::Postgres)
            }
        };
        conn.map_err(|e| store_error(&e))
    }

    /// Waits for the server's answer no longer than is agreed. After `Unavailable` the connection is
    /// in the middle of something: drop it. A SQLite file is always waited for: its statements run in
    /// this process and go on, whoever waits.
    pub(super) async fn answered<F: Future>(&self, answer: F) -> Result<F::Output, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(answer.await),
            Self::Postgres { answer: most, .. } => {
                let late = |_| StoreError::Unavailable(format!("no answer after {most:?}"));
                tokio::time::timeout(*most, answer).await.map_err(late)
            }
        }
    }
}
