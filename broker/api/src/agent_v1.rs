//! What agents say. A token speaks for one site, and only that site's work is leased to it.

mod confirmations;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use broker_model::SiteId;
use site_adapter::{LeaseReply, LeaseRequest, Report, ReportReply};

use crate::auth::bearer_token;
use crate::body::JsonBody;
use crate::operation::{Operation, post};
use crate::problem::Problem;
use crate::state::ApiState;

pub(crate) const BASE: &str = "/agent/v1";

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        post("/lease", lease),
        post("/report", report),
        post("/confirmations", confirmations::list),
        post("/confirmations/answer", confirmations::answer),
    ]
}

/// The site that the agent's token speaks for.
struct AgentSite(SiteId);

impl FromRequestParts<ApiState> for AgentSite {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let token = bearer_token(&parts.headers).ok_or_else(Problem::no_token)?;
        let refused = || {
            state.metrics.refused_token("agent");
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "agent-refused",
                "this agent token is not known here",
            )
            .challenge("invalid_token")
            .remedy(
                "ask the broker's operator for the site's token, or check the agent's token_file",
            )
        };
        state
            .agents
            .site(token)
            .cloned()
            .map(Self)
            .ok_or_else(refused)
    }
}

impl AgentSite {
    fn check(&self, site: &SiteId) -> Result<(), Problem> {
        if self.0 == *site {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "another-site",
            format!("this token speaks for {}, not for {site}", self.0),
        ))
    }
}

async fn lease(
    agent: AgentSite,
    State(state): State<ApiState>,
    body: JsonBody<LeaseRequest>,
) -> Result<Json<LeaseReply>, Problem> {
    agent.check(&body.value.site)?;
    // Work that is leased here now would be reported elsewhere soon; and an agent that is answered
    // without a wait would ask again at once.
    if state.broker.is_draining() {
        return Err(Problem::shutting_down());
    }
    let reply = state.broker.lease(&body.value).await?;
    state.metrics.leased(agent.0.as_str(), reply.attempts.len());
    Ok(Json(reply))
}

async fn report(
    agent: AgentSite,
    State(state): State<ApiState>,
    body: JsonBody<Report>,
) -> Result<Json<ReportReply>, Problem> {
    agent.check(&body.value.site)?;
    let reply = state.broker.report(body.value).await?;
    state.metrics.reported(agent.0.as_str());
    Ok(Json(reply))
}
