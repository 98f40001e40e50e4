use anyhow::{Context as _, bail};
use broker_store::testing::TestPostgres;
use clap::ValueEnum;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A database of its own in a folder that goes away with it. On disk, and every commit durable.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) kind: Kind,
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    _server: Option<TestPostgres>,
}

impl Scratch {
    pub(crate) async fn new(kind: Kind) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("alcyone-load-").tempdir()?;
        let (url, server) = match kind {
            Kind::Sqlite => (
                format!("sqlite://{}/broker.db", folder.path().display()),
                None,
            ),
            Kind::Postgres => {
                let server = TestPostgres::start_durable()?;
                let Some(server) = server else {
                    bail!("PostgreSQL is not installed (apt-get install postgresql)");
                };
                (server.create_database().await, Some(server))
            }
        };
        Ok(Self {
            kind,
            url,
            folder,
            _server: server,
        })
    }

    /// Makes a new server one that has run for a while: until its first checkpoint PostgreSQL fills a
    /// file of 16 MiB with zeros, inside a commit, for each 16 MiB of log; later it uses old ones again.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        match self.kind {
            Kind::Sqlite => Ok(()),
            Kind::Postgres => self.raw(true).await?.run("CHECKPOINT".to_owned()).await,
        }
    }

    /// A connection beside the store's own. With `durable` its commits cost what the store's do.
    pub(crate) async fn raw(&self, durable: bool) -> anyhow::Result<Raw> {
        match self.kind {
            Kind::Sqlite => {
                let path = self
                    .url
                    .strip_prefix("sqlite://")
                    .context("a SQLite address")?;
                let level = if durable {
                    SqliteSynchronous::Full
                } else {
                    SqliteSynchronous::Off
                };
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(level)
                    .busy_timeout(std::time::Duration::from_secs(30));
                Ok(Raw::Sqlite(SqliteConnection::connect_with(&options).await?))
            }
            Kind::Postgres => {
                let mut conn = PgConnection::connect(&self.url).await?;
                let level = if durable { "on" } else { "off" };
                let set = format!("SET synchronous_commit = {level}");
                sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut conn).await?;
                Ok(Raw::Postgres(conn))
            }
        }
    }
}

#[derive(Debug)]
pub(crate) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    /// Runs statements that this program has written.
    pub(crate) async fn run(&mut self, sql: String) -> anyhow::Result<()> {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(conn) => sqlx::raw_sql(sql).execute(conn).await.map(|_| ())?,
            Self::Postgres(conn) => sqlx::raw_sql(sql).execute(conn).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Runs one prepared statement with a key and a text.
    pub(crate) async fn insert(
        &mut self,
        sql: &'static str,
        key: i64,
        text: &str,
    ) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(conn) => {
                sqlx::query(sql).bind(key).bind(text).execute(conn).await?;
            }
            Self::Postgres(conn) => {
                sqlx::query(sql).bind(key).bind(text).execute(conn).await?;
            }
        }
        Ok(())
    }
}
