//! Deciding on one application.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::{Error, GrantChoices, UnitChoice};
use broker_model::{
    ApplicationId, ApplicationVerdict, GrantDraft, GrantScope, RulingDraft, SiteId,
};
use policy_engine::day_in_brussels;

use super::check_reviewer;
use super::screening::ScreeningChoices;
use crate::Portal;
use crate::applications::application_id;
use crate::applications::view::ApplicationView;
use crate::decision::DecisionView;
use crate::fields::MemberForm;
use crate::form::{Choice, Typed};
use crate::frame::{Frame, html};
use crate::organisations::evidence_view::EvidenceView;
use crate::organisations::facts::{Fact, facts};
use crate::organisations::show::SizeView;
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::titles::Titles;
use crate::visitor::Member;
use crate::words;

const ACCOUNT: &str = "grant.local_accounts";

#[derive(Template)]
#[template(path = "review_application.html")]
struct RulingPage {
    f: Frame,
    one: ApplicationView,
    organisation: String,
    facts: Vec<Fact>,
    size: SizeView,
    evidence: Vec<EvidenceView>,
    /// What the rules found when it was handed in.
    found: Option<DecisionView>,
    is_own: bool,
    /// Linked enterprises whose de minimis aid counts too, and those whose aid nobody here knows.
    linked: Vec<Fact>,
    screening: ScreeningChoices,
    units: Vec<Choice>,
    shares: Vec<Choice>,
    typed: Typed,
    /// Why it cannot be accepted now.
    refused: Option<DecisionView>,
}

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    check_reviewer(&member)?;
    let id = application_id(&id)?;
    portal
        .ruling_page(&member, id, (Typed::default(), None))
        .await
}

pub(crate) async fn rule(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    check_reviewer(&member)?;
    let id = application_id(&id)?;
    let mut typed = Typed::from(fields);
    let one = portal.broker.application(member.caller(), id).await?;
    let draft = draft(&mut typed, &one.system)?;
    let Some(draft) = draft else {
        return portal
            .ruling_page(&member, id, (typed.unread(), None))
            .await;
    };
    match portal.broker.rule(member.caller(), id, &draft).await {
        Ok(_) => Ok(Redirect::to("/reviews").into_response()),
        Err(Error::NotEligible(asked)) => {
            typed.status = StatusCode::CONFLICT;
            let refused = DecisionView::asked(member.texts, &portal.broker.policy(), &asked);
            portal
                .ruling_page(&member, id, (typed, Some(refused)))
                .await
        }
        Err(error) => portal.not_taken(&member, id, (typed, error)).await,
    }
}

impl Portal {
    /// The page again, with why what was typed there was not taken.
    pub(super) async fn not_taken(
        &self,
        member: &Member,
        id: ApplicationId,
        (typed, error): (Typed, Error),
    ) -> Result<Response, Refusal> {
        let typed = match error {
            Error::ConflictOfInterest => {
                let words = member.texts.of("review.conflict").to_owned();
                typed.with_notice(StatusCode::FORBIDDEN, words)
            }
            error => typed.refused(member.texts, error)?,
        };
        self.ruling_page(member, id, (typed, None)).await
    }

    pub(super) async fn ruling_page(
        &self,
        member: &Member,
        id: ApplicationId,
        (typed, refused): (Typed, Option<DecisionView>),
    ) -> Result<Response, Refusal> {
        let (broker, caller, texts) = (&self.broker, member.caller(), member.texts);
        let status = typed.status;
        let one = broker.application(caller, id).await?;
        let organisation = broker.organisation(caller, one.organisation).await?;
        let size = broker.organisation_size(caller, one.organisation).await?;
        let handed_in = broker.evidence(caller, one.organisation).await?;
        let (engine, today) = (broker.policy(), day_in_brussels(broker.clock().now()));
        let titles = Titles::new(texts, &engine);
        let choices = broker.grant_choices(&one, &organisation).await?;
        let view = |it| EvidenceView::new(titles, today, it);
        let own = self.belongs_to(member).await?;
        let mut response = html(&RulingPage {
            f: member.frame(&one.project.name, "reviews"),
            facts: facts(titles, &organisation),
            organisation: organisation.name,
            size: SizeView::new(titles, &size),
            evidence: handed_in.iter().map(view).collect(),
            found: self.found(texts, one.found).await?,
            is_own: own.contains(&one.organisation),
            linked: self.linked((member, texts), one.organisation).await?,
            screening: ScreeningChoices::new(titles, &broker.screening_kinds()),
            units: units(texts, &choices),
            shares: shares(titles, &choices),
            one: self.application_view(texts, &one),
            typed,
            refused,
        })?;
        *response.status_mut() = status;
        Ok(response)
    }
}

