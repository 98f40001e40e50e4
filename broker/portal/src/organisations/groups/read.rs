//! What was typed of a group, as the facts that a size is found from.

use std::collections::BTreeMap;

use jiff::civil::Date;
use policy_engine::{LinkedEnterprise, PeriodFigures, Stake};

use super::{COLUMNS, Filled, LINKED, NUMBERS, PARTNERS, cell, filled, name};
use crate::form::Typed;

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
