use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

/// No access token lives longer, so older revocations have done their work.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Whose tokens stopped counting, and from when. A token is refused if it was issued before.
#[derive(Default)]
pub(crate) struct Revocations(RwLock<HashMap<(String, String), Timestamp>>);

impl Revocations {
    pub(crate) fn add(&self, issuer: &str, subject: &str, now: Timestamp) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, at| now.duration_since(*at) < REMEMBERED);
        all.insert((issuer.to_owned(), subject.to_owned()), now);
    }

    /// Tokens tell their time in whole seconds; one of the very second of the revocation, or of
    /// no known time, counts as older.
    pub(crate) fn covers(
        &self,
        issuer: &str,
        subject: &str,
        token_time: Option<Timestamp>,
    ) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return false;
        }
        let revoked = all.get(&(issuer.to_owned(), subject.to_owned()));
        let older =
            |than: &Timestamp| token_time.is_none_or(|at| at.as_second() <= than.as_second());
        revoked.is_some_and(older)
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revocations(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(count: i64) -> Timestamp {
        Timestamp::from_second(count).unwrap()
    }

    #[test]
    fn only_tokens_of_that_subject_issued_until_then_are_covered() {
        let revocations = Revocations::default();
        revocations.add("i", "alice", second(100));
        assert!(revocations.covers("i", "alice", Some(second(99))));
        assert!(revocations.covers("i", "alice", Some(second(100))));
        assert!(revocations.covers("i", "alice", None));
        assert!(!revocations.covers("i", "alice", Some(second(101))));
        assert!(!revocations.covers("i", "bob", Some(second(99))));
        assert!(!revocations.covers("j", "alice", Some(second(99))));
    }

    #[test]
    fn old_revocations_are_forgotten_when_new_ones_come() {
        let revocations = Revocations::default();
        revocations.add("i", "alice", second(0));
        revocations.add("i", "bob", second(8 * 86_400));
        assert!(!revocations.covers("i", "alice", Some(second(0))));
    }
}
