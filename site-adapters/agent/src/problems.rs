use std::collections::BTreeMap;

use broker_model::{SiteReadiness, SiteSnapshot};
use jiff::{SignedDuration, Timestamp};
use site_adapter::{Error, ErrorKind, LinkError};

/// What does not work at the site just now, by the operation that failed.
///
/// It shows in the site's state: a broker's operator reads there why nothing moves. Two kinds are
/// told apart. A scheduler that cannot be reached mends itself more often than not, and shows when it
/// has been so for a while. A credential or a setting that is not accepted waits for a person, and
/// shows at once.
#[derive(Debug)]
pub(crate) struct Problems {
    by_operation: BTreeMap<&'static str, Problem>,
    timers: Timers,
}

/// How long each kind lasts before it shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers {
    pub(crate) unreachable: SignedDuration,
    pub(crate) misconfigured: SignedDuration,
}

#[derive(Debug)]
struct Problem {
    cause: Cause,
    words: String,
    since: Timestamp,
    /// It had lasted long enough when it was last noted.
    shown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Network,
    Configuration,
}

impl Cause {
    const fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Unavailable | ErrorKind::Unclear | ErrorKind::Refused => Self::Network,
            ErrorKind::Unauthorized | ErrorKind::Protocol | ErrorKind::Local => Self::Configuration,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Network => "not reachable",
            Self::Configuration => "a person has to mend this",
        }
    }
}

impl Problems {
    pub(crate) const fn new(timers: Timers) -> Self {
        Self {
            by_operation: BTreeMap::new(),
            timers,
        }
    }

    /// Returns whether the site's state has changed by it.
    pub(crate) fn note(&mut self, operation: &'static str, error: &Error, now: Timestamp) -> bool {
        self.insert(operation, Cause::of(error.kind), error.to_string(), now)
    }

    /// The way to the broker: a network that is away, or a broker that refuses this agent.
    pub(crate) fn note_link(
        &mut self,
        call: &'static str,
        error: &LinkError,
        now: Timestamp,
    ) -> bool {
        let cause = match error {
            LinkError::Unreachable(_) | LinkError::Busy { .. } => Cause::Network,
            LinkError::Unauthorized(_) | LinkError::Refused(_) => Cause::Configuration,
        };
        self.insert(call, cause, error.to_string(), now)
    }

    /// Something that a person has to look at.
    pub(crate) fn note_words(
        &mut self,
        operation: &'static str,
        words: String,
        now: Timestamp,
    ) -> bool {
        self.insert(operation, Cause::Configuration, words, now)
    }

    /// Something that cannot be reached just now.
    pub(crate) fn note_away(
        &mut self,
        operation: &'static str,
        words: String,
        now: Timestamp,
    ) -> bool {
        self.insert(operation, Cause::Network, words, now)
    }

    fn insert(
        &mut self,
        operation: &'static str,
        cause: Cause,
        words: String,
        now: Timestamp,
    ) -> bool {
        let known = self.by_operation.get(operation);
        let known = known.filter(|it| it.cause == cause);
        let mut problem = Problem {
            cause,
            words,
            since: known.map_or(now, |it| it.since),
            shown: false,
        };
        let before = known.is_some_and(|it| it.shown);
        let shows = self.shows(&problem, now);
        problem.shown = shows;
        self.by_operation.insert(operation, problem);
        shows && !before
    }

    pub(crate) fn solved(&mut self, operation: &'static str) {
        self.by_operation.remove(operation);
    }

    fn shows(&self, problem: &Problem, now: Timestamp) -> bool {
        let after = match problem.cause {
            Cause::Network => self.timers.unreachable,
            Cause::Configuration => self.timers.misconfigured,
        };
        now.duration_since(problem.since) >= after
    }

    fn shown(&self, now: Timestamp) -> impl Iterator<Item = (&'static str, &Problem)> {
        let all = self.by_operation.iter();
        all.map(|(operation, it)| (*operation, it))
            .filter(move |(_, it)| self.shows(it, now))
    }

    pub(crate) fn shows_of(&self, operation: &str, now: Timestamp) -> bool {
        self.shown(now).any(|(it, _)| it == operation)
    }

    pub(crate) fn are_shown(&self, now: Timestamp) -> bool {
        self.shown(now).next().is_some()
    }

