//! What funders and operators set out to reach, with how far the broker finds it reached.

use broker_model::{
    Desk, EntryKind, Objective, ObjectiveDraft, ObjectiveId, ObjectiveView, Organisation,
};
use broker_store::Change;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use policy_engine::Engine;

use crate::dossiers::filed;
use crate::indicators::{IndicatorQuery, check_period};
use crate::invalid::Faults;
use crate::states::check_share;
use crate::{Broker, Caller, Error, Order, Result, next_after};

impl Broker {
    /// Sets an objective. Until its first day everybody can see it come; from then on it is what is measured
    /// against, and nothing here changes or removes it.
    pub async fn set_objective<'o>(
        &self,
        caller: &Caller,
        order: impl Into<Order<'o, ObjectiveDraft, Objective>>,
    ) -> Result<Objective> {
        let Order { draft, once } = order.into();
        if !caller.is_operator() {
            return Err(Error::Forbidden("`operator`"));
        }
        let owner = self.inner.store.find_organisation(draft.owner).await?;
        check(draft, (owner.as_ref(), self.today_utc()), &self.policy())?;
        self.check_is_new(draft).await?;
        let mut objective = Objective {
            id: self.inner.ids.next(&*self.inner.clock),
            owner: draft.owner,
            indicator: draft.indicator,
            share: draft.share.clone(),
            baseline: draft.baseline,
            target: draft.target,
            from: draft.from,
            to: draft.to,
            set_by: caller.person,
            set_at: self.inner.clock.now(),
            version: 0,
        };
        let about = (caller, objective.owner);
        let mut entry = { self.organisation_entry(EntryKind::ObjectiveSet, about) }
            .with("objective", objective.id.to_string())
            .with("indicator", objective.indicator.as_str())
            .with("baseline", objective.baseline)
            .with("target", objective.target)
            .with("from", objective.from.to_string())
            .with("to", objective.to.to_string());
        if let Some(share) = &objective.share {
            entry = entry.with("share", share.to_string());
        }
        let mut writes = vec![filed(&objective)];
        writes.extend(once.and_then(|it| it.remember(&objective, entry.at)));
        let entries = vec![entry];
        self.commit(Change { writes, entries }).await?;
        objective.version = 1;
        Ok(objective)
    }

    /// The same a second time is a slip, and nothing would remove it.
    async fn check_is_new(&self, draft: &ObjectiveDraft) -> Result<()> {
        let mut after: Option<ObjectiveId> = None;
        loop {
            let page: Vec<Objective> =
                { self.dossiers_on(&Desk::Objectives, after.as_ref()) }.await?;
            if let Some(first) = page.iter().find(|it| is_said_by(it, draft)) {
                let (id, at) = (first.id, first.set_at);
                return Err(Error::AlreadySo(format!(
                    "this objective is set already: {id}, at {at}"
                )));
            }
            after = next_after(&page, |it| it.id);
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// With what is measured now, oldest first: for operators and auditors, of one share those of that share.
    pub async fn objectives(&self, caller: &Caller) -> Result<Vec<ObjectiveView>> {
        if !caller.is_operator() && !caller.is_auditor() {
            return Err(Error::Forbidden("`auditor`, or `operator`"));
        }
        let mut after: Option<ObjectiveId> = None;
        let mut seen = Vec::new();
        loop {
            let page: Vec<Objective> =
                { self.dossiers_on(&Desk::Objectives, after.as_ref()) }.await?;
            after = next_after(&page, |it| it.id);
            for objective in page
                .into_iter()
                .filter(|it| caller.audits(it.share.as_ref()))
            {
                seen.push(self.measured(objective).await?);
            }
            if after.is_none() {
                return Ok(seen);
            }
        }
    }

    /// Of the days of its period that have been, today included.
    async fn measured(&self, objective: Objective) -> Result<ObjectiveView> {
        let today = self.today_utc();
        let owner = self.inner.store.find_organisation(objective.owner).await?;
        let owner = owner.map(|it| it.name).unwrap_or_default();
        let measured = if objective.from > today {
            None
        } else {
            let asked = IndicatorQuery {
                from: objective.from,
                to: objective.to.min(today),
                share: objective.share.clone(),
            };
            objective.indicator.of(&self.computed(asked).await?)
        };
        Ok(objective.seen(owner, (measured, today)))
    }

    fn today_utc(&self) -> Date {
        self.inner.clock.now().to_zoned(TimeZone::UTC).date()
    }
}

fn is_said_by(objective: &Objective, draft: &ObjectiveDraft) -> bool {
    let Objective {
        owner,
        indicator,
        share,
        baseline,
        target,
        from,
        to,
        ..
    } = objective;
    (*owner, *indicator, share) == (draft.owner, draft.indicator, &draft.share)
        && (*baseline, *target) == (draft.baseline, draft.target)
        && (*from, *to) == (draft.from, draft.to)
}

fn check(
    draft: &ObjectiveDraft,
    (owner, today): (Option<&Organisation>, Date),
    engine: &Engine,
) -> Result<()> {
    let mut faults = Faults::default();
    if let Some(share) = &draft.share {
        check_share(engine, share, &mut faults);
    }
    if owner.is_none() {
        let reason = format!("there is no organisation {}", draft.owner);
        faults.add("owner", reason, "one of `alcyone organisations`");
    }
    if draft.from <= today {
        let reason = format!(
            "{} has begun, and what has begun is measured already",
            draft.from
        );
        faults.add("from", reason, &format!("a day after {today}"));
    }
    check_period((draft.from, draft.to), &mut faults);
    if draft.target == draft.baseline {
        faults.add("target", "is the baseline", "a number above or below it");
    }
    for (field, number) in [("baseline", draft.baseline), ("target", draft.target)] {
        if draft.indicator.is_permille() && number > 1000 {
            faults.add(field, format!("is {number}"), "0 to 1000 thousandths");
        } else if number > MOST {
            faults.add(field, format!("is {number}"), &format!("0 to {MOST}"));
        }
    }
    faults.check("objective")
}

/// Beyond it JSON of browsers is not exact.
const MOST: u64 = 1 << 53;
