use super::check::Period;
use super::shares::in_percent;
use super::{Figures, PeriodFound, SizeClass, SizeFacts, SizeFound, SizeReason, group, status};
use crate::tables::SizeClasses;

/// `periods` from the last to the first, as checked.
pub(super) fn find(facts: &SizeFacts, table: &SizeClasses, periods: &[Period<'_>]) -> SizeFound {
    let totals: Vec<Figures> = { periods.iter() }
        .map(|period| group::total(facts, table, period))
        .collect();
    let found: Vec<PeriodFound> = { periods.iter().zip(&totals) }
        .map(|(period, total)| period_found(table, period, *total))
        .collect();
    let status = status::status(facts, table, periods, &totals);
    let mut reasons = group::reasons(facts, table);
    reasons.extend(
        found
            .iter()
            .flat_map(|period| period_reasons(table, period)),
    );
    reasons.extend(status.reasons);
    let possible = with_public_owners(facts, table, status.possible, &mut reasons);
    let unsure = uncertain_values(facts, table);
    let class = match possible.as_slice() {
        [class] if unsure.is_empty() => *class,
        _ => SizeClass::Unclear,
    };
    reasons.extend(unsure);
    SizeFound {
        class,
        possible,
        reasons,
        periods: found,
    }
}

fn period_found(table: &SizeClasses, period: &Period<'_>, total: Figures) -> PeriodFound {
    PeriodFound {
        first_day: period.first_day,
        last_day: period.last_day(),
        awu_hundredths: total.awu_hundredths,
        turnover_eur: total.turnover_eur,
        balance_eur: total.balance_eur,
        class: table.class_of(total),
        estimated: period.given.estimated,
    }
}

fn period_reasons(table: &SizeClasses, period: &PeriodFound) -> Vec<SizeReason> {
    let row = { table.classes.iter() }.find(|row| row.id == period.class);
    // What is in no class is above the last.
    let source = row
        .or(table.classes.last())
        .map(|row| row.ceilings.source.as_str());
    let words = format!(
        "{}.{:02} annual work units, turnover {} EUR, balance sheet total {} EUR in the period to {}: {}",
        period.awu_hundredths / 100,
        period.awu_hundredths % 100,
        period.turnover_eur,
        period.balance_eur,
        period.last_day,
        period.class
    );
    let mut reasons = vec![SizeReason::new(words, source.unwrap_or_default())];
    if period.estimated {
        let words = "the figures are an estimate: they stand until the first accounts are approved";
        let source = &table.estimate_allowed.source;
        reasons.push(SizeReason::new(words.into(), source));
    }
    reasons
}

/// Public bodies exclude from a share on; an exception is for a person, and only below a majority.
fn with_public_owners(
    facts: &SizeFacts,
    table: &SizeClasses,
    mut possible: Vec<SizeClass>,
    reasons: &mut Vec<SizeReason>,
) -> Vec<SizeClass> {
    let percent = facts.public_percent_hundredths;
    let from = table.public_from_percent.value;
    if percent < from.saturating_mul(100) {
        return possible;
    }
    let held = format!(
        "public bodies hold {} percent, not less than {from}",
        in_percent(percent)
    );
    let declared =
        { table.exceptions.iter() }.find(|row| facts.public_exception.as_ref() == Some(&row.id));
    let linked = percent > table.linked_above_percent.value.saturating_mul(100);
    let (words, source, excluded) = match declared {
        None => (
            format!("{held}: no SME"),
            &table.public_from_percent.source,
            true,
        ),
        Some(row) if linked => {
            let words = format!(
                "{held}: the exception for {} ends where it is linked",
                row.words
            );
            (words, &row.source, true)
        }
        Some(row) => {
            let words = format!(
                "{held}: a person looks whether it is {} and not linked",
                row.words
            );
            (words, &row.source, false)
        }
    };
    reasons.push(SizeReason::new(words, source));
    if excluded {
        return vec![SizeClass::Large];
    }
    if !possible.contains(&SizeClass::Large) {
        possible.push(SizeClass::Large);
    }
    possible
}

/// The values of the table that were used and nobody is sure of.
fn uncertain_values(facts: &SizeFacts, table: &SizeClasses) -> Vec<SizeReason> {
    let ceilings = table.classes.iter().map(|row| {
        let name = format!("the ceilings of `{}`", row.id);
        (name, &row.ceilings.source, row.ceilings.is_certain())
    });
    let rules = [
        (
            "the share that makes a partner",
            &table.partner_from_percent.source,
            facts.partners.is_empty() || table.partner_from_percent.is_certain(),
        ),
        (
            "the share that links",
            &table.linked_above_percent.source,
            facts.linked.is_empty() || table.linked_above_percent.is_certain(),
        ),
        (
            "the number of periods in a row",
            &table.consecutive_periods.source,
            table.consecutive_periods.is_certain(),
        ),
        (
            "the rule on estimates",
            &table.estimate_allowed.source,
            table.estimate_allowed.is_certain() || !facts.periods.iter().any(|it| it.estimated),
        ),
        (
            "the share of public bodies that excludes",
            &table.public_from_percent.source,
            facts.public_percent_hundredths == 0 || table.public_from_percent.is_certain(),
        ),
    ];
    let rules = rules.map(|(name, source, is_sure)| (name.to_owned(), source, is_sure));
    { ceilings.chain(rules) }
        .filter(|(_, _, is_sure)| !is_sure)
        .map(|(name, source, _)| {
            SizeReason::new(format!("{name} is not certain: a person decides"), source)
        })
        .collect()
}
