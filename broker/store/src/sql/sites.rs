use async_trait::async_trait;
use broker_model::{
    GpuMillis, Job, OrganisationId, RegisteredSite, SiteId, SiteSnapshot, SiteState, WindowId,
    WindowUse,
};

use super::SqlStore;
use super::db::Kind::{Int, Text};
use super::db::{Cell, Row, Select, Sql};
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

const VERSIONS: Select = Select::new(
    "registered_sites",
    "SELECT site_id, version FROM registered_sites ORDER BY site_id",
    &[Text, Int],
);
const REGISTERED: Select = Select::new(
    "registered_sites",
    "SELECT document FROM registered_sites WHERE site_id = $1",
    &[Text],
);
const COUNTS: Select = Select::new(
    "site_counts",
    "SELECT site_id, version FROM site_counts",
    &[Text, Int],
);
/// A job holds until it is charged, which is some time after its end; one that waits at a site for a
/// person holds, too; one that went back to placement before a site had it holds nothing.
const WINDOW_USES: Select = Select {
    table: "window_uses",
    sql: Sql::Each {
        sqlite: "SELECT w.window_id, \
             COALESCE(SUM((SELECT SUM(u.gpu_ms) FROM usage_records AS u WHERE u.job_id = w.job_id)), 0), \
             COALESCE(SUM(CASE WHEN j.state IN ('placed', 'queued', 'running') \
              OR j.state = 'held' AND j.site_id IS NOT NULL OR EXISTS \
              (SELECT 1 FROM attempts AS a WHERE a.job_id = j.id AND a.settled = 0) \
              THEN w.gpu_ms END), 0) \
             FROM window_uses AS w JOIN jobs AS j ON j.id = w.job_id \
             WHERE w.window_id IN (SELECT value FROM json_each($1)) GROUP BY w.window_id",
        postgres: "SELECT w.window_id, \
             COALESCE(SUM((SELECT SUM(u.gpu_ms) FROM usage_records AS u WHERE u.job_id = w.job_id)), 0)::BIGINT, \
             COALESCE(SUM(CASE WHEN j.state IN ('placed', 'queued', 'running') \
              OR j.state = 'held' AND j.site_id IS NOT NULL OR EXISTS \
              (SELECT 1 FROM attempts AS a WHERE a.job_id = j.id AND a.settled = 0) \
              THEN w.gpu_ms END), 0)::BIGINT \
             FROM window_uses AS w JOIN jobs AS j ON j.id = w.job_id \
             WHERE w.window_id = ANY($1) GROUP BY w.window_id",
    },
    kinds: &[Text, Int, Int],
};
const ORGANISATION_GPU: Select = Select {
    table: "usage_records",
    sql: Sql::Each {
        sqlite: "SELECT COALESCE(SUM(gpu_ms), 0) FROM usage_records \
             WHERE organisation_id = $1 AND site_id = $2 AND month = $3",
        postgres: "SELECT COALESCE(SUM(gpu_ms), 0)::BIGINT FROM usage_records \
             WHERE organisation_id = $1 AND site_id = $2 AND month = $3",
    },
    kinds: &[Int],
};
const OF_ORGANISATION: Select = Select::new(
    "jobs",
    "SELECT j.document FROM projects AS p JOIN jobs AS j ON j.project_id = p.id AND j.active = 1 \
     WHERE p.organisation_id = $1 AND j.site_id = $2 AND j.state IN ('held', 'placed', 'queued', 'running')",
    &[Text],
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

    async fn registered_versions(&self) -> Result<Vec<(SiteId, i64)>, StoreError> {
        let rows = self.rows(&VERSIONS, &[]).await?;
        rows.iter()
            .map(|row| Ok((row.parse(0)?, row.int(1)?)))
            .collect()
    }

    async fn find_registered_site(
        &self,
        site: &SiteId,
    ) -> Result<Option<RegisteredSite>, StoreError> {
        self.document(&REGISTERED, &[Cell::text(site)]).await
    }

    async fn site_counts(&self) -> Result<Vec<(SiteId, i64)>, StoreError> {
        let rows = self.rows(&COUNTS, &[]).await?;
        rows.iter()
            .map(|row| Ok((row.parse(0)?, row.int(1)?)))
            .collect()
    }

    async fn window_uses(
        &self,
        windows: &[WindowId],
    ) -> Result<Vec<(WindowId, WindowUse)>, StoreError> {
        if windows.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.rows(&WINDOW_USES, &[Cell::list(windows)]).await?;
        let uses = |row: &Row| {
            let uses = WindowUse {
                used: GpuMillis(row.int(1)?),
                held: GpuMillis(row.int(2)?),
            };
            Ok((row.parse(0)?, uses))
        };
        rows.iter().map(uses).collect()
    }

    async fn organisation_gpu(
        &self,
        organisation: OrganisationId,
        site: &SiteId,
        month: &str,
    ) -> Result<GpuMillis, StoreError> {
        let args = [
            Cell::text(organisation),
            Cell::text(site),
            Cell::text(month),
        ];
        let row = self.row(&ORGANISATION_GPU, &args).await?;
        row.map_or(Ok(GpuMillis::ZERO), |row| row.int(0).map(GpuMillis))
    }

    async fn jobs_of_organisation(
        &self,
        organisation: OrganisationId,
        site: &SiteId,
    ) -> Result<Vec<Job>, StoreError> {
        let args = [Cell::text(organisation), Cell::text(site)];
        self.documents(&OF_ORGANISATION, &args).await
    }
}
