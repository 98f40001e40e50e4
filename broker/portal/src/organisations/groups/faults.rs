//! Which row of the form a fault stands at.

use super::{LINKED, PARTNERS};
use crate::form::Typed;

/// Which rows were filled, so that a fault finds its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filled {
    pub(crate) periods: Vec<usize>,
    pub(crate) partners: Vec<usize>,
    pub(crate) linked: Vec<usize>,
}

/// Faults count the rows that are filled, and so do the periods below them.
pub(crate) fn at_their_rows(typed: &mut Typed, filled: &Filled) {
    for (list, rows) in [(PARTNERS, &filled.partners), (LINKED, &filled.linked)] {
        for fault in &mut typed.faults {
            let prefix = format!("size_facts.{list}[");
            let Some((nth, below)) = indexed(&fault.field, &prefix) else {
                continue;
            };
            let Some(row) = rows.get(nth) else { continue };
            let below = match indexed(&below, ".periods[") {
                Some((nth, column)) => match filled.periods.get(nth) {
                    Some(period) => format!(".periods[{period}]{column}"),
                    None => below,
                },
                None => below,
            };
            fault.field = format!("{prefix}{row}]{below}");
        }
    }
}

/// `[3].name` behind a prefix that ends in the bracket.
fn indexed(field: &str, prefix: &str) -> Option<(usize, String)> {
    let (nth, below) = field.strip_prefix(prefix)?.split_once(']')?;
    Some((nth.parse().ok()?, below.to_owned()))
}
