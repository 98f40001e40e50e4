//! The pages of referrals: those of the visitor's organisations and projects, and for the staff of centres
//! what waits there.

pub(crate) mod attached;
pub(crate) mod moves;
pub(crate) mod show;
pub(crate) mod view;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_app::{ReferralView, next_after};
use broker_model::{CentreId, ReferralId};

use self::view::Row;
use crate::Portal;
use crate::contact::names::Names;
use crate::fields::Fields;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "referrals.html")]
struct ReferralsPage {
    f: Frame,
    mine: Vec<Row>,
    desks: Vec<Desk>,
    /// Those that no centre acknowledged in time, for operators.
    overdue: Option<Vec<Row>>,
}

/// What waits at one centre.
struct Desk {
    id: String,
    centre: String,
    rows: Vec<Row>,
    later: Option<String>,
}

/// What the first page says to the staff of a centre.
pub(crate) struct Waiting {
    pub(crate) id: String,
    pub(crate) words: String,
    pub(crate) count: usize,
    /// There are more than were counted.
    pub(crate) more: bool,
    pub(crate) overdue: usize,
}

/// A visitor's own newest first; what waits oldest first.
pub(crate) async fn list(
    State(portal): State<Portal>,
    member: Member,
    fields: Fields,
) -> Result<Response, Refusal> {
    let (broker, caller) = (&portal.broker, member.caller());
    let names = Names::new(&portal, member.texts);
    let mut mine = broker.my_referrals(caller).await?;
    mine.reverse();
    let row = |it: &ReferralView| portal.referral_row(&names, it);
    let mut desks = Vec::new();
    for centre in portal.desks(&member).await? {
        let after = after(&fields, &centre)?;
        let found = broker.centre_referrals(caller, (&centre, after)).await?;
        desks.push(Desk {
            id: centre.to_string(),
            centre: names.centre(&centre),
            rows: found.iter().map(row).collect(),
            later: next_after(&found, |it| it.referral.id.to_string()),
        });
    }
    let overdue = if caller.is_operator() {
        Some(broker.overdue_referrals(caller).await?)
    } else {
        None
    };
    html(&ReferralsPage {
        f: member.frame(member.texts.of("referral.title"), "referrals"),
        mine: mine.iter().map(row).collect(),
        desks,
        overdue: overdue.map(|found| found.iter().map(row).collect()),
    })
}

pub(crate) fn referral_id(text: &str) -> Result<ReferralId, Refusal> {
    text.parse().map_err(|_| Refusal::NoPage)
}

/// One list is turned over at a time; the others begin at their first.
fn after(fields: &Fields, centre: &CentreId) -> Result<Option<ReferralId>, Refusal> {
    if fields.text("centre") != Some(centre.as_str()) {
        return Ok(None);
    }
    fields.text("after").map(referral_id).transpose()
}

impl Portal {
    /// The visitor's centres, and for operators those that left the directory with something open.
    async fn desks(&self, member: &Member) -> Result<Vec<CentreId>, Refusal> {
        let mut centres = self.staffed(member).await?;
        if member.caller().is_operator() {
            let stranded = self.broker.stranded_referrals().await?.into_keys();
            let more: Vec<CentreId> = stranded.filter(|it| !centres.contains(it)).collect();
            centres.extend(more);
        }
        Ok(centres)
    }

    /// The visitor's centres; one that the directory does not have any more while something waits there.
    async fn staffed(&self, member: &Member) -> Result<Vec<CentreId>, Refusal> {
        let directory = self.broker.directory();
        let mut staffed = Vec::new();
        for centre in member.caller().centres() {
            let asked = (&centre, None);
            let is_shown = directory.centre(&centre).is_some() || {
                let waiting = self.broker.centre_referrals(member.caller(), asked).await;
                waiting.is_ok()
            };
            if is_shown {
                staffed.push(centre);
            }
        }
        Ok(staffed)
    }

    pub(crate) async fn waiting(&self, member: &Member) -> Result<Vec<Waiting>, Refusal> {
        let names = Names::new(self, member.texts);
        let mut waiting = Vec::new();
        for centre in self.staffed(member).await? {
            let asked = (&centre, None);
            let found = self.broker.centre_referrals(member.caller(), asked).await?;
            let name = names.centre(&centre);
            waiting.push(Waiting {
                id: centre.to_string(),
                words: member.texts.with("referral.staff", &[("centre", &name)]),
                count: found.len(),
                more: next_after(&found, |_| ()).is_some(),
                overdue: found.iter().filter(|it| it.clock.overdue).count(),
            });
        }
        Ok(waiting)
    }
}
