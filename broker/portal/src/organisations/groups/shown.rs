//! A group that is described already, as the fields of the form.

use policy_engine::{PeriodFigures, SizeFacts};

use super::{COLUMNS, LINKED, PARTNERS, cell, name};
use crate::form::of_hundredths;

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
