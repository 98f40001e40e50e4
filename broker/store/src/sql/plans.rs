//! That no read of active things pays for finished ones: SQLite's own plan for each statement.

use broker_model::{Ids, StateName, SystemClock};

use super::db::Kind::{Int, Text};
use super::db::{Cell, Select, Sql};
use super::{attempts, jobs};
use crate::{JobFilter, Page, SqlStore, StoreOptions};

/// The lines of `EXPLAIN QUERY PLAN`.
async fn plan(select: &Select, args: &[Cell]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/plan.db", folder.path().display());
    let store = SqlStore::connect(&url, StoreOptions::default())
        .await
        .unwrap();
    store.migrate().await.unwrap();
    let sql = match &select.sql {
        Sql::Same(sql) => (*sql).to_owned(),
        Sql::Each { sqlite, .. } => (*sqlite).to_owned(),
        Sql::Built(sql) => sql.to_string(),
    };
    let explain = Select {
        table: "plan",
        sql: Sql::Built(format!("EXPLAIN QUERY PLAN {sql}").into()),
        kinds: &[Int, Int, Int, Text],
    };
    let rows = store.rows(&explain, args).await.unwrap();
    rows.iter()
        .map(|row| row.text(3).unwrap().to_owned())
        .collect()
}

fn assert_uses(plan: &[String], index: &str) {
    assert!(plan.iter().any(|line| line.contains(index)), "{plan:#?}");
    let sorts = plan
        .iter()
        .any(|line| line.contains("TEMP B-TREE FOR ORDER"));
    assert!(!sorts, "{plan:#?}");
}

#[tokio::test]
async fn the_loops_read_partial_indexes_in_order() {
    let (site, few) = (Cell::text("lumi"), Cell::Int(10));
    let first = Cell::text("");
    let first_few = [first.clone(), few.clone()];
    let site_first_few = [site.clone(), first, few];
    for (select, args, index) in [
        (&jobs::PENDING, &first_few[..], "jobs_pending"),
        (&jobs::PLACED, &site_first_few, "jobs_placed"),
        (&jobs::CANCELLING, &[site], "jobs_cancelling"),
        (&jobs::ACTIVE, &[], "COVERING INDEX jobs_active_by_state"),
        (&attempts::UNSETTLED, &site_first_few, "attempts_unsettled"),
    ] {
        assert_uses(&plan(select, args).await, index);
    }
}

#[tokio::test]
async fn lists_stop_after_a_page() {
    let ids = Ids::from_os();
    let page = Page {
        limit: 50,
        before: Some(ids.next(&SystemClock)),
    };
    let of = |projects: usize, active: bool| JobFilter {
        projects: Some((0..projects).map(|_| ids.next(&SystemClock)).collect()),
        active,
        ..JobFilter::default()
    };
    let running = JobFilter {
        states: vec![StateName::Running],
        ..of(1, false)
    };
    for (filter, index) in [
        (of(1, false), "jobs_by_project"),
        (of(1, true), "jobs_active_by_project"),
        (running, "jobs_active_by_project"),
    ] {
        let (select, args) = jobs::list(&filter, &page).unwrap();
        assert_uses(&plan(&select, &args).await, index);
    }
    let (select, args) = jobs::list(&of(3, false), &page).unwrap();
    let lines = plan(&select, &args).await;
    let branches = lines.iter().filter(|l| l.contains("jobs_by_project"));
    assert_eq!(branches.count(), 3, "{lines:#?}");
    let scans = lines.iter().filter(|l| l.contains("SCAN jobs"));
    assert_eq!(scans.count(), 0, "{lines:#?}");
}
