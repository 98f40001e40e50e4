//! `GET nodes`.

use std::collections::BTreeMap;

use serde_json::Value;
use site_adapter::Error;

use crate::answer::{Answer, quote};
use crate::gres::{gpus, tracked};
use crate::transport::{Family, Request};
use crate::value::{text, words};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) partitions: Vec<String>,
    /// Runs jobs or could: not down, drained, reserved or away.
    pub(crate) usable: bool,
    pub(crate) idle: bool,
    /// Down, drained or draining, failing, in maintenance, not registered: for a while it takes no
    /// job. A node that sleeps to save power, or is reserved, is not.
    pub(crate) is_out: bool,
    /// Why, in the words of whoever drained it.
    pub(crate) reason: Option<String>,
    /// As far as Slurm tracks them: a site may count none in jobs (`AccountingStorageTRES`).
    pub(crate) tracked_gpus: Option<u32>,
    pub(crate) gpus: BTreeMap<String, u32>,
    pub(crate) gpus_used: BTreeMap<String, u32>,
}

pub(crate) fn request() -> Request {
    Request::get("GET nodes", Family::Slurm, "/nodes")
}

pub(crate) fn parse(answer: &Answer) -> Result<Vec<Node>, Error> {
    answer.check(&[])?;
    answer
        .whole_list("nodes")?
        .iter()
        .map(|node| parse_node(node).ok_or_else(|| answer.incomplete("node's state")))
        .collect()
}

fn parse_node(node: &Value) -> Option<Node> {
    let field = |name: &str| node.get(name).unwrap_or(&Value::Null);
    // Up to v0.0.38 the flags stand in a field of their own.
    let mut state = words(field("state"));
    state.extend(words(field("state_flags")));
    let base = state.first()?;
    let unusable = [
        "DRAIN",
        "DRAINED",
        "DRAINING",
        "DOWN",
        "FAIL",
        "FAILING",
        "MAINT",
        "MAINTENANCE",
        "NOT_RESPONDING",
        "POWERED_DOWN",
        "POWERING_DOWN",
        "POWER_DOWN",
        "REBOOT_ISSUED",
        "REBOOT_REQUESTED",
        "RESERVED",
        "PLANNED",
        "INVALID",
        "INVALID_REG",
        "BLOCKED",
        "FUTURE",
        "UNKNOWN",
        "ERROR",
    ];
    let out = [
        "DRAIN",
        "DRAINED",
        "DRAINING",
        "DOWN",
        "FAIL",
        "FAILING",
        "MAINT",
        "MAINTENANCE",
        "NOT_RESPONDING",
        "INVALID",
        "INVALID_REG",
        "ERROR",
    ];
    let is_out = state.iter().any(|word| out.contains(&word.as_str()));
    let stands = matches!(base.as_str(), "IDLE" | "MIXED" | "ALLOCATED");
    let usable = stands && !state.iter().any(|word| unusable.contains(&word.as_str()));
    let listed = field("partitions").as_array();
    Some(Node {
        partitions: listed
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
        usable,
        idle: usable && base == "IDLE" && !state.iter().any(|word| word == "COMPLETING"),
        is_out,
        reason: text(field("reason")).map(quote),
        tracked_gpus: text(field("tres")).and_then(tracked),
        gpus: gpus(field("gres").as_str().unwrap_or_default()),
        gpus_used: gpus(field("gres_used").as_str().unwrap_or_default()),
    })
}