    pub(crate) fn words(&self, now: Timestamp) -> Vec<String> {
        let words = |(operation, problem): (&str, &Problem)| {
            let (cause, since) = (problem.cause.words(), problem.since);
            format!("{operation}: {} ({cause}, since {since})", problem.words)
        };
        self.shown(now).map(words).collect()
    }

    /// Puts what is wrong into a snapshot, with the subsystems that are to blame.
    pub(crate) fn apply(&self, snapshot: &mut SiteSnapshot, subsystems: &[String], now: Timestamp) {
        let mut shown = self.words(now);
        if shown.is_empty() {
            return;
        }
        if snapshot.readiness == SiteReadiness::Ready {
            snapshot.readiness = SiteReadiness::Limited;
        }
        shown.extend(subsystems.iter().cloned());
        // A site that could not be observed has the same words as its reason already.
        let own = snapshot.reason.take();
        let own = own.filter(|own| !shown.iter().any(|it| it.contains(own.as_str())));
        let reasons: Vec<String> = own.into_iter().chain(shown).collect();
        snapshot.reason = Some(reasons.join("; "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMERS: Timers = Timers {
        unreachable: SignedDuration::from_secs(60),
        misconfigured: SignedDuration::ZERO,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ready() -> SiteSnapshot {
        SiteSnapshot {
            observed_at: Timestamp::UNIX_EPOCH,
            readiness: SiteReadiness::Ready,
            reason: None,
            partitions: Vec::new(),
        }
    }

    #[test]
    fn a_rejected_credential_shows_at_once_names_the_subsystem_and_goes_when_solved() {
        let mut problems = Problems::new(TIMERS);
        let error = Error::new(ErrorKind::Unauthorized, "POST job/submit", "token expired");
        assert!(problems.note("submit", &error, at(0)));
        assert!(!problems.note("submit", &error, at(1)), "no news");
        let mut snapshot = ready();
        problems.apply(&mut snapshot, &["token: it expired".to_owned()], at(1));
        assert_eq!(snapshot.readiness, SiteReadiness::Limited);
        assert_eq!(
            snapshot.reason.as_deref(),
            Some(
                "submit: POST job/submit: token expired (a person has to mend this, since \
                 1970-01-01T00:00:00Z); token: it expired"
            )
        );
        problems.solved("submit");
        let mut snapshot = ready();
        problems.apply(&mut snapshot, &[], at(2));
        assert_eq!(snapshot, ready());
    }

    #[test]
    fn a_lost_network_is_a_state_of_the_site_only_after_its_own_time() {
        let mut problems = Problems::new(TIMERS);
        let error = Error::new(ErrorKind::Unavailable, "GET jobs/state", "timed out");
        assert!(!problems.note("poll", &error, at(0)));
        assert!(!problems.note("poll", &error, at(59)));
        assert!(problems.note("poll", &error, at(60)));
        let mut snapshot = ready();
        problems.apply(&mut snapshot, &[], at(60));
        assert!(snapshot.reason.unwrap().contains("not reachable"));
        problems.solved("poll");
        assert!(
            !problems.note("poll", &error, at(61)),
            "the time begins anew"
        );
    }

    #[test]
    fn a_broker_that_is_away_and_one_that_refuses_the_agent_have_words_and_times_of_their_own() {
        let mut link = Problems::new(TIMERS);
        let away = LinkError::Unreachable("connection refused".to_owned());
        assert!(!link.note_link("lease", &away, at(0)));
        assert_eq!(link.words(at(59)), Vec::<String>::new());
        assert!(link.words(at(60))[0].contains("not reachable"));
        let revoked = LinkError::Unauthorized("401 this agent is revoked".to_owned());
        assert!(link.note_link("lease", &revoked, at(61)), "at once");
        let words = link.words(at(61)).concat();
        assert!(
            words.contains("revoked (a person has to mend this"),
            "{words}"
        );
    }

    #[test]
    fn a_network_that_comes_back_with_a_wrong_credential_shows_that_at_once() {
        let mut problems = Problems::new(TIMERS);
        let lost = Error::new(ErrorKind::Unavailable, "GET ping", "timed out");
        let wrong = Error::new(ErrorKind::Unauthorized, "GET ping", "token expired");
        assert!(!problems.note("poll", &lost, at(0)));
        assert!(problems.note("poll", &wrong, at(1)));
        assert!(problems.words(at(1))[0].contains("a person has to mend this"));
    }
}
