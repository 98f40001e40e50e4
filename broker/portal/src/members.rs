//! The pages of who belongs to a project or an organisation, and how others come in.

pub(crate) mod join;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::{Error, InvitationView, Member as Belonging};
use broker_model::{InvitationDraft, InvitationStateName, InvitedRole, MembersOf, PersonId};

use crate::Portal;
use crate::fields::MemberForm;
use crate::form::{Choice, Typed};
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::visitor::Member;
use crate::words::Moment;

#[derive(Template)]
#[template(path = "members.html")]
struct MembersPage {
    f: Frame,
    /// Of this page: `/projects/prj_…`.
    path: String,
    name: String,
    lead: &'static str,
    managed: bool,
    members: Vec<MemberRow>,
    invitations: Vec<InvitationRow>,
    /// Id and name of each that the organisation has.
    projects: Vec<(String, String)>,
    /// Where there is a choice.
    roles: Vec<Choice>,
    typed: Typed,
    made: Option<Made>,
}

/// The code that was just made, shown this once.
struct Made {
    code: String,
    /// Where to give it.
    link: String,
    expires: Moment,
}

struct MemberRow {
    id: String,
    name: String,
    roles: String,
    you: bool,
    /// The only one of those who are always to be there: nobody removes them.
    is_last: bool,
}

struct InvitationRow {
    id: String,
    role: String,
    into: String,
    meant_for: String,
    state: &'static str,
    is_used: bool,
    by: String,
    expires: Moment,
    open: bool,
}

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let of = place(&id)?;
    portal.members_page(&member, of, Typed::default()).await
}

/// Makes an invitation and shows its code in the answer: there is no second chance to see it.
pub(crate) async fn invite(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let of = place(&id)?;
    let mut typed = Typed::from(fields);
    let draft = draft(&mut typed);
    if typed.is_wrong() {
        return portal.members_page(&member, of, typed.unread()).await;
    }
    match portal.broker.invite(member.caller(), of, &draft).await {
        Ok(made) => portal.after_invite(&member, of, made).await,
        Err(error) => {
            let typed = typed.refused(member.texts, error)?;
            portal.members_page(&member, of, typed).await
        }
    }
}

pub(crate) async fn revoke(
    State(portal): State<Portal>,
    Path((id, invitation)): Path<(String, String)>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let of = place(&id)?;
    let invitation = invitation.parse().map_err(|_| Refusal::NoPage)?;
    let revoked = portal
        .broker
        .revoke_invitation(member.caller(), (of, invitation));
    match revoked.await {
        Ok(_) => Ok(Redirect::to(&format!("{}/members", path(of))).into_response()),
        Err(error) => {
            let typed = Typed::from(fields).refused(member.texts, error)?;
            portal.members_page(&member, of, typed).await
        }
    }
}

/// Whoever leaves sees the page no more.
pub(crate) async fn remove(
    State(portal): State<Portal>,
    Path((id, person)): Path<(String, String)>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let of = place(&id)?;
    let person = person.parse().map_err(|_| Refusal::NoPage)?;
    match portal
        .broker
        .remove_member(member.caller(), (of, person))
        .await
    {
        Ok(removed) if removed.you => Ok(Redirect::to("/").into_response()),
        Ok(_) => Ok(Redirect::to(&format!("{}/members", path(of))).into_response()),
        Err(Error::LastOne(_)) => {
            let words = member.texts.of("members.last").to_owned();
            let status = axum::http::StatusCode::CONFLICT;
            let typed = Typed::from(fields).with_notice(status, words);
            portal.members_page(&member, of, typed).await
        }
        Err(error) => {
            let typed = Typed::from(fields).refused(member.texts, error)?;
            portal.members_page(&member, of, typed).await
        }
    }
}

impl Portal {
    async fn members_page(
        &self,
        member: &Member,
        of: MembersOf,
        typed: Typed,
    ) -> Result<Response, Refusal> {
        let status = typed.status;
        let mut response = html(&self.members_view(member, of, typed).await?)?;
        *response.status_mut() = status;
        Ok(response)
    }

    async fn after_invite(
        &self,
        member: &Member,
        of: MembersOf,
        made: InvitationView,
    ) -> Result<Response, Refusal> {
        let mut page = self.members_view(member, of, Typed::default()).await?;
        let link = self.public_url.join("join").map(String::from);
        page.made = Some(Made {
            code: made.code.unwrap_or_default(),
            link: link.unwrap_or_default(),
            expires: made.expires_at.into(),
        });
        html(&page)
    }

