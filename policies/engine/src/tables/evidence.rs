use jiff::Span as Duration;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Confidence, Span, bad_row, parse};
use crate::error::{Fault, LoadError};
use crate::modes::Sourced;
use crate::sources::Source;

/// The one kind that may never be the only way to show ethical use: a voluntary pledge.
const PLEDGE: &str = "ai_pact_pledge";
const ETHICS: &str = "ethics";
/// Ten years: what counts for longer than a machine lasts counts for ever.
const MOST_MONTHS: u32 = 120;

/// A kind of evidence: what it is called, what it shows, and when it is accepted.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct EvidenceKindInfo {
    pub id: String,
    pub title: String,
    /// The questions it answers, by the names of their rule files: `ethics`.
    pub shows: Vec<String>,
    /// The first day it is accepted.
    pub since: Date,
    /// The first day it is no longer accepted.
    pub until: Option<Date>,
    #[serde(deserialize_with = "crate::tables::said")]
    pub source: String,
    pub confidence: Confidence,
    pub checked_on: Date,
    pub note: Option<String>,
    /// Before this day nobody had one: the scheme or the act that it comes from was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_since: Option<Date>,
    /// For how many months one counts that has no last day of its own; none: until somebody takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_months: Option<Sourced<u32>>,
}

#[derive(Debug)]
pub(crate) struct EvidenceKinds {
    kinds: Vec<EvidenceKindInfo>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: Vec<EvidenceKindInfo>,
}

impl EvidenceKindInfo {
    fn span(&self) -> Span {
        Span {
            since: self.since,
            until: self.until,
        }
    }

    fn is_never_valid(&self) -> bool {
        let months = self.valid_months.as_ref();
        months.is_some_and(|it| !(1..=MOST_MONTHS).contains(&it.value))
    }

    /// The last day that one of this kind counts: its own, else the one that follows from how long the kind is valid;
    /// none where it does not expire by itself.
    pub fn last_day(&self, issued_on: Date, own: Option<Date>) -> Option<Date> {
        own.or_else(|| {
            let months = self.valid_months.as_ref()?.value;
            let end = issued_on.saturating_add(Duration::new().months(i64::from(months)));
            end.yesterday().ok()
        })
    }

    pub(crate) fn is_accepted_for(&self, question: &str, day: Date) -> bool {
        self.span().holds_on(day) && self.shows.iter().any(|shown| shown == question)
    }
}

impl EvidenceKinds {
    pub(crate) fn load(source: &Source) -> Result<Self, LoadError> {
        let File { kind: kinds } = parse(source)?;
        for (place, kind) in kinds.iter().enumerate() {
            let reason = if kinds
                .iter()
                .take(place)
                .any(|earlier| earlier.id == kind.id)
            {
                "stands twice"
            } else if kind.span().is_empty() {
                "ends before it begins"
            } else if kind.is_never_valid() {
                "has `valid_months` that are not from 1 to 120"
            } else {
                continue;
            };
            let quoted = format!("\"{}\"", kind.id);
            return Err(bad_row(
                source,
                &quoted,
                format!("kind `{}` {reason}", kind.id),
            ));
        }
        let loaded = Self { kinds };
        match loaded.day_of_pledge_alone() {
            Some(day) => Err(LoadError::new(&source.name, Fault::PledgeAlone(day))),
            None => Ok(loaded),
        }
    }

    /// A kind that shows what no rule file asks.
    pub(crate) fn showing_nothing_of(&self, questions: &[&str]) -> Option<(&str, &str)> {
        let all = self
            .kinds
            .iter()
            .flat_map(|kind| kind.shows.iter().map(move |shown| (kind, shown)));
        all.map(|(kind, shown)| (kind.id.as_str(), shown.as_str()))
            .find(|(_, shown)| !questions.contains(shown))
    }

    pub(crate) fn all(&self) -> &[EvidenceKindInfo] {
        &self.kinds
    }

    /// The kind if it is accepted on that day.
    pub(crate) fn accepted(&self, id: &str, day: Date) -> Option<&EvidenceKindInfo> {
        self.kinds
            .iter()
            .find(|kind| kind.id == id && kind.span().holds_on(day))
    }

    /// The first day on which the pledge is accepted and nothing else is.
    fn day_of_pledge_alone(&self) -> Option<Date> {
        let is_alone = |day: &Date| {
            let mut accepted = self
                .kinds
                .iter()
                .filter(|kind| kind.is_accepted_for(ETHICS, *day));
            accepted.next().is_some_and(|kind| kind.id == PLEDGE) && accepted.next().is_none()
        };
        // The set changes only where a kind begins or ends.
        let bounds = self
            .kinds
            .iter()
            .flat_map(|kind| [Some(kind.since), kind.until]);
        bounds.flatten().filter(is_alone).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = r#"
        [[kind]]
        id = "sanctions_screening"
        title = "Screening"
        shows = ["screening"]
        since = "2014-07-31"
        source = "a list"
        confidence = "certain"
        checked_on = "2026-11-22"
    "#;

    fn load(months: &str) -> Result<EvidenceKinds, LoadError> {
        let valid = match months {
            "" => String::new(),
            months => format!(
                "[kind.valid_months]\nvalue = {months}\nsource = 'platform default'\n\
                 confidence = 'uncertain'\nchecked_on = '2026-11-22'\n"
            ),
        };
        let name = "tables/evidence_kinds.toml".to_owned();
        let text = format!("{KIND}\n{valid}");
        EvidenceKinds::load(&Source { name, text })
    }

    #[test]
    fn one_without_a_last_day_counts_as_long_as_its_kind_says_and_else_for_ever() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let kinds = load("12").unwrap();
        let kind = &kinds.all()[0];
        let last = |issued: &str, own: Option<&str>| kind.last_day(day(issued), own.map(day));
        assert_eq!(last("2026-01-15", None), Some(day("2027-01-14")));
        assert_eq!(last("2024-02-29", None), Some(day("2025-02-27")));
        let own = Some("2026-02-01");
        assert_eq!(last("2026-01-15", own), Some(day("2026-02-01")));
        let kinds = load("").unwrap();
        assert_eq!(kinds.all()[0].last_day(day("2020-01-01"), None), None);
    }

    #[test]
    fn a_kind_is_valid_for_a_month_to_ten_years_or_the_table_is_refused() {
        for (months, is_taken) in [("0", false), ("1", true), ("120", true), ("121", false)] {
            assert_eq!(load(months).is_ok(), is_taken, "{months}");
        }
    }
}
