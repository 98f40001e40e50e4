use broker_model::{Allocation, AllocationId, Balance, UnitMillis};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::fixtures::{World, commit};
use crate::{CommitError, Entity, Store, Write};

fn hold(allocation: AllocationId, amount: i64) -> Write {
    let amount = UnitMillis(amount);
    Write::Hold { allocation, amount }
}

fn release(allocation: AllocationId, amount: i64) -> Write {
    let amount = UnitMillis(amount);
    Write::Release { allocation, amount }
}

fn settle(allocation: AllocationId, held: i64, used: i64) -> Write {
    let (held, used) = (UnitMillis(held), UnitMillis(used));
    Write::Settle {
        allocation,
        held,
        used,
    }
}

fn grant(allocation: AllocationId, from: i64, to: i64) -> Write {
    let (from, to) = (UnitMillis(from), UnitMillis(to));
    Write::Grant {
        allocation,
        from,
        to,
    }
}

fn recover(allocation: AllocationId, amount: i64) -> Write {
    let amount = UnitMillis(amount);
    Write::Recover { allocation, amount }
}

fn is_conflict<T>(answer: &Result<T, CommitError>) -> bool {
    matches!(answer, Err(CommitError::Conflict(Entity::Allocation)))
}

async fn balance(store: &dyn Store, allocation: AllocationId) -> Balance {
    let allocation = store.find_allocation(allocation).await.unwrap();
    allocation.unwrap().balance
}

fn expected(used: i64, held: i64) -> Balance {
    Balance {
        granted: UnitMillis::from_hours(100),
        used: UnitMillis(used),
        held: UnitMillis(held),
        lost: UnitMillis::ZERO,
    }
}

pub async fn hours_move_between_remaining_held_and_used(store: &dyn Store) {
    let world = World::new();
    let id = world.account(store).await.allocation;
    commit(store, vec![hold(id, 50)]).await.unwrap();
    assert_eq!(balance(store, id).await, expected(0, 50));
    commit(store, vec![release(id, 20)]).await.unwrap();
    assert_eq!(balance(store, id).await, expected(0, 30));
    let over = UnitMillis::from_hours(200).0;
    commit(store, vec![settle(id, 30, over)]).await.unwrap();
    let after = balance(store, id).await;
    assert_eq!(after, expected(over, 0));
    assert_eq!(after.remaining(), UnitMillis::from_hours(-100));
}

pub async fn hours_that_are_not_there_do_not_move(store: &dyn Store) {
    let world = World::new();
    let id = world.account(store).await.allocation;
    commit(store, vec![hold(id, 10)]).await.unwrap();
    let all = UnitMillis::from_hours(100).0;
    let too_much = commit(store, vec![hold(id, all - 9)]).await;
    let Err(CommitError::HoursExceeded {
        allocation,
        remaining,
    }) = too_much
    else {
        panic!("{too_much:?}");
    };
    assert_eq!((allocation, remaining), (id, UnitMillis(all - 10)));
    for write in [
        release(id, 11),
        settle(id, 11, 0),
        hold(id, -1),
        settle(id, 0, -1),
    ] {
        let refused = commit(store, vec![write]).await;
        assert!(matches!(
            refused,
            Err(CommitError::Conflict(Entity::Allocation))
        ));
    }
    let nowhere = commit(store, vec![hold(world.id(), 1)]).await;
    assert!(matches!(
        nowhere,
        Err(CommitError::Missing(Entity::Allocation))
    ));
    assert_eq!(balance(store, id).await, expected(0, 10));
    commit(store, vec![hold(id, all - 10)]).await.unwrap();
    assert_eq!(balance(store, id).await.remaining(), UnitMillis::ZERO);
}

/// What a change does to a balance when it is taken: to held, and to used.
struct Move {
    writes: Vec<Write>,
    held: i64,
    used: i64,
}

/// Numbers that look random and are the same in every run (a linear congruential generator with
/// Knuth's constants).
fn draw(state: &mut u64, below: u64) -> i64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    i64::try_from((*state >> 33) % below).unwrap()
}

fn any_move(state: &mut u64, id: AllocationId) -> Move {
    let hour = UnitMillis::PER_HOUR;
    let amount = draw(state, 20) * hour + draw(state, 1000);
    let used = draw(state, 5) * hour;
    let (writes, held, used) = match draw(state, 5) {
        0 | 1 => (vec![hold(id, amount)], amount, 0),
        2 => (vec![release(id, amount)], -amount, 0),
        3 => (vec![settle(id, amount, used)], -amount, used),
        // The first write may be taken where the second is refused: then neither counts.
        _ => {
            let writes = vec![hold(id, amount), settle(id, 2 * amount, used)];
            (writes, -amount, used)
        }
    };
    Move { writes, held, used }
}

