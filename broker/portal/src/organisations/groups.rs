//! Partner and linked enterprises as rows of the form, and back. Their figures stand in the rows of the accounts that
//! they are added to.

use std::collections::BTreeMap;

use jiff::civil::Date;
use policy_engine::{LinkedEnterprise, PeriodFigures, SizeFacts, Stake};

use crate::form::{Typed, of_hundredths};

pub(crate) const PARTNERS: &str = "partners";
pub(crate) const LINKED: &str = "linked";
/// The button that asks for one more row.
pub(crate) const MORE: &str = "more";
const MOST_ROWS: usize = 20;
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

/// Which rows were filled, so that a fault finds its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filled {
    pub(crate) periods: Vec<usize>,
    pub(crate) partners: Vec<usize>,
    pub(crate) linked: Vec<usize>,
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

/// What was said of the group; `periods` are the rows of the accounts that are filled, with their last days.
pub(crate) fn read(
    typed: &mut Typed,
    periods: &[(usize, Date)],
) -> (Vec<Stake>, Vec<LinkedEnterprise>, Filled) {
    let filled = Filled {
        periods: Vec::new(),
        partners: filled(typed, PARTNERS),
        linked: filled(typed, LINKED),
    };
    let mut partners = Vec::new();
    for row in &filled.partners {
        let percent = name(PARTNERS, *row, "percent_hundredths");
        if typed.some(&percent).is_none() {
            typed.wrong(&percent, "is missing", "what is held, in percent");
        }
        let held = typed.hundredths(&percent).unwrap_or_default();
        partners.push(Stake {
            name: named(typed, PARTNERS, *row),
            percent_hundredths: u32::try_from(held).unwrap_or(u32::MAX),
            periods: of_periods(typed, (PARTNERS, *row), periods),
        });
    }
    let mut linked = Vec::new();
    for row in &filled.linked {
        linked.push(LinkedEnterprise {
            identifiers: identifiers(typed, *row),
            name: named(typed, LINKED, *row),
            periods: of_periods(typed, (LINKED, *row), periods),
        });
    }
    (partners, linked, filled)
}

fn named(typed: &mut Typed, list: &str, row: usize) -> String {
    let field = name(list, row, "name");
    if typed.some(&field).is_none() {
        typed.wrong(&field, "is missing", "what it is called");
    }
    typed.text(&field)
}

fn identifiers(typed: &Typed, row: usize) -> BTreeMap<String, String> {
    let given = NUMBERS.iter().filter_map(|(kind, _)| {
        let value = typed.some(&name(LINKED, row, &format!("identifiers.{kind}")))?;
        Some(((*kind).to_owned(), value))
    });
    given.collect()
}

fn of_periods(
    typed: &mut Typed,
    (list, row): (&str, usize),
    periods: &[(usize, Date)],
) -> Vec<PeriodFigures> {
    let figures = periods.iter().filter_map(|(period, last_day)| {
        let fields = COLUMNS.map(|it| cell(list, (row, *period), it));
        for field in &fields {
            if typed.some(field).is_none() {
                typed.wrong(
                    field,
                    "is missing",
                    "its figures for each period of the accounts",
                );
            }
        }
        let [awu, turnover, balance] = fields;
        let awu_hundredths = typed.hundredths(&awu);
        let turnover_eur = typed.euros(&turnover);
        let balance_eur = typed.euros(&balance);
        Some(PeriodFigures {
            awu_hundredths: awu_hundredths?,
            balance_eur: balance_eur?,
            last_day: *last_day,
            turnover_eur: turnover_eur?,
        })
    });
    figures.collect()
}

/// What the form shows of a group that is described already.
pub(crate) fn filled_in(facts: &SizeFacts) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for (row, partner) in facts.partners.iter().enumerate() {
        fields.push((name(PARTNERS, row, "name"), partner.name.clone()));
        let held = of_hundredths(partner.percent_hundredths.into());
        fields.push((name(PARTNERS, row, "percent_hundredths"), held));
        put_figures(&mut fields, (PARTNERS, row), (facts, &partner.periods));
    }
    for (row, linked) in facts.linked.iter().enumerate() {
        fields.push((name(LINKED, row, "name"), linked.name.clone()));
        for (kind, value) in &linked.identifiers {
            let field = name(LINKED, row, &format!("identifiers.{kind}"));
            fields.push((field, value.clone()));
        }
        put_figures(&mut fields, (LINKED, row), (facts, &linked.periods));
    }
    fields
}

fn put_figures(
    fields: &mut Vec<(String, String)>,
    (list, row): (&str, usize),
    (facts, figures): (&SizeFacts, &[PeriodFigures]),
) {
    for one in figures {
        let mut periods = facts.periods.iter();
        let Some(period) = periods.position(|it| it.last_day == one.last_day) else {
            continue;
        };
        let values = [
            of_hundredths(one.awu_hundredths),
            one.turnover_eur.to_string(),
            one.balance_eur.to_string(),
        ];
        let cells = COLUMNS.map(|it| cell(list, (row, period), it));
        fields.extend(cells.into_iter().zip(values));
    }
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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fields::Fields;

    fn typed(fields: &[(&str, &str)]) -> Typed {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Typed::from(Fields::from(fields.iter().map(own).collect::<Vec<_>>()))
    }

    #[test]
    fn one_more_row_is_shown_where_it_is_asked_for_and_what_was_typed_stays() {
        let first = [
            ("size_facts.partners[0].name", "Atlas"),
            ("rows.partners", "2"),
        ];
        assert_eq!(rows(&typed(&first), PARTNERS, 3).len(), 2);
        let more = [first[0], first[1], ("more", "partners")];
        assert_eq!(rows(&typed(&more), PARTNERS, 3).len(), 3);
        assert_eq!(rows(&typed(&more), LINKED, 3).len(), 1);
    }

    #[test]
    fn what_is_shown_of_a_group_is_read_back_the_same() {
        let figures = json!([{ "last_day": "2025-12-31", "awu_hundredths": 1250, "turnover_eur": 7, "balance_eur": 8 }]);
        let own = json!([{ "last_day": "2025-12-31", "awu_hundredths": 1, "turnover_eur": 1, "balance_eur": 1 }]);
        let facts = json!({
            "periods": own,
            "partners": [{ "name": "Atlas", "percent_hundredths": 3333, "periods": figures }],
            "linked": [{ "name": "Maia", "identifiers": { "vat": "FR40303265045" }, "periods": figures }],
        });
        let facts: SizeFacts = serde_json::from_value(facts).unwrap();
        let mut typed = Typed::from(Fields::from(filled_in(&facts)));
        let day = "2025-12-31".parse().unwrap();
        let (partners, linked, _) = read(&mut typed, &[(0, day)]);
        assert_eq!((partners, linked), (facts.partners, facts.linked));
        assert!(!typed.is_wrong());
    }

    #[test]
    fn a_fault_of_the_second_filled_row_stands_at_the_row_where_it_was_typed() {
        let mut typed = typed(&[
            ("size_facts.partners[0].name", "Atlas"),
            ("size_facts.partners[3].name", "Maia"),
        ]);
        typed.wrong(
            "size_facts.partners[1].periods[1].last_day",
            "is none",
            "a day",
        );
        let filled = Filled {
            periods: vec![0, 2],
            partners: filled(&typed, PARTNERS),
            linked: Vec::new(),
        };
        at_their_rows(&mut typed, &filled);
        assert_eq!(
            typed.faults[0].field,
            "size_facts.partners[3].periods[2].last_day"
        );
    }
}
