//! What somebody may have, and on which ground.

use super::Client;
use crate::Result;
use crate::wire::{AccessModeView, Page};

impl Client {
    /// Every access mode as it is today, on one page.
    pub async fn access_modes(&self) -> Result<Page<AccessModeView>> {
        self.get("access-modes", &[]).await
    }
}
