use jiff::SignedDuration;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// A lease until this moment of the broker's clock, asked for at 0 and come at `came` here.
fn taken(until: i64, came: i64, answered_at: Option<i64>) -> Lease {
    let heard = Heard {
        asked_at: at(0),
        steady: at(came),
        now: at(came),
        answered_at: answered_at.map(at),
    };
    Lease::taken(at(until), &heard)
}

#[test]
fn a_lease_allows_a_submit_until_its_last_sixth() {
    let lease = taken(60, 0, Some(0));
    assert!(lease.allows_submit(at(50)));
    assert!(!lease.allows_submit(at(51)));
    assert!(!lease.allows_submit(at(70)));
}

#[test]
fn a_renewal_is_trusted_for_half_a_lease_and_never_shortens_one() {
    let mut lease = taken(60, 0, Some(0));
    lease.renewed(at(20));
    assert_eq!(lease.until, at(60));
    lease.renewed(at(40));
    assert_eq!(lease.until, at(70));
    assert_eq!(lease.renewal_due_at(), at(60));
}

#[test]
fn a_lease_is_as_long_as_the_broker_says_whatever_the_two_clocks_show() {
    for skew in [-500, -60, 0, 60, 500] {
        let lease = taken(skew + 60, 0, Some(skew));
        assert_eq!(lease.until, at(60), "{skew}");
    }
}

#[test]
fn a_lease_does_not_last_longer_for_an_answer_that_was_long_under_way() {
    let lease = taken(60, 40, Some(0));
    assert_eq!(lease.until, at(60));
    assert_eq!(lease.renewal_due_at(), at(20), "at once");
}

#[test]
fn a_lease_that_was_over_when_it_was_answered_allows_nothing_until_it_is_renewed() {
    let mut lease = taken(-10, 0, Some(0));
    assert!(!lease.allows_submit(at(0)));
    lease.renewed(at(1));
    assert!(lease.allows_submit(at(2)));
    assert!(lease.until <= at(1) + SignedDuration::from_millis(2500));
}

#[test]
fn a_lease_of_a_broker_that_tells_no_time_and_is_behind_is_still_worked_on() {
    let lease = taken(-500, 0, None);
    assert!(lease.allows_submit(at(0)));
}
