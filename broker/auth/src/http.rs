use std::sync::Arc;
use std::time::Duration;

use broker_model::Clock;
use jiff::SignedDuration;
use openidconnect::{HttpRequest, HttpResponse};
use reqwest::{Client, RequestBuilder, Response, redirect};
use serde::de::DeserializeOwned;

use crate::away::Away;
use crate::{AuthError, ConfigError, Endpoint, Limits};

/// Far above any honest key set or claim set.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Speaks HTTP with one issuer: no redirects, a time limit on all of it, answers of bounded size.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client,
    issuer: String,
    userinfo: Arc<Away>,
    introspection: Arc<Away>,
}

impl Http {
    pub(crate) fn new(
        issuer: &str,
        limits: &Limits,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_secs(limits.connect_timeout_seconds.into()))
            .timeout(Duration::from_secs(limits.request_timeout_seconds.into()))
            .user_agent(concat!("alcyone/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|source| ConfigError::HttpClient { source })?;
        let patience = SignedDuration::from_secs(limits.request_timeout_seconds.into());
        let present = || Arc::new(Away::new(Arc::clone(clock), patience));
        Ok(Self {
            client,
            issuer: issuer.to_owned(),
            userinfo: present(),
            introspection: present(),
        })
    }

    /// The error that asking there would end with now; `None` where it is worth a try.
    pub(crate) fn away(&self, endpoint: Endpoint) -> Option<AuthError> {
        let away = self.awayness(endpoint)?.is_away();
        away.then(|| self.left_alone(endpoint))
    }

    /// Of what is asked in the way of a request. Each endpoint for itself: one may hang while the
    /// others answer. Documents and keys have their own rhythm, and a sign-in waits.
    fn awayness(&self, endpoint: Endpoint) -> Option<&Away> {
        match endpoint {
            Endpoint::Userinfo => Some(&self.userinfo),
            Endpoint::Introspection => Some(&self.introspection),
            Endpoint::Discovery | Endpoint::Keys | Endpoint::Token => None,
        }
    }

    fn left_alone(&self, endpoint: Endpoint) -> AuthError {
        AuthError::IssuerUnreachable {
            issuer: self.issuer.clone(),
            endpoint,
            source: None,
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends the request and reads a JSON answer of status 200; does not try where nobody answers.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        request: RequestBuilder,
    ) -> Result<T, AuthError> {
        let Some(away) = self.awayness(endpoint) else {
            return self.ask(endpoint, request).await;
        };
        if !away.may_try() {
            return Err(self.left_alone(endpoint));
        }
        let outcome = self.ask(endpoint, request).await;
        match outcome {
            Err(AuthError::IssuerUnreachable { .. }) => away.failed(),
            _ => away.answered(),
        }
        outcome
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        request: RequestBuilder,
    ) -> Result<T, AuthError> {
        let request = request.header("accept", "application/json");
        let sent = request.send().await;
        let response = sent.map_err(|source| self.unreachable(endpoint, source))?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(AuthError::IssuerRefused {
                issuer: self.issuer.clone(),
                endpoint,
                status,
            });
        }
        let body = self.body(endpoint, response).await?;
        // The parser's own words may quote the answer, so they are dropped.
        serde_json::from_slice(&body)
            .map_err(|_| self.unusable(endpoint, "it is not the JSON that was expected"))
    }

    /// Sends a request of `openidconnect`, whatever the status of the answer.
    pub(crate) async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, AuthError> {
        let endpoint = Endpoint::Token;
        let request = reqwest::Request::try_from(request)
            .map_err(|source| self.unreachable(endpoint, source))?;
        let sent = self.client.execute(request).await;
        let response = sent.map_err(|source| self.unreachable(endpoint, source))?;
        let mut answer = HttpResponse::new(Vec::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        *answer.body_mut() = self.body(endpoint, response).await?;
        Ok(answer)
    }

    pub(crate) fn unusable(&self, endpoint: Endpoint, reason: &'static str) -> AuthError {
        AuthError::UnusableAnswer {
            issuer: self.issuer.clone(),
            endpoint,
            reason,
        }
    }

    fn unreachable(&self, endpoint: Endpoint, source: reqwest::Error) -> AuthError {
        AuthError::IssuerUnreachable {
            issuer: self.issuer.clone(),
            endpoint,
            source: Some(source.without_url()),
        }
    }

    async fn body(&self, endpoint: Endpoint, mut response: Response) -> Result<Vec<u8>, AuthError> {
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            let Some(chunk) = chunk.map_err(|source| self.unreachable(endpoint, source))? else {
                return Ok(body);
            };
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(self.unusable(endpoint, "it is larger than a megabyte"));
            }
            body.extend_from_slice(&chunk);
        }
    }
}
