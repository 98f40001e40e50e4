mod applications;
mod at_site;
mod audit;
mod contact;
mod entitlement;
mod evidence;
mod follow_ups;
mod indicators;
mod jobs;
mod me;
mod members;
mod sites;
mod terms;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::ACCEPT_LANGUAGE;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::wire::{LoginOptions, Page, Problem, WhoAmI};
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
    /// Without a limit to silence: none is heard while a file is sent.
    uploads: reqwest::Client,
    base: Url,
    tokens: Box<dyn TokenSource>,
    language: Option<String>,
}

impl Client {
    /// `base` is where the broker is, without `/api/v1`.
    pub fn new(base: &Url, tokens: Box<dyn TokenSource>) -> Result<Self> {
        let unusable = |source| Error::Unreachable {
            address: base.to_string(),
            source,
        };
        Ok(Self {
            http: http().read_timeout(SILENCE).build().map_err(unusable)?,
            uploads: http().build().map_err(unusable)?,
            base: base.clone(),
            tokens,
            language: None,
        })
    }

    /// Asks for words in a language (ISO 639-1) with every request. What the broker does not have in it
    /// comes in English.
    #[must_use]
    pub fn reading(mut self, language: Option<&str>) -> Self {
        self.language = language.map(str::to_owned);
        self
    }

    /// The language that words are asked for in.
    pub fn language(&self) -> &str {
        self.language.as_deref().unwrap_or("en")
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

    async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let request = || self.request(Method::DELETE, path, &[]);
        let response = self.authorized(request).await?;
        self.read(response).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T> {
        let response = self
            .authorized(|| self.request(Method::GET, path, query))
            .await?;
        self.read(response).await
    }

    /// All of a list, page by page.
    async fn every<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.extend(cursor.iter().map(|it| ("cursor", it.clone())));
            let page: Page<T> = self.get(path, &query).await?;
            items.extend(page.items);
            if page.next_cursor.is_none() {
                return Ok(items);
            }
            if page.next_cursor == cursor {
                return Err(body::not_understood(path, "its pages have no end"));
            }
            cursor = page.next_cursor;
        }
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
        let request = self.http.request(method, self.url(path)).query(query);
        match &self.language {
            Some(language) => request.header(ACCEPT_LANGUAGE, language),
            None => request,
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/api/v1/{path}",
            self.base.path().trim_end_matches('/')
        ));
        url
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

fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .user_agent(concat!("alcyone/", env!("CARGO_PKG_VERSION")))
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
