//! Accounts of a few years as rows of a form, and back.

use broker_model::Organisation;
use policy_engine::{AccountingPeriod, SizeFacts};
use serde_json::Value;

use super::groups::{self, Filled};
use crate::form::{Typed, of_hundredths};

const ROWS: usize = 3;
const MOST_ROWS: usize = 10;
const COLUMNS: [&str; 4] = ["last_day", "awu_hundredths", "turnover_eur", "balance_eur"];
pub(crate) const PUBLIC_SHARE: &str = "size_facts.public_percent_hundredths";

/// The names of the fields of one row.
pub(crate) struct PeriodRow {
    pub(crate) number: usize,
    pub(crate) last_day: String,
    pub(crate) awu: String,
    pub(crate) turnover: String,
    pub(crate) balance: String,
    pub(crate) estimated: String,
}

/// Three rows, or as many as are filled.
pub(crate) fn rows(typed: &Typed) -> Vec<PeriodRow> {
    let filled = (0..MOST_ROWS).filter(|row| is_filled(typed, *row)).max();
    let count = filled.map_or(0, |last| last + 1).max(ROWS);
    let row = |row: usize| PeriodRow {
        number: row + 1,
        last_day: name(row, "last_day"),
        awu: name(row, "awu_hundredths"),
        turnover: name(row, "turnover_eur"),
        balance: name(row, "balance_eur"),
        estimated: name(row, "estimated"),
    };
    (0..count).map(row).collect()
}

/// What was said of the size beside a word; nothing where nobody said anything. `before` keeps what the
/// form does not ask.
pub(crate) fn read(typed: &mut Typed, before: Option<&Value>) -> (Option<Value>, Filled) {
    let before = before.and_then(|it| serde_json::from_value::<SizeFacts>(it.clone()).ok());
    let before = before.unwrap_or_default();
    let filled: Vec<usize> = { 0..MOST_ROWS }
        .filter(|row| is_filled(typed, *row))
        .collect();
    let periods = { filled.iter() }.filter_map(|row| Some((*row, period(typed, *row, &before)?)));
    let periods: Vec<(usize, AccountingPeriod)> = periods.collect();
    let days: Vec<_> = periods
        .iter()
        .map(|(row, it)| (*row, it.last_day))
        .collect();
    let (partners, linked, rows) = groups::read(typed, &days);
    let filled = Filled {
        periods: filled,
        ..rows
    };
    let periods: Vec<AccountingPeriod> = periods.into_iter().map(|(_, it)| it).collect();
    let share = typed.hundredths(PUBLIC_SHARE).unwrap_or_default();
    let has_group = !linked.is_empty() || !partners.is_empty();
    if filled.periods.is_empty() && share == 0 && !has_group {
        return (None, filled);
    }
    let facts = SizeFacts {
        partners,
        linked,
        periods,
        public_percent_hundredths: u32::try_from(share).unwrap_or(u32::MAX),
        ..before
    };
    (serde_json::to_value(facts).ok(), filled)
}

/// Rows may be left empty between others; faults count those that are filled.
pub(crate) fn at_their_rows(typed: &mut Typed, of: &Filled) {
    groups::at_their_rows(typed, of);
    let filled = &of.periods;
    for fault in &mut typed.faults {
        let prefix = |row: usize| format!("size_facts.periods[{row}]");
        let of = (0..filled.len()).find(|nth| fault.field.starts_with(&prefix(*nth)));
        if let Some((nth, row)) = of.and_then(|nth| Some((nth, filled.get(nth)?))) {
            fault.field = fault.field.replacen(&prefix(nth), &prefix(*row), 1);
        }
    }
}

/// What the form shows of an organisation that is described already.
pub(crate) fn filled_in(organisation: &Organisation) -> Vec<(String, String)> {
    let facts = organisation.size_facts.clone();
    let Some(facts) = facts.and_then(|it| serde_json::from_value::<SizeFacts>(it).ok()) else {
        return Vec::new();
    };
    let mut fields = groups::filled_in(&facts);
    for (row, period) in facts.periods.iter().enumerate() {
        fields.push((name(row, "last_day"), period.last_day.to_string()));
        let awu = of_hundredths(period.awu_hundredths);
        fields.push((name(row, "awu_hundredths"), awu));
        fields.push((name(row, "turnover_eur"), period.turnover_eur.to_string()));
        fields.push((name(row, "balance_eur"), period.balance_eur.to_string()));
        if period.estimated {
            fields.push((name(row, "estimated"), "yes".to_owned()));
        }
    }
    if facts.public_percent_hundredths > 0 {
        let share = of_hundredths(facts.public_percent_hundredths.into());
        fields.push((PUBLIC_SHARE.to_owned(), share));
    }
    fields
}

fn name(row: usize, column: &str) -> String {
    format!("size_facts.periods[{row}].{column}")
}

fn is_filled(typed: &Typed, row: usize) -> bool {
    COLUMNS
        .iter()
        .any(|it| typed.some(&name(row, it)).is_some())
}

fn period(typed: &mut Typed, row: usize, before: &SizeFacts) -> Option<AccountingPeriod> {
    for column in COLUMNS {
        if typed.some(&name(row, column)).is_none() {
            typed.wrong(&name(row, column), "is missing", "all four, or none");
        }
    }
    let last_day = typed.day(&name(row, "last_day"));
    let awu_hundredths = typed.hundredths(&name(row, "awu_hundredths"));
    let turnover_eur = typed.euros(&name(row, "turnover_eur"));
    let balance_eur = typed.euros(&name(row, "balance_eur"));
    let last_day = last_day?;
    let known = before.periods.iter().find(|it| it.last_day == last_day);
    Some(AccountingPeriod {
        awu_hundredths: awu_hundredths?,
        balance_eur: balance_eur?,
        estimated: typed.is(&name(row, "estimated"), "yes"),
        first_day: known.and_then(|it| it.first_day),
        last_day,
        turnover_eur: turnover_eur?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fields::Fields;

    const ROW: &[u8] = b"size_facts.periods[0].last_day=2025-12-31\
        &size_facts.periods[0].awu_hundredths=12.5\
        &size_facts.periods[0].turnover_eur=7&size_facts.periods[0].balance_eur=8";

    #[test]
    fn what_the_form_does_not_ask_stays_as_it_was_declared() {
        let period = json!({ "awu_hundredths": 100, "balance_eur": 1, "turnover_eur": 1,
            "first_day": "2025-03-01", "last_day": "2025-12-31" });
        let before = json!({ "public_exception": "university", "periods": [period] });
        let mut typed = Typed::from(Fields::parse(ROW));
        let (facts, filled) = read(&mut typed, Some(&before));
        let facts: SizeFacts = serde_json::from_value(facts.unwrap()).unwrap();
        assert_eq!(facts.public_exception.as_deref(), Some("university"));
        assert_eq!(filled.periods, [0]);
        assert_eq!(facts.periods[0].awu_hundredths, 1250);
        let first_day = facts.periods[0].first_day.unwrap();
        assert_eq!(first_day.to_string(), "2025-03-01");
    }

    #[test]
    fn nothing_typed_is_nothing_said() {
        let mut typed = Typed::default();
        assert_eq!(read(&mut typed, None).0, None);
        assert_eq!(rows(&typed).len(), ROWS);
    }
}
