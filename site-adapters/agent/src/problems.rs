use std::collections::BTreeMap;

use broker_model::{SiteReadiness, SiteSnapshot};
use site_adapter::{Error, ErrorKind};

/// What does not work at the site just now, by the operation that failed.
///
/// It shows in the site's state: a broker's operator reads there why nothing moves.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    by_operation: BTreeMap<&'static str, Problem>,
}

#[derive(Debug)]
struct Problem {
    kind: Option<ErrorKind>,
    words: String,
    times: u32,
}

/// One failure is weather; three in a row are a state.
const IN_A_ROW: u32 = 3;

impl Problems {
    /// Returns whether the site's state has changed by it.
    pub(crate) fn note(&mut self, operation: &'static str, error: &Error) -> bool {
        self.insert(operation, Some(error.kind), error.to_string())
    }

    pub(crate) fn note_words(&mut self, operation: &'static str, words: String) -> bool {
        self.insert(operation, None, words)
    }

    fn insert(&mut self, operation: &'static str, kind: Option<ErrorKind>, words: String) -> bool {
        let before = self.is_shown(operation);
        let times = self.by_operation.get(operation).map_or(0, |p| p.times);
        let problem = Problem {
            kind,
            words,
            times: times.saturating_add(1),
        };
        self.by_operation.insert(operation, problem);
        !before && self.is_shown(operation)
    }

    pub(crate) fn solved(&mut self, operation: &'static str) {
        self.by_operation.remove(operation);
    }

    fn is_shown(&self, operation: &'static str) -> bool {
        self.by_operation
            .get(operation)
            .is_some_and(Problem::counts)
    }

    /// Puts what is wrong into a snapshot of a site that answers.
    pub(crate) fn apply(&self, snapshot: &mut SiteSnapshot) {
        let shown: Vec<String> = self
            .by_operation
            .iter()
            .filter(|(_, problem)| problem.counts())
            .map(|(operation, problem)| format!("{operation}: {}", problem.words))
            .collect();
        if shown.is_empty() {
            return;
        }
        if snapshot.readiness == SiteReadiness::Ready {
            snapshot.readiness = SiteReadiness::Limited;
        }
        let own = snapshot.reason.take().into_iter();
        snapshot.reason = Some(own.chain(shown).collect::<Vec<_>>().join("; "));
    }
}

impl Problem {
    fn counts(&self) -> bool {
        let mends_itself = matches!(
            self.kind,
            Some(ErrorKind::Unavailable | ErrorKind::Unclear | ErrorKind::Refused)
        );
        !mends_itself || self.times >= IN_A_ROW
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn ready() -> SiteSnapshot {
        SiteSnapshot {
            observed_at: Timestamp::UNIX_EPOCH,
            readiness: SiteReadiness::Ready,
            reason: None,
            partitions: Vec::new(),
        }
    }

    #[test]
    fn a_rejected_credential_shows_at_once_and_goes_when_solved() {
        let mut problems = Problems::default();
        let error = Error::new(ErrorKind::Unauthorized, "POST job/submit", "token expired");
        assert!(problems.note("submit", &error));
        let mut snapshot = ready();
        problems.apply(&mut snapshot);
        assert_eq!(snapshot.readiness, SiteReadiness::Limited);
        assert_eq!(
            snapshot.reason.as_deref(),
            Some("submit: POST job/submit: token expired")
        );
        problems.solved("submit");
        let mut snapshot = ready();
        problems.apply(&mut snapshot);
        assert_eq!(snapshot, ready());
    }

    #[test]
    fn a_single_timeout_is_not_a_state_of_the_site() {
        let mut problems = Problems::default();
        let error = Error::new(ErrorKind::Unavailable, "GET jobs/state", "timed out");
        assert!(!problems.note("poll", &error));
        assert!(!problems.note("poll", &error));
        assert!(problems.note("poll", &error));
    }
}
