//! What the people of a site see, answer and set there.

use broker_model::{
    ConfirmationView, ControlId, HandoffRef, Incident, JobId, LimitDraft, OrganisationId,
    OrganisationLimit, SiteId,
};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Client;
use crate::Result;
use crate::wire::{
    ConfirmationAnswer, ControlsView, HandoffView, JobView, Page, RemovedView, SiteJobView,
    UnknownAccountView,
};

impl Client {
    /// A page of what waits for a site's confirmation, oldest first; needs a role there.
    pub async fn confirmations(
        &self,
        site: &SiteId,
        cursor: Option<&str>,
    ) -> Result<Page<ConfirmationView>> {
        let query: Vec<_> = cursor
            .map(|it| ("cursor", it.to_owned()))
            .into_iter()
            .collect();
        self.get(&format!("sites/{site}/confirmations"), &query)
            .await
    }

    /// Lets a job into a site, or declines it with words for its user. One that does not wait any more
    /// is a problem `not-waiting`.
    pub async fn answer_confirmation(
        &self,
        site: &SiteId,
        job: JobId,
        answer: &ConfirmationAnswer,
    ) -> Result<JobView> {
        self.post(&format!("sites/{site}/confirmations/{job}"), answer, None)
            .await
    }

    /// A page of what is carried to a site by hand, oldest first; needs a role there.
    pub async fn handoffs(&self, site: &SiteId, cursor: Option<&str>) -> Result<Page<HandoffView>> {
        let query: Vec<_> = cursor
            .map(|it| ("cursor", it.to_owned()))
            .into_iter()
            .collect();
        self.get(&format!("sites/{site}/handoffs"), &query).await
    }

    /// Tells what became of a job that was handed in at a site: the body of
    /// `POST /sites/{id}/handoffs/{job}/reports`.
    pub async fn report_handoff(
        &self,
        site: &SiteId,
        job: HandoffRef,
        report: &serde_json::Value,
    ) -> Result<JobView> {
        self.post(
            &format!("sites/{site}/handoffs/{job}/reports"),
            report,
            None,
        )
        .await
    }

    /// All that is set at a site, for its administrators.
    pub async fn controls(&self, id: &SiteId) -> Result<ControlsView> {
        self.get(&format!("sites/{id}/controls"), &[]).await
    }

    /// A page of what a site has that is not over, for its administrators. Keys of the query: `limit`,
    /// `cursor`.
    pub async fn site_jobs(
        &self,
        id: &SiteId,
        query: &[(&str, String)],
    ) -> Result<Page<SiteJobView>> {
        self.get(&format!("sites/{id}/jobs"), query).await
    }

    /// The local accounts that a site told of and that no allocation names, for its administrators.
    pub async fn unknown_accounts(&self, id: &SiteId) -> Result<Page<UnknownAccountView>> {
        self.get(&format!("sites/{id}/unknown-accounts"), &[]).await
    }

    /// What users are told of a site.
    pub async fn incidents(&self, id: &SiteId) -> Result<Page<Incident>> {
        self.get(&format!("sites/{id}/incidents"), &[]).await
    }

    /// Sets or ends something at a site: `what` is the path below it (`drains`, `drains/{id}/end`), and
    /// the answer is the thing as it is now.
    pub async fn set_at_site<T: DeserializeOwned>(
        &self,
        id: &SiteId,
        what: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        self.post(&format!("sites/{id}/{what}"), body, None).await
    }

    /// Sets the limit of an organisation at a site in place of any other; without a number it is lifted.
    pub async fn limit(
        &self,
        id: &SiteId,
        organisation: OrganisationId,
        draft: &LimitDraft,
    ) -> Result<OrganisationLimit> {
        let path = format!("sites/{id}/limits/{organisation}");
        let request = || self.request(Method::PUT, &path, &[]).json(draft);
        let response = self.authorized(request).await?;
        self.read(response).await
    }

    /// Takes back one thing that is set at a site, as if it had never been.
    pub async fn remove_control(&self, id: &SiteId, item: ControlId) -> Result<RemovedView> {
        self.delete(&format!("sites/{id}/controls/{item}")).await
    }
}
