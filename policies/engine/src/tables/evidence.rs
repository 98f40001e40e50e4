use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Confidence, Span, bad_row, parse};
use crate::error::{Fault, LoadError};
use crate::sources::Source;

/// The one kind that may never be the only way to show ethical use: a voluntary pledge.
const PLEDGE: &str = "ai_pact_pledge";
const ETHICS: &str = "ethics";

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
