use proptest::prelude::*;

use super::*;

const fn hours(hours: i64) -> UnitMillis {
    UnitMillis::from_hours(hours)
}

fn granted(amount: i64) -> Balance {
    grant(Balance::default(), hours(amount)).unwrap()
}

#[test]
fn a_hold_beyond_what_remains_is_refused_and_names_both_sides() {
    let error = hold(granted(3), hours(12)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the job needs 12.0000 hours and 3.0000 remain of the allocation"
    );
}

#[test]
fn a_hold_may_take_the_last_millisecond() {
    let balance = hold(granted(3), hours(3)).unwrap();
    assert_eq!(balance.remaining(), UnitMillis::ZERO);
    assert!(hold(balance, UnitMillis(1)).is_err());
    assert_eq!(hold(balance, UnitMillis::ZERO), Ok(balance));
}

#[test]
fn settling_gives_back_the_hold_and_takes_what_was_used() {
    let held = hold(granted(10), hours(6)).unwrap();
    let settled = settle(held, hours(6), hours(2)).unwrap();
    assert_eq!(settled.held, UnitMillis::ZERO);
    assert_eq!(settled.used, hours(2));
    assert_eq!(settled.remaining(), hours(8));
}

#[test]
fn a_site_that_charges_more_than_was_left_makes_remaining_negative_and_stops_holds() {
    let held = hold(granted(4), hours(4)).unwrap();
    let overrun = settle(held, hours(4), hours(5)).unwrap();
    assert_eq!(overrun.remaining(), hours(-1));
    assert!(matches!(
        hold(overrun, UnitMillis(1)),
        Err(Error::Insufficient { .. })
    ));
    assert!(matches!(
        lose(overrun, UnitMillis(1)),
        Err(Error::RemainsTooLittle { .. })
    ));
    assert_eq!(lose(overrun, UnitMillis::ZERO).unwrap(), overrun);
}

#[test]
fn a_hold_cannot_be_settled_or_released_twice() {
    let held = hold(granted(4), hours(2)).unwrap();
    let released = release(held, hours(2)).unwrap();
    let refused = Error::HeldTooLittle {
        asked: hours(2),
        held: UnitMillis::ZERO,
    };
    assert_eq!(release(released, hours(2)), Err(refused.clone()));
    assert_eq!(settle(released, hours(2), hours(1)), Err(refused));
}

#[test]
fn a_balance_that_nobody_here_wrote_is_refused() {
    let broken = Balance {
        held: UnitMillis(-1),
        ..granted(4)
    };
    assert!(matches!(
        hold(broken, hours(1)),
        Err(Error::BrokenBalance { part: "held", .. })
    ));
}

#[test]
fn amounts_that_do_not_fit_are_refused_and_not_saturated() {
    let full = grant(Balance::default(), UnitMillis(i64::MAX)).unwrap();
    assert!(matches!(
        grant(full, UnitMillis(1)),
        Err(Error::Overflow { .. })
    ));
    let used = settle(Balance::default(), UnitMillis::ZERO, UnitMillis(i64::MAX)).unwrap();
    assert!(matches!(
        settle(used, UnitMillis::ZERO, UnitMillis(1)),
        Err(Error::Overflow { .. })
    ));
}

#[test]
fn a_grant_is_cut_to_what_is_taken_and_no_further() {
    let held = hold(granted(10), hours(6)).unwrap();
    let settled = settle(held, hours(4), hours(3)).unwrap();
    let error = cut(settled, hours(6)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the grant cannot be cut to 4.0000 hours: 5.0000 are used, held or lost"
    );
    let least = cut(settled, hours(5)).unwrap();
    assert_eq!((least.granted, least.remaining()), (hours(5), hours(0)));
    let overrun = settle(least, hours(2), hours(4)).unwrap();
    assert!(matches!(
        cut(overrun, UnitMillis(1)),
        Err(Error::GrantTooSmall { .. })
    ));
    assert_eq!(grant(overrun, hours(1)).unwrap().remaining(), hours(-1));
}

#[test]
fn usage_that_comes_late_was_not_lost_after_all() {
    let lapsed = lose(granted(10), hours(10)).unwrap();
    let late = settle(lapsed, UnitMillis::ZERO, hours(3)).unwrap();
    assert_eq!((late.used, late.lost), (hours(3), hours(7)));
    assert_eq!(late.remaining(), hours(0));
    let more = settle(late, UnitMillis::ZERO, hours(9)).unwrap();
    assert_eq!((more.used, more.lost), (hours(12), hours(0)));
    assert_eq!(more.remaining(), hours(-2));
}

#[test]
fn what_was_lost_is_given_back_once() {
    let lapsed = lose(granted(10), hours(4)).unwrap();
    let given_back = recover(lapsed, hours(4)).unwrap();
    assert_eq!(given_back, granted(10));
    assert!(matches!(
        recover(given_back, UnitMillis(1)),
        Err(Error::LostTooLittle { .. })
    ));
}

