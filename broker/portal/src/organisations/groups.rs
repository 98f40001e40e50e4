//! Partner and linked enterprises as rows of the form, and back. Their figures stand in the rows of the accounts that
//! they are added to.

mod faults;
mod read;
mod shown;

use crate::form::Typed;

pub(crate) use faults::{Filled, at_their_rows};
pub(crate) use read::read;
pub(crate) use shown::filled_in;

pub(crate) const PARTNERS: &str = "partners";
pub(crate) const LINKED: &str = "linked";
/// The button that asks for one more row.
pub(crate) const MORE: &str = "more";
/// As many as an organisation may have: a row that is not shown would be lost with the next saving.
const MOST_ROWS: usize = 200;
const COLUMNS: [&str; 3] = ["awu_hundredths", "turnover_eur", "balance_eur"];
const NUMBERS: [(&str, &str); 4] = [
    ("vat", "orgs.vat"),
    ("pic", "orgs.pic"),
    ("euid", "orgs.euid"),
    ("lei", "orgs.lei"),
];

/// The names of the fields of one enterprise.
pub(crate) struct GroupRow {
    pub(crate) number: usize,
    pub(crate) name: String,
    /// Of a partner.
    pub(crate) percent: Option<String>,
    /// Of a linked one: the field, and what it is called.
    pub(crate) numbers: Vec<(String, &'static str)>,
    pub(crate) figures: Vec<FigureRow>,
}

pub(crate) struct FigureRow {
    /// Of the period of the accounts.
    pub(crate) number: usize,
    pub(crate) awu: String,
    pub(crate) turnover: String,
    pub(crate) balance: String,
}

/// How many rows of a list were shown last.
pub(crate) fn shown(list: &str) -> String {
    format!("rows.{list}")
}

/// As many as were shown, with one more where that was asked for; never fewer than are filled.
pub(crate) fn rows(typed: &Typed, list: &'static str, periods: usize) -> Vec<GroupRow> {
    let filled = filled(typed, list).last().map_or(0, |last| last + 1);
    let shown: usize = typed.value(&shown(list)).parse().unwrap_or(0);
    let more = usize::from(typed.is(MORE, list));
    let count = filled.max(shown).max(1) + more;
    let row = |row: usize| GroupRow {
        number: row + 1,
        name: name(list, row, "name"),
        percent: (list == PARTNERS).then(|| name(list, row, "percent_hundredths")),
        numbers: if list == LINKED {
            numbers(row)
        } else {
            Vec::new()
        },
        figures: (0..periods)
            .map(|period| figures(list, row, period))
            .collect(),
    };
    (0..count.min(MOST_ROWS)).map(row).collect()
}

fn figures(list: &str, row: usize, period: usize) -> FigureRow {
    let [awu, turnover, balance] = COLUMNS.map(|it| cell(list, (row, period), it));
    FigureRow {
        number: period + 1,
        awu,
        turnover,
        balance,
    }
}

fn numbers(row: usize) -> Vec<(String, &'static str)> {
    let field = |(kind, label)| (name(LINKED, row, &format!("identifiers.{kind}")), label);
    NUMBERS.map(field).to_vec()
}

fn filled(typed: &Typed, list: &str) -> Vec<usize> {
    let is_filled = |row: &usize| typed.has_any(&name(list, *row, ""));
    (0..MOST_ROWS).filter(is_filled).collect()
}

fn name(list: &str, row: usize, column: &str) -> String {
    format!("size_facts.{list}[{row}].{column}")
}

fn cell(list: &str, (row, period): (usize, usize), column: &str) -> String {
    name(list, row, &format!("periods[{period}].{column}"))
}

#[cfg(test)]
mod tests;
