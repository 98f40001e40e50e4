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
    fn two_agents_wait_differently() {
        let wait = |seed| delay(Duration::from_secs(1), Duration::from_mins(1), 6, seed);
        assert_ne!(wait(1), wait(2));
    }
}
