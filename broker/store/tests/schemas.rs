//! The tables that the migrations make.
#![expect(
    clippy::unwrap_used,
    reason = "what tests share fails by panicking, too"
)]

use broker_store::testing::TestPostgres;
use broker_store::{SqlStore, StoreError, StoreOptions};
use sqlx::{Connection as _, PgConnection, Row as _, SqliteConnection};

/// Table, column, and whether it may be NULL.
type Column = (String, String, bool);

async fn migrated(url: &str) -> SqlStore {
    let store = SqlStore::connect(url, StoreOptions::default())
        .await
        .unwrap();
    store.migrate().await.unwrap();
    store
}

async fn sqlite_columns(file: &str) -> Vec<Column> {
    let mut conn = SqliteConnection::connect(file).await.unwrap();
    let rows = sqlx::query(
        "SELECT t.name, c.name, c.\"notnull\" FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
         WHERE t.type = 'table' ORDER BY 1, 2",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let column = |row: &sqlx::sqlite::SqliteRow| {
        let not_null: i64 = row.get(2);
        (row.get(0), row.get(1), not_null == 0)
    };
    rows.iter().map(column).collect()
}

async fn postgres_columns(url: &str) -> Vec<Column> {
    let mut conn = PgConnection::connect(url).await.unwrap();
    let rows = sqlx::query(
        "SELECT table_name::TEXT COLLATE \"C\", column_name::TEXT COLLATE \"C\", is_nullable = 'YES' \
         FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let column = |row: &sqlx::postgres::PgRow| (row.get(0), row.get(1), row.get(2));
    rows.iter().map(column).collect()
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let Some(postgres) = TestPostgres::shared() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}/broker.db", folder.path().display());
    migrated(&file).await;
    let url = postgres.create_database().await;
    migrated(&url).await;
    let (sqlite, postgres) = (sqlite_columns(&file).await, postgres_columns(&url).await);
    assert!(sqlite.len() > 80, "{}", sqlite.len());
    assert_eq!(sqlite, postgres);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}/broker.db", folder.path().display());
    let store = migrated(&file).await;
    let mut conn = SqliteConnection::connect(&file).await.unwrap();
    sqlx::raw_sql("INSERT INTO schema_migrations VALUES (9000, '9000_next_year')")
        .execute(&mut conn)
        .await
        .unwrap();
    for answer in [store.migrate().await, store.check_schema().await] {
        let Err(StoreError::NewerSchema { migration }) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(migration, "9000_next_year");
    }
}

/// SQLite holds its columns to their types only in STRICT tables.
#[tokio::test]
async fn every_sqlite_table_is_strict() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}/broker.db", folder.path().display());
    migrated(&file).await;
    let mut conn = SqliteConnection::connect(&file).await.unwrap();
    let lax = sqlx::query(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0 \
         AND name NOT LIKE 'sqlite_%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let lax: Vec<String> = lax.iter().map(|row| row.get(0)).collect();
    assert_eq!(lax, [""; 0]);
}
