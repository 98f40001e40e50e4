use async_trait::async_trait;
use broker_model::{Signatory, SignatoryList};

use super::SqlStore;
use super::db::Kind::{Int, Text};
use super::db::{Cell, Row, Select};
use crate::{Signatories, StoreError};

const LISTS: Select = Select::new(
    "signatory_lists",
    "SELECT as_of, sha256, source, names, imported_at_us FROM signatory_lists \
     ORDER BY as_of DESC, imported_at_us DESC, sha256",
    &[Text, Text, Text, Int, Int],
);
const NAMES: Select = Select::new(
    "signatory_lists",
    "SELECT document FROM signatory_lists WHERE as_of = $1 AND sha256 = $2",
    &[Text],
);

#[async_trait]
impl Signatories for SqlStore {
    async fn signatory_lists(&self) -> Result<Vec<SignatoryList>, StoreError> {
        let rows = self.rows(&LISTS, &[]).await?;
        let list = |row: &Row| {
            Ok(SignatoryList {
                as_of: row.parse(0)?,
                sha256: row.text(1)?.to_owned(),
                source: row.text(2)?.to_owned(),
                names: u32::try_from(row.count(3)?).unwrap_or(u32::MAX),
                imported_at: row.time(4)?,
            })
        };
        rows.iter().map(list).collect()
    }

    async fn signatories_on(
        &self,
        list: &SignatoryList,
    ) -> Result<Option<Vec<Signatory>>, StoreError> {
        let args = [Cell::text(list.as_of), Cell::text(&list.sha256)];
        let found: Vec<Vec<Signatory>> = self.documents(&NAMES, &args).await?;
        Ok(found.into_iter().next())
    }
}
