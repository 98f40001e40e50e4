use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::error::Fault;
use crate::hash::Hash;
use crate::key::VerifierKey;

pub const FORMAT: &str = "alcyone-ledger-export/1";

/// What the exporter says about the file; all of it is checked against signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub(super) format: String,
    pub origin: String,
    /// The keys that signed, for whoever has none yet. An auditor trusts only those of their own.
    pub keys: Vec<VerifierKey>,
    /// The first entry in the file.
    pub from: u64,
    /// The size of the tree that the last checkpoint signs.
    pub size: u64,
    /// [`crate::Frontier::peaks`] at `from`.
    pub frontier: Vec<Hash>,
}

impl Header {
    pub fn new(origin: &str, keys: Vec<VerifierKey>, from: u64, size: u64) -> Self {
        Self {
            format: FORMAT.to_owned(),
            origin: origin.to_owned(),
            keys,
            from,
            size,
            frontier: Vec::new(),
        }
    }

    /// For an export that does not begin at the first entry.
    pub fn with_frontier(mut self, frontier: &crate::Frontier) -> Self {
        self.frontier = frontier.peaks().to_vec();
        self
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryLine<'a> {
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) entry: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckpointLine<'a> {
    #[serde(borrow)]
    pub(super) checkpoint: Cow<'a, str>,
    pub(super) consistency: Vec<Hash>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InclusionLine {
    pub(super) inclusion: u64,
    pub(super) leaf: Hash,
    pub(super) proof: Vec<Hash>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndLine {
    pub(super) end: u64,
    pub(super) sha256: Hash,
}

/// Reads a line and checks that writing it again gives the same bytes.
pub(super) fn canonical<'a, T: Serialize + Deserialize<'a>>(line: &'a str) -> Result<T, Fault> {
    let content: T = serde_json::from_str(line).map_err(|error| Fault::Form(error.to_string()))?;
    match serde_json::to_string(&content) {
        Ok(again) if again == line => Ok(content),
        Ok(_) => Err(Fault::NotCanonical),
        Err(error) => Err(Fault::Form(error.to_string())),
    }
}
