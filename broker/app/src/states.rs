//! Shares of states, wherever somebody names one.

use broker_model::FundingShare;
use policy_engine::Engine;

use crate::invalid::Faults;

/// What is wrong with a share of a state that the policy does not know, and what is allowed: it would be nobody's.
pub(crate) fn of_no_state(engine: &Engine, share: &FundingShare) -> Option<(String, String)> {
    let FundingShare::National(state) = share else {
        return None;
    };
    if engine.states().any(|it| it == state) {
        return None;
    }
    let states: Vec<&str> = engine.states().collect();
    let reason = format!("`{share}` is of no state that the policy knows");
    let allowed = format!(
        "union, commercial, or `national:` and one of {}",
        states.join(", ")
    );
    Some((reason, allowed))
}

pub(crate) fn check_share(engine: &Engine, share: &FundingShare, faults: &mut Faults) {
    if let Some((reason, allowed)) = of_no_state(engine, share) {
        faults.add("share", reason, &allowed);
    }
}
