use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

/// One way to computing time, as it is today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessModeView {
    pub id: String,
    /// `ai_factory`, `eurohpc`, `local` or another.
    pub family: String,
    /// The funding share that it gives hours of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<SourcedView<String>>,
    /// Of a mode that one site offers by itself, that site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// By language; `en` always.
    pub title: BTreeMap<String, String>,
    /// What stands for it in project ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<SourcedView<String>>,
    pub applicants: SourcedView<Vec<String>>,
    /// The states that an applicant must be established in; without it, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countries: Option<SourcedView<Vec<String>>>,
    /// Others of `applicants` pay per use.
    pub free_for: SourcedView<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_hours: Option<SourcedView<GpuHoursView>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durations_months: Option<SourcedView<Vec<u32>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_system: Option<SourcedView<bool>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<SourcedView<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<SourcedView<ClockView>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_offs: Option<SourcedView<CutOffsView>>,
    /// Of this day, a system once.
    pub offers: Vec<SourcedView<OfferView>>,
    /// What is asked for with an application.
    pub documents: Vec<SourcedView<String>>,
    pub duties: Vec<SourcedView<DutyView>>,
    /// The day in Brussels that all of it is about.
    pub on: Date,
    pub next_cut_off: Option<Timestamp>,
    /// Where all cut-offs that are known are over, the day of the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_cut_off_after: Option<Date>,
    /// By when an application of now is decided.
    pub decided_by: Option<DueView>,
}

/// A value with where it comes from; what is `uncertain` was not read at its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcedView<T> {
    pub value: T,
    pub source: String,
    /// `certain` or `uncertain`.
    pub confidence: String,
    pub checked_on: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Physical GPU-hours of one allocation; absent: not limited, or not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuHoursView {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typical: Option<u64>,
}

/// How long a decision may take, from `submission` or `cut_off`; one of the two is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockView {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar_days: Option<u32>,
    pub from: String,
}

/// The hour is that of Brussels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutOffsView {
    pub at: Time,
    pub days: Vec<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    /// `site/system`.
    pub system: String,
    /// `open` or `closed`.
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// The first day no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What whoever got hours owes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyView {
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months_after_end: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_after_end: Option<u32>,
    /// `site/system`, where it is owed at that one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
}

/// The last day of a clock, with the holidays that are certain and with all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueView {
    pub on: Date,
    pub at_latest: Date,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<HolidayView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolidayView {
    pub on: Date,
    pub name: String,
    pub source: String,
    pub confidence: String,
    pub checked_on: Date,
}
