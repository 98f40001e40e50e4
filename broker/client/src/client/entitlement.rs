//! What somebody may have, and on which ground.

use super::Client;
use crate::Result;
use crate::wire::{AccessModeView, Page, RouteQuery, RouteView};

impl Client {
    /// Every access mode as it is today, on one page.
    pub async fn access_modes(&self) -> Result<Page<AccessModeView>> {
        self.get("access-modes", &[]).await
    }

    /// What the described organisation could have; nothing of it is stored.
    pub async fn find_routes(&self, query: &RouteQuery) -> Result<Page<RouteView>> {
        self.post("routes/find", query, None).await
    }
}
