use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use broker_model::{
    AgentId, ConfirmationView, ControlId, HandoffRef, Incident, InviteId, JobId, JobSpec,
    LimitDraft, OrganisationId, OrganisationLimit, Placement, ProjectId, Site, SiteId,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::wire::{
    AgentView, CheckRequest, CheckView, CheckpointView, ConfirmationAnswer, ConfirmationSaid,
    ConsistencyView, ControlsView, EntryView, FiledView, HandedIn, HandoffView, InclusionView,
    InviteRequest, InviteView, JobView, LoginOptions, Page, Problem, QuoteView, RemovedView,
    RevokeRequest, SiteDocument, SiteJobView, SiteView, UsageView, WhoAmI,
};
use crate::{Error, EventStream, Result, body};

const CONNECT: Duration = Duration::from_secs(10);
/// The broker says something at least every 10 seconds on a stream, so a longer silence is a dead link.
const SILENCE: Duration = Duration::from_mins(1);

/// Where the client takes its access token from, and a new one once that is refused.
#[async_trait]
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// A token to send; `refused` is one that the broker just answered 401 to.
    async fn token(&self, refused: Option<&str>) -> Result<String>;
}

/// `/api/v1` of one broker.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    tokens: Box<dyn TokenSource>,
}

impl Client {
    /// `base` is where the broker is, without `/api/v1`.
    pub fn new(base: &Url, tokens: Box<dyn TokenSource>) -> Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .user_agent(concat!("alcyone/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|source| Error::Unreachable {
                address: base.to_string(),
                source,
            })?;
        Ok(Self {
            http,
            base: base.clone(),
            tokens,
        })
    }

    /// How to sign in at this broker; needs no token.
    pub async fn login(&self) -> Result<LoginOptions> {
        let request = self.request(Method::GET, "login", &[]);
        self.read(self.send(request).await?).await
    }

    /// Who the broker takes the caller for, with projects and hours.
    pub async fn whoami(&self) -> Result<WhoAmI> {
        self.get("whoami", &[]).await
    }

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

    /// Every site, on one page, with what was last heard of it.
    pub async fn sites(&self) -> Result<Page<SiteView>> {
        self.get("sites", &[]).await
    }

    /// One site.
    pub async fn site(&self, id: &SiteId) -> Result<SiteView> {
        self.get(&format!("sites/{id}"), &[]).await
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

    /// Takes a site out of the federation that nothing refers to; for operators.
    pub async fn retire_site(&self, id: &SiteId) -> Result<RemovedView> {
        self.delete(&format!("sites/{id}")).await
    }

    /// Takes back one thing that is set at a site, as if it had never been.
    pub async fn remove_control(&self, id: &SiteId, item: ControlId) -> Result<RemovedView> {
        self.delete(&format!("sites/{id}/controls/{item}")).await
    }

    async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let request = || self.request(Method::DELETE, path, &[]);
        let response = self.authorized(request).await?;
        self.read(response).await
    }

    /// A page of usage records the caller may see, newest end first. Keys of the query: `project`, `site`,
    /// `share`, `month` (`2026-11`), `limit`, `cursor`.
    pub async fn usage(&self, query: &[(&str, String)]) -> Result<Page<UsageView>> {
        self.get("usage", query).await
    }

    /// The newest signed tree head; a problem `outside-ledger` while nothing is sealed.
    pub async fn checkpoint(&self) -> Result<CheckpointView> {
        self.get("ledger/checkpoint", &[]).await
    }

    /// A page of ledger entries in order. Keys of the query: `job` (all others are for auditors), `limit`,
    /// `cursor`.
    pub async fn entries(&self, query: &[(&str, String)]) -> Result<Page<EntryView>> {
        self.get("ledger/entries", query).await
    }

    /// The proof that an entry is in the tree of the newest checkpoint, or of the one with this size. It is
    /// not checked here: `broker_ledger::verify_inclusion` does.
    pub async fn inclusion(&self, seq: u64, tree_size: Option<u64>) -> Result<InclusionView> {
        let mut query = vec![("seq", seq.to_string())];
        query.extend(tree_size.map(|size| ("tree_size", size.to_string())));
        self.get("ledger/proofs/inclusion", &query).await
    }

    /// The proof that the tree of `to` entries begins with that of `from`; not checked here.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<ConsistencyView> {
        let query = [("from", from.to_string()), ("to", to.to_string())];
        self.get("ledger/proofs/consistency", &query).await
    }

    /// The ledger as one file that verifies offline, as it comes.
    pub async fn export(&self) -> Result<Response> {
        self.authorized(|| self.request(Method::GET, "ledger/export", &[]))
            .await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T> {
        let response = self
            .authorized(|| self.request(Method::GET, path, query))
            .await?;
        self.read(response).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        key: Option<&str>,
    ) -> Result<T> {
        let request = || {
            let request = self.request(Method::POST, path, &[]).json(body);
            match key {
                Some(key) => request.header("Idempotency-Key", key),
                None => request,
            }
        };
        let response = self.authorized(request).await?;
        self.read(response).await
    }

    async fn stream(
        &self,
        path: &str,
        query: &[(&str, String)],
        last_event_id: Option<&str>,
    ) -> Result<EventStream> {
        let request = || {
            let request = self
                .request(Method::GET, path, query)
                .header("Accept", "text/event-stream");
            match last_event_id {
                Some(id) => request.header("Last-Event-ID", id),
                None => request,
            }
        };
        Ok(EventStream::new(self.authorized(request).await?))
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/api/v1/{path}",
            self.base.path().trim_end_matches('/')
        ));
        self.http.request(method, url).query(query)
    }

    /// Sends with a token; once more with a new one when the first is refused.
    async fn authorized(&self, request: impl Fn() -> RequestBuilder) -> Result<Response> {
        let token = self.tokens.token(None).await?;
        match self.send(request().bearer_auth(&token)).await {
            Err(Error::Problem(problem)) if problem.status == StatusCode::UNAUTHORIZED.as_u16() => {
                let token = self.tokens.token(Some(&token)).await?;
                self.send(request().bearer_auth(&token)).await
            }
            answer => answer,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|source| Error::Unreachable {
            address: self.base.to_string(),
            source,
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let text = body::text(response, "").await.unwrap_or_default();
        let problem = problem(status, &text);
        Err(Error::Problem(Box::new(problem)))
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T> {
        let address = response.url().path().to_owned();
        body::json(response, &address).await
    }
}

/// What a refusal says, or that something answered which is not this API.
pub(crate) fn problem(status: StatusCode, text: &str) -> Problem {
    serde_json::from_str(text).unwrap_or_else(|_| Problem {
        title: format!("the broker, or something before it, answered {status}"),
        status: status.as_u16(),
        code: "not-a-problem-document".to_owned(),
        detail: text.chars().take(200).collect(),
        ..Problem::default()
    })
}
