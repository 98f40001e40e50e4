//! The tables that the migrations make.
#![expect(
    clippy::unwrap_used,
    reason = "what tests share fails by panicking, too"
)]

use broker_store::testing::TestPostgres;
use broker_store::{Change, Commits as _, Write};
use broker_store::{
    Dossiers as _, Privacy as _, SqlStore, StoreError, StoreOptions, SystemUsed, Usage as _,
};
use jiff::Timestamp;
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

/// Ids and times as a document has them; the NUL is in the words of a site.
const FIRST_ROWS: &str = r#"
    INSERT INTO organisations VALUES ('org_1', NULL, '{}');
    INSERT INTO projects VALUES ('prj_1', 'org_1', '{}');
    INSERT INTO allocations VALUES ('alc_1', 'prj_1', '{"valid_until":"2026-11-20T12:00:00.5Z"}');
    INSERT INTO attempts VALUES ('att_1', 'job_1', 'lumi', 1, 0, 1,
        '{"why":"\u0000","leased_by":"agt_1","lease_until":"2026-11-20T12:00:00Z"}');
    INSERT INTO attempts VALUES ('att_2', 'job_2', 'lumi', 0, 1, 1, '{}');
    CREATE TABLE schema_migrations (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL);
    INSERT INTO schema_migrations VALUES (1, '0001_first');
"#;
const TAKEN_OVER: &str = "SELECT allocation_id, CAST(ends_at_us AS TEXT) FROM expiries UNION ALL \
     SELECT leased_by, CAST(lease_until_us AS TEXT) FROM attempts WHERE settled = 0";

#[tokio::test]
async fn what_the_first_schema_held_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}/broker.db?mode=rwc", folder.path().display());
    let mut conn = SqliteConnection::connect(&file).await.unwrap();
    for sql in [
        include_str!("../migrations/sqlite/0001_first.sql"),
        FIRST_ROWS,
    ] {
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    }
    migrated(file.strip_suffix("?mode=rwc").unwrap()).await;
    let rows = sqlx::query(TAKEN_OVER).fetch_all(&mut conn).await.unwrap();
    let rows: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let row = |id: &str, at: &str| (id.to_owned(), at.to_owned());
    // SQLite reads whole seconds; whoever acts on it looks at the document again.
    let expected = [
        row("alc_1", "1795176000000000"),
        row("agt_1", "1795176000000000"),
    ];
    assert_eq!(rows, expected);

    let Some(postgres) = TestPostgres::shared() else {
        return;
    };
    let url = postgres.create_database().await;
    let mut conn = PgConnection::connect(&url).await.unwrap();
    for sql in [
        include_str!("../migrations/postgres/0001_first.sql"),
        FIRST_ROWS,
    ] {
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    }
    migrated(&url).await;
    let rows = sqlx::query(TAKEN_OVER).fetch_all(&mut conn).await.unwrap();
    let rows: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let expected = [
        row("alc_1", "1795176000500000"),
        row("agt_1", "1795176000000000"),
    ];
    assert_eq!(rows, expected);
}

const OLD_EVIDENCE: &str = r#"
    INSERT INTO organisations VALUES ('org_0192f0c1d2e37abc8def0123456789ab', NULL, '{}');
    INSERT INTO evidence (organisation_id, kind, issued_on, document) VALUES
        ('org_0192f0c1d2e37abc8def0123456789ab', 'ethics_board', '2026-01-01', '{"source":"minutes"}'),
        ('org_0192f0c1d2e37abc8def0123456789ab', 'ethics_board', '2026-01-01', '{"source":"Ada"}');
"#;

/// Takes the dossier of the second away, and returns how many rows went with it, and then again.
async fn let_go(store: &SqlStore) -> [u64; 3] {
    let before = store.forget_old_evidence().await.unwrap();
    let id = format!("evi_{:032x}", 2);
    let found = store.find_dossier(&id).await.unwrap().unwrap();
    assert!(found.document.contains("Ada"), "{found:?}");
    let (id, version) = (found.id, found.version);
    let change = Change {
        writes: vec![Write::RemoveDossier { id, version }],
        entries: Vec::new(),
    };
    store.commit(change).await.unwrap();
    let gone = store.forget_old_evidence().await.unwrap();
    [before, gone, store.forget_old_evidence().await.unwrap()]
}

#[tokio::test]
async fn evidence_of_before_dossiers_goes_once_its_dossier_is_gone() {
    let left = "SELECT document FROM evidence";
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}/broker.db?mode=rwc", folder.path().display());
    let mut conn = SqliteConnection::connect(&file).await.unwrap();
    for sql in [
        include_str!("../migrations/sqlite/0001_first.sql"),
        "CREATE TABLE schema_migrations (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)",
        "INSERT INTO schema_migrations VALUES (1, '0001_first')",
        OLD_EVIDENCE,
    ] {
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    }
    let store = migrated(file.strip_suffix("?mode=rwc").unwrap()).await;
    assert_eq!(let_go(&store).await, [0, 1, 0]);
    let rows = sqlx::query(left).fetch_all(&mut conn).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<String, _>(0), r#"{"source":"minutes"}"#);

    let Some(postgres) = TestPostgres::shared() else {
        return;
    };
    let url = postgres.create_database().await;
    let mut conn = PgConnection::connect(&url).await.unwrap();
    for sql in [
        include_str!("../migrations/postgres/0001_first.sql"),
        "CREATE TABLE schema_migrations (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)",
        "INSERT INTO schema_migrations VALUES (1, '0001_first')",
        OLD_EVIDENCE,
    ] {
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    }
    let store = migrated(&url).await;
    assert_eq!(let_go(&store).await, [0, 1, 0]);
    let rows = sqlx::query(left).fetch_all(&mut conn).await.unwrap();
    assert_eq!(rows.len(), 1);
}

/// As a broker of before `0013_usage_by_system` writes it, which runs until it is replaced.
const USAGE_OF_BEFORE: &str = r#"
    INSERT INTO usage_records (attempt_id, job_id, project_id, share, site_id, month, ended_at_us, document,
        organisation_id, gpu_ms) VALUES ('att_1', 'job_1', 'prj_1', 'union', 'lumi', '2026-11', 1793491200000000,
        '{"partition":{"site":"lumi","system":"lumi","partition":"small-g"}}', 'org_1', 700)"#;

/// System and GPU-milliseconds of all time.
async fn used(store: &SqlStore) -> Vec<(String, i64)> {
    let (begin, end) = (
        Timestamp::UNIX_EPOCH,
        "2100-01-01T00:00:00Z".parse().unwrap(),
    );
    let used = store.used_by_system(begin, end).await.unwrap();
    let of = |it: SystemUsed| (it.system.to_string(), it.gpu.0);
    used.into_iter().map(of).collect()
}

#[tokio::test]
async fn usage_that_an_older_broker_stores_counts_at_its_system() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}/broker.db", folder.path().display());
    let store = migrated(&file).await;
    let mut conn = SqliteConnection::connect(&file).await.unwrap();
    sqlx::raw_sql(USAGE_OF_BEFORE)
        .execute(&mut conn)
        .await
        .unwrap();
    assert_eq!(used(&store).await, [("lumi".to_owned(), 700)]);

    let Some(postgres) = TestPostgres::shared() else {
        return;
    };
    let url = postgres.create_database().await;
    let store = migrated(&url).await;
    let mut conn = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(USAGE_OF_BEFORE)
        .execute(&mut conn)
        .await
        .unwrap();
    assert_eq!(used(&store).await, [("lumi".to_owned(), 700)]);
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
