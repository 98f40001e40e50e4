//! `qstat -Q`: queues, their limits and how many jobs are in them.

use std::collections::BTreeMap;

use site_adapter::{Error, ErrorKind, Result};

use super::asks;
use crate::attributes::{self, Attributes};
use crate::times::duration;
use crate::transport::{Command, Ran};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) enabled: bool,
    pub(crate) started: bool,
    pub(crate) max_walltime_seconds: Option<u32>,
    pub(crate) max_nodes_per_job: Option<u32>,
    pub(crate) running: u32,
    pub(crate) waiting: u32,
}

pub(crate) fn command() -> Command {
    asks("qstat", &["-Q", "-f", "-F", "json"])
}

/// Queues by name. Two limits of one kind are two values under one key (openpbs#2677).
pub(crate) fn parse(ran: &Ran) -> Result<BTreeMap<String, Queue>> {
    if !ran.is_ok() {
        return Err(ran.failure());
    }
    let told = attributes::from_json(&ran.stdout, "Queue")
        .map_err(|error| Error::new(ErrorKind::Protocol, "qstat -Q", error.to_string()))?;
    Ok(told
        .iter()
        .map(|(name, queue)| (name.clone(), read(queue)))
        .collect())
}

fn read(told: &Attributes) -> Queue {
    let is = |key: &str| {
        told.get(key)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    let limit = |key: &str| told.get(&format!("resources_max.{key}"));
    let count = told
        .get("state_count")
        .map(String::as_str)
        .unwrap_or_default();
    Queue {
        enabled: is("enabled"),
        started: is("started"),
        max_walltime_seconds: limit("walltime")
            .and_then(|text| duration(text))
            .and_then(|seconds| u32::try_from(seconds).ok()),
        max_nodes_per_job: limit("nodect").and_then(|text| text.parse().ok()),
        running: sum(count, &["Running", "Exiting", "Begun"]),
        waiting: sum(count, &["Queued", "Held", "Waiting", "Transit"]),
    }
}

/// Of `Transit:0 Queued:2 Held:2 Waiting:0 Running:1 Exiting:0 Begun:0`.
fn sum(counts: &str, states: &[&str]) -> u32 {
    let pairs = counts
        .split_whitespace()
        .filter_map(|word| word.split_once(':'));
    let ours = pairs.filter(|(state, _)| states.contains(state));
    ours.filter_map(|(_, number)| number.parse::<u32>().ok())
        .fold(0, u32::saturating_add)
}
