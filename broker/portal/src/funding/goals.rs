//! What a funder set out to reach, and how far it is.

use broker_model::{IndicatorKind, ObjectiveView};

use super::percent;
use crate::titles::Titles;
use crate::words;

/// An objective as a row of the page.
pub(super) struct Goal {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) indicator: String,
    pub(super) share: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) baseline: String,
    pub(super) target: String,
    pub(super) measured: String,
    pub(super) class: &'static str,
    pub(super) standing: String,
}

impl Goal {
    pub(super) fn new(titles: Titles<'_>, it: &ObjectiveView) -> Self {
        let texts = titles.texts;
        let one = &it.objective;
        let share = one.share.as_ref().map(|it| words::share(titles, it));
        let number = |number: u64| amount(one.indicator, number);
        let (class, standing) = match (it.reached, it.over, it.progress_permille) {
            (true, _, _) => ("good", texts.of("funding.reached").to_owned()),
            (false, true, _) => ("bad", texts.of("funding.not_reached").to_owned()),
            (false, false, Some(way)) => (
                "wait",
                texts.with("funding.way", &[("percent", &percent(way))]),
            ),
            (false, false, None) => ("none", texts.of("funding.not_measured").to_owned()),
        };
        Self {
            id: one.id.to_string(),
            owner: it.owner_name.clone(),
            indicator: texts.word(one.indicator.as_str()),
            share: share.unwrap_or_else(|| texts.of("funding.all_shares").to_owned()),
            from: one.from.to_string(),
            to: one.to.to_string(),
            baseline: number(one.baseline),
            target: number(one.target),
            measured: it.measured.map_or_else(|| "–".to_owned(), number),
            class,
            standing,
        }
    }
}

/// A part in percent, anything else as it is counted.
fn amount(indicator: IndicatorKind, number: u64) -> String {
    match i64::try_from(number) {
        Ok(permille) if indicator.is_permille() => percent(permille),
        _ => words::count(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_in_percent_and_hours_as_they_are_counted() {
        assert_eq!(percent(633), "63.3\u{202f}%");
        assert_eq!(percent(-5), "\u{2212}0.5\u{202f}%");
        assert_eq!(amount(IndicatorKind::SmePermille, 400), "40.0\u{202f}%");
        assert_eq!(amount(IndicatorKind::DecisionHours, 400), "400");
    }
}
