//! What a funder looks at: who used how much in a period, how long access took, and how far objectives are reached.

mod figures;
mod goals;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_app::{Caller, IndicatorQuery};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::Portal;
use crate::fields::Fields;
use crate::form::Typed;
use crate::frame::{Frame, html};
use crate::funding::figures::Found;
use crate::funding::goals::Goal;
use crate::refusal::Refusal;
use crate::titles::Titles;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "funding.html")]
struct FundingPage {
    f: Frame,
    typed: Typed,
    /// None where the period or the share cannot be asked about.
    found: Option<Found>,
    objectives: Vec<Goal>,
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
    let engine = portal.broker.policy();
    let titles = Titles::new(texts, &engine);
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
            Ok(indicators) => found = Some(Found::new(titles, &indicators)),
            Err(error) => typed = typed.refused(texts, error)?,
        }
    } else {
        typed = typed.unread();
    }
    let status = typed.status;
    let mut response = html(&FundingPage {
        f: member.frame(texts.of("funding.title"), "funding"),
        found,
        objectives: objectives.iter().map(|it| Goal::new(titles, it)).collect(),
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
}

/// Thousandths as percent with one decimal.
fn percent(permille: i64) -> String {
    let sign = if permille < 0 { "\u{2212}" } else { "" };
    let all = permille.unsigned_abs();
    format!("{sign}{}.{}\u{202f}%", all / 10, all % 10)
}
