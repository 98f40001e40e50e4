//! One organisation: what it said, how large that makes it, and its evidence.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use broker_app::OrganisationSize;
use broker_model::OrganisationId;
use policy_engine::{SizeReason, day_in_brussels};

use super::evidence_view::{EvidenceView, kinds};
use super::facts::{Fact, facts};
use super::{organisation_id, size_word};
use crate::Portal;
use crate::follow_ups::rows::OwedRow;
use crate::form::{Choice, Typed, of_hundredths};
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::titles::Titles;
use crate::twice;
use crate::visitor::Member;
use crate::words;

#[derive(Template)]
#[template(path = "organisation.html")]
struct OrganisationPage {
    f: Frame,
    id: String,
    name: String,
    is_mine: bool,
    facts: Vec<Fact>,
    size: SizeView,
    evidence: Vec<EvidenceView>,
    owed: Vec<OwedRow>,
    kinds: Vec<Choice>,
    /// The form that hands evidence in.
    typed: Typed,
    key: String,
}

/// A size with how it follows from what was declared.
pub(crate) struct SizeView {
    pub(crate) class: String,
    /// Where it is not sure which.
    pub(crate) possible: Option<String>,
    pub(crate) is_unclear: bool,
    pub(crate) on: String,
    pub(crate) reasons: Vec<ReasonView>,
    pub(crate) periods: Vec<PeriodView>,
}

pub(crate) struct ReasonView {
    pub(crate) words: String,
    pub(crate) lang: &'static str,
    pub(crate) source: String,
}

pub(crate) struct PeriodView {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) awu: String,
    pub(crate) turnover: String,
    pub(crate) balance: String,
    pub(crate) class: String,
    pub(crate) estimated: bool,
}

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = organisation_id(&id)?;
    portal
        .organisation_page(&member, id, Typed::default())
        .await
}

impl Portal {
    /// With the form for evidence as it was typed.
    pub(super) async fn organisation_page(
        &self,
        member: &Member,
        id: OrganisationId,
        typed: Typed,
    ) -> Result<Response, Refusal> {
        let (caller, texts) = (member.caller(), member.texts);
        let organisation = self.broker.organisation(caller, id).await?;
        let size = self.broker.organisation_size(caller, id).await?;
        let today = day_in_brussels(self.broker.clock().now());
        let engine = self.broker.policy();
        let evidence = self.broker.evidence(caller, id).await?;
        let mut owed = self.broker.organisation_follow_ups(caller, id).await?;
        owed.retain(|it| it.follow_up.is_open());
        let status = typed.status;
        let titles = Titles::new(texts, &engine);
        let view = |it| EvidenceView::new(titles, today, it);
        let mut response = html(&OrganisationPage {
            f: member.frame(&organisation.name, "organisations"),
            id: id.to_string(),
            is_mine: caller.represents(id),
            facts: facts(titles, &organisation),
            size: SizeView::new(titles, &size),
            evidence: evidence.iter().rev().map(view).collect(),
            owed: self.owed_rows(texts, &owed),
            kinds: kinds(titles, today),
            key: twice::key(&typed),
            typed,
            name: organisation.name,
        })?;
        *response.status_mut() = status;
        Ok(response)
    }
}

impl SizeView {
    pub(crate) fn new(titles: Titles<'_>, size: &OrganisationSize) -> Self {
        let texts = titles.texts;
        let found = size.found.as_ref();
        let possible = found.map(|it| &it.possible).filter(|it| it.len() > 1);
        let possible = possible.map(|classes| {
            let words = classes.iter().map(|it| texts.word(it.as_str()));
            words.collect::<Vec<_>>().join(", ")
        });
        let reasons = found.map_or(&size.reasons, |it| &it.reasons).iter();
        let periods = found.map(|it| it.periods.as_slice()).unwrap_or_default();
        Self {
            class: texts.word(size_word(size.size)),
            possible,
            is_unclear: size.size == broker_model::SizeClass::Unclear,
            on: size.on.to_string(),
            reasons: reasons.map(|it| ReasonView::new(titles, it)).collect(),
            periods: periods
                .iter()
                .map(|it| PeriodView::new(texts, it))
                .collect(),
        }
    }
}

impl ReasonView {
    /// Whole sentences have their translation in the policy; those with figures in them are in English.
    fn new(titles: Titles<'_>, reason: &SizeReason) -> Self {
        let texts = titles.texts;
        let said = titles.engine.text(&reason.words, texts.lang());
        Self {
            words: said.to_owned(),
            lang: if said == reason.words {
                "en"
            } else {
                texts.lang()
            },
            source: reason.source.clone(),
        }
    }
}

impl PeriodView {
    fn new(texts: Texts, period: &policy_engine::PeriodFound) -> Self {
        Self {
            from: period.first_day.to_string(),
            to: period.last_day.to_string(),
            awu: of_hundredths(period.awu_hundredths),
            turnover: words::count(period.turnover_eur),
            balance: words::count(period.balance_eur),
            class: texts.word(period.class.as_str()),
            estimated: period.estimated,
        }
    }
}
