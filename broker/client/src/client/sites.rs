//! Sites, what is registered of them, and their agents.

use broker_model::{AgentId, InviteId, Site, SiteId};
use reqwest::Method;

use super::Client;
use crate::Result;
use crate::wire::{
    AgentView, FiledView, InviteRequest, InviteView, Page, RemovedView, RevokeRequest,
    SiteDocument, SiteView,
};

impl Client {
    /// Every site, on one page, with what was last heard of it.
    pub async fn sites(&self) -> Result<Page<SiteView>> {
        self.get("sites", &[]).await
    }

    /// One site.
    pub async fn site(&self, id: &SiteId) -> Result<SiteView> {
        self.get(&format!("sites/{id}"), &[]).await
    }

    /// What is registered of a site, with the tag that a change of it has to name.
    pub async fn site_document(&self, id: &SiteId) -> Result<SiteDocument> {
        let path = format!("sites/{id}/document");
        let response = self
            .authorized(|| self.request(Method::GET, &path, &[]))
            .await?;
        let etag = response.headers().get("etag");
        let etag = etag.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let etag = etag.to_owned();
        let site = self.read(response).await?;
        Ok(SiteDocument { site, etag })
    }

    /// Registers a site, or changes what is registered if `etag` names the state it is in. A dry run
    /// changes nothing and says what would be.
    pub async fn file_site(
        &self,
        site: &Site,
        etag: Option<&str>,
        dry_run: bool,
    ) -> Result<FiledView> {
        let path = format!("sites/{}/document", site.id);
        let query = [("dry_run", dry_run.to_string())];
        let request = || {
            let request = self.request(Method::PUT, &path, &query).json(site);
            match etag {
                Some(etag) => request.header("If-Match", etag),
                None => request,
            }
        };
        let response = self.authorized(request).await?;
        self.read(response).await
    }

    /// Takes a site out of the federation that nothing refers to; for operators.
    pub async fn retire_site(&self, id: &SiteId) -> Result<RemovedView> {
        self.delete(&format!("sites/{id}")).await
    }

    /// Agents of a site, newest first; for its administrators.
    pub async fn agents(&self, site: &SiteId) -> Result<Page<AgentView>> {
        self.get(&format!("sites/{site}/agents"), &[]).await
    }

    /// Puts an agent out, at once. Again changes nothing.
    pub async fn revoke_agent(
        &self,
        site: &SiteId,
        agent: AgentId,
        reason: &str,
    ) -> Result<AgentView> {
        let body = RevokeRequest {
            reason: reason.to_owned(),
        };
        self.post(&format!("sites/{site}/agents/{agent}/revoke"), &body, None)
            .await
    }

    /// Invites of a site, newest first, without their texts.
    pub async fn invites(&self, site: &SiteId) -> Result<Page<InviteView>> {
        self.get(&format!("sites/{site}/invites"), &[]).await
    }

    /// Makes an invite for one agent. Its text is in this answer and nowhere else.
    pub async fn invite(&self, site: &SiteId, request: &InviteRequest) -> Result<InviteView> {
        self.post(&format!("sites/{site}/invites"), request, None)
            .await
    }

    /// Takes an invite back that nobody has used.
    pub async fn withdraw_invite(&self, site: &SiteId, invite: InviteId) -> Result<InviteView> {
        let path = format!("sites/{site}/invites/{invite}/withdraw");
        self.post(&path, &serde_json::json!({}), None).await
    }
}
