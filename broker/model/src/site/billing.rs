use serde::{Deserialize, Serialize};

/// How the site charges: units per node while the job runs, the largest of the terms.
///
/// LUMI's `small-g` has three terms (a GCD, 8 cores and 64 GB each cost 0.5 GPU-hours an hour); a
/// whole-node site has one over `nodes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Billing {
    /// The site's word: `GPU-hour`, `node-hour`, `core-hour`.
    pub unit: String,
    pub terms: Vec<BillingTerm>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillingTerm {
    pub of: Billed,
    /// One step for this many, rounded up.
    #[serde(default = "one")]
    pub per: u32,
    /// Thousandths of a unit for each step.
    pub milliunits: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billed {
    Nodes,
    /// As the scheduler counts them, on all nodes.
    SchedulerGpus,
    Cpus,
    MemoryGib,
}

const fn one() -> u32 {
    1
}
