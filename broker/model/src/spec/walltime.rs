use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::InvalidSpec;

/// The longest a job may run; written `90m`, `6h`, `2d`, `1h30m` or in seconds (`5400s`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Walltime {
    seconds: u32,
}

impl Walltime {
    /// A year: no site of the federation allows more.
    pub const MAX_SECONDS: u32 = 366 * 86_400;

    pub fn from_seconds(seconds: u32) -> Option<Self> {
        (1..=Self::MAX_SECONDS)
            .contains(&seconds)
            .then_some(Self { seconds })
    }

    pub const fn seconds(self) -> u32 {
        self.seconds
    }

    /// Whole minutes, rounded up: what Slurm and many limits count in.
    pub const fn minutes_up(self) -> u32 {
        self.seconds.div_ceil(60)
    }
}

impl fmt::Display for Walltime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.seconds;
        for (size, letter) in [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
            if rest >= size {
                write!(f, "{}{letter}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl FromStr for Walltime {
    type Err = InvalidSpec;

    fn from_str(text: &str) -> Result<Self, InvalidSpec> {
        let refuse = || InvalidSpec {
            field: "resources.walltime".to_owned(),
            reason: format!(
                "`{}` is not a duration",
                text.chars().take(40).collect::<String>()
            ),
            allowed: "`90m`, `6h`, `2d`, `1h30m` or `5400s`, at most 366d".to_owned(),
        };
        let mut total: u64 = 0;
        let mut digits = String::new();
        for c in text.chars() {
            if c.is_ascii_digit() && digits.len() < 9 {
                digits.push(c);
                continue;
            }
            let size = match c {
                'd' => 86_400,
                'h' => 3600,
                'm' => 60,
                's' => 1,
                _ => return Err(refuse()),
            };
            total += digits.parse::<u64>().map_err(|_| refuse())? * size;
            digits.clear();
        }
        if !digits.is_empty() {
            return Err(refuse());
        }
        u32::try_from(total)
            .ok()
            .and_then(Self::from_seconds)
            .ok_or_else(refuse)
    }
}

impl Serialize for Walltime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Walltime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
