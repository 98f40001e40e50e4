//! What speaks against a partition, every clause of it, in the numbers of the job.
//!
//! A clause is temporary when it may pass by itself while the job waits: a site that is silent or
//! drained, nodes that are away, hours that other jobs still hold. A machine that is not built yet
//! is not.

mod controls;
mod entitlement;
mod fit;
mod state;
mod wishes;

use broker_model::{Clause, Rejection};

use crate::Input;
use crate::spot::Spot;

pub use controls::window_for;
pub(crate) use entitlement::Priced;

/// Every clause that rejects the partition, and the price where it can be told.
///
/// Without a price there is always a rejection.
pub(crate) fn weigh(input: &Input<'_>, spot: &Spot<'_>) -> (Vec<Rejection>, Option<Priced>) {
    let mut against = Against(Vec::new());
    state::check(input.spec, spot, &mut against);
    wishes::check(input.spec, spot, &mut against);
    wishes::check_bound(input.bound, spot, &mut against);
    wishes::check_terms(input, spot, &mut against);
    entitlement::check_shut(input.shut, spot, &mut against);
    fit::check(&input.spec.resources, spot, &mut against);
    wishes::check_data(input, spot, &mut against);
    let priced = entitlement::check(input, spot, &mut against);
    controls::check(input, spot, priced.map(|it| it.gpu), &mut against);
    (against.0, priced)
}

/// What the site has set against the job there since it was placed.
pub(crate) fn barred(input: &Input<'_>, spot: &Spot<'_>) -> Vec<Rejection> {
    let mut against = Against(Vec::new());
    controls::bars(input, spot, &mut against);
    against.0
}

struct Against(Vec<Rejection>);

impl Against {
    fn for_good(&mut self, clause: Clause, words: impl Into<String>) {
        self.0.push(Rejection {
            clause,
            words: words.into(),
            temporary: false,
        });
    }

    fn for_now(&mut self, clause: Clause, words: impl Into<String>) {
        self.0.push(Rejection {
            clause,
            words: words.into(),
            temporary: true,
        });
    }
}
