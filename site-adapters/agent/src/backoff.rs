use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Doubles from `min` to `max` with each try, less up to half of it: agents that lost the broker
/// together do not come back together. The spread comes from `seed`, so a run can be repeated.
pub(crate) fn delay(min: Duration, max: Duration, tries: u32, seed: u128) -> Duration {
    let doubled = min.saturating_mul(1 << tries.min(16)).min(max);
    let half = doubled / 2;
    let thousandths = u32::try_from(mixed(seed, tries) % 1000).unwrap_or(0);
    half + half * thousandths / 1000
}

/// A pause before the broker is asked again: anything from nothing to a limit that doubles from
/// `8 * min` to `max` with each try ("full jitter"). Agents that lost the broker at one moment come back
/// evenly over the whole time, however many they are.
pub(crate) fn spread(min: Duration, max: Duration, tries: u32) -> Duration {
    let limit = min.saturating_mul(8 << tries.min(16)).min(max);
    limit.mul_f64(rand::random::<f64>())
}

/// The longest pause, less up to half of it: those whom the broker refused together do not come back
/// together, and none of them soon.
pub(crate) fn long_pause(max: Duration) -> Duration {
    max / 2 + (max / 2).mul_f64(rand::random::<f64>())
}

pub(crate) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// The finalizer of `SplitMix64`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "folding 128 bits into 64 is the point"
)]
fn mixed(seed: u128, tries: u32) -> u64 {
    let folded = (seed as u64) ^ ((seed >> 64) as u64);
    let mut z = folded.wrapping_add(u64::from(tries).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_limit_and_never_pass_it() {
        let (min, max) = (Duration::from_secs(1), Duration::from_mins(1));
        for seed in 0..50 {
            assert!(delay(min, max, 0, seed) >= Duration::from_millis(500));
            assert!(delay(min, max, 0, seed) <= min);
            assert!(delay(min, max, 40, seed) >= max / 2);
            assert!(delay(min, max, 40, seed) <= max);
        }
    }

    #[test]
    fn pauses_before_the_broker_is_asked_lie_evenly_under_a_limit_that_grows() {
        let (min, max) = (Duration::from_secs(1), Duration::from_mins(1));
        for (tries, limit) in [(0, 8), (1, 16), (2, 32), (3, 60), (40, 60)] {
            let limit = Duration::from_secs(limit);
            let pauses: Vec<Duration> = (0..2000).map(|_| spread(min, max, tries)).collect();
            assert!(pauses.iter().all(|pause| *pause <= limit));
            // Of 2000 in four parts, each has some 500.
            for part in 0..4 {
                let from = limit / 4 * part;
                let within = |pause: &&Duration| (from..from + limit / 4).contains(*pause);
                assert!(
                    pauses.iter().filter(within).count() > 400,
                    "{tries}: {part}"
                );
            }
        }
    }

    #[test]
    fn who_is_refused_waits_between_half_and_all_of_the_longest_time() {
        let max = Duration::from_mins(1);
        let pauses: Vec<Duration> = (0..2000).map(|_| long_pause(max)).collect();
        assert!(pauses.iter().all(|it| (max / 2..=max).contains(it)));
        let sooner = pauses.iter().filter(|it| **it < max * 3 / 4).count();
        assert!((800..1200).contains(&sooner), "{sooner} of 2000");
    }

    #[test]
    fn two_agents_wait_differently() {
        let wait = |seed| delay(Duration::from_secs(1), Duration::from_mins(1), 6, seed);
        assert_ne!(wait(1), wait(2));
    }
}
