use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;

/// Somebody whose tokens stopped counting: those issued up to a time, if they say when at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    pub issuer: String,
    pub subject: String,
    pub issued_until: Timestamp,
}

/// The revocations in force, by subject.
#[derive(Default)]
pub(crate) struct Revocations(RwLock<HashMap<String, Vec<Revoked>>>);

impl Revocations {
    pub(crate) fn put(&self, all: impl IntoIterator<Item = Revoked>) {
        let mut by_subject: HashMap<String, Vec<Revoked>> = HashMap::new();
        for revoked in all {
            let of_subject = by_subject.entry(revoked.subject.clone()).or_default();
            of_subject.push(revoked);
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = by_subject;
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
        let Some(of_subject) = all.get(subject) else {
            return false;
        };
        let older =
            |than: Timestamp| token_time.is_none_or(|at| at.as_second() <= than.as_second());
        of_subject
            .iter()
            .any(|revoked| revoked.issuer == issuer && older(revoked.issued_until))
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

    fn revoked(issuer: &str, until: i64) -> Revoked {
        Revoked {
            issuer: issuer.to_owned(),
            subject: "alice".to_owned(),
            issued_until: second(until),
        }
    }

    #[test]
    fn only_tokens_of_that_subject_issued_until_then_are_covered() {
        let revocations = Revocations::default();
        revocations.put([revoked("i", 100), revoked("k", 50)]);
        assert!(revocations.covers("i", "alice", Some(second(99))));
        assert!(revocations.covers("i", "alice", Some(second(100))));
        assert!(revocations.covers("i", "alice", None));
        assert!(!revocations.covers("i", "alice", Some(second(101))));
        assert!(!revocations.covers("k", "alice", Some(second(99))));
        assert!(!revocations.covers("i", "bob", Some(second(99))));
        assert!(!revocations.covers("j", "alice", Some(second(99))));
    }

    #[test]
    fn what_is_no_longer_stored_no_longer_counts() {
        let revocations = Revocations::default();
        revocations.put([revoked("i", 100)]);
        revocations.put([]);
        assert!(!revocations.covers("i", "alice", Some(second(0))));
    }
}
