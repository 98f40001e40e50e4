//! Terms of the platform and of the sites, and that somebody has accepted them.

use broker_model::{TermsDraft, TermsId};
use reqwest::Method;
use reqwest::header::ACCEPT_LANGUAGE;

use super::Client;
use crate::Result;
use crate::wire::{Page, TermsAcceptanceView, TermsView};

impl Client {
    /// The documents in force, in a language where they have it.
    pub async fn terms(&self, language: &str) -> Result<Vec<TermsView>> {
        let request = || {
            self.request(Method::GET, "terms", &[])
                .header(ACCEPT_LANGUAGE, language)
        };
        let response = self.authorized(request).await?;
        let page: Page<TermsView> = self.read(response).await?;
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
