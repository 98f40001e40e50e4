//! A site's agents and invites, for its administrators.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::{AgentView, Error, InviteOrder, NewInvite};
use broker_model::{Invite, InviteState, SiteId};

use crate::Portal;
use crate::fields::MemberForm;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::visitor::Member;
use crate::words::Moment;

#[derive(Template)]
#[template(path = "agents.html")]
struct AgentsPage {
    f: Frame,
    site: String,
    name: String,
    agents: Vec<AgentRow>,
    invites: Vec<InviteRow>,
    /// The invite that was just made, shown this once.
    made: Option<MadeInvite>,
}

struct MadeInvite {
    text: String,
    expires: Moment,
}

struct AgentRow {
    id: String,
    host: String,
    version: String,
    enrolled: Moment,
    heard: Option<Moment>,
    /// When, and why.
    revoked: Option<(Moment, String)>,
}

struct InviteRow {
    id: String,
    note: String,
    state: &'static str,
    expires: Moment,
    open: bool,
}

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(site): Path<String>,
) -> Result<Response, Refusal> {
    page(&portal, &member, &site_id(&site)?, None).await
}

/// Makes an invite and shows it in the answer: there is no second chance to see it.
pub(crate) async fn invite(
    State(portal): State<Portal>,
    Path(site): Path<String>,
    form: MemberForm,
) -> Result<Response, Refusal> {
    let site = site_id(&site)?;
    // Of the form's own fields only a note that is too long can be wrong.
    let order = InviteOrder::new(None, form.fields.text("note"))
        .map_err(|wrong| Error::InvalidSpec(vec![wrong]))?;
    let caller = Some(form.member.caller());
    let made = portal.broker.invite_agent(caller, &site, order).await?;
    page(&portal, &form.member, &site, Some(made)).await
}

pub(crate) async fn revoke(
    State(portal): State<Portal>,
    Path((site, agent)): Path<(String, String)>,
    form: MemberForm,
) -> Result<Response, Refusal> {
    let site = site_id(&site)?;
    let agent = agent.parse().map_err(|_| Error::NotFound("agent"))?;
    let reason = form.fields.text("reason").unwrap_or_default();
    let caller = Some(form.member.caller());
    let revoked = portal.broker.revoke_agent(caller, &site, agent, reason);
    revoked.await?;
    Ok(back(&site))
}

pub(crate) async fn withdraw(
    State(portal): State<Portal>,
    Path((site, invite)): Path<(String, String)>,
    form: MemberForm,
) -> Result<Response, Refusal> {
    let site = site_id(&site)?;
    let invite = invite.parse().map_err(|_| Error::NotFound("invite"))?;
    let caller = Some(form.member.caller());
    portal.broker.withdraw_invite(caller, &site, invite).await?;
    Ok(back(&site))
}

fn back(site: &SiteId) -> Response {
    Redirect::to(&format!("/sites/{site}/agents")).into_response()
}

fn site_id(text: &str) -> Result<SiteId, Error> {
    text.parse().map_err(|_| Error::NotFound("site"))
}

async fn page(
    portal: &Portal,
    member: &Member,
    site: &SiteId,
    made: Option<NewInvite>,
) -> Result<Response, Refusal> {
    let caller = Some(member.caller());
    let (broker, texts) = (&portal.broker, member.texts);
    let agents = broker.agents_of(caller, site).await?;
    let invites = broker.agent_invites(caller, site).await?;
    let now = broker.clock().now();
    html(&AgentsPage {
        f: member.frame(texts.of("agents.title"), "sites"),
        site: site.to_string(),
        name: broker.site(site)?.site.name,
        agents: agents.into_iter().map(agent_row).collect(),
        invites: invites
            .into_iter()
            .map(|it| invite_row(texts, it.state(now), it))
            .collect(),
        made: made.map(|made| MadeInvite {
            text: made.text,
            expires: made.invite.expires_at.into(),
        }),
    })
}

fn agent_row(view: AgentView) -> AgentRow {
    let AgentView {
        agent, heard_at, ..
    } = view;
    AgentRow {
        id: agent.id.to_string(),
        host: agent.host,
        version: agent.program_version,
        enrolled: agent.enrolled_at.into(),
        heard: heard_at.map(Moment::from),
        revoked: agent.revoked.map(|it| (it.at.into(), it.reason)),
    }
}

fn invite_row(texts: Texts, state: InviteState, invite: Invite) -> InviteRow {
    InviteRow {
        id: invite.id.to_string(),
        note: invite.note.unwrap_or_default(),
        state: texts.of(match state {
            InviteState::Open => "agents.invite_open",
            InviteState::Used => "agents.invite_used",
            InviteState::Withdrawn => "agents.invite_withdrawn",
            InviteState::Expired => "agents.invite_expired",
            InviteState::Blocked => "agents.invite_blocked",
        }),
        expires: invite.expires_at.into(),
        open: state == InviteState::Open,
    }
}
