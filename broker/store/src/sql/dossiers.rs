use async_trait::async_trait;
use broker_model::OrganisationId;
use jiff::Timestamp;

use super::SqlStore;
use super::db::Kind::{self, Int, Text};
use super::db::{Cell, Row, Select};
use super::rows;
use crate::{Dossiers, StoreError, StoredDossier};

const COLUMNS: &[Kind] = &[Text, Text, Text, Text, Int, Int, Text];
const DOSSIER: Select = Select::new(
    "dossiers",
    "SELECT id, kind, organisation_id, desk, due_at_us, version, document FROM dossiers WHERE id = $1",
    COLUMNS,
);
pub(super) const OF_ORGANISATION: Select = Select::new(
    "dossiers",
    "SELECT id, kind, organisation_id, desk, due_at_us, version, document FROM dossiers \
     WHERE organisation_id = $1 AND kind = $2 ORDER BY id",
    COLUMNS,
);
pub(super) const ON_DESK: Select = Select::new(
    "dossiers",
    "SELECT id, kind, organisation_id, desk, due_at_us, version, document FROM dossiers \
     WHERE desk = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4",
    COLUMNS,
);
pub(super) const DUE: Select = Select::new(
    "dossiers",
    "SELECT id, kind, organisation_id, desk, due_at_us, version, document FROM dossiers \
     WHERE due_at_us <= $1 AND kind = $2 ORDER BY due_at_us, id LIMIT $3",
    COLUMNS,
);
pub(super) const BETWEEN: Select = Select::new(
    "dossiers",
    "SELECT id, kind, organisation_id, desk, due_at_us, version, document FROM dossiers \
     WHERE id > $1 AND id < $2 AND kind = $3 ORDER BY id LIMIT $4",
    COLUMNS,
);
const HOLDER: Select = Select::new(
    "claims",
    "SELECT holder FROM claims WHERE name = $1",
    &[Text],
);
/// A name may hold what a pattern of `LIKE` means otherwise.
const HOLDERS: Select = Select::new(
    "claims",
    "SELECT name, holder FROM claims \
     WHERE SUBSTR(name, 1, LENGTH($1)) = $1 AND name > $2 ORDER BY name LIMIT $3",
    &[Text, Text],
);

#[async_trait]
impl Dossiers for SqlStore {
    async fn find_dossier(&self, id: &str) -> Result<Option<StoredDossier>, StoreError> {
        let row = self.row(&DOSSIER, &[Cell::text(id)]).await?;
        row.as_ref().map(dossier).transpose()
    }

    async fn dossiers_of(
        &self,
        organisation: OrganisationId,
        kind: &str,
    ) -> Result<Vec<StoredDossier>, StoreError> {
        let args = [Cell::text(organisation), Cell::text(kind)];
        let rows = self.rows(&OF_ORGANISATION, &args).await?;
        rows.iter().map(dossier).collect()
    }

    async fn dossiers_on(
        &self,
        desk: &str,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredDossier>, StoreError> {
        let limit = Cell::Int(limit.min(rows::LARGEST_PAGE).into());
        let args = [
            Cell::text(desk),
            Cell::text(kind),
            rows::after(after),
            limit,
        ];
        let rows = self.rows(&ON_DESK, &args).await?;
        rows.iter().map(dossier).collect()
    }

    async fn dossiers_due(
        &self,
        kind: &str,
        at: Timestamp,
        limit: u32,
    ) -> Result<Vec<StoredDossier>, StoreError> {
        let args = [rows::time(at), Cell::text(kind), Cell::Int(limit.into())];
        let rows = self.rows(&DUE, &args).await?;
        rows.iter().map(dossier).collect()
    }

    async fn dossiers_between(
        &self,
        kind: &str,
        (after, before): (&str, &str),
        limit: u32,
    ) -> Result<Vec<StoredDossier>, StoreError> {
        let args = [
            Cell::text(after),
            Cell::text(before),
            Cell::text(kind),
            Cell::Int(limit.into()),
        ];
        let rows = self.rows(&BETWEEN, &args).await?;
        rows.iter().map(dossier).collect()
    }

    async fn claim_holder(&self, name: &str) -> Result<Option<String>, StoreError> {
        let row = self.row(&HOLDER, &[Cell::text(name)]).await?;
        row.map(|it| it.text(0).map(str::to_owned)).transpose()
    }

    async fn claims_under(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let limit = Cell::Int(limit.min(rows::LARGEST_PAGE).into());
        let args = [Cell::text(prefix), rows::after(after), limit];
        let rows = self.rows(&HOLDERS, &args).await?;
        let claim = |row: &Row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
        rows.iter().map(claim).collect()
    }
}

pub(super) fn dossier(row: &Row) -> Result<StoredDossier, StoreError> {
    Ok(StoredDossier {
        id: row.text(0)?.to_owned(),
        kind: row.text(1)?.to_owned(),
        organisation: row.parse(2)?,
        desk: row.text_or_null(3)?.map(str::to_owned),
        due_at: row.time_or_null(4)?,
        version: row.int(5)?,
        document: row.text(6)?.to_owned(),
    })
}
