use std::time::Duration;

/// How long each answer took. Kept one by one: a run has a few hundred thousand at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    micros: Vec<u32>,
    sorted: bool,
}

impl Latencies {
    pub(crate) fn note(&mut self, took: Duration) {
        self.micros
            .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        self.sorted = false;
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.micros.extend(other.micros);
        self.sorted = false;
    }

    pub(crate) fn count(&self) -> usize {
        self.micros.len()
    }

    /// The time that this share of the answers stayed within, `0.99` for the 99th percentile.
    pub(crate) fn within(&mut self, share: f64) -> Duration {
        if !self.sorted {
            self.micros.sort_unstable();
            self.sorted = true;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a position in a list"
        )]
        let at = ((self.micros.len() as f64 * share).ceil() as usize).saturating_sub(1);
        Duration::from_micros(self.micros.get(at).copied().unwrap_or(0).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_time_that_so_many_stayed_within() {
        let mut latencies = Latencies::default();
        (1..=100)
            .rev()
            .for_each(|ms| latencies.note(Duration::from_millis(ms)));
        assert_eq!(latencies.within(0.99), Duration::from_millis(99));
        assert_eq!(latencies.within(1.0), Duration::from_millis(100));
        assert_eq!(latencies.within(0.5), Duration::from_millis(50));
    }
}