/// Each with what an hour of it is. Of the only one nothing has to be said.
fn units(texts: Texts, choices: &GrantChoices) -> Vec<Choice> {
    let said = |it: &UnitChoice| {
        let unit = texts.word(&it.unit);
        match it.an_hour {
            Some(gpu) => texts.with(
                "review.unit_is",
                &[("unit", &unit), ("gpu", &words::hours(gpu))],
            ),
            None => texts.with("review.unit_unknown", &[("unit", &unit)]),
        }
    };
    if let [only] = choices.units.as_slice() {
        return vec![Choice {
            value: String::new(),
            words: said(only),
        }];
    }
    let mut all = Choice::of_words(texts, "form.choose", &[]);
    all.extend(choices.units.iter().map(|it| Choice {
        value: it.unit.clone(),
        words: said(it),
    }));
    all
}

/// First the one that the mode says, which is taken where nothing is said.
fn shares(titles: Titles<'_>, choices: &GrantChoices) -> Vec<Choice> {
    let texts = titles.texts;
    let words = |it| words::share(titles, it);
    let first = match &choices.of_mode {
        Some(share) if choices.is_sold => {
            texts.with("review.share_is_paid", &[("share", &words(share))])
        }
        Some(share) => texts.with("review.share_of_mode", &[("share", &words(share))]),
        None => texts.of("form.choose").to_owned(),
    };
    let others = { choices.shares.iter() }.filter(|it| Some(*it) != choices.of_mode.as_ref());
    let others = others.map(|it| Choice {
        value: it.to_string(),
        words: words(it),
    });
    let first = Choice {
        value: String::new(),
        words: first,
    };
    std::iter::once(first).chain(others).collect()
}

/// Nothing where a field cannot be read; a rejection looks at no field of a grant.
fn draft(typed: &mut Typed, system: &str) -> Result<Option<RulingDraft>, Refusal> {
    let (verdict, grant) = match typed.value("verdict") {
        "accept" => (ApplicationVerdict::Accept, grant(typed, system)),
        "reject" => (ApplicationVerdict::Reject, None),
        _ => return Err(Refusal::Unreadable),
    };
    let draft = RulingDraft {
        verdict,
        reasons: typed.text("reasons"),
        grant,
    };
    Ok(Some(draft).filter(|_| !typed.is_wrong()))
}

fn grant(typed: &mut Typed, system: &str) -> Option<GrantDraft> {
    let hours = typed.need("grant.hours", "a whole number, 1 and more");
    let valid_from = typed.needed_day("grant.valid_from");
    let valid_to = typed.needed_day("grant.valid_to");
    let site: Option<SiteId> = { system.split('/').next() }.and_then(|it| it.parse().ok());
    let account: BTreeMap<SiteId, String> = site.zip(typed.some(ACCOUNT)).into_iter().collect();
    let worth_eur = typed.read("grant.worth_eur", "whole euros");
    let share = typed.read("grant.share", "union, national:XX or commercial");
    Some(GrantDraft {
        hours: hours?,
        scope: if typed.is("grant.scope", "federation") {
            GrantScope::Federation
        } else {
            GrantScope::System
        },
        share,
        worth_eur,
        unit: typed.some("grant.unit"),
        valid_from: valid_from?,
        valid_to: valid_to?,
        call_reference: typed.some("grant.call_reference"),
        local_accounts: account,
    })
}