    async fn members_view(
        &self,
        member: &Member,
        of: MembersOf,
        typed: Typed,
    ) -> Result<MembersPage, Refusal> {
        let (caller, texts) = (member.caller(), member.texts);
        let found = self.broker.members(caller, of).await?;
        let invitations = if found.managed {
            self.broker.invitations(caller, of).await?
        } else {
            Vec::new()
        };
        let last = last_one(of, &found.members);
        let is_project = matches!(of, MembersOf::Project(_));
        Ok(MembersPage {
            f: member.frame(
                texts.of("members.title"),
                if is_project { "home" } else { "organisations" },
            ),
            path: path(of),
            name: found.project_name.unwrap_or(found.organisation_name),
            lead: texts.of(if is_project {
                "members.lead_project"
            } else {
                "members.lead_organisation"
            }),
            managed: found.managed,
            members: found
                .members
                .into_iter()
                .map(|it| member_row(texts, it, last))
                .collect(),
            invitations: invitations
                .into_iter()
                .map(|it| invitation_row(texts, it))
                .collect(),
            projects: { found.projects.into_iter() }
                .map(|it| (it.id.to_string(), it.name))
                .collect(),
            roles: choices(texts, of),
            typed,
            made: None,
        })
    }
}

/// The least comes first.
fn choices(texts: Texts, of: MembersOf) -> Vec<Choice> {
    let roles = of.roles();
    if roles.len() < 2 {
        return Vec::new();
    }
    let choice = |role: &InvitedRole| Choice {
        value: role.as_str().to_owned(),
        words: texts.word(role.as_str()),
    };
    roles.iter().rev().map(choice).collect()
}

fn draft(typed: &mut Typed) -> InvitationDraft {
    let role = typed.some("role").map(|role| match role.as_str() {
        "lead" => InvitedRole::Lead,
        "representative" => InvitedRole::Representative,
        _ => InvitedRole::Member,
    });
    InvitationDraft {
        role,
        meant_for: typed.text("meant_for"),
        valid_days: typed.read("valid_days", "1 to 60"),
    }
}

/// Who alone has the role that somebody must have, if one person does.
fn last_one(of: MembersOf, members: &[Belonging]) -> Option<PersonId> {
    let first = of.roles().first()?;
    let mut holders = members.iter().filter(|it| it.roles.contains(first));
    let one = holders.next()?.person;
    holders.next().is_none().then_some(one)
}

fn member_row(texts: Texts, one: Belonging, last: Option<PersonId>) -> MemberRow {
    let id = one.person.to_string();
    let roles = one.roles.iter().map(|it| texts.word(it.as_str()));
    MemberRow {
        name: one.name.unwrap_or_else(|| id.clone()),
        roles: roles.collect::<Vec<_>>().join(", "),
        you: one.you,
        is_last: last == Some(one.person),
        id,
    }
}

fn invitation_row(texts: Texts, one: InvitationView) -> InvitationRow {
    let by = one
        .settled_by
        .map(|it| it.name.unwrap_or_else(|| it.person.to_string()));
    InvitationRow {
        id: one.id.to_string(),
        role: texts.word(one.role.as_str()),
        into: one.project_name.unwrap_or(one.organisation_name),
        meant_for: one.meant_for.unwrap_or_default(),
        state: texts.of(match one.state {
            InvitationStateName::Open => "members.open",
            InvitationStateName::Accepted => "members.accepted",
            InvitationStateName::Revoked => "members.revoked",
            InvitationStateName::Expired => "members.expired",
        }),
        is_used: one.state == InvitationStateName::Accepted,
        by: by.unwrap_or_default(),
        expires: one.expires_at.into(),
        open: one.state == InvitationStateName::Open,
    }
}

/// One page for both: which of them an id is of is in its prefix.
fn place(id: &str) -> Result<MembersOf, Refusal> {
    let project = id.parse().map(MembersOf::Project);
    let any = project.or_else(|_| id.parse().map(MembersOf::Organisation));
    any.map_err(|_: broker_model::InvalidId| Refusal::NoPage)
}

fn path(of: MembersOf) -> String {
    match of {
        MembersOf::Project(id) => format!("/projects/{id}"),
        MembersOf::Organisation(id) => format!("/organisations/{id}"),
    }
}
