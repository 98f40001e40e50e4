//! What a poll may ask beside the one query of a tick: so much a minute, whatever the number of jobs
//! and of ticks.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// slurmctld about one job, 5 ms each.
const LOOKS: usize = 8;
/// The accounting about jobs that do not change.
const CHECKS: usize = 6;

#[derive(Debug, Default)]
pub(crate) struct Minute(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    since: Option<Timestamp>,
    has_read_queue: bool,
    looks: usize,
    checks: usize,
    length: Option<u32>,
}

impl Minute {
    /// Whether all of slurmctld's queue may be read: once.
    pub(crate) fn may_read_queue(&self, now: Timestamp) -> bool {
        self.spend(now, |spent| {
            !std::mem::replace(&mut spent.has_read_queue, true)
        })
    }

    /// How long slurmctld's queue was when it was last told in this minute.
    pub(crate) fn length(&self, now: Timestamp) -> Option<u32> {
        self.spend(now, |spent| spent.length)
    }

    pub(crate) fn has_length(&self, length: u32, now: Timestamp) {
        self.spend(now, |spent| spent.length = Some(length));
    }

    /// How many of the wanted questions about one job each may be asked.
    pub(crate) fn looks(&self, wanted: usize, now: Timestamp) -> usize {
        self.spend(now, |spent| {
            let granted = wanted.min(LOOKS.saturating_sub(spent.looks));
            spent.looks += granted;
            granted
        })
    }

    /// Whether the accounting may be asked about jobs that do not change.
    pub(crate) fn may_check(&self, now: Timestamp) -> bool {
        self.spend(now, |spent| {
            let may = spent.checks < CHECKS;
            spent.checks += usize::from(may);
            may
        })
    }

    fn spend<T>(&self, now: Timestamp, ask: impl FnOnce(&mut Spent) -> T) -> T {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since: Timestamp| now.duration_since(since) >= MINUTE;
        if spent.since.is_none_or(is_over) {
            *spent = Spent {
                since: Some(now),
                ..Spent::default()
            };
        }
        ask(&mut spent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_ticks_a_minute_has_it_grants_so_much_and_the_next_as_much_again() {
        let minute = Minute::default();
        for start in [0, 60, 200] {
            let (mut reads, mut looks, mut checks) = (0, 0, 0);
            for second in 0..60 {
                let now = Timestamp::from_second(1_700_000_000 + start + second).unwrap();
                reads += usize::from(minute.may_read_queue(now));
                looks += minute.looks(3, now);
                checks += usize::from(minute.may_check(now));
            }
            assert_eq!((reads, looks, checks), (1, LOOKS, CHECKS), "{start}");
        }
    }
}
