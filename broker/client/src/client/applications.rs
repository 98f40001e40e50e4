//! Applications for access, and what people decide on them.

use broker_model::{Application, ApplicationDraft, ApplicationId, OrganisationId, RulingDraft};

use super::Client;
use crate::Result;
use crate::wire::ApplicationForm;

impl Client {
    /// Those of every organisation that the caller speaks for, or of one that they may look at.
    pub async fn applications(&self, of: Option<OrganisationId>) -> Result<Vec<Application>> {
        let of = of.map(|it| ("organisation", it.to_string()));
        self.every("applications", of.as_slice()).await
    }

    pub async fn application(&self, id: ApplicationId) -> Result<Application> {
        self.get(&format!("applications/{id}"), &[]).await
    }

    /// What an application to a mode at a system has to say, and what is known already.
    pub async fn application_form(
        &self,
        of: OrganisationId,
        mode: &str,
        system: &str,
    ) -> Result<ApplicationForm> {
        let path = format!("organisations/{of}/application-form");
        let query = [("mode", mode.to_owned()), ("system", system.to_owned())];
        self.get(&path, &query).await
    }

    /// Hands an application in. The same `key` and draft again give the first answer again.
    pub async fn apply(&self, draft: &ApplicationDraft, key: &str) -> Result<Application> {
        self.post("applications", draft, Some(key)).await
    }

    /// Takes an application back before it is decided. Again changes nothing.
    pub async fn withdraw_application(&self, id: ApplicationId) -> Result<Application> {
        let path = format!("applications/{id}/withdraw");
        self.post(&path, &serde_json::json!({}), None).await
    }

    /// Decides on an application; an acceptance makes project and allocation.
    pub async fn rule(
        &self,
        id: ApplicationId,
        ruling: &RulingDraft,
        key: &str,
    ) -> Result<Application> {
        let path = format!("applications/{id}/decisions");
        self.post(&path, ruling, Some(key)).await
    }

    /// What waits for a decision, oldest first; for reviewers.
    pub async fn applications_to_decide(&self) -> Result<Vec<Application>> {
        self.every("reviews/applications", &[]).await
    }
}
