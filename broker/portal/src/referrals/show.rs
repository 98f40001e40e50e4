//! One referral: how it stands, what happened to it, what went along, and what the visitor may do with it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use broker_app::{Caller, ReferralView};
use broker_model::{ReferralId, ReferralOutcome, ReferralState};

use super::attached::AttachedView;
use super::referral_id;
use super::view::{LegView, state};
use crate::Portal;
use crate::applications::view::ClockView;
use crate::contact::names::Names;
use crate::contact::need;
use crate::form::{Choice, Typed};
use crate::frame::{Frame, html};
use crate::organisations::facts::Fact;
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::twice;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "referral.html")]
struct ReferralPage {
    f: Frame,
    id: String,
    organisation: String,
    organisation_path: Option<String>,
    centre: String,
    page: Option<String>,
    class: &'static str,
    state: &'static str,
    clock: Option<ClockView>,
    need: Vec<Fact>,
    words: String,
    /// Whom to write to.
    sender: Vec<String>,
    legs: Vec<LegView>,
    attached: Option<AttachedView>,
    may: May,
    others: Vec<Choice>,
    outcomes: Vec<Choice>,
    typed: Typed,
    key: String,
}

/// The steps that the visitor may take now.
#[derive(Clone, Copy)]
struct May {
    answer: Answer,
    withdraw: bool,
}

/// What the centre that has it can still say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The visitor is not of that centre, or it is settled.
    Nothing,
    FromTheFirst,
    /// It was acknowledged.
    WhetherItHelps,
    /// It was accepted.
    HowItEnds,
}

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = referral_id(&id)?;
    portal.referral_page(&member, id, Typed::default()).await
}

impl Portal {
    /// With the forms of its steps as they were typed.
    pub(super) async fn referral_page(
        &self,
        member: &Member,
        id: ReferralId,
        typed: Typed,
    ) -> Result<Response, Refusal> {
        let (caller, texts, status) = (member.caller(), member.texts, typed.status);
        let one = self.broker.referral(caller, id).await?;
        let names = Names::new(self, texts);
        let referral = &one.referral;
        let (class, state) = { referral.leg() }.map_or(("none", ""), |it| state(texts, &it.state));
        let (of, attached) = (referral.organisation, referral.job.as_deref());
        let sees = caller.represents(of) || caller.is_operator() || caller.is_reviewer();
        let title = texts.with(
            "referral.heading",
            &[("organisation", &one.organisation_name)],
        );
        let centre = names.directory.centre(&one.centre);
        let mut response = html(&ReferralPage {
            f: member.frame(&title, "referrals"),
            id: referral.id.to_string(),
            organisation_path: sees.then(|| format!("/organisations/{of}")),
            centre: names.centre(&one.centre),
            page: { centre.and_then(|it| it.page.as_ref()) }.map(|it| it.value.clone()),
            class,
            state,
            clock: self.acknowledge_clock(texts, &one),
            need: need::facts(&names, &referral.need),
            words: referral.words.clone(),
            sender: sender(&one),
            legs: { referral.legs.iter() }
                .map(|it| LegView::new(&names, it))
                .collect(),
            attached: attached.map(|it| AttachedView::new(texts, it)),
            may: May::of(caller, &one),
            others: others(&names, &one),
            outcomes: outcomes(texts),
            key: twice::key(&typed),
            typed,
            organisation: one.organisation_name,
        })?;
        *response.status_mut() = status;
        Ok(response)
    }
}

fn sender(one: &ReferralView) -> Vec<String> {
    let sender = one.sender.as_ref();
    let parts = sender.map(|it| [it.name.clone(), it.email.clone()]);
    parts.into_iter().flatten().flatten().collect()
}

impl May {
    /// As the use case will say, too.
    fn of(caller: &Caller, one: &ReferralView) -> Self {
        let referral = &one.referral;
        let project = referral.project.is_some_and(|it| caller.may_use(it));
        let is_own = caller.represents(referral.organisation) || project;
        let state = referral.leg().map(|it| &it.state);
        let answer = match state.filter(|_| caller.is_staff_of(&one.centre)) {
            Some(ReferralState::Sent) => Answer::FromTheFirst,
            Some(ReferralState::Acknowledged) => Answer::WhetherItHelps,
            Some(ReferralState::Accepted) => Answer::HowItEnds,
            _ => Answer::Nothing,
        };
        Self {
            answer,
            withdraw: is_own && referral.is_open(),
        }
    }

    /// There is a step for the visitor.
    fn any(self) -> bool {
        self.hand_over() || self.withdraw
    }

    fn acknowledge(self) -> bool {
        self.answer == Answer::FromTheFirst
    }

    /// Accept it, or decline.
    fn decide(self) -> bool {
        self.acknowledge() || self.answer == Answer::WhetherItHelps
    }

    fn hand_over(self) -> bool {
        self.answer != Answer::Nothing
    }

    fn close(self) -> bool {
        self.answer == Answer::HowItEnds
    }
}

/// The centres that it can be handed over to.
fn others(names: &Names, one: &ReferralView) -> Vec<Choice> {
    let mut choices = Choice::of_words(names.texts, "form.choose", &[]);
    let centres = names.directory.centres().iter();
    let others = centres.filter(|it| it.id != one.centre);
    choices.extend(others.map(|it| Choice {
        value: it.id.to_string(),
        words: it.name.value.clone(),
    }));
    choices
}

/// Those that a centre can tell; only the organisation takes it back.
fn outcomes(texts: Texts) -> Vec<Choice> {
    let told = ReferralOutcome::ALL.into_iter();
    let told = told.filter(|it| *it != ReferralOutcome::Withdrawn);
    let words: Vec<&str> = told.map(ReferralOutcome::as_str).collect();
    Choice::of_words(texts, "form.choose", &words)
}
