use agent_link::RotateRequest;
use agent_link::request::Claims;
use axum::extract::{FromRequest, Request};
use broker_app::{AgentRefusal, Error, KnownAgent};
use broker_model::{AgentId, InviteId, SiteId};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use site_adapter::{
    ConfirmRequest, ConfirmationsRequest, HandoffReportRequest, HandoffScriptRequest,
    HandoffsRequest, LeaseRequest, Report,
};

use crate::body;
use crate::problem::Problem;
use crate::state::ApiState;

/// In whose name a message speaks: an agent's, for one site.
pub(super) trait Speaks {
    /// None where it names nobody: then whoever signed it speaks.
    fn speaker(&self) -> Option<(AgentId, &SiteId)>;
}

macro_rules! speaks {
    ($($message:ty),+ $(,)?) => {$(
        impl Speaks for $message {
            fn speaker(&self) -> Option<(AgentId, &SiteId)> {
                Some((self.agent, &self.site))
            }
        }
    )+};
}

speaks!(
    LeaseRequest,
    Report,
    ConfirmationsRequest,
    ConfirmRequest,
    HandoffsRequest,
    HandoffScriptRequest,
    HandoffReportRequest,
);

impl Speaks for RotateRequest {
    fn speaker(&self) -> Option<(AgentId, &SiteId)> {
        None
    }
}

/// A message of an agent that is let in, said for the first time, in its own name and for its own site.
#[derive(Debug)]
pub(super) struct FromAgent<T> {
    pub(super) agent: KnownAgent,
    pub(super) value: T,
}

impl<T: DeserializeOwned + Speaks> FromRequest<ApiState> for FromAgent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let claims = claims(&request, state)?;
        // Before the body: 16 MiB are not read from a stranger.
        let agent = state.broker.recognize(&claims).await;
        let agent = agent.map_err(|error| counted(state, error))?;
        let bytes = admitted(request, state, &claims).await?;
        // A body may take its time, and its agent be revoked meanwhile.
        let counts = state.broker.still_counts(&agent).await;
        counts.map_err(|error| counted(state, error))?;
        let value: T = body::read(&bytes)?;
        if let Some((named, site)) = value.speaker() {
            let may = agent.may_speak(named, site);
            may.map_err(|refusal| counted(state, refusal.into()))?;
        }
        Ok(Self { agent, value })
    }
}

/// A message of somebody who has an invite.
#[derive(Debug)]
pub(super) struct FromInvited<T> {
    pub(super) invite: InviteId,
    pub(super) value: T,
}

impl<T: DeserializeOwned> FromRequest<ApiState> for FromInvited<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let claims = claims(&request, state)?;
        let invite = state.broker.recognize_invite(&claims).await;
        let invite = invite.map_err(|error| counted(state, error))?;
        let bytes = admitted(request, state, &claims).await?;
        Ok(Self {
            invite,
            value: body::read(&bytes)?,
        })
    }
}

fn claims(request: &Request, state: &ApiState) -> Result<Claims, Problem> {
    let found = request.extensions().get::<Claims>().cloned();
    found.ok_or_else(|| counted(state, AgentRefusal::Unsigned.into()))
}

async fn admitted(request: Request, state: &ApiState, claims: &Claims) -> Result<Bytes, Problem> {
    let bytes = body::whole(request, state).await?;
    let admitted = state.broker.admit(claims, &bytes).await;
    admitted.map_err(|error| counted(state, error))?;
    Ok(bytes)
}

/// The local account in whose name an agent speaks.
pub(super) fn checked_user(local_user: &str) -> Result<&str, Problem> {
    let user = local_user.trim();
    if user.is_empty() || user.len() > 256 || user.chars().any(char::is_control) {
        return Err(Problem::invalid(
            "local_user: the name of the account of whoever answers is missing or is none",
        ));
    }
    Ok(user)
}

/// Counts a refusal by its reason.
pub(super) fn counted(state: &ApiState, error: Error) -> Problem {
    if let Error::Agent(refusal) = &error {
        state.metrics.refused_agent(refusal.code());
    }
    error.into()
}
