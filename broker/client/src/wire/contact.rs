//! What the broker tells of the single point of contact beside the nouns of `broker-model`.

use std::collections::BTreeMap;

use broker_model::{
    CentreId, ContactNeed, DataClass, OrganisationId, ProfileId, ProfileSide, Referral,
    ReferralDue, SiteId,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::SourcedView;

/// Who helps. What is not known of it is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportCentre {
    pub id: CentreId,
    /// `factory`, `antenna` or `competence_centre`.
    pub kind: String,
    pub name: SourcedView<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The site of a factory, where the federation has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    /// The factories that an antenna hangs on, which are centres, too.
    #[serde(default)]
    pub factories: Vec<SourcedView<Vec<CentreId>>>,
    #[serde(default)]
    pub services: Vec<SourcedView<Vec<String>>>,
    #[serde(default)]
    pub sectors: Vec<SourcedView<Vec<String>>>,
    #[serde(default)]
    pub languages: Vec<SourcedView<Vec<String>>>,
    #[serde(default)]
    pub data_classes: Vec<SourcedView<Vec<DataClass>>>,
    /// That it was set up for; others may ask it all the same.
    #[serde(default)]
    pub countries: Vec<SourcedView<Vec<String>>>,
    /// Since when it helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<SourcedView<Date>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<SourcedView<String>>,
    /// In working days; the platform's default where the centre has not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge_within: Option<SourcedView<u32>>,
}

/// Where money may come from, of what `contact_vocabulary` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactVocabulary {
    #[serde(default)]
    pub services: Vec<ContactService>,
    pub finance: Vec<Finance>,
}

/// What centres help with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactService {
    /// Its code, as needs name it.
    pub kind: String,
    /// By language; `en` always.
    pub title: BTreeMap<String, String>,
}

/// An entry of a directory: no advice and no promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finance {
    pub id: String,
    /// By language, as all words of it.
    pub title: BTreeMap<String, String>,
    pub what: BTreeMap<String, String>,
    pub for_whom: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    pub source: String,
    /// `certain`, or `uncertain`.
    pub confidence: String,
    pub checked_on: Date,
}

/// "Who helps with this?"
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CentreQuery {
    /// One that the caller speaks for: its country and size need not be said again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    pub need: ContactNeed,
}

/// Every centre, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranking {
    /// The day in Brussels that it holds for.
    pub on: Date,
    pub need: ContactNeed,
    /// What holds for the order as a whole.
    pub notes: Vec<ContactReason>,
    /// The best first.
    pub centres: Vec<RankedCentre>,
    /// Those that cannot help with this, with why not.
    pub cannot: Vec<ExcludedCentre>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankedCentre {
    /// 1 for the first.
    pub rank: usize,
    pub centre: CentreId,
    pub name: String,
    /// `factory`, `antenna` or `competence_centre`.
    pub kind: String,
    pub country: String,
    /// The sum of the weights of its reasons.
    pub score: u32,
    pub reasons: Vec<ContactReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// In working days.
    pub acknowledge_within: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcludedCentre {
    pub centre: CentreId,
    pub name: String,
    /// `factory`, `antenna` or `competence_centre`.
    pub kind: String,
    pub country: String,
    pub why: Vec<ContactReason>,
}

/// What speaks for a centre, or against it, or is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactReason {
    pub code: String,
    /// What it counts for in the order; 0 is only told.
    pub weight: u32,
    /// Whether what it rests on is certain.
    pub certain: bool,
    /// Codes that it is about: `service`, `sector`, `country`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Vec<String>>,
    /// The sentence, by language; `en` always.
    pub words: BTreeMap<String, String>,
}

/// A referral with what follows from it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralView {
    #[serde(flatten)]
    pub referral: Referral,
    /// Where it is.
    pub centre: CentreId,
    /// The name of its state there: `sent`.
    pub state: String,
    pub clock: ReferralClock,
    pub organisation_name: String,
    /// Whom to write to, for the centre that has it and for the organisation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<ReferralSender>,
}

/// The times of the centre that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralClock {
    /// To the first centre.
    pub first_sent_at: Timestamp,
    pub sent_at: Timestamp,
    pub due: ReferralDue,
    /// Nobody there has said that they saw it, and the time for that is over.
    pub overdue: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// Declined or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
}

/// Who sent it, as their issuer calls them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralSender {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Somebody of the other side, in the same sector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    pub profile: ProfileId,
    pub side: ProfileSide,
    pub sectors: Vec<String>,
    /// Those of both.
    pub shared: Vec<String>,
    pub seeks: String,
    pub offers: String,
    /// We would meet them.
    pub ours: bool,
    /// They would meet us.
    pub theirs: bool,
    /// Once both would, and as long as they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<MatchContact>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchContact {
    pub organisation: String,
    pub contact: String,
}
