use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::{Error, ErrorKind};
use jiff::{SignedDuration, Timestamp};

/// How long a job is tried under a limit of the site's that other jobs may be using up.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// Since when jobs run into the site's limits.
///
/// Schedulers have one word for a limit that passes when other jobs end and for one that this job can
/// never keep, so for a while it is taken for the first and then for the second. Only a cache: after a
/// restart the while begins anew.
#[derive(Debug, Default)]
pub struct Patience(Mutex<HashMap<String, Timestamp>>);

impl Patience {
    /// The refusal under a limit: for later, or for good once it has lasted.
    pub fn judge(&self, marker: &str, mut error: Error, now: Timestamp) -> Error {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A day later it is another story, or was cancelled long ago.
        since.retain(|_, first| now.duration_since(*first) < PATIENCE * 96);
        let first = *since.entry(marker.to_owned()).or_insert(now);
        if now.duration_since(first) >= PATIENCE {
            since.remove(marker);
            error.kind = ErrorKind::Refused;
            let minutes = PATIENCE.as_mins();
            error.message = format!("{}, for {minutes} minutes now", error.message);
        }
        error
    }

    /// The job is at the scheduler, or was refused for another reason.
    pub fn over(&self, marker: &str) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.remove(marker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + 60 * minute).unwrap()
    }

    fn limit() -> Error {
        Error::new(
            ErrorKind::Unavailable,
            "POST job/submit",
            "job submit limit",
        )
    }

    #[test]
    fn a_limit_is_waited_for_and_then_is_a_refusal() {
        let patience = Patience::default();
        for minute in [0, 7, 14] {
            let error = patience.judge("m1", limit(), at(minute));
            assert_eq!(error.kind, ErrorKind::Unavailable);
        }
        assert_eq!(
            patience.judge("m2", limit(), at(15)).kind,
            ErrorKind::Unavailable
        );
        let error = patience.judge("m1", limit(), at(15));
        assert_eq!(error.kind, ErrorKind::Refused);
        assert_eq!(error.message, "job submit limit, for 15 minutes now");
        patience.over("m2");
        assert_eq!(
            patience.judge("m2", limit(), at(40)).kind,
            ErrorKind::Unavailable
        );
    }
}
