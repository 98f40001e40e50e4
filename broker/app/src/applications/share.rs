//! Whose hours an acceptance gives: the mode's, unless the reviewer says another that the system has.

use std::collections::BTreeSet;

use broker_model::{Application, FundingShare, GrantDraft, GrantScope};
use policy_engine::{AccessMode, Engine};

use super::find_mode;
use crate::Broker;
use crate::invalid::Faults;

const NATIONAL: &str = "national";

impl Broker {
    /// What the reviewer says, or the mode. Of a mode that gives hours of national shares, that of the applicant's
    /// own state. A state has hours of a system only where a mode gives them there.
    pub(super) fn share_of(
        &self,
        application: &Application,
        (grant, country): (&GrantDraft, &str),
        faults: &mut Faults,
    ) -> Option<FundingShare> {
        let engine = self.policy();
        let Some(said) = &grant.share else {
            let share = of_mode(&engine, application, country, faults);
            check_scope(grant, share.as_ref(), faults);
            return share;
        };
        check_scope(grant, Some(said), faults);
        if let FundingShare::National(state) = said {
            let at = (grant.scope == GrantScope::System).then_some(application.system.as_str());
            let mut states = states_at(&engine, at);
            states.insert(country.to_owned());
            if !states.contains(state) {
                let reason = format!("`{said}` has no hours at {}", application.system);
                let states: Vec<String> =
                    states.iter().map(|it| format!("{NATIONAL}:{it}")).collect();
                let allowed = format!("union, commercial, {}", states.join(", "));
                faults.add("grant.share", reason, &allowed);
            }
        }
        Some(said.clone())
    }
}

/// A state has hours of a system, and none of another's.
fn check_scope(grant: &GrantDraft, share: Option<&FundingShare>, faults: &mut Faults) {
    let is_national = matches!(share, Some(FundingShare::National(_)));
    if is_national && grant.scope == GrantScope::Federation {
        let reason = "is `federation`, and hours of a state are of one system";
        faults.add("grant.scope", reason, "system");
    }
}

fn of_mode(
    engine: &Engine,
    application: &Application,
    country: &str,
    faults: &mut Faults,
) -> Option<FundingShare> {
    let share = share_by(engine, &application.mode, country);
    if share.is_none() {
        let reason = format!("is missing, and `{}` does not say it", application.mode);
        faults.add("grant.share", reason, "union, national:XX or commercial");
    }
    share
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

/// Whose hours a mode gives to who is established in a country; none where it does not say, or is not known.
pub(crate) fn share_by(engine: &Engine, mode: &str, country: &str) -> Option<FundingShare> {
    match said_of(find_mode(engine, mode)?)? {
        NATIONAL => format!("{NATIONAL}:{country}").parse().ok(),
        share => share.parse().ok(),
    }
}
