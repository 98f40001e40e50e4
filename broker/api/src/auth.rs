use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use axum::http::request::Parts;
use broker_app::{Caller, Door};
use broker_model::Principal;

use crate::problem::Problem;
use crate::state::ApiState;

/// Finds out who a bearer token stands for.
#[async_trait]
pub trait Authenticate: std::fmt::Debug + Send + Sync + 'static {
    /// Asked before each request and each event of a stream: an answer that costs network or
    /// signatures is to be remembered.
    async fn bearer(&self, token: &str) -> Result<Arc<Principal>, AuthFailure>;
}

/// Why a token was not accepted, without a word of the token itself.
#[derive(Clone, Debug)]
pub struct AuthFailure {
    /// For `WWW-Authenticate` (RFC 6750, 3.1): `invalid_token`, `insufficient_scope`.
    pub challenge: &'static str,
    /// A stable word, for the ledger.
    pub reason: &'static str,
    /// Whose token it says it is, if that is an issuer of this broker.
    pub issuer: Option<String>,
    pub words: String,
    /// The issuer could not be asked: not the caller's fault, try again.
    pub unavailable: bool,
}

/// The caller of this request; a request without an accepted token gets 401.
#[derive(Clone)]
pub(crate) struct Authenticated {
    pub(crate) caller: Caller,
    /// Kept for streams, which end with it.
    pub(crate) token: Arc<str>,
}

impl fmt::Debug for Authenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated")
            .field("person", &self.caller.person)
            .finish_non_exhaustive()
    }
}

impl FromRequestParts<ApiState> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let token = bearer_token(&parts.headers).ok_or_else(Problem::no_token)?;
        let principal = match state.auth.bearer(token).await {
            Ok(principal) => principal,
            Err(failure) => return Err(refused(state, failure).await),
        };
        let token: Arc<str> = token.into();
        let caller = state.broker.caller(principal).await?;
        Ok(Self { caller, token })
    }
}

async fn refused(state: &ApiState, failure: AuthFailure) -> Problem {
    let metric = if failure.unavailable {
        "issuer_unavailable"
    } else {
        failure.challenge
    };
    state.metrics.refused_token(metric);
    // A token that was good and has ended is no attempt to get in, and every client has one often.
    if !failure.unavailable && failure.reason != "expired" {
        let issuer = failure.issuer.as_deref().unwrap_or("unknown");
        let entered = state
            .broker
            .record_failed_login(Door::Api, issuer, failure.reason)
            .await;
        if let Err(error) = entered {
            tracing::warn!(%error, "a failed sign-in was not entered");
        }
    }
    Problem::from(failure)
}

pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
