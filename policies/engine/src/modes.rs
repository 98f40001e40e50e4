//! Access modes: by which call or offer somebody may get hours at which systems. Data, one file each
//! (`policies/modes`), with the source of every value.

mod cut_offs;
mod load;
mod offer;
mod sourced;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::cut_offs::{CutOffs, begin_in_brussels, day_in_brussels};
pub(crate) use self::load::load;
pub use self::offer::{NotOffered, Offer, OfferState};
pub use self::sourced::Sourced;

/// One way to computing time.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct AccessMode {
    /// The name of its file.
    pub id: String,
    /// Who runs it: `ai_factory`, `eurohpc`, `local`; open to others.
    pub family: String,
    /// The funding share that it gives hours of: `union`, `commercial`, or `national`, which is that of the
    /// applicant's own state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Sourced<String>>,
    /// Of a mode that one site offers by itself, that site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// By language (ISO 639-1); `en` always.
    pub title: BTreeMap<String, String>,
    /// What stands for it in project ids: the `PG` of `EHPC-AIF-2026PG01-907`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Sourced<String>>,
    pub applicants: Sourced<Vec<ApplicantKind>>,
    /// Where an applicant must be established; none where the mode is open to all states that the rules admit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countries: Option<Sourced<Vec<String>>>,
    /// Who pays nothing; others of `applicants` pay per use.
    pub free_for: Sourced<Vec<ApplicantKind>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_hours: Option<Sourced<GpuHours>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durations_months: Option<Sourced<Vec<u32>>>,
    /// Whether an application names one system and gets no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_system: Option<Sourced<bool>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Sourced<Selection>>,
    /// Within how long it is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Sourced<Clock>>,
    /// None: applications are taken at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_offs: Option<Sourced<CutOffs>>,
    /// The systems that it gives hours at, and when it does.
    #[serde(default, rename(deserialize = "offer"))]
    pub offers: Vec<Sourced<Offer>>,
    /// What is asked for with an application, by kind.
    #[serde(default, rename(deserialize = "document"))]
    pub documents: Vec<Sourced<String>>,
    #[serde(default, rename(deserialize = "duty"))]
    pub duties: Vec<Sourced<Duty>>,
}

/// Who applies, as the calls sort applicants. One organisation may be of several kinds.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ApplicantKind {
    /// As declared: the law of the Union defines none.
    Startup,
    /// Micro, small or medium by Recommendation 2003/361/EC.
    Sme,
    Industry,
    Research,
    PublicSector,
    /// A company in a project that Horizon Europe or Digital Europe pays for.
    IndustryInEuProject,
}

/// Physical GPU-hours of one allocation. What is absent is not limited, or not known.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct GpuHours {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u64>,
    /// What real grants were, where no bound was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typical: Option<u64>,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    FirstComeFirstServed,
    TechnicalReview,
    PeerReview,
}

/// How long a decision may take; one of the two is set.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar_days: Option<u32>,
    pub from: ClockStart,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ClockStart {
    Submission,
    CutOff,
}

/// Something that whoever got hours owes.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Duty {
    /// `final_report`, `acknowledgement`, `data_retrieval`, `outcome_survey`; open to others.
    pub kind: String,
    /// When it is due, from the end of the allocation; neither this nor days where it has no day of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months_after_end: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_after_end: Option<u32>,
    /// `site/system`, where it is owed at that one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
}

impl AccessMode {
    /// Whether its hours are of a state: `national`, or `national:` and which.
    pub fn is_national(&self) -> bool {
        let share = self.share.as_ref().map(|it| it.value.as_str());
        share.is_some_and(|it| it.split(':').next() == Some("national"))
    }

    /// What is owed for hours at this system.
    pub fn duties_at<'m>(&'m self, system: &'m str) -> impl Iterator<Item = &'m Sourced<Duty>> {
        let is_owed = move |of: &str| of == system;
        let duties = self.duties.iter();
        duties.filter(move |it| it.value.system.as_deref().is_none_or(is_owed))
    }

    /// Whether it is by its nature of one site: a local mode, a share that a state or a site gives out. That others
    /// do not offer it says nothing of them.
    pub fn is_of_one_site(&self) -> bool {
        let share = self.share.as_ref().map(|it| it.value.as_str());
        self.site.is_some() || share.is_some_and(|it| it != "union")
    }
}
