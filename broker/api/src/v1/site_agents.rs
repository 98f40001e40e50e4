//! A site's agents and invites, for its administrators.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use broker_app::InviteOrder;
use broker_client::wire::{AgentStatus, AgentView, InviteRequest, InviteView, Page, RevokeRequest};
use broker_model::{AgentId, Invite, InviteFate, InviteId, SiteId};
use jiff::Timestamp;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::once::{self, Early, Keyed};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, Items, Query, Whole};

pub(crate) async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(site): Id<SiteId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<AgentView>>, Problem> {
    let caller = Some(&authenticated.caller);
    let agents = state.broker.agents_of(caller, &site).await?;
    let agents = agents.into_iter().map(agent_view).collect();
    Ok(Json(
        query.page(agents, |view: &AgentView| view.id.to_string())?,
    ))
}

pub(crate) async fn revoke(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, agent): Items<SiteId, AgentId>,
    body: JsonBody<RevokeRequest>,
) -> Result<Json<AgentView>, Problem> {
    let (caller, reason) = (Some(&authenticated.caller), &body.value.reason);
    let agent = state.broker.revoke_agent(caller, &site, agent, reason);
    Ok(Json(agent_view(broker_app::AgentView {
        agent: agent.await?,
        key_since: None,
        heard_at: None,
    })))
}

pub(crate) async fn invites(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(site): Id<SiteId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<InviteView>>, Problem> {
    let now = state.broker.clock().now();
    let caller = Some(&authenticated.caller);
    let invites = state.broker.agent_invites(caller, &site).await?;
    let views = invites.into_iter().map(|it| invite_view(it, now)).collect();
    Ok(Json(
        query.page(views, |view: &InviteView| view.id.to_string())?,
    ))
}

/// Makes an invite: 201, with the one line that is shown this once. With an `Idempotency-Key` a repeat
/// makes no other, and is told of the first without that line, which the broker does not keep.
pub(crate) async fn invite(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(site): Id<SiteId>,
    keyed: Keyed,
    body: JsonBody<InviteRequest>,
) -> Result<Response, Early> {
    let InviteRequest { valid_hours, note } = body.value;
    let order = InviteOrder::new(valid_hours, note.as_deref());
    let order = order.map_err(|wrong| {
        Problem::invalid("the invite cannot be made as it was asked for").field(wrong)
    })?;
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let view = |it: &Invite| invite_view(it.clone(), it.created_at);
    let render = move |it: &Invite| once::created(&view(it));
    let once = keyed.enter((broker, caller), &body.bytes, render).await?;
    let made = broker.invite_agent_once(Some(caller), &site, (order, Some(&once)));
    let answer = match made.await {
        Ok(made) => {
            let mut view = view(&made.invite);
            view.text = Some(made.text);
            once::created(&view)
        }
        Err(error) => broker.first_of_another(&once, error).await?,
    };
    Ok(once::response(answer))
}

pub(crate) async fn withdraw(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, invite): Items<SiteId, InviteId>,
) -> Result<Json<InviteView>, Problem> {
    let caller = Some(&authenticated.caller);
    let invite = state.broker.withdraw_invite(caller, &site, invite).await?;
    Ok(Json(invite_view(invite, state.broker.clock().now())))
}

fn agent_view(view: broker_app::AgentView) -> AgentView {
    let broker_app::AgentView {
        agent,
        key_since,
        heard_at,
    } = view;
    let (revoked_at, revoked_reason) = agent.revoked.map(|it| (it.at, it.reason)).unzip();
    AgentView {
        id: agent.id,
        site: agent.site,
        status: if revoked_at.is_some() {
            AgentStatus::Revoked
        } else {
            AgentStatus::Active
        },
        host: agent.host,
        version: agent.program_version,
        enrolled_at: agent.enrolled_at,
        key_since,
        heard_at,
        revoked_at,
        revoked_reason,
    }
}

fn invite_view(invite: Invite, now: Timestamp) -> InviteView {
    InviteView {
        id: invite.id,
        state: invite.state(now),
        site: invite.site,
        note: invite.note,
        created_at: invite.created_at,
        expires_at: invite.expires_at,
        agent: match invite.fate {
            InviteFate::Used { agent, .. } => Some(agent),
            _ => None,
        },
        text: None,
    }
}
