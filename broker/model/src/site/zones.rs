use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Confidence;

/// What a job may name as its residency beside a country: `config/zones.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zones {
    /// Of all of them.
    pub source: ZonesSource,
    /// ISO 3166-1 codes by the name of the zone: `EU`.
    pub zones: BTreeMap<String, BTreeSet<String>>,
}

/// Where the lists come from, when that was last checked, and how sure it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZonesSource {
    pub checked_on: Date,
    pub confidence: Confidence,
    pub from: Vec<String>,
}
