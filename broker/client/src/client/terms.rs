//! Terms of the platform and of the sites, and that somebody has accepted them.

use broker_model::{TermsDraft, TermsId};

use super::Client;
use crate::Result;
use crate::wire::{Page, TermsAcceptanceView, TermsView};

impl Client {
    /// The documents in force, in the language of the client where they have it.
    pub async fn terms(&self) -> Result<Vec<TermsView>> {
        let page: Page<TermsView> = self.get("terms", &[]).await?;
        Ok(page.items)
    }

    /// Accepts the text that was read; again changes nothing.
    pub async fn accept_terms(
        &self,
        id: &TermsId,
        read: &TermsDraft,
    ) -> Result<TermsAcceptanceView> {
        let path = format!("terms/{id}/acceptances");
        self.post(&path, read, None).await
    }
}
