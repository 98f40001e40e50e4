//! That no read of active things pays for finished ones, and no list for what is behind its page: the
//! databases' own plans for each statement.

use std::slice::from_ref;

use broker_model::{FundingShare, Ids, ProjectId, StateName, SystemClock};

use super::db::Kind::{Int, Text};
use super::db::{Cell, Dialect, Select, Sql};
use super::{
    SqlStore, accounts, agents, attempts, connect, dossiers, identities, jobs, privacy, usage,
};
use crate::{JobFilter, Page, StoreOptions, UsageFilter};

/// Jobs and usage of 200 projects; few jobs failed, few run, and few are at one of the two sites.
#[cfg(feature = "test-postgres")]
const MANY_ROWS: &str = "
    INSERT INTO jobs SELECT
        'job_' || LPAD(TO_HEX(n), 32, '0'), 'prj_' || LPAD(TO_HEX(n % 200), 32, '0'),
        CASE n % 101 WHEN 0 THEN 'failed' WHEN 1 THEN 'running' ELSE 'completed' END,
        CASE n % 101 WHEN 1 THEN 1 ELSE 0 END, 0,
        CASE n % 53 WHEN 7 THEN 'lumi' ELSE 'bsc' END, NULL, 1, REPEAT('x', 900)
        FROM GENERATE_SERIES(1, 20000) AS n;
    INSERT INTO usage_records SELECT
        'att_' || LPAD(TO_HEX(n), 32, '0'), 'job_' || n, 'prj_' || LPAD(TO_HEX(n % 200), 32, '0'),
        CASE n % 13 WHEN 0 THEN 'union' ELSE 'commercial' END,
        CASE n % 53 WHEN 7 THEN 'lumi' ELSE 'bsc' END, '2026-11',
        1793491200000000 + n * 100000000::BIGINT, REPEAT('x', 900), 'org', 0, 'main'
        FROM GENERATE_SERIES(1, 20000) AS n";

/// A store whose plans are asked for.
struct Plans {
    url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Plans {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/plan.db", folder.path().display());
        Self::on(url, Some(folder)).await
    }

    /// PostgreSQL plans by what it knows of the rows, so there are some.
    #[cfg(feature = "test-postgres")]
    async fn postgres() -> Option<Self> {
        let postgres = crate::testing::TestPostgres::shared()?;
        let plans = Self::on(postgres.create_database().await, None).await;
        let target = connect::target(&plans.url, &StoreOptions::default()).unwrap();
        let mut conn = target.connect_writer().await.unwrap();
        conn.batch(MANY_ROWS).await.unwrap();
        conn.batch("VACUUM ANALYZE").await.unwrap();
        Some(plans)
    }

    async fn on(url: String, folder: Option<tempfile::TempDir>) -> Self {
        let store = SqlStore::connect(&url, StoreOptions::default()).await;
        store.unwrap().migrate().await.unwrap();
        Self {
            url,
            _folder: folder,
        }
    }

    /// The lines of the plan.
    async fn of(&self, select: &Select, args: &[Cell]) -> Vec<String> {
        let target = connect::target(&self.url, &StoreOptions::default()).unwrap();
        let mut conn = target.connect_writer().await.unwrap();
        let sql = match (&select.sql, conn.dialect()) {
            (Sql::Same(sql), _) => (*sql).to_owned(),
            (Sql::Each { sqlite, .. }, Dialect::Sqlite) => (*sqlite).to_owned(),
            (Sql::Each { postgres, .. }, Dialect::Postgres) => (*postgres).to_owned(),
            (Sql::Built(sql), _) => sql.to_string(),
        };
        let (explain, kinds, at): (_, &'static [_], _) = match conn.dialect() {
            Dialect::Sqlite => ("EXPLAIN QUERY PLAN", &[Int, Int, Int, Text], 3),
            Dialect::Postgres => {
                // It sorts where few rows are left; here they shall come in order, however many.
                let in_order = "SET enable_sort = off; SET enable_bitmapscan = off";
                conn.batch(in_order).await.unwrap();
                ("EXPLAIN", &[Text], 0)
            }
        };
        let explain = Select {
            table: "plan",
            sql: Sql::Built(format!("{explain} {sql}").into()),
            kinds,
        };
        let rows = conn.fetch(&explain, args).await.unwrap();
        rows.iter()
            .map(|row| row.text(at).unwrap().to_owned())
            .collect()
    }
}

