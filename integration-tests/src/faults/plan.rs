use std::time::Duration;

use rand::Rng;

/// What is done to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The request arrives late.
    Delay(Duration),
    /// The connection closes before the server has heard of it.
    CutBefore,
    /// The server has answered, and the connection closes without a byte of it.
    CutAfter,
    /// 500 in place of asking the server.
    ErrorBefore,
    /// 500 in place of the server's answer: it has acted.
    ErrorAfter,
    /// The answer stops after so many bytes.
    Truncate(usize),
    /// The connection closes, and the server hears of it so much later.
    Late(Duration),
    /// Nothing comes back for so long, whether the server was asked (`true`) or not.
    Silence(bool, Duration),
}

/// How often each fault is done, in thousandths of the requests.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub delay: u32,
    pub cut_before: u32,
    pub cut_after: u32,
    pub error_before: u32,
    pub error_after: u32,
    pub truncate: u32,
    pub late: u32,
    pub latest: u32,
    pub silence: u32,
    /// How late the latest are.
    pub latest_by: Duration,
    /// How long a silence is.
    pub silence_for: Duration,
}

impl Plan {
    /// One request in five has something done to it. Long silences are fewer: whoever asked waits for
    /// their end with all else that it would do.
    pub const fn rough(silence_for: Duration, latest_by: Duration) -> Self {
        Self {
            delay: 60,
            cut_before: 25,
            cut_after: 40,
            error_before: 20,
            error_after: 25,
            truncate: 25,
            late: 9,
            latest: 1,
            silence: if silence_for.as_secs() > 10 { 2 } else { 5 },
            latest_by,
            silence_for,
        }
    }

    pub(super) fn draw(&self, random: &mut impl Rng) -> Fault {
        let mut at = random.random_range(0..1000);
        let mut hit = |share: u32| {
            let is_hit = at < share;
            at = at.saturating_sub(share);
            is_hit
        };
        if hit(self.delay) {
            return Fault::Delay(Duration::from_millis(random.random_range(5..700)));
        }
        if hit(self.cut_before) {
            return Fault::CutBefore;
        }
        if hit(self.cut_after) {
            return Fault::CutAfter;
        }
        if hit(self.error_before) {
            return Fault::ErrorBefore;
        }
        if hit(self.error_after) {
            return Fault::ErrorAfter;
        }
        if hit(self.truncate) {
            return Fault::Truncate(random.random_range(1..600));
        }
        if hit(self.late) {
            return Fault::Late(Duration::from_millis(random.random_range(50..3000)));
        }
        if hit(self.latest) {
            return Fault::Late(self.latest_by);
        }
        if hit(self.silence) {
            return Fault::Silence(random.random(), self.silence_for);
        }
        Fault::None
    }
}

impl Fault {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "passed",
            Self::Delay(_) => "delayed",
            Self::CutBefore => "cut_before",
            Self::CutAfter => "cut_after",
            Self::ErrorBefore => "error_before",
            Self::ErrorAfter => "error_after",
            Self::Truncate(_) => "truncated",
            Self::Late(_) => "late",
            Self::Silence(..) => "silenced",
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn of_many_requests_some_arrive_as_late_as_any_may() {
        let latest = Duration::from_secs(25);
        let plan = Plan::rough(Duration::from_secs(45), latest);
        let mut random = StdRng::seed_from_u64(1);
        let drawn = (0..20_000).map(|_| plan.draw(&mut random));
        let late = drawn.filter(|fault| *fault == Fault::Late(latest)).count();
        assert!((5..50).contains(&late), "{late}");
    }
}
