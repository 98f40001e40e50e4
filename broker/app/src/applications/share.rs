//! Whose hours an acceptance gives: the mode's, unless the reviewer says another that the system has.

use std::collections::BTreeSet;

use broker_model::{Application, FundingShare, GrantDraft, GrantScope};
use policy_engine::{AccessMode, Cost, Engine, Question};

use super::find_mode;
use crate::Broker;
use crate::invalid::Faults;

const NATIONAL: &str = "national";

impl Broker {
    /// What the reviewer says, or the mode: see [`share_asked`]. A state has hours of a system only where a mode gives them
    /// there.
    pub(super) fn share_of(
        &self,
        application: &Application,
        (grant, asked): (&GrantDraft, &Question),
        faults: &mut Faults,
    ) -> Option<FundingShare> {
        let (engine, country) = (self.policy(), asked.organisation.country.as_str());
        let Some(said) = &grant.share else {
            let share = of_mode(&engine, asked, faults);
            check_scope(grant, share.as_ref(), faults);
            return share;
        };
        check_scope(grant, Some(said), faults);
        let at = (grant.scope == GrantScope::System).then_some(application.system.as_str());
        if let Some(allowed) = no_hours_there(&engine, said, (country, at)) {
            let reason = format!("`{said}` has no hours at {}", application.system);
            faults.add("grant.share", reason, &allowed);
        }
        Some(said.clone())
    }
}

/// What is allowed in the place of a state's share, where no mode gives hours of it there and it is not the state of who
/// gets them.
pub(crate) fn no_hours_there(
    engine: &Engine,
    share: &FundingShare,
    (country, at): (&str, Option<&str>),
) -> Option<String> {
    let FundingShare::National(state) = share else {
        return None;
    };
    let mut states = states_at(engine, at);
    states.insert(country.to_owned());
    if states.contains(state) {
        return None;
    }
    let states: Vec<String> = { states.iter() }
        .map(|it| format!("{NATIONAL}:{it}"))
        .collect();
    Some(format!("union, commercial, {}", states.join(", ")))
}

/// A state has hours of a system, and none of another's.
fn check_scope(grant: &GrantDraft, share: Option<&FundingShare>, faults: &mut Faults) {
    let is_national = matches!(share, Some(FundingShare::National(_)));
    if is_national && grant.scope == GrantScope::Federation {
        let reason = "is `federation`, and hours of a state are of one system";
        faults.add("grant.scope", reason, "system");
    }
}

fn of_mode(engine: &Engine, asked: &Question, faults: &mut Faults) -> Option<FundingShare> {
    let share = share_asked(engine, asked);
    if share.is_none() {
        let mode = asked.mode.as_ref().map_or("", |it| &it.id);
        let reason = if is_said(engine, asked) {
            format!("is missing, and whether the applicant pays for hours of `{mode}` is unclear")
        } else {
            format!("is missing, and `{mode}` does not say it")
        };
        faults.add("grant.share", reason, "union, national:XX or commercial");
    }
    share
}

fn is_said(engine: &Engine, asked: &Question) -> bool {
    let mode = asked.mode.as_ref();
    mode.and_then(|it| find_mode(engine, &it.id))
        .is_some_and(|it| said_of(it).is_some())
}

/// States whose hours a mode gives at a system, or at any of them.
pub(super) fn states_at(engine: &Engine, at: Option<&str>) -> BTreeSet<String> {
    let is_there = |mode: &&AccessMode| {
        let mut offers = mode.offers.iter();
        at.is_none_or(|at| offers.any(|it| it.value.system == at))
    };
    let modes = engine.modes().iter().filter(is_there);
    let national = modes.filter(|it| said_of(it).is_some_and(|it| it.starts_with(NATIONAL)));
    let countries = national.filter_map(|it| it.countries.as_ref());
    countries.flat_map(|it| it.value.clone()).collect()
}

fn said_of(mode: &AccessMode) -> Option<&str> {
    mode.share.as_ref().map(|it| it.value.as_str())
}

/// Whose hours the mode of a question gives to who asks. Those of the Union are `commercial` where they have to be paid
/// for, and nobody's as long as that is unclear: a person says it then.
pub(crate) fn share_asked(engine: &Engine, asked: &Question) -> Option<FundingShare> {
    let mode = &asked.mode.as_ref()?.id;
    let share = share_by(engine, mode, &asked.organisation.country)?;
    if share != FundingShare::Union {
        return Some(share);
    }
    if engine.is_sold(asked) {
        return Some(FundingShare::Commercial);
    }
    (engine.cost_of(asked) != Some(Cost::Unclear)).then_some(share)
}

/// Whose hours a mode gives to who is established in a country and pays nothing; none where it does not say, or is not
/// known.
pub(crate) fn share_by(engine: &Engine, mode: &str, country: &str) -> Option<FundingShare> {
    match said_of(find_mode(engine, mode)?)? {
        NATIONAL => format!("{NATIONAL}:{country}").parse().ok(),
        share => share.parse().ok(),
    }
}