fn assert_uses(plan: &[String], index: &str) {
    assert!(
        plan.iter().any(|line| line.contains(index)),
        "{index}: {plan:#?}"
    );
    let sorts = |line: &String| line.contains("TEMP B-TREE FOR ORDER") || line.contains("Sort Key");
    let scans = |line: &String| {
        let all = line.starts_with("SCAN ") && !line.contains("USING") && !line.contains("branch");
        all || line.contains("Seq Scan")
    };
    assert!(!plan.iter().any(sorts), "{plan:#?}");
    assert!(!plan.iter().any(scans), "{plan:#?}");
}

#[tokio::test]
async fn the_loops_read_partial_indexes_in_order() {
    let plans = Plans::sqlite().await;
    let (site, few) = (Cell::text("lumi"), Cell::Int(10));
    let first = Cell::text("");
    let first_few = [first.clone(), few.clone()];
    let site_first_few = [site.clone(), first.clone(), few.clone()];
    for (select, args, index) in [
        (&jobs::PENDING, &first_few[..], "jobs_pending"),
        (&jobs::PLACED, &site_first_few, "jobs_placed"),
        (&jobs::HELD, &site_first_few, "jobs_held"),
        (&jobs::CANCELLING, from_ref(&site), "jobs_cancelling"),
        (&jobs::ACTIVE, &[], "COVERING INDEX jobs_active_by_state"),
        (&attempts::UNSETTLED, &site_first_few, "attempts_unsettled"),
        (&identities::HOLDERS, from_ref(&first), "grants_by_role"),
        (
            &accounts::ENDED,
            &[Cell::Int(1), few.clone()],
            "expiries_by_end",
        ),
        (&accounts::RUNNING, &[Cell::Int(1)], "expiries_by_end"),
        (
            &usage::BY_SYSTEM,
            &[Cell::Int(1), Cell::Int(2)],
            "COVERING INDEX usage_by_system",
        ),
        (
            &dossiers::ON_DESK,
            &[first.clone(), first.clone(), first.clone(), few.clone()],
            "dossiers_by_desk",
        ),
        (
            &dossiers::DUE,
            &[Cell::Int(1), first.clone(), few.clone()],
            "dossiers_by_due",
        ),
        (
            &dossiers::BETWEEN,
            &[first.clone(), first.clone(), first.clone(), few.clone()],
            "dossiers",
        ),
        (&jobs::FIRST, from_ref(&first), "jobs_by_project"),
        (
            &dossiers::OF_ORGANISATION,
            &[first.clone(), first.clone()],
            "dossiers_by_organisation",
        ),
        (
            &privacy::SETTLED,
            &[first.clone(), first.clone(), few.clone()],
            "dossiers_settled",
        ),
        (&agents::INVITES, from_ref(&site), "agent_invites_by_site"),
        (&agents::AGENTS, from_ref(&site), "agents_by_site"),
        (&agents::KEYS, from_ref(&first), "agent_keys_by_agent"),
    ] {
        assert_uses(&plans.of(select, args).await, index);
    }
    let free = [site, Cell::text("agt"), Cell::Int(1), first, few];
    let plan = plans.of(&attempts::FREE, &free).await;
    for index in ["attempts_by_agent", "attempts_by_lease"] {
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:#?}");
    }
}

/// What is asked of jobs, and the index that gives a page of it.
fn job_lists(project: ProjectId) -> Vec<(JobFilter, &'static str)> {
    let everyones = JobFilter::default();
    let ours = JobFilter {
        projects: Some(vec![project]),
        ..JobFilter::default()
    };
    let active = |filter: &JobFilter| JobFilter {
        active: true,
        ..filter.clone()
    };
    let at = |filter: &JobFilter| JobFilter {
        site: Some("lumi".parse().unwrap()),
        ..filter.clone()
    };
    let in_state = |state, filter: &JobFilter| JobFilter {
        states: vec![state],
        ..filter.clone()
    };
    let running = in_state(StateName::Running, &ours);
    let failed = |filter: &JobFilter| in_state(StateName::Failed, filter);
    vec![
        (ours.clone(), "jobs_by_project"),
        (active(&ours), "jobs_active_by_project"),
        (running, "jobs_active_by_project"),
        (active(&everyones), "jobs_active "),
        (failed(&ours), "jobs_over_by_project "),
        (failed(&everyones), "jobs_over_by_state "),
        (failed(&at(&ours)), "jobs_over_by_project_and_site "),
        (failed(&at(&everyones)), "jobs_over_by_site "),
    ]
}

