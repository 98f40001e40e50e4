//! What a funder asks of a period: who used how much, and how long it took to get in. Computed, never typed.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{FundingShare, GpuMillis};

/// All that is computed of the days from `from` to `to`, which are days of UTC as those of usage are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indicators {
    pub from: Date,
    pub to: Date,
    /// The only share that was looked at; none for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<FundingShare>,
    /// Physical GPU-time of what ended in the period.
    pub gpu: GpuMillis,
    /// That used any.
    pub organisations: u64,
    /// Of `gpu`, what counts by the size and country that its organisation has on the last day: its records do not say
    /// what it was when they were made.
    #[serde(default)]
    pub gpu_by_present: GpuMillis,
    /// By the size that the organisation had when its job ended.
    pub by_size: Vec<UsedPart>,
    /// By the country of its establishment then.
    pub by_country: Vec<UsedPart>,
    /// A project of several sectors counts in each, so these may add up to more than the whole.
    pub by_sector: Vec<UsedPart>,
    /// What the ten organisations that used most have of the whole, in thousandths; none where nothing was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_10_permille: Option<u32>,
    /// Of what was handed in in the period, one for each share, and what has become of it until now.
    pub access: Vec<AccessTimes>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedPart {
    /// `small`, `FR`, `health`; `not_said` where nobody said it.
    pub of: String,
    pub gpu: GpuMillis,
    /// Of the whole, rounded down.
    pub permille: u32,
    pub organisations: u64,
}

/// How long it took, and of how many that is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTimes {
    pub share: FundingShare,
    pub applications: u64,
    pub waiting: u64,
    pub withdrawn: u64,
    pub rejected: u64,
    pub accepted: u64,
    /// From the application to the decision, of those that are decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Spread>,
    /// From an acceptance to when the first local account was known here, of those where that was: as named with the
    /// hours or later, or as the accounting of the first job told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Spread>,
    /// From an acceptance to the first job that its project handed in, of those that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_job: Option<Spread>,
    /// From the application to that job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Spread>,
}

/// Whole hours, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    pub count: u64,
    pub median_hours: u64,
    /// Nine of ten took no longer.
    pub ninth_decile_hours: u64,
    pub longest_hours: u64,
}
