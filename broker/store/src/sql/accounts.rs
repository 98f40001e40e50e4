use async_trait::async_trait;
use broker_model::{Allocation, AllocationId, Organisation, OrganisationId, Project, ProjectId};
use jiff::Timestamp;

use super::SqlStore;
use super::db::Kind::{Int, Text};
use super::db::{Cell, Row, Select, select_any};
use super::{facts, rows};
use crate::{Accounts, Page, StoreError};

const ORGANISATION: Select = Select::new(
    "organisations",
    "SELECT document, version FROM organisations WHERE id = $1",
    &[Text, Int],
);
const ORGANISATIONS: Select = select_any!(
    "organisations",
    "SELECT document, version FROM organisations WHERE id",
    "ORDER BY id",
    &[Text, Int]
);
const ORGANISATION_PAGE: Select = Select::new(
    "organisations",
    "SELECT document, version FROM organisations WHERE id < $1 ORDER BY id DESC LIMIT $2",
    &[Text, Int],
);
const PROJECTS: Select = Select::new(
    "projects",
    "SELECT document FROM projects WHERE organisation_id = $1 ORDER BY id",
    &[Text],
);
const BY_DOMAIN: Select = Select::new(
    "organisations",
    "SELECT document, version FROM organisations WHERE domain = $1 ORDER BY id LIMIT 1",
    &[Text, Int],
);
const PROJECT: Select = Select::new(
    "projects",
    "SELECT document FROM projects WHERE id = $1",
    &[Text],
);
const ALLOCATION: Select = Select::new(
    "allocations",
    "SELECT a.document, b.granted_ms, b.used_ms, b.held_ms, b.lost_ms \
     FROM allocations AS a JOIN balances AS b ON b.allocation_id = a.id WHERE a.id = $1",
    &[Text, Int, Int, Int, Int],
);
const ALLOCATIONS: Select = Select::new(
    "allocations",
    "SELECT a.document, b.granted_ms, b.used_ms, b.held_ms, b.lost_ms \
     FROM allocations AS a JOIN balances AS b ON b.allocation_id = a.id \
     WHERE a.project_id = $1 ORDER BY a.id",
    &[Text, Int, Int, Int, Int],
);

/// `CROSS JOIN` keeps SQLite's planner to this order: the few ends first.
pub(super) const ENDED: Select = Select::new(
    "allocations",
    "SELECT a.document, b.granted_ms, b.used_ms, b.held_ms, b.lost_ms FROM expiries AS e \
     CROSS JOIN balances AS b CROSS JOIN allocations AS a \
     WHERE e.ends_at_us <= $1 AND b.allocation_id = e.allocation_id AND b.held_ms = 0 \
     AND a.id = e.allocation_id ORDER BY e.ends_at_us, e.allocation_id LIMIT $2",
    &[Text, Int, Int, Int, Int],
);

pub(super) const RUNNING: Select = Select::new(
    "allocations",
    "SELECT a.document, b.granted_ms, b.used_ms, b.held_ms, b.lost_ms FROM expiries AS e \
     CROSS JOIN balances AS b CROSS JOIN allocations AS a \
     WHERE e.ends_at_us > $1 AND b.allocation_id = e.allocation_id \
     AND a.id = e.allocation_id ORDER BY e.ends_at_us, e.allocation_id",
    &[Text, Int, Int, Int, Int],
);

#[async_trait]
impl Accounts for SqlStore {
    async fn find_organisation(
        &self,
        id: OrganisationId,
    ) -> Result<Option<Organisation>, StoreError> {
        let row = self.row(&ORGANISATION, &[Cell::text(id)]).await?;
        row.as_ref().map(organisation).transpose()
    }

    async fn organisation_by_domain(
        &self,
        domain: &str,
    ) -> Result<Option<Organisation>, StoreError> {
        let domain = Cell::text(rows::domain(domain));
        let row = self.row(&BY_DOMAIN, &[domain]).await?;
        row.as_ref().map(organisation).transpose()
    }

    async fn find_organisations(
        &self,
        ids: &[OrganisationId],
    ) -> Result<Vec<Organisation>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.rows(&ORGANISATIONS, &[Cell::list(ids)]).await?;
        rows.iter().map(organisation).collect()
    }

    async fn list_organisations(
        &self,
        page: &Page<OrganisationId>,
    ) -> Result<Vec<Organisation>, StoreError> {
        // Every id begins with `org_`.
        let before = page.before.map_or_else(|| Cell::text("org`"), Cell::text);
        let limit = Cell::Int(page.limit.min(rows::LARGEST_PAGE).into());
        let rows = self.rows(&ORGANISATION_PAGE, &[before, limit]).await?;
        rows.iter().map(organisation).collect()
    }

    async fn projects_of(&self, organisation: OrganisationId) -> Result<Vec<Project>, StoreError> {
        self.documents(&PROJECTS, &[Cell::text(organisation)]).await
    }

    async fn find_project(&self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        self.document(&PROJECT, &[Cell::text(id)]).await
    }

    async fn find_allocation(&self, id: AllocationId) -> Result<Option<Allocation>, StoreError> {
        let row = self.row(&ALLOCATION, &[Cell::text(id)]).await?;
        row.as_ref().map(allocation).transpose()
    }

    async fn allocations_of(&self, project: ProjectId) -> Result<Vec<Allocation>, StoreError> {
        let rows = self.rows(&ALLOCATIONS, &[Cell::text(project)]).await?;
        rows.iter().map(allocation).collect()
    }

    async fn running_allocations(&self, at: Timestamp) -> Result<Vec<Allocation>, StoreError> {
        let rows = self.rows(&RUNNING, &[rows::time(at)]).await?;
        rows.iter().map(allocation).collect()
    }

    async fn ended_allocations(
        &self,
        at: Timestamp,
        limit: u32,
    ) -> Result<Vec<Allocation>, StoreError> {
        let args = [rows::time(at), Cell::Int(limit.into())];
        let rows = self.rows(&ENDED, &args).await?;
        rows.iter().map(allocation).collect()
    }
}

fn organisation(row: &Row) -> Result<Organisation, StoreError> {
    Ok(Organisation {
        version: row.int(1)?,
        ..row.json(0)?
    })
}

/// The balance comes from its own columns, whatever the document says.
fn allocation(row: &Row) -> Result<Allocation, StoreError> {
    Ok(Allocation {
        balance: facts::balance(row, 1)?,
        ..row.json(0)?
    })
}
