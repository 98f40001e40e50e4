//! `GET ping`: whether slurmctld answers. The call is 200 when it does not.

use serde_json::Value;
use site_adapter::Error;

use crate::answer::Answer;
use crate::transport::{Family, Request};

pub(crate) fn request() -> Request {
    Request::get("GET ping", Family::Slurm, "/ping")
}

/// Whether a slurmctld answers: `responding` from v0.0.42, `pinged` before, `ping` to v0.0.38.
pub(crate) fn parse(answer: &Answer) -> Result<bool, Error> {
    answer.check(&[])?;
    Ok(answer.list("pings").iter().any(answers))
}

fn answers(ping: &Value) -> bool {
    if let Some(responding) = ping.get("responding").and_then(Value::as_bool) {
        return responding;
    }
    ["pinged", "ping"]
        .iter()
        .find_map(|key| ping.get(key)?.as_str())
        .is_some_and(|word| word == "UP")
}

/// Slurm's version in one word, `24.11.5`. Its numbers are of another type in each version of the
/// API, and up to v0.0.38 in the wrong order.
pub(crate) fn release(answer: &Answer) -> Option<&str> {
    let at = |pointer| answer.json().pointer(pointer)?.as_str();
    ["/meta/slurm/release", "/meta/Slurm/release"]
        .into_iter()
        .find_map(at)
}
