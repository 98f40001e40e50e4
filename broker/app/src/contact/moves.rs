use broker_model::{
    CentreId, EntryBody, EntryKind, InvalidTransition, LONGEST_REASON, Referral, ReferralEvent,
    ReferralId, ReferralMove, ReferralOutcome, ReferralState,
};
use broker_store::{Change, CommitError, Entity};
use policy_engine::day_in_brussels;

use super::referrals::is_own;
use super::send::{check_offers, find};
use crate::dossiers::filed;
use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Order, Result};

impl Broker {
    /// Acknowledges, accepts, declines, hands over or closes a referral, by the staff of the centre that
    /// has it; or takes it back, by the organisation.
    pub async fn move_referral<'o>(
        &self,
        caller: &Caller,
        id: ReferralId,
        order: impl Into<Order<'o, ReferralMove, Referral>>,
    ) -> Result<Referral> {
        let Order { draft, once } = order.into();
        let before = self.found_referral(caller, id).await?;
        check_may(caller, &before, draft)?;
        check(draft)?;
        let version = before.version;
        let after = self.moved(caller, &before, draft)?;
        if after == before {
            return Ok(before);
        }
        let entry = self.moved_entry(caller, (&before, &after));
        let mut writes = vec![filed(&after)];
        writes.extend(once.and_then(|it| it.remember(&after, entry.at)));
        let entries = vec![entry];
        match self.commit(Change { writes, entries }).await {
            Ok(_) => Ok(Referral {
                version: version + 1,
                ..after
            }),
            Err(CommitError::Conflict(Entity::Dossier)) => Err(Error::Contended),
            Err(error) => Err(error.into()),
        }
    }

    fn moved(&self, caller: &Caller, before: &Referral, draft: &ReferralMove) -> Result<Referral> {
        let made = (self.inner.clock.now(), caller.person);
        let referral = before.clone();
        let moved = match draft.clone() {
            ReferralMove::Acknowledge {} => referral.apply(ReferralEvent::Acknowledge, made),
            ReferralMove::Accept {} => referral.apply(ReferralEvent::Accept, made),
            ReferralMove::Decline { reason } => {
                let reason = reason.trim().to_owned();
                referral.apply(ReferralEvent::Decline { reason }, made)
            }
            ReferralMove::HandOver { to, reason } => {
                return self.sent_on(caller, referral, (&to, &reason));
            }
            ReferralMove::Close { outcome, words } => {
                let words = words.trim().to_owned();
                referral.apply(ReferralEvent::Close { outcome, words }, made)
            }
            ReferralMove::Withdraw { words } => {
                let words = words.trim().to_owned();
                referral.apply(ReferralEvent::Withdraw { words }, made)
            }
        };
        moved.map_err(|refused| not_waiting(before, &refused))
    }

    fn sent_on(
        &self,
        caller: &Caller,
        referral: Referral,
        (to, reason): (&CentreId, &str),
    ) -> Result<Referral> {
        let directory = self.directory();
        let mut faults = Faults::default();
        let next = find(&directory, ("to", to), &mut faults);
        if referral.leg().is_some_and(|it| it.centre == *to) {
            faults.add("to", "has it already", "another support centre");
        }
        faults.check("hand-over")?;
        let next = next.ok_or(Error::NotFound("support centre"))?;
        // Whoever had it can have it back, to hand it on better.
        if referral.legs.iter().all(|it| it.centre != *to) {
            let today = day_in_brussels(self.inner.clock.now());
            check_offers(&directory, (&referral.need, today), ("to", to)).check("hand-over")?;
        }
        let leg = self.leg_to(caller, next);
        let before = referral.clone();
        let moved = referral.hand_over(leg, reason.trim().to_owned());
        moved.map_err(|refused| not_waiting(&before, &refused))
    }

    /// The leg that was answered, and with what.
    fn moved_entry(&self, caller: &Caller, (before, after): (&Referral, &Referral)) -> EntryBody {
        let leg = after.legs.get(before.legs.len().saturating_sub(1));
        let state = leg.map(|it| &it.state);
        let entry = |kind| self.referral_entry(kind, (caller, before));
        match state {
            Some(ReferralState::HandedOver { to, .. }) => {
                entry(EntryKind::ReferralHandedOver).with("to", to.to_string())
            }
            Some(ReferralState::Closed { outcome, .. }) => {
                entry(EntryKind::ReferralClosed).with("outcome", outcome.as_str())
            }
            state => {
                let answer = state.map_or("none", ReferralState::as_str);
                entry(EntryKind::ReferralAnswered).with("answer", answer)
            }
        }
    }
}

/// The centre answers, and the organisation may take back what it sent.
fn check_may(caller: &Caller, referral: &Referral, draft: &ReferralMove) -> Result<()> {
    if matches!(draft, ReferralMove::Withdraw { .. }) {
        if is_own(caller, referral) {
            return Ok(());
        }
        return Err(Error::Forbidden(
            "`representative` of this organisation, or `member` of the project",
        ));
    }
    if referral
        .leg()
        .is_some_and(|it| caller.is_staff_of(&it.centre))
    {
        return Ok(());
    }
    Err(Error::Forbidden("`centre_staff` of the centre that has it"))
}

/// Words for people to read are there, and the outcome is one that a centre can tell.
fn check(draft: &ReferralMove) -> Result<()> {
    let mut faults = Faults::default();
    match draft {
        ReferralMove::Acknowledge {} | ReferralMove::Accept {} => {}
        ReferralMove::Decline { reason } | ReferralMove::HandOver { reason, .. } => {
            faults.check_text("reason", reason, LONGEST_REASON);
        }
        ReferralMove::Close { outcome, words } => {
            faults.check_text("words", words, LONGEST_REASON);
            if *outcome == ReferralOutcome::Withdrawn {
                let by_centre = ReferralOutcome::ALL.iter().filter(|it| *it != outcome);
                let allowed: Vec<&str> = by_centre.map(|it| it.as_str()).collect();
                let reason = "only the organisation takes it back";
                faults.add("outcome", reason, &allowed.join(", "));
            }
        }
        ReferralMove::Withdraw { words } if words.trim().is_empty() => {}
        ReferralMove::Withdraw { words } => faults.check_text("words", words, LONGEST_REASON),
    }
    faults.check("answer")
}

/// What it is, since when, and that the answer does not fit.
fn not_waiting(referral: &Referral, refused: &InvalidTransition) -> Error {
    let step = referral.leg().and_then(|it| it.steps.last());
    let since = step.map_or_else(String::new, |it| format!(" since {}", it.at));
    Error::NotWaiting(format!(
        "the referral is {}{since}, so it cannot be {} now",
        refused.from.replace('_', " "),
        refused.event.replace('_', " ")
    ))
}
