//! Sending an organisation to a centre: the form repeats what goes along, and asks for consent to that.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::SupportCentre;
use broker_model::{ContactNeed, Referral, ReferralDraft};
use url::form_urlencoded::Serializer;

use super::About;
use super::names::Names;
use super::need::{self, SERVICES, carried};
use crate::Portal;
use crate::fields::{Fields, MemberForm};
use crate::form::{Choice, Typed};
use crate::frame::{Frame, html};
use crate::organisations::facts::Fact;
use crate::referrals::attached::AttachedView;
use crate::referrals::view::path;
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::twice;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "referral_form.html")]
struct ReferPage {
    f: Frame,
    key: String,
    centre: String,
    centre_id: String,
    /// How soon it is to say that it saw it.
    within: String,
    /// That of the job.
    organisation: Option<String>,
    /// Of which one is chosen, where it begins without a job.
    organisations: Vec<Choice>,
    need: Vec<Fact>,
    carried: Vec<(String, String)>,
    attached: Option<AttachedView>,
    /// What the centre learns of who sends it.
    sender: Vec<String>,
    typed: Typed,
}

/// To which centre, and with which job.
struct Which {
    centre: SupportCentre,
    about: Option<About>,
}

pub(crate) async fn form(
    State(portal): State<Portal>,
    member: Member,
    fields: Fields,
) -> Result<Response, Refusal> {
    let mut typed = Typed::from(fields);
    let which = portal.refer_to(&member, &typed).await?;
    let need = asked(&mut typed);
    if need.services.is_empty() || typed.is_wrong() {
        let mut query = Serializer::new(String::new());
        query.append_pair("ask", "1").extend_pairs(carried(&typed));
        let to = format!("/contact?{}", query.finish());
        return Ok(Redirect::to(&to).into_response());
    }
    portal.refer_page(&member, which, (typed, need)).await
}

pub(crate) async fn send(
    State(portal): State<Portal>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let mut typed = Typed::from(fields);
    let which = portal.refer_to(&member, &typed).await?;
    let draft = draft(&mut typed, &which);
    if typed.is_wrong() {
        let asked = (typed.unread(), draft.need);
        return portal.refer_page(&member, which, asked).await;
    }
    let turn = portal.turn(&member, (&typed, &draft), |it: &Referral| path(it.id));
    let once = match turn.await? {
        Ok(once) => once,
        Err(done) => return Ok(done),
    };
    let sent = portal
        .broker
        .send_referral(member.caller(), once.order(&draft));
    match sent.await {
        Ok(sent) => Ok(Redirect::to(&path(sent.id)).into_response()),
        Err(error) => {
            let typed = typed.refused(member.texts, error)?;
            portal.refer_page(&member, which, (typed, draft.need)).await
        }
    }
}

impl Portal {
    async fn refer_to(&self, member: &Member, typed: &Typed) -> Result<Which, Refusal> {
        let id = typed.value("centre").parse();
        let id = id.map_err(|_| Refusal::NoPage)?;
        let directory = self.broker.directory();
        let centre = directory.centre(&id).cloned();
        Ok(Which {
            centre: centre.ok_or(Refusal::NoPage)?,
            about: self.about(member, typed).await?,
        })
    }

    async fn refer_page(
        &self,
        member: &Member,
        which: Which,
        (typed, need): (Typed, ContactNeed),
    ) -> Result<Response, Refusal> {
        let (caller, texts, status) = (member.caller(), member.texts, typed.status);
        let names = Names::new(self, texts);
        let attached = match &which.about {
            Some(about) => {
                let shown = self.broker.referral_evidence(caller, about.id).await?;
                Some(AttachedView::new(texts, &shown))
            }
            None => None,
        };
        let mut carried = carried(&typed);
        // It is a field of this form, too.
        carried.retain(|(name, _)| name != "organisation");
        let mut own = self.own_organisations(member).await?;
        let centre = which.centre;
        let mut response = html(&ReferPage {
            f: member.frame(texts.of("contact.refer"), "contact"),
            key: twice::key(&typed),
            within: within(texts, &centre),
            centre_id: centre.id.to_string(),
            centre: centre.name.value,
            organisation: which.about.map(|it| it.organisation.name),
            // Behind an entry for none of them.
            organisations: own.split_off(1),
            need: need::facts(&names, &need),
            carried,
            attached,
            sender: sender(member),
            typed,
        })?;
        *response.status_mut() = status;
        Ok(response)
    }
}

/// Country and size are the organisation's own, which the use case puts in.
fn asked(typed: &mut Typed) -> ContactNeed {
    ContactNeed {
        country: None,
        size: None,
        ..need::read(typed)
    }
}

fn draft(typed: &mut Typed, which: &Which) -> ReferralDraft {
    let need = asked(typed);
    let organisation = match which.about {
        Some(_) => None,
        None => typed.need("organisation", "one that you speak for"),
    };
    if typed.ticked(SERVICES).is_empty() {
        typed.wrong(SERVICES, "names nothing to be helped with", "one or more");
    }
    if !typed.is("consent", "yes") {
        let allowed = "tick it, or send nothing";
        typed.wrong("consent", "is not given", allowed);
    }
    ReferralDraft {
        organisation,
        centre: which.centre.id.clone(),
        need,
        words: typed.text("words"),
        job: which.about.as_ref().map(|it| it.id),
    }
}

fn within(texts: Texts, centre: &SupportCentre) -> String {
    let days = centre.acknowledge_within.as_ref().map_or(0, |it| it.value);
    texts.with("apply.working_days", &[("days", &days.to_string())])
}

/// As the issuer calls who is signed in.
fn sender(member: &Member) -> Vec<String> {
    let principal = &member.caller().principal;
    let parts = [principal.name.clone(), principal.email.clone()];
    parts.into_iter().flatten().collect()
}
