use async_trait::async_trait;
use broker_model::{SiteId, SiteSnapshot, SiteState};

use super::SqlStore;
use super::db::Kind::Text;
use super::db::Select;
use crate::{Sites, StoreError};

const STATES: Select = Select::new(
    "site_states",
    "SELECT document FROM site_states ORDER BY site_id",
    &[Text],
);
const SNAPSHOTS: Select = Select::new(
    "site_snapshots",
    "SELECT site_id, document FROM site_snapshots ORDER BY site_id",
    &[Text, Text],
);

#[async_trait]
impl Sites for SqlStore {
    async fn site_states(&self) -> Result<Vec<SiteState>, StoreError> {
        self.documents(&STATES, &[]).await
    }

    async fn site_snapshots(&self) -> Result<Vec<(SiteId, SiteSnapshot)>, StoreError> {
        let rows = self.rows(&SNAPSHOTS, &[]).await?;
        rows.iter()
            .map(|row| Ok((row.parse(0)?, row.json(1)?)))
            .collect()
    }
}
