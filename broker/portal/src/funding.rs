//! What a funder looks at: who used how much in a period, how long access took, and how far objectives are reached.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_app::{Caller, IndicatorQuery};
use broker_model::{
    AccessTimes, FundingShare, IndicatorKind, Indicators, ObjectiveView, Spread, UsedPart,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use policy_engine::TitleKind;

use crate::Portal;
use crate::fields::Fields;
use crate::form::Typed;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::titles::Titles;
use crate::visitor::Member;
use crate::words;

#[derive(Template)]
#[template(path = "funding.html")]
struct FundingPage {
    f: Frame,
    typed: Typed,
    /// None where the period or the share cannot be asked about.
    found: Option<Found>,
    objectives: Vec<Goal>,
}

struct Found {
    gpu: String,
    organisations: String,
    /// What the ten that used most have of the whole.
    top: Option<String>,
    parts: Vec<Parts>,
    access: Vec<Access>,
}

/// A whole in its parts, by one of their properties.
struct Parts {
    id: &'static str,
    heading: &'static str,
    rows: Vec<[String; 4]>,
}

struct Access {
    share: String,
    applications: String,
    accepted: String,
    rejected: String,
    waiting: String,
    times: [String; 4],
}

struct Goal {
    id: String,
    owner: String,
    indicator: String,
    share: String,
    from: String,
    to: String,
    baseline: String,
    target: String,
    measured: String,
    class: &'static str,
    standing: String,
}

/// For auditors and operators; an auditor of one share sees that share.
pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    fields: Fields,
) -> Result<Response, Refusal> {
    let (caller, texts) = (member.caller(), member.texts);
    // First, so that who may not look is told so, whatever was typed.
    let objectives = portal.broker.objectives(caller).await?;
    let is_asked = ["from", "to", "share"]
        .iter()
        .any(|it| fields.text(it).is_some());
    let fields = if is_asked {
        fields
    } else {
        portal.usual(caller).into()
    };
    let mut typed = Typed::from(fields);
    let from = typed.needed_day("from");
    let to = typed.needed_day("to");
    let share = typed.read("share", "union, national:XX or commercial");
    let mut found = None;
    if let (Some(from), Some(to)) = (from, to)
        && !typed.is_wrong()
    {
        let asked = IndicatorQuery { from, to, share };
        match portal.broker.indicators(caller, asked).await {
            Ok(indicators) => found = Some(portal.found_of(texts, &indicators)),
            Err(error) => typed = typed.refused(texts, error)?,
        }
    } else {
        typed = typed.unread();
    }
    let status = typed.status;
    let mut response = html(&FundingPage {
        f: member.frame(texts.of("funding.title"), "funding"),
        found,
        objectives: objectives.iter().map(|it| Goal::new(texts, it)).collect(),
        typed,
    })?;
    *response.status_mut() = status;
    Ok(response)
}

impl Portal {
    /// The year so far, of the share that the visitor audits where it is only one.
    fn usual(&self, caller: &Caller) -> Vec<(String, String)> {
        let now = self.broker.clock().now().to_zoned(TimeZone::UTC).date();
        let first = Date::new(now.year(), 1, 1).unwrap_or(now);
        let mut usual = vec![
            ("from".to_owned(), first.to_string()),
            ("to".to_owned(), now.to_string()),
        ];
        let shares = caller.audited_shares();
        if let Some(share) = shares.first().filter(|_| !caller.sees_every_figure()) {
            usual.push(("share".to_owned(), share.to_string()));
        }
        usual
    }

