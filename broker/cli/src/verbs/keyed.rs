//! What is made under a key, so that an answer that was lost can be asked for again.

use std::time::Duration;

use broker_client::{Error, Result};

use crate::words::{fill, say};

const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// One thing to make, whose answer may be lost or which the broker cannot make just now: it is asked for
/// again under the same key, and never made twice.
#[derive(Debug)]
pub(super) struct Keyed {
    key: String,
    /// What is not known when every answer was lost: `the job was accepted`.
    done: &'static str,
    /// What a repeat never does: `makes a second job`.
    twice: &'static str,
}

/// How it failed, and whether any try of it may have been accepted.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) error: Error,
    unclear: bool,
    keyed: Keyed,
}

impl Keyed {
    pub(super) fn new(key: Option<String>, done: &'static str, twice: &'static str) -> Self {
        let fresh = || format!("{:032x}", rand::random::<u128>());
        Self {
            key: key.unwrap_or_else(fresh),
            done,
            twice,
        }
    }

    pub(super) async fn send<T>(self, ask: impl AsyncFn(&str) -> Result<T>) -> Result<T, Lost> {
        let (mut pause, mut unclear) = (FIRST_PAUSE, false);
        let mut left = TRIES;
        loop {
            left -= 1;
            let error = match ask(&self.key).await {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            let passes = may_pass(&error);
            // A refusal of a later try is the answer to all; a login that ran out in between is none.
            unclear = passes || (unclear && matches!(error, Error::RanOut { .. }));
            if !passes || left == 0 {
                let keyed = self;
                return Err(Lost {
                    error,
                    unclear,
                    keyed,
                });
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

fn may_pass(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } => true,
        Error::Problem(problem) => {
            matches!(problem.status, 502..=504) || problem.code == "request-in-flight"
        }
        _ => false,
    }
}

impl Lost {
    /// In other words, where it was refused for good.
    pub(super) fn explained(self, words: impl FnOnce(Error) -> anyhow::Error) -> anyhow::Error {
        if self.unclear {
            return self.into();
        }
        words(self.error)
    }
}

/// Nobody knows whether it was made: says how to find out without a second one.
impl From<Lost> for anyhow::Error {
    fn from(lost: Lost) -> Self {
        let error = Self::from(lost.error);
        if !lost.unclear {
            return error;
        }
        let Keyed { key, done, twice } = lost.keyed;
        error.context(fill(
            "whether {done} is not known; the same command with `--key {key}` asks again and never {twice}").with("done", say(done)).with("key", &key).with("twice", say(twice)).to_string())
    }
}
