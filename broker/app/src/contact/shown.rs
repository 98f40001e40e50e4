use broker_model::{CentreId, Referral, ReferralDue, ReferralState};
use jiff::Timestamp;
use serde::Serialize;

use super::referrals::is_own;
use crate::{Broker, Caller, Result};

/// A referral with what follows from it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReferralView {
    #[serde(flatten)]
    pub referral: Referral,
    /// Where it is.
    pub centre: CentreId,
    /// The name of its state there: `sent`.
    pub state: String,
    pub clock: ReferralClock,
    pub organisation_name: String,
    /// Whom to write to, for the centre that has it and for the organisation itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<ReferralSender>,
}

/// The times of the leg that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReferralClock {
    /// To the first centre.
    pub first_sent_at: Timestamp,
    pub sent_at: Timestamp,
    pub due: ReferralDue,
    /// Nobody there has said that they saw it, and the time for that is over.
    pub overdue: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// Declined or closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
}

/// Who sent it, as their issuer calls them: from the tables of identities, not from the referral.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReferralSender {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl Broker {
    pub(super) async fn shown_referral(
        &self,
        caller: &Caller,
        referral: Referral,
    ) -> Result<ReferralView> {
        let store = &self.inner.store;
        let organisation = store.find_organisation(referral.organisation).await?;
        let (Some(first), Some(last)) = (referral.legs.first(), referral.leg()) else {
            return Err(crate::Error::NotFound("referral"));
        };
        let sender = if is_own(caller, &referral) || caller.is_staff_of(&last.centre) {
            let person = store.find_person(first.sent_by).await?;
            person.map(|it| ReferralSender {
                name: it.name,
                email: it.email,
            })
        } else {
            None
        };
        let settled = { last.steps.last() }.filter(|it| !it.state.is_open());
        let clock = ReferralClock {
            first_sent_at: first.sent_at,
            sent_at: last.sent_at,
            due: last.due,
            overdue: referral.is_overdue(self.inner.clock.now()),
            acknowledged_at: last.reached(ReferralState::Acknowledged.as_str()),
            accepted_at: last.reached(ReferralState::Accepted.as_str()),
            settled_at: settled.map(|it| it.at),
        };
        Ok(ReferralView {
            centre: last.centre.clone(),
            state: last.state.as_str().to_owned(),
            clock,
            organisation_name: organisation.map(|it| it.name).unwrap_or_default(),
            sender,
            referral,
        })
    }
}