    fn found_of(&self, texts: Texts, of: &Indicators) -> Found {
        let engine = self.broker.policy();
        let titles = Titles::new(texts, &engine);
        let size = |it: &str| texts.word(it);
        let country = |it: &str| match it {
            "not_said" => texts.word(it),
            code => titles.of(TitleKind::Country, code),
        };
        let parts = [
            Parts::new(("size", "funding.by_size"), (texts, &of.by_size), size),
            Parts::new(
                ("country", "funding.by_country"),
                (texts, &of.by_country),
                country,
            ),
            Parts::new(
                ("sector", "funding.by_sector"),
                (texts, &of.by_sector),
                size,
            ),
        ];
        Found {
            gpu: of.gpu.to_string(),
            organisations: words::count(of.organisations),
            top: of.top_10_permille.map(|it| percent(it.into())),
            parts: parts.into_iter().filter(|it| !it.rows.is_empty()).collect(),
            access: of.access.iter().map(|it| Access::new(texts, it)).collect(),
        }
    }
}

impl Parts {
    fn new(
        (id, heading): (&'static str, &'static str),
        (texts, parts): (Texts, &[UsedPart]),
        name: impl Fn(&str) -> String,
    ) -> Self {
        let row = |it: &UsedPart| {
            [
                name(&it.of),
                it.gpu.to_string(),
                percent(it.permille.into()),
                words::count(it.organisations),
            ]
        };
        Self {
            id,
            heading: texts.of(heading),
            rows: parts.iter().map(row).collect(),
        }
    }
}

impl Access {
    fn new(texts: Texts, it: &AccessTimes) -> Self {
        let median = |of: Option<Spread>| {
            of.map_or_else(
                || "–".to_owned(),
                |it| {
                    let (hours, count) = (words::count(it.median_hours), words::count(it.count));
                    texts.with("funding.hours_of", &[("hours", &hours), ("count", &count)])
                },
            )
        };
        Self {
            share: it.share.to_string(),
            applications: words::count(it.applications),
            accepted: words::count(it.accepted),
            rejected: words::count(it.rejected),
            waiting: words::count(it.waiting),
            times: [
                median(it.decision),
                median(it.account),
                median(it.first_job),
                median(it.whole),
            ],
        }
    }
}

impl Goal {
    fn new(texts: Texts, it: &ObjectiveView) -> Self {
        let one = &it.objective;
        let number = |number: u64| amount(one.indicator, number);
        let (class, standing) = match (it.reached, it.over, it.progress_permille) {
            (true, _, _) => ("good", texts.of("funding.reached").to_owned()),
            (false, true, _) => ("bad", texts.of("funding.not_reached").to_owned()),
            (false, false, Some(way)) => (
                "wait",
                texts.with("funding.way", &[("percent", &percent(way))]),
            ),
            (false, false, None) => ("none", texts.of("funding.not_measured").to_owned()),
        };
        Self {
            id: one.id.to_string(),
            owner: it.owner_name.clone(),
            indicator: texts.word(one.indicator.as_str()),
            share: share_words(texts, one.share.as_ref()),
            from: one.from.to_string(),
            to: one.to.to_string(),
            baseline: number(one.baseline),
            target: number(one.target),
            measured: it.measured.map_or_else(|| "–".to_owned(), number),
            class,
            standing,
        }
    }
}

fn share_words(texts: Texts, share: Option<&FundingShare>) -> String {
    share.map_or_else(
        || texts.of("funding.all_shares").to_owned(),
        ToString::to_string,
    )
}

/// A part in percent, anything else as it is counted.
fn amount(indicator: IndicatorKind, number: u64) -> String {
    match i64::try_from(number) {
        Ok(permille) if indicator.is_permille() => percent(permille),
        _ => words::count(number),
    }
}

/// Thousandths as percent with one decimal.
fn percent(permille: i64) -> String {
    let sign = if permille < 0 { "\u{2212}" } else { "" };
    let all = permille.unsigned_abs();
    format!("{sign}{}.{}\u{202f}%", all / 10, all % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_in_percent_and_hours_as_they_are_counted() {
        assert_eq!(percent(633), "63.3\u{202f}%");
        assert_eq!(percent(-5), "\u{2212}0.5\u{202f}%");
        assert_eq!(amount(IndicatorKind::SmePermille, 400), "40.0\u{202f}%");
        assert_eq!(amount(IndicatorKind::DecisionHours, 400), "400");
    }
}