#[derive(Clone, Debug)]
enum Operation {
    Grant(i64),
    Cut(i64),
    Hold(i64),
    Settle(i64, i64),
    Release(i64),
    Lose(i64),
    Recover(i64),
}

impl Operation {
    fn apply(&self, balance: Balance) -> Result<Balance, Error> {
        match *self {
            Self::Grant(a) => grant(balance, UnitMillis(a)),
            Self::Cut(a) => cut(balance, UnitMillis(a)),
            Self::Hold(a) => hold(balance, UnitMillis(a)),
            Self::Settle(held, used) => settle(balance, UnitMillis(held), UnitMillis(used)),
            Self::Release(a) => release(balance, UnitMillis(a)),
            Self::Lose(a) => lose(balance, UnitMillis(a)),
            Self::Recover(a) => recover(balance, UnitMillis(a)),
        }
    }
}

/// Mostly small amounts, so that most operations succeed; some negative, some near the limits.
fn any_amount() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 0..1000_i64,
        1 => -10..0_i64,
        1 => (i64::MAX - 1000)..=i64::MAX,
        1 => any::<i64>(),
    ]
}

fn any_operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        any_amount().prop_map(Operation::Grant),
        any_amount().prop_map(Operation::Cut),
        any_amount().prop_map(Operation::Hold),
        (any_amount(), any_amount()).prop_map(|(h, u)| Operation::Settle(h, u)),
        any_amount().prop_map(Operation::Release),
        any_amount().prop_map(Operation::Lose),
        any_amount().prop_map(Operation::Recover),
    ]
}

fn unsaturated_remaining(balance: Balance) -> i128 {
    wide(balance.granted) - wide(balance.used) - wide(balance.held) - wide(balance.lost)
}

/// What of the usage neither its hold nor what remained could pay, as far as hours were lost.
fn not_lost(balance: Balance, held: i64, used: i64) -> i64 {
    let left = unsaturated_remaining(balance) + i128::from(held);
    let short = (i128::from(used) - left).max(0);
    i64::try_from(short.min(wide(balance.lost))).unwrap()
}

proptest! {
    #[test]
    fn the_equation_holds_after_any_sequence(
        operations in prop::collection::vec(any_operation(), 0..60),
    ) {
        let mut balance = Balance::default();
        for operation in operations {
            let Ok(next) = operation.apply(balance) else { continue };
            prop_assert!(next.granted >= UnitMillis::ZERO);
            prop_assert!(next.used >= UnitMillis::ZERO);
            prop_assert!(next.held >= UnitMillis::ZERO);
            prop_assert!(next.lost >= UnitMillis::ZERO);
            prop_assert_eq!(wide(next.remaining()), unsaturated_remaining(next));
            prop_assert!(next.remaining() >= UnitMillis::ZERO || next.lost == UnitMillis::ZERO);
            if next.remaining() < balance.remaining().min(UnitMillis::ZERO) {
                let overrun = matches!(operation, Operation::Settle(held, used) if used > held);
                prop_assert!(overrun, "{:?} made remaining negative", operation);
            }
            balance = next;
        }
    }

    #[test]
    fn each_operation_moves_exactly_its_amount(
        before in prop::collection::vec(any_operation(), 0..30),
        operation in any_operation(),
    ) {
        let balance = before.iter().fold(Balance::default(), |balance, operation| {
            operation.apply(balance).unwrap_or(balance)
        });
        let Ok(next) = operation.apply(balance) else { return Ok(()) };
        let moved = [
            wide(next.granted) - wide(balance.granted),
            wide(next.used) - wide(balance.used),
            wide(next.held) - wide(balance.held),
            wide(next.lost) - wide(balance.lost),
        ];
        let expected: [i64; 4] = match operation {
            Operation::Grant(a) => [a, 0, 0, 0],
            Operation::Cut(a) => [-a, 0, 0, 0],
            Operation::Hold(a) => [0, 0, a, 0],
            Operation::Settle(held, used) => [0, used, -held, -not_lost(balance, held, used)],
            Operation::Release(a) => [0, 0, -a, 0],
            Operation::Lose(a) => [0, 0, 0, a],
            Operation::Recover(a) => [0, 0, 0, -a],
        };
        prop_assert_eq!(moved, expected.map(i128::from));
    }

    #[test]
    fn jobs_that_stay_within_their_holds_never_overdraw(
        total in 0..10_000_i64,
        jobs in prop::collection::vec((0..500_i64, 0..=1000_i64), 0..60),
    ) {
        let mut balance = grant(Balance::default(), UnitMillis(total)).unwrap();
        for (asked, permille) in jobs {
            let asked = UnitMillis(asked);
            let Ok(held) = hold(balance, asked) else { continue };
            balance = settle(held, asked, UnitMillis(asked.0 * permille / 1000)).unwrap();
            prop_assert!(balance.remaining() >= UnitMillis::ZERO);
            prop_assert_eq!(balance.held, UnitMillis::ZERO);
        }
    }
}
