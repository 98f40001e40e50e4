//! Publishing what an organisation seeks and offers, and taking it back.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::Error;
use broker_model::{Organisation, Profile, ProfileDraft, ProfileSide};

use super::view::side;
use super::{path, spoken_for};
use crate::Portal;
use crate::fields::{Fields, MemberForm};
use crate::form::{Choice, Typed};
use crate::refusal::Refusal;
use crate::texts::Texts;

pub(super) const SECTORS: &str = "sectors";

pub(super) async fn publish(
    State(portal): State<Portal>,
    Path(of): Path<String>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let of = spoken_for(&member, &of)?;
    let which = (Some(of), None);
    let mut typed = Typed::from(fields);
    let Some(draft) = draft(&mut typed) else {
        let typed = Some(typed.unread());
        return portal.matching_page(&member, which, typed).await;
    };
    let asked = (of.to_string(), &draft);
    let turn = portal.turn(&member, (&typed, &asked), |it: &Profile| {
        path(it.organisation)
    });
    let once = match turn.await? {
        Ok(once) => once,
        Err(done) => return Ok(done),
    };
    let caller = member.caller();
    let published = portal
        .broker
        .publish_profile(caller, of, once.order(&draft));
    match published.await {
        Ok(_) => Ok(Redirect::to(&path(of)).into_response()),
        Err(error) => {
            let typed = Some(typed.refused(member.texts, error)?);
            portal.matching_page(&member, which, typed).await
        }
    }
}

pub(super) async fn withdraw(
    State(portal): State<Portal>,
    Path(of): Path<String>,
    MemberForm { member, .. }: MemberForm,
) -> Result<Response, Refusal> {
    let of = spoken_for(&member, &of)?;
    match portal.broker.withdraw_profile(member.caller(), of).await {
        // The second of two clicks finds nothing to take back.
        Ok(_) | Err(Error::NotFound("profile")) => Ok(Redirect::to(&path(of)).into_response()),
        Err(error) => Err(error.into()),
    }
}

/// The form as it would have been filled in; before anything is published, with the side that the
/// organisation says it is of.
pub(super) fn filled_in(organisation: &Organisation, profile: Option<&Profile>) -> Typed {
    let declared = organisation.startup.map(|it| {
        if it {
            ProfileSide::Startup
        } else {
            ProfileSide::Established
        }
    });
    let side = profile.map(|it| it.side).or(declared);
    let mut fields = Vec::new();
    let mut put = |name: &str, value: &str| fields.push((name.to_owned(), value.to_owned()));
    if let Some(side) = side {
        put("side", side.as_str());
    }
    if let Some(profile) = profile {
        put("seeks", &profile.seeks);
        put("offers", &profile.offers);
        put("contact", &profile.contact);
        for sector in &profile.sectors {
            put(&format!("{SECTORS}.{sector}"), "yes");
        }
    }
    Typed::from(Fields::from(fields))
}

pub(super) fn sides(texts: Texts) -> Vec<Choice> {
    let mut choices = Choice::of_words(texts, "form.choose", &[]);
    let sides = [ProfileSide::Startup, ProfileSide::Established];
    choices.extend(sides.map(|it| Choice {
        value: it.as_str().to_owned(),
        words: side(texts, it).to_owned(),
    }));
    choices
}

/// Nothing where the side cannot be read.
fn draft(typed: &mut Typed) -> Option<ProfileDraft> {
    let side = match typed.value("side") {
        "startup" => ProfileSide::Startup,
        "established" => ProfileSide::Established,
        _ => {
            typed.wrong("side", "is missing", "startup, established");
            return None;
        }
    };
    Some(ProfileDraft {
        side,
        sectors: typed.ticked(SECTORS),
        seeks: typed.text("seeks"),
        offers: typed.text("offers"),
        contact: typed.text("contact"),
    })
}
