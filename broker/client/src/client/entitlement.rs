//! What somebody may have, and on which ground: access modes, routes, and who organisations are.

use broker_model::{DecisionId, Organisation, OrganisationDraft, OrganisationId};
use reqwest::{Method, Response};

use super::Client;
use crate::wire::{
    AccessModeView, DecisionReplayView, OrganisationDocument, OrganisationSize, Page,
    PolicyComparisonQuery, PolicyComparisonView, PolicyView, RouteQuery, RouteView,
};
use crate::{Result, body};

/// The longest page that there is.
const MOST: u32 = 200;

impl Client {
    /// Every access mode as it is today, on one page.
    pub async fn access_modes(&self) -> Result<Page<AccessModeView>> {
        self.get("access-modes", &[]).await
    }

    /// What the organisation could have; nothing of it is stored.
    pub async fn find_routes(&self, query: &RouteQuery) -> Result<Page<RouteView>> {
        self.post("routes/find", query, None).await
    }

    /// A stored decision, and whether it comes out the same when it is made again; for its organisation, members
    /// of its projects, reviewers, auditors and operators.
    pub async fn replay_decision(&self, id: DecisionId) -> Result<DecisionReplayView> {
        self.get(&format!("decisions/{id}/replay"), &[]).await
    }

    /// The policy in force and those that decided before; for reviewers, auditors and operators.
    pub async fn policies(&self) -> Result<Vec<PolicyView>> {
        let page: Page<PolicyView> = self.get("policies", &[]).await?;
        Ok(page.items)
    }

    /// What another set would decide otherwise, of every stored decision. Nothing takes effect.
    pub async fn compare_policies(
        &self,
        mut query: PolicyComparisonQuery,
    ) -> Result<PolicyComparisonView> {
        let mut all = PolicyComparisonView::default();
        loop {
            let page: PolicyComparisonView = self.post("policies/compare", &query, None).await?;
            all.policy_digest = page.policy_digest;
            all.asked += page.asked;
            all.unreadable += page.unreadable;
            all.changes.extend(page.changes);
            if page.next_cursor.is_none() {
                return Ok(all);
            }
            if page.next_cursor <= query.cursor {
                let words = "its pages have no end";
                return Err(body::not_understood("policies/compare", words));
            }
            query.cursor = page.next_cursor;
        }
    }

    /// Those the caller speaks for; every one for reviewers and operators.
    pub async fn organisations(&self) -> Result<Vec<Organisation>> {
        let query = [("limit", MOST.to_string())];
        self.every("organisations", &query).await
    }

    /// One organisation, with the tag that a change of it has to name.
    pub async fn organisation(&self, id: OrganisationId) -> Result<OrganisationDocument> {
        let path = format!("organisations/{id}");
        let request = || self.request(Method::GET, &path, &[]);
        let response = self.authorized(request).await?;
        self.described(response).await
    }

    /// Registers an organisation; the caller speaks for it from then on.
    pub async fn register_organisation(
        &self,
        draft: &OrganisationDraft,
        key: &str,
    ) -> Result<Organisation> {
        self.post("organisations", draft, Some(key)).await
    }

    /// Describes it anew, on top of the description that `etag` names.
    pub async fn describe_organisation(
        &self,
        id: OrganisationId,
        etag: &str,
        draft: &OrganisationDraft,
    ) -> Result<OrganisationDocument> {
        let path = format!("organisations/{id}");
        let request = || {
            self.request(Method::PUT, &path, &[])
                .json(draft)
                .header("If-Match", etag)
        };
        let response = self.authorized(request).await?;
        self.described(response).await
    }

    /// How large it is today, and how that follows.
    pub async fn organisation_size(&self, id: OrganisationId) -> Result<OrganisationSize> {
        self.get(&format!("organisations/{id}/size"), &[]).await
    }

    async fn described(&self, response: Response) -> Result<OrganisationDocument> {
        let etag = response.headers().get("etag");
        let etag = etag.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let etag = etag.to_owned();
        let organisation = self.read(response).await?;
        Ok(OrganisationDocument { organisation, etag })
    }
}
