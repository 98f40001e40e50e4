//! `qstat -B`: the server itself.

use site_adapter::{Error, ErrorKind, Result};

use super::asks;
use crate::attributes;
use crate::times::duration;
use crate::transport::{Command, Ran};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) state: String,
    pub(crate) schedules: bool,
    /// How long ended jobs are told of, in seconds; `None` if not at all.
    pub(crate) history_seconds: Option<u64>,
    /// Whether everybody sees everybody's jobs.
    pub(crate) shows_all: bool,
}

/// Two weeks: what the server keeps when nothing is said.
const DEFAULT_HISTORY: u64 = 14 * 24 * 3600;

pub(crate) fn command() -> Command {
    asks("qstat", &["-B", "-f", "-F", "json"])
}

pub(crate) fn parse(ran: &Ran) -> Result<Server> {
    if !ran.is_ok() {
        return Err(ran.failure());
    }
    let told = attributes::from_json(&ran.stdout, "Server").unwrap_or_default();
    let server = told.into_values().next().ok_or_else(|| {
        Error::new(
            ErrorKind::Protocol,
            "qstat -B",
            "the answer tells of no server",
        )
    })?;
    let is = |key: &str| {
        server
            .get(key)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    let kept = server
        .get("job_history_duration")
        .and_then(|text| duration(text));
    Ok(Server {
        state: server.get("server_state").cloned().unwrap_or_default(),
        schedules: is("scheduling"),
        history_seconds: is("job_history_enable").then(|| kept.unwrap_or(DEFAULT_HISTORY)),
        shows_all: is("query_other_jobs"),
    })
}