pub async fn the_equation_holds_under_concurrent_holds_settles_and_releases(store: &dyn Store) {
    let world = World::new();
    let account = world.account(store).await;
    let mut state = 42;
    let (mut held, mut used) = (0, 0);
    for _ in 0..8 {
        let moves: Vec<Move> = (0..40)
            .map(|_| any_move(&mut state, account.allocation))
            .collect();
        let answers = join_all(moves.iter().map(|m| commit(store, m.writes.clone()))).await;
        for (taken, answer) in moves.iter().zip(&answers) {
            if answer.is_ok() {
                held += taken.held;
                used += taken.used;
            }
        }
        let now = balance(store, account.allocation).await;
        assert_eq!(now, expected(used, held));
        assert!(now.held >= UnitMillis::ZERO);
        let sum = now.used + now.held + now.lost + now.remaining();
        assert_eq!(sum, now.granted);
    }
    assert!(used > 0, "nothing was settled: the test shows nothing");
}

/// What is held already is settled or given back all the same.
async fn a_suspension_stops_the_next_hold_only(store: &dyn Store, suspended: &Allocation) {
    let id = suspended.id;
    let terms = |allocation: &Allocation| {
        let boxed = Box::new(allocation.clone());
        Write::UpdateAllocationTerms(boxed)
    };
    let refused = commit(store, vec![hold(id, 1)]).await;
    assert!(matches!(
        refused,
        Err(CommitError::Conflict(Entity::Allocation))
    ));
    commit(store, vec![settle(id, 2, 1)]).await.unwrap();
    commit(store, vec![release(id, 3)]).await.unwrap();
    let lifted = Allocation {
        suspended: false,
        ..suspended.clone()
    };
    // Both in one change: what counts is what was said last.
    let writes = vec![terms(&lifted), hold(id, 5), terms(suspended)];
    commit(store, writes).await.unwrap();
    assert_eq!(balance(store, id).await, expected(1, 5));
}

pub async fn terms_change_and_the_balance_stays(store: &dyn Store) {
    let world = World::new();
    let account = world.account(store).await;
    let id = account.allocation;
    commit(store, vec![hold(id, 5)]).await.unwrap();
    let mut allocation = store.find_allocation(id).await.unwrap().unwrap();
    allocation.suspended = true;
    allocation.balance = Balance::default();
    let update = Write::UpdateAllocationTerms(Box::new(allocation.clone()));
    commit(store, vec![update]).await.unwrap();
    let read = store.find_allocation(id).await.unwrap().unwrap();
    assert!(read.suspended);
    assert_eq!(read.balance, expected(0, 5));
    a_suspension_stops_the_next_hold_only(store, &allocation).await;

    let again = Write::InsertAllocation(Box::new(allocation));
    let again = commit(store, vec![again]).await;
    assert!(matches!(
        again,
        Err(CommitError::Conflict(Entity::Allocation))
    ));
    let unknown = world.allocation(account.project, 1);
    let unknown = Write::UpdateAllocationTerms(Box::new(unknown));
    let unknown = commit(store, vec![unknown]).await;
    assert!(matches!(
        unknown,
        Err(CommitError::Missing(Entity::Allocation))
    ));
}

pub async fn a_grant_changes_from_what_was_read(store: &dyn Store) {
    let world = World::new();
    let id = world.account(store).await.allocation;
    let all = UnitMillis::from_hours(100).0;
    commit(store, vec![hold(id, 40), settle(id, 10, 20)])
        .await
        .unwrap();
    let twice = vec![grant(id, all, all + 5), grant(id, all, all + 5)];
    assert!(is_conflict(&commit(store, twice).await));
    commit(store, vec![grant(id, all, 50)]).await.unwrap();
    assert!(is_conflict(&commit(store, vec![grant(id, all, 60)]).await));
    let too_few = commit(store, vec![grant(id, 50, 49)]).await;
    let Err(error @ CommitError::Hours { .. }) = too_few else {
        panic!("{too_few:?}");
    };
    let words = error.to_string();
    assert!(words.contains("are used, held or lost"), "{words}");
    let after = balance(store, id).await;
    assert_eq!(
        (after.granted, after.remaining()),
        (UnitMillis(50), UnitMillis(0))
    );
    commit(store, vec![grant(id, 50, 51)]).await.unwrap();
    assert_eq!(balance(store, id).await.remaining(), UnitMillis(1));
}

