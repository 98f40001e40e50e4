//! Two sides that may want to meet: what the visitor's organisation publishes of itself, whom of the other
//! side it may meet, and who agreed. Nobody is named before both did.

mod answer;
mod profile;
mod view;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use broker_app::next_after;
use broker_model::{OrganisationId, Profile, ProfileId};

use self::view::{MatchView, ProfileView};
use crate::Portal;
use crate::ai_act::Boxes;
use crate::contact::names::Names;
use crate::fields::Fields;
use crate::form::{Choice, Typed};
use crate::frame::{Frame, html};
use crate::organisations::organisation_id;
use crate::refusal::Refusal;
use crate::twice;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "matching.html")]
struct MatchingPage {
    f: Frame,
    /// Those that the visitor speaks for.
    organisations: Vec<Choice>,
    /// Which of them the page is about; none for who speaks for nobody.
    own: Option<Own>,
}

struct Own {
    id: String,
    name: String,
    profile: Option<ProfileView>,
    sides: Vec<Choice>,
    sectors: Boxes,
    matches: Vec<MatchView>,
    later: Option<String>,
    typed: Typed,
    key: String,
}

pub(crate) fn routes() -> Router<Portal> {
    Router::new()
        .route("/matching", get(show))
        .route("/matching/{organisation}/profile", post(profile::publish))
        .route("/matching/{organisation}/withdraw", post(profile::withdraw))
        .route(
            "/matching/{organisation}/{profile}/meet",
            post(answer::meet),
        )
        .route(
            "/matching/{organisation}/{profile}/no_more",
            post(answer::no_more),
        )
}

async fn show(
    State(portal): State<Portal>,
    member: Member,
    fields: Fields,
) -> Result<Response, Refusal> {
    let of = match fields.text("organisation") {
        Some(text) => Some(spoken_for(&member, text)?),
        None => None,
    };
    let after = fields.text("after").map(profile_id).transpose()?;
    portal.matching_page(&member, (of, after), None).await
}

fn profile_id(text: &str) -> Result<ProfileId, Refusal> {
    text.parse().map_err(|_| Refusal::NoPage)
}

fn path(of: OrganisationId) -> String {
    format!("/matching?organisation={of}")
}

/// For others there is no such page.
fn spoken_for(member: &Member, id: &str) -> Result<OrganisationId, Refusal> {
    let id = organisation_id(id)?;
    if member.caller().represents(id) {
        return Ok(id);
    }
    Err(Refusal::NoPage)
}

impl Portal {
    /// Of the first organisation, where none is asked for; with the form as it was typed, or as it would
    /// have been.
    async fn matching_page(
        &self,
        member: &Member,
        (of, after): (Option<OrganisationId>, Option<ProfileId>),
        typed: Option<Typed>,
    ) -> Result<Response, Refusal> {
        let mut organisations = self.own_organisations(member).await?.split_off(1);
        let first = organisations.first().and_then(|it| it.value.parse().ok());
        let status = typed.as_ref().map(|it| it.status).unwrap_or_default();
        let own = match of.or(first) {
            Some(of) => Some(self.own_side(member, (of, after), typed).await?),
            None => None,
        };
        if organisations.len() == 1 {
            organisations.clear();
        }
        let mut response = html(&MatchingPage {
            f: member.frame(member.texts.of("matching.title"), "matching"),
            organisations,
            own,
        })?;
        *response.status_mut() = status;
        Ok(response)
    }

    async fn own_side(
        &self,
        member: &Member,
        (of, after): (OrganisationId, Option<ProfileId>),
        typed: Option<Typed>,
    ) -> Result<Own, Refusal> {
        let (caller, texts) = (member.caller(), member.texts);
        let names = Names::new(self, texts);
        let organisation = self.broker.organisation(caller, of).await?;
        let profile = self.broker.profile(caller, of).await?;
        let matches = match &profile {
            Some(_) => self.broker.matches(caller, (of, after)).await?,
            None => Vec::new(),
        };
        let later = next_after(&matches, |it| it.profile);
        let typed = typed.unwrap_or_else(|| profile::filled_in(&organisation, profile.as_ref()));
        let view = |it: &Profile| ProfileView::new(&names, it);
        Ok(Own {
            id: of.to_string(),
            name: organisation.name,
            profile: profile.as_ref().map(view),
            sides: profile::sides(texts),
            sectors: names.sector_boxes(profile::SECTORS, texts.of("matching.sectors")),
            matches: matches
                .iter()
                .map(|it| MatchView::new(&names, it))
                .collect(),
            later: later.map(|it| format!("{}&after={it}", path(of))),
            key: twice::key(&typed),
            typed,
        })
    }
}
