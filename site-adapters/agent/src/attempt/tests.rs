use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

#[test]
fn a_lease_allows_a_submit_until_its_last_sixth() {
    let lease = Lease::taken(at(60), at(0));
    assert!(lease.allows_submit(at(50)));
    assert!(!lease.allows_submit(at(51)));
    assert!(!lease.allows_submit(at(70)));
}

#[test]
fn a_renewal_is_trusted_for_half_a_lease_and_never_shortens_one() {
    let mut lease = Lease::taken(at(60), at(0));
    lease.renewed(at(20));
    assert_eq!(lease.until, at(60));
    lease.renewed(at(40));
    assert_eq!(lease.until, at(70));
    assert_eq!(lease.renewal_due_at(), at(60));
}

#[test]
fn a_lease_from_a_clock_that_is_behind_is_still_worked_on() {
    let lease = Lease::taken(at(-500), at(0));
    assert!(lease.allows_submit(at(0)));
}
