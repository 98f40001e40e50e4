//! Recording what was found in lists of sanctions or export control, beside the application that it matters for.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use broker_model::{Application, OrganisationId, ScreeningDraft, ScreeningOutcome};
use policy_engine::TitleKind;

use super::check_reviewer;
use crate::Portal;
use crate::applications::application_id;
use crate::fields::MemberForm;
use crate::form::{Choice, Typed};
use crate::organisations::facts::Fact;
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::titles::Titles;
use crate::visitor::Member;

/// What the form lets one choose.
pub(crate) struct ScreeningChoices {
    pub(crate) kinds: Vec<Choice>,
    pub(crate) whom: Vec<Choice>,
    pub(crate) outcomes: Vec<Choice>,
}

impl ScreeningChoices {
    pub(crate) fn new(titles: Titles<'_>, kinds: &[String]) -> Self {
        let texts = titles.texts;
        let choice = |value: &str, words: String| Choice {
            value: value.to_owned(),
            words,
        };
        let of = |values: &[(&str, &str)]| {
            let said = values
                .iter()
                .map(|(value, key)| choice(value, texts.of(key).to_owned()));
            said.collect::<Vec<_>>()
        };
        let named = |id: &String| choice(id, titles.of(TitleKind::EvidenceKind, id));
        Self {
            kinds: kinds.iter().map(named).collect(),
            whom: of(&[
                ("organisation", "review.whom_organisation"),
                ("applicant", "review.whom_applicant"),
            ]),
            // Nobody records that nothing was found by leaving a choice alone.
            outcomes: of(&[
                ("", "form.choose"),
                ("clear", "review.clear"),
                ("unsettled", "review.unsettled"),
            ]),
        }
    }
}

pub(crate) async fn record(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    check_reviewer(&member)?;
    let id = application_id(&id)?;
    let (broker, caller) = (&portal.broker, member.caller());
    let one = broker.application(caller, id).await?;
    let mut typed = Typed::from(fields);
    let Some(draft) = draft(&mut typed, &one) else {
        return portal
            .ruling_page(&member, id, (typed.unread(), None))
            .await;
    };
    match { broker.record_screening(caller, one.organisation, &draft) }.await {
        Ok(_) => Ok(Redirect::to(&format!("/reviews/applications/{id}")).into_response()),
        Err(error) => portal.not_taken(&member, id, (typed, error)).await,
    }
}

fn draft(typed: &mut Typed, one: &Application) -> Option<ScreeningDraft> {
    let person = match typed.value("whom") {
        "organisation" => None,
        "applicant" => Some(one.applied_by),
        _ => {
            typed.wrong("whom", "is missing", "the organisation, or who applied");
            None
        }
    };
    let outcome = match typed.value("outcome") {
        "clear" => Some(ScreeningOutcome::Clear),
        "unsettled" => Some(ScreeningOutcome::Unsettled),
        _ => {
            typed.wrong("outcome", "is missing", "clear, unsettled");
            None
        }
    };
    let screened_on = typed.needed_day("screened_on");
    let expires_on = typed.day("expires_on");
    let draft = ScreeningDraft {
        kind: typed.text("kind"),
        person,
        list: typed.text("list"),
        screened_on: screened_on?,
        expires_on,
        outcome: outcome?,
        words: typed.text("words"),
    };
    Some(draft).filter(|_| !typed.is_wrong())
}

impl Portal {
    /// Whose de minimis aid counts with that of the organisation; nothing where it declared nobody.
    pub(super) async fn linked(
        &self,
        (member, texts): (&Member, Texts),
        of: OrganisationId,
    ) -> Result<Vec<Fact>, Refusal> {
        let found = self.broker.undertaking(member.caller(), of).await?;
        let others = found.members.iter().filter(|it| it.organisation != of);
        let counted = others.map(|it| Fact {
            label: texts.of("review.aid_counted"),
            words: format!("{}: {} EUR", it.organisation, it.counted_eur),
        });
        let unknown = found.not_counted.iter().map(|name| Fact {
            label: texts.of("review.aid_not_counted"),
            words: name.clone(),
        });
        Ok(counted.chain(unknown).collect())
    }
}
