use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Sourced;

/// What a job may name as its residency beside a country: `config/zones.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zones {
    pub source: Sourced,
    /// ISO 3166-1 codes by the name of the zone: `EU`.
    pub zones: BTreeMap<String, BTreeSet<String>>,
}