/// What is dealt with does not come up again; a longer term or new hours bring it back.
pub async fn what_a_term_leaves_unused_is_lost_once(store: &dyn Store) {
    let world = World::new();
    let account = world.account(store).await;
    let allocation = store
        .find_allocation(account.allocation)
        .await
        .unwrap()
        .unwrap();
    let (id, end) = (allocation.id, allocation.valid_until);
    let all = allocation.balance.granted;
    let lose = |amount: UnitMillis, at: Timestamp| Write::Lose {
        allocation: id,
        amount,
        at,
    };
    let early = end - SignedDuration::from_micros(1);
    assert_eq!(ended(store, early).await, []);
    assert!(is_conflict(&commit(store, vec![lose(all, early)]).await));
    commit(store, vec![hold(id, 4)]).await.unwrap();
    assert_eq!(ended(store, end).await, [], "something is held still");
    let left = all - UnitMillis(4);
    assert!(is_conflict(&commit(store, vec![lose(left, end)]).await));
    commit(store, vec![settle(id, 4, 3)]).await.unwrap();
    assert_eq!(ended(store, end).await, [id]);
    assert!(is_conflict(&commit(store, vec![lose(all, end)]).await));

    let left = all - UnitMillis(3);
    let replicas = join_all((0..3).map(|_| commit(store, vec![lose(left, end)]))).await;
    assert_eq!(replicas.iter().filter(|it| it.is_ok()).count(), 1);
    let lapsed = balance(store, id).await;
    assert_eq!((lapsed.lost, lapsed.remaining()), (left, UnitMillis::ZERO));
    assert_eq!(ended(store, end).await, []);

    commit(store, vec![settle(id, 0, 10)]).await.unwrap();
    let late = balance(store, id).await;
    assert_eq!((late.used.0, late.lost), (13, left - UnitMillis(10)));
    assert_eq!(late.remaining(), UnitMillis::ZERO);

    commit(store, vec![recover(id, 7)]).await.unwrap();
    assert_eq!(balance(store, id).await.remaining(), UnitMillis(7));
    assert_eq!(ended(store, end).await, [id]);
    assert!(is_conflict(
        &commit(store, vec![recover(id, late.lost.0)]).await
    ));
    let again = vec![
        lose(UnitMillis(7), end),
        recover(id, 1),
        lose(UnitMillis(1), end),
    ];
    commit(store, again).await.unwrap();
    assert_eq!(ended(store, end).await, []);

    let longer = Allocation {
        valid_until: end + SignedDuration::from_hours(1),
        ..allocation
    };
    let writes = vec![
        Write::UpdateAllocationTerms(Box::new(longer.clone())),
        grant(id, all.0, all.0 + 2),
        lose(UnitMillis(2), end),
    ];
    assert!(is_conflict(&commit(store, writes.clone()).await));
    commit(store, writes[..2].to_vec()).await.unwrap();
    assert_eq!(ended(store, end).await, []);
    assert_eq!(ended(store, longer.valid_until).await, [id]);
}

/// Sites charged more than was granted: nothing is left to lose, and its end is dealt with all the same.
pub async fn the_end_of_an_overdrawn_allocation_is_dealt_with_once(store: &dyn Store) {
    let world = World::new();
    let account = world.account(store).await;
    let read = store.find_allocation(account.allocation).await.unwrap();
    let Allocation {
        id, valid_until, ..
    } = read.unwrap();
    let over = UnitMillis::from_hours(101).0;
    commit(store, vec![hold(id, 4), settle(id, 4, over)])
        .await
        .unwrap();
    assert_eq!(ended(store, valid_until).await, [id]);
    let lose = |amount: i64| Write::Lose {
        allocation: id,
        amount: UnitMillis(amount),
        at: valid_until,
    };
    assert!(is_conflict(&commit(store, vec![lose(1)]).await));
    commit(store, vec![lose(0)]).await.unwrap();
    assert_eq!(ended(store, valid_until).await, []);
    assert_eq!(balance(store, id).await, expected(over, 0));
}

async fn ended(store: &dyn Store, at: Timestamp) -> Vec<AllocationId> {
    let ended = store.ended_allocations(at, 10).await.unwrap();
    ended.iter().map(|allocation| allocation.id).collect()
}