fn usage_lists(project: ProjectId) -> Vec<(UsageFilter, &'static str)> {
    let month = UsageFilter {
        month: Some("2026-11".to_owned()),
        ..UsageFilter::default()
    };
    let of_project = UsageFilter {
        projects: Some(vec![project]),
        ..UsageFilter::default()
    };
    let ours = UsageFilter {
        month: month.month.clone(),
        ..of_project.clone()
    };
    let at = |filter: &UsageFilter| UsageFilter {
        site: Some("lumi".parse().unwrap()),
        ..filter.clone()
    };
    let share = UsageFilter {
        share: Some(FundingShare::Union),
        ..month.clone()
    };
    vec![
        (UsageFilter::default(), "usage_by_end"),
        (at(&month), "usage_by_site"),
        (at(&of_project), "usage_by_project_and_site"),
        (month, "usage_by_end"),
        (ours, "usage_by_project"),
        (share, "usage_by_share"),
    ]
}

async fn assert_lists_stop_after_a_page(plans: &Plans) {
    let numbered = |kind: &str, number: u32| format!("{kind}_{number:032x}");
    let project = numbered("prj", 7).parse().unwrap();
    let page = Page {
        limit: 50,
        before: Some(numbered("job", 15_000).parse().unwrap()),
    };
    for (filter, index) in job_lists(project) {
        let [(select, args)] = &jobs::list(&filter, &page)[..] else {
            panic!("{filter:?}");
        };
        assert_uses(&plans.of(select, args).await, index);
    }
    for before in [None, Some(numbered("att", 15_000).parse().unwrap())] {
        let page = Page { limit: 50, before };
        for (filter, index) in usage_lists(project) {
            let [(select, args)] = &usage::list(&filter, &page)[..] else {
                panic!("{filter:?}");
            };
            assert_uses(&plans.of(select, args).await, index);
        }
    }
}

#[tokio::test]
async fn lists_stop_after_a_page() {
    assert_lists_stop_after_a_page(&Plans::sqlite().await).await;
}

#[cfg(feature = "test-postgres")]
#[tokio::test]
async fn lists_stop_after_a_page_on_postgres() {
    if let Some(plans) = Plans::postgres().await {
        assert_lists_stop_after_a_page(&plans).await;
    }
}

#[tokio::test]
async fn each_project_state_and_site_is_a_branch_that_stops_after_a_page() {
    let plans = Plans::sqlite().await;
    let ids = Ids::from_os();
    let page = Page {
        limit: 50,
        before: Some(ids.next(&SystemClock)),
    };
    let projects = || {
        Some(
            (0..3)
                .map(|_| ids.next(&SystemClock))
                .collect::<Vec<ProjectId>>(),
        )
    };
    let ours = JobFilter {
        projects: projects(),
        ..JobFilter::default()
    };
    let at = JobFilter {
        site: Some("lumi".parse().unwrap()),
        ..ours.clone()
    };
    let usage_of = UsageFilter {
        projects: projects(),
        ..UsageFilter::default()
    };
    let newest = Page {
        limit: 50,
        before: None,
    };
    for (statements, index, branches) in [
        (jobs::list(&ours, &page), "jobs_by_project", 3),
        (jobs::list(&at, &page), "jobs_over_by_project_and_site", 12),
        (usage::list(&usage_of, &newest), "usage_by_project ", 3),
    ] {
        let [(select, args)] = &statements[..] else {
            panic!("{statements:?}");
        };
        let lines = plans.of(select, args).await;
        let used = lines.iter().filter(|line| line.contains(index)).count();
        assert_eq!(used, branches, "{lines:#?}");
        let scans = |line: &&String| line.contains("SCAN jobs") || line.contains("SCAN usage");
        assert_eq!(lines.iter().filter(scans).count(), 0, "{lines:#?}");
    }
}
