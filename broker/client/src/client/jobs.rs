//! Jobs, as their owner sees them.

use broker_model::{JobId, JobSpec, Placement, ProjectId};
use reqwest::Method;

use super::Client;
use crate::wire::{CheckRequest, CheckView, ConfirmationSaid, HandedIn, JobView, Page, QuoteView};
use crate::{EventStream, Result, body};

impl Client {
    /// Whether a project may hand in a job now. A "no" with its reasons is an answer, not an error.
    pub async fn check(&self, project: ProjectId) -> Result<CheckView> {
        self.post("eligibility/check", &CheckRequest { project }, None)
            .await
    }

    /// What would happen to a job now; nothing is stored. One that could not run has a placement that
    /// chose nothing.
    pub async fn quote(&self, spec: &JobSpec) -> Result<QuoteView> {
        self.post("jobs/quote", spec, None).await
    }

    /// Hands a job in. The same `key` and spec again give the first answer again.
    pub async fn submit(&self, spec: &JobSpec, key: &str) -> Result<JobView> {
        self.post("jobs", spec, Some(key)).await
    }

    /// A page of the jobs of the caller's projects, newest first. Keys of the query: `project`, `state`
    /// (several with commas), `site`, `active`, `limit` (1 to 200), `cursor`.
    pub async fn jobs(&self, query: &[(&str, String)]) -> Result<Page<JobView>> {
        self.get("jobs", query).await
    }

    /// One job; 404 for one the caller may not see.
    pub async fn job(&self, id: JobId) -> Result<JobView> {
        self.get(&format!("jobs/{id}"), &[]).await
    }

    /// Why the job is where it is: each partition with its forecast or the clauses that reject it.
    pub async fn placement(&self, id: JobId) -> Result<Placement> {
        self.get(&format!("jobs/{id}/placement"), &[]).await
    }

    /// Asks for a job to be stopped. One that a site has is over once the site has confirmed; one that is
    /// over already is a problem `job-is-over`.
    pub async fn cancel(&self, id: JobId) -> Result<JobView> {
        self.post(&format!("jobs/{id}/cancel"), &serde_json::json!({}), None)
            .await
    }

    /// Follows what happens to a job, after the event with this id if given.
    pub async fn events(&self, id: JobId, last_event_id: Option<&str>) -> Result<EventStream> {
        self.stream(&format!("jobs/{id}/events"), &[], last_event_id)
            .await
    }

    /// Follows a log (`stdout` or `stderr`), from the byte that `last_event_id` names if given.
    pub async fn logs(
        &self,
        id: JobId,
        stream: &str,
        follow: bool,
        last_event_id: Option<&str>,
    ) -> Result<EventStream> {
        let query = [
            ("stream", stream.to_owned()),
            ("follow", follow.to_string()),
        ];
        self.stream(&format!("jobs/{id}/logs"), &query, last_event_id)
            .await
    }

    /// What sites said to a job, oldest first.
    pub async fn confirmations_of(&self, id: JobId) -> Result<Page<ConfirmationSaid>> {
        self.get(&format!("jobs/{id}/confirmations"), &[]).await
    }

    /// What is prepared to be handed in by a person: `what` is `script`, or `lexis` with the keys
    /// `project`, `template`, `dataset` and `location`. From then on only the site moves the job.
    pub async fn handoff(&self, id: JobId, what: &str, query: &[(&str, String)]) -> Result<String> {
        let path = format!("jobs/{id}/handoff/{what}");
        let response = self
            .authorized(|| self.request(Method::GET, &path, query))
            .await?;
        body::text(response, &path).await
    }

    /// Says that the caller handed the job in.
    pub async fn handed_in(&self, id: JobId, said: &HandedIn) -> Result<JobView> {
        self.post(&format!("jobs/{id}/handoff/reports"), said, None)
            .await
    }
}
