use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::InvalidId;

/// What a container must be built for: processor, and accelerator runtime if any.
///
/// Open on purpose (`riscv64+epac`, `x86_64+qpu`): a new kind needs no code change.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ContainerTarget(String);

impl ContainerTarget {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ContainerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ContainerTarget {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let word = |w: &str| {
            (1..=24).contains(&w.len())
                && w.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let mut words = text.splitn(2, '+');
        let fits = words.next().is_some_and(word) && words.next().is_none_or(word);
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidId {
            kind: "container target",
            expected: "`x86_64+cuda`, `x86_64+rocm`, `aarch64+cuda`, `x86_64` or the like"
                .to_owned(),
            text: text.chars().take(80).collect(),
        })
    }
}

impl<'de> Deserialize<'de> for ContainerTarget {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
