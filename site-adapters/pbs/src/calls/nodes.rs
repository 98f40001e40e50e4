//! `pbsnodes`.

use site_adapter::{Error, ErrorKind, Result};

use super::asks;
use crate::attributes::{self, Attributes};
use crate::transport::{Command, Ran};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// In the site's words, several of them joined by commas: `state-unknown,down`.
    pub(crate) state: String,
    attributes: Attributes,
}

pub(crate) fn command() -> Command {
    asks("pbsnodes", &["-a", "-F", "json"])
}

pub(crate) fn parse(ran: &Ran) -> Result<Vec<Node>> {
    // A complex without nodes: "Server has no node list".
    if !ran.is_ok() && ran.stderr.contains("no node list") {
        return Ok(Vec::new());
    }
    if !ran.is_ok() {
        return Err(ran.failure());
    }
    read(&ran.stdout)
        .map_err(|error| Error::new(ErrorKind::Protocol, "pbsnodes", error.to_string()))
}

/// A node that is not known is told with exit code 0, as an object with an `Error`.
pub(crate) fn read(bytes: &[u8]) -> std::result::Result<Vec<Node>, crate::json::NotJson> {
    let told = attributes::from_json(bytes, "nodes")?;
    let nodes = told.into_values().filter_map(|attributes| {
        let state = attributes.get("state")?.clone();
        Some(Node { state, attributes })
    });
    Ok(nodes.collect())
}

impl Node {
    /// Takes no job for now: down, unreachable, set offline, in maintenance, not yet up. `Stale` is
    /// written with a capital by pbsnodes itself.
    pub(crate) fn is_out(&self) -> bool {
        const OUT: [&str; 12] = [
            "down",
            "offline",
            "offline_by_mom",
            "state-unknown",
            "stale",
            "unresolvable",
            "maintenance",
            "initializing",
            "sleep",
            "powered-off",
            "powering-down",
            "powering-on",
        ];
        self.states().any(|state| OUT.contains(&state.as_str()))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.takes_more() && self.attributes.get("jobs").is_none_or(String::is_empty)
    }

    /// Every other word takes what is left of it from others: `job-exclusive`, `job-busy` (no
    /// processor is left), `resv-exclusive`, `busy` (its load), `provisioning`.
    fn takes_more(&self) -> bool {
        self.states().eq(["free"])
    }

    fn states(&self) -> impl Iterator<Item = String> {
        let words = self.state.split(',');
        words.map(|word| word.trim().to_ascii_lowercase())
    }

    /// The host it is on: one that is cut into several vnodes is one node.
    pub(crate) fn host(&self) -> Option<&str> {
        let told = |key: &str| self.attributes.get(key).map(String::as_str);
        told("resources_available.host").or_else(|| told("Mom"))
    }

    /// Has these values, one of a list's where there are several.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        let told = self.attributes.get(&format!("resources_available.{name}"));
        told.is_some_and(|told| told.split(',').any(|one| one.trim() == value))
    }

    /// A queue that has the node for itself.
    pub(crate) fn queue(&self) -> Option<&str> {
        self.attributes.get("queue").map(String::as_str)
    }

    pub(crate) fn total(&self, resource: &str) -> u32 {
        self.count("resources_available", resource)
    }

    pub(crate) fn free(&self, resource: &str) -> u32 {
        if !self.takes_more() {
            return 0;
        }
        self.total(resource)
            .saturating_sub(self.count("resources_assigned", resource))
    }

    fn count(&self, list: &str, resource: &str) -> u32 {
        let told = self.attributes.get(&format!("{list}.{resource}"));
        told.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}
