//! Partners and linked enterprises, added to a period.

use super::check::Period;
use super::shares::{WHOLE, in_percent};
use super::{Figures, PeriodFigures, SizeFacts, SizeReason};
use crate::tables::SizeClasses;

/// Exact sums, in 1/`WHOLE`: what a share leaves over is kept until the end.
#[derive(Clone, Copy, Default)]
struct Sum {
    awu_hundredths: u128,
    turnover_eur: u128,
    balance_eur: u128,
}

impl Sum {
    /// No sum of a list that fits into memory reaches the end of `u128`; it would stay there.
    fn add(self, figures: Figures, share: u32) -> Self {
        let add =
            |sum: u128, figure: u64| sum.saturating_add(u128::from(figure) * u128::from(share));
        Self {
            awu_hundredths: add(self.awu_hundredths, figures.awu_hundredths),
            turnover_eur: add(self.turnover_eur, figures.turnover_eur),
            balance_eur: add(self.balance_eur, figures.balance_eur),
        }
    }

    /// Persons down, money up: so nothing rounded crosses a ceiling. Beyond `u64` all is large.
    fn rounded(self) -> Figures {
        let whole = u128::from(WHOLE);
        let figure = |sum: u128| u64::try_from(sum).unwrap_or(u64::MAX);
        Figures {
            awu_hundredths: figure(self.awu_hundredths / whole),
            turnover_eur: figure(self.turnover_eur.div_ceil(whole)),
            balance_eur: figure(self.balance_eur.div_ceil(whole)),
        }
    }
}

pub(super) fn total(facts: &SizeFacts, table: &SizeClasses, period: &Period<'_>) -> Figures {
    let own = Sum::default().add(Figures::from(period.given), WHOLE);
    let counted = { facts.partners.iter() }.filter(|it| is_partner(it.percent_hundredths, table));
    let partners = counted.map(|it| (&it.periods, it.percent_hundredths));
    let linked = facts.linked.iter().map(|it| (&it.periods, WHOLE));
    let added = partners.chain(linked).fold(own, |sum, (rows, share)| {
        figures_of(rows, period).map_or(sum, |figures| sum.add(figures, share))
    });
    added.rounded()
}

pub(super) fn reasons(facts: &SizeFacts, table: &SizeClasses) -> Vec<SizeReason> {
    let partners = facts.partners.iter().map(|partner| {
        let percent = in_percent(partner.percent_hundredths);
        let words = if is_partner(partner.percent_hundredths, table) {
            format!(
                "partner `{}` counts by its share of {percent} percent",
                partner.name
            )
        } else {
            format!(
                "`{}` holds or is held by {percent} percent, below {} percent: it does not count",
                partner.name, table.partner_from_percent.value
            )
        };
        SizeReason::new(words, &table.partner_from_percent.source)
    });
    let linked = facts.linked.iter().map(|linked| {
        let words = format!("linked enterprise `{}` counts whole", linked.name);
        SizeReason::new(words, &table.linked_above_percent.source)
    });
    partners.chain(linked).collect()
}

fn is_partner(percent_hundredths: u32, table: &SizeClasses) -> bool {
    percent_hundredths >= table.partner_from_percent.value.saturating_mul(100)
}

fn figures_of(rows: &[PeriodFigures], period: &Period<'_>) -> Option<Figures> {
    let row = rows.iter().find(|row| row.last_day == period.last_day());
    row.map(Figures::from)
}
