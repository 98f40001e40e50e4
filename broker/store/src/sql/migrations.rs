use super::connect::Target;
use super::db::Kind::{Int, Text};
use super::db::{Cell, Conn, Dialect, Select, Sql};
use super::errors::store_error;
use crate::StoreError;

#[derive(Debug)]
struct Migration {
    number: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($number:literal, $name:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_first"),
    migration!(2, "0002_terms_and_lists"),
    migration!(3, "0003_placings"),
    migration!(4, "0004_revocations"),
    migration!(5, "0005_compression"),
    migration!(6, "0006_agents"),
    migration!(7, "0007_confirmations"),
    migration!(8, "0008_site_registry"),
    migration!(9, "0009_site_counts"),
    migration!(10, "0010_dossiers"),
    migration!(12, "0012_holds"),
    migration!(11, "0011_terms"),
    migration!(13, "0013_usage_by_system"),
    migration!(14, "0014_signatories"),
];

const TABLE: Sql = Sql::Each {
    sqlite: "CREATE TABLE IF NOT EXISTS schema_migrations \
             (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL) STRICT",
    postgres: "CREATE TABLE IF NOT EXISTS schema_migrations \
               (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)",
};
const HAS_TABLE: Select = Select {
    table: "schema_migrations",
    sql: Sql::Each {
        sqlite: "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'schema_migrations'",
        postgres: "SELECT COUNT(*) FROM pg_catalog.pg_tables \
                   WHERE tablename = 'schema_migrations' AND schemaname = ANY(current_schemas(false))",
    },
    kinds: &[Int],
};
const APPLIED: Select = Select::new(
    "schema_migrations",
    "SELECT number, name FROM schema_migrations ORDER BY number",
    &[Int, Text],
);
const RECORD: Sql = Sql::Same("INSERT INTO schema_migrations (number, name) VALUES ($1, $2)");
/// A migration of a large database takes its time, and so does waiting for another's.
const WITHOUT_LIMITS: &str = "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
                              SET LOCAL idle_in_transaction_session_timeout = 0";
/// Two replicas that migrate at once go one after the other; the number is this program's own.
const LOCK: Select = Select::new(
    "schema_migrations",
    "SELECT 1::BIGINT FROM (SELECT pg_advisory_xact_lock(8317460021)) AS locked",
    &[Int],
);

pub(super) async fn migrate(target: &Target) -> Result<Vec<String>, StoreError> {
    let mut conn = target.connect_writer().await?;
    // An error drops the connection, and the database rolls back.
    let done = migrate_on(&mut conn).await?;
    conn.close().await;
    Ok(done)
}

async fn migrate_on(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    conn.begin().await.map_err(|e| store_error(&e))?;
    if conn.dialect() == Dialect::Postgres {
        conn.batch(WITHOUT_LIMITS)
            .await
            .map_err(|e| store_error(&e))?;
        conn.fetch(&LOCK, &[]).await.map_err(|e| store_error(&e))?;
    }
    conn.execute(&TABLE, &[])
        .await
        .map_err(|e| store_error(&e))?;
    let mut done = Vec::new();
    for migration in missing(conn).await? {
        apply(conn, migration).await.map_err(|e| store_error(&e))?;
        done.push(migration.name.to_owned());
    }
    conn.commit().await.map_err(|e| store_error(&e))?;
    Ok(done)
}

async fn apply(conn: &mut Conn, migration: &'static Migration) -> Result<(), sqlx::Error> {
    let sql = match conn.dialect() {
        Dialect::Sqlite => migration.sqlite,
        Dialect::Postgres => migration.postgres,
    };
    conn.batch(sql).await?;
    let record = [Cell::Int(migration.number), Cell::text(migration.name)];
    conn.execute(&RECORD, &record).await?;
    Ok(())
}

pub(super) async fn pending(target: &Target) -> Result<Vec<String>, StoreError> {
    let mut conn = target.connect_reader().await?;
    let has_table = conn
        .fetch(&HAS_TABLE, &[])
        .await
        .map_err(|e| store_error(&e))?;
    let has_table = has_table.first().map_or(Ok(0), |row| row.int(0))? > 0;
    let missing: Vec<&Migration> = if has_table {
        missing(&mut conn).await?
    } else {
        MIGRATIONS.iter().collect()
    };
    conn.close().await;
    Ok(missing.into_iter().map(|m| m.name.to_owned()).collect())
}

/// The migrations that the database does not have. Refuses one that has others than this program's.
async fn missing(conn: &mut Conn) -> Result<Vec<&'static Migration>, StoreError> {
    let rows = conn
        .fetch(&APPLIED, &[])
        .await
        .map_err(|e| store_error(&e))?;
    let mut applied = Vec::new();
    for row in &rows {
        let (number, name) = (row.int(0)?, row.text(1)?);
        let known = MIGRATIONS.iter().find(|m| m.number == number);
        if known.is_none_or(|m| m.name != name) {
            return Err(StoreError::NewerSchema {
                migration: name.to_owned(),
            });
        }
        applied.push(number);
    }
    let missing = MIGRATIONS.iter().filter(|m| !applied.contains(&m.number));
    Ok(missing.collect())
}
