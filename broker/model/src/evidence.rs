use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Desk, Dossier, EvidenceId, OrganisationId, PersonId};

/// A dated fact about an organisation, with who checked it and until when it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub id: EvidenceId,
    pub organisation: OrganisationId,
    pub kind: EvidenceKind,
    /// Whom of its people it is about; none: the organisation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// The first day it counts.
    pub issued_on: Date,
    /// The last day it counts; none: as its kind says (`valid_months`), else it does not expire by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Date>,
    /// Where it is from: who issued it, under which number or address.
    pub source: String,
    /// Whoever looked at it and found it true; evidence nobody checked never counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_by: Option<PersonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<EvidenceCheck>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<EvidenceFile>,
    /// When a reviewer first found it good: others have relied on it from then on, whatever is found later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// Taken back by the organisation; it counts for nothing from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
    #[serde(skip)]
    pub version: i64,
}

/// A kind of evidence by the id it has in `policies/tables/evidence_kinds.toml`: `ai_pact_pledge`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EvidenceKind(pub String);

/// What a reviewer found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceCheck {
    pub accepted: bool,
    /// What was looked at, and why it does or does not suffice; for the organisation to read.
    pub words: String,
    pub by: PersonId,
    pub at: Timestamp,
}

/// A file that was handed in, kept under its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceFile {
    /// Of its bytes, 64 hexadecimal digits.
    pub sha256: String,
    /// As its owner calls it; a label, never a path.
    pub name: String,
    /// As its first bytes say: `application/pdf`.
    pub media_type: String,
    pub size_bytes: u64,
    pub added_at: Timestamp,
}

/// What an organisation says it can show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceDraft {
    pub kind: String,
    /// The first day it counts.
    pub issued_on: Date,
    /// The last day it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Date>,
    /// Who issued it, under which number or address.
    pub source: String,
    /// What will be uploaded to it: refused now, before anything is made, where it would be refused then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<AnnouncedFile>,
}

/// A file that comes after, as its sender sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnnouncedFile {
    pub name: String,
    /// `application/pdf`
    pub media_type: String,
    pub size_bytes: u64,
}

/// What a reviewer found when they looked an organisation, or one of its people, up in lists of sanctions or export
/// control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreeningDraft {
    /// `sanctions_screening`, `export_screening`.
    pub kind: String,
    /// Who was looked up; none: the organisation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// Which list, and its date or version.
    pub list: String,
    pub screened_on: Date,
    /// The last day it counts; then somebody looks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Date>,
    pub outcome: ScreeningOutcome,
    /// What was looked at and found; the organisation reads it.
    pub words: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreeningOutcome {
    /// Nothing was found.
    Clear,
    /// Something was found, or could not be told apart: it stays for people.
    Unsettled,
}

/// What a reviewer says of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceFinding {
    pub accepted: bool,
    /// What was looked at, and why it does or does not suffice; the organisation reads it.
    pub words: String,
    /// The SHA-256 of each file that was looked at: where others are there, it is not judged. None where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<String>>,
    /// In the place of an earlier finding, knowingly: without it a second one is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl Evidence {
    /// Whether it is to be considered at all: it was neither refused nor taken back.
    pub fn stands(&self) -> bool {
        let refused = self.check.as_ref().is_some_and(|it| !it.accepted);
        self.withdrawn_at.is_none() && !refused
    }

    pub const fn is_checked(&self) -> bool {
        self.checked_by.is_some()
    }

    /// Whether anybody ever found it good, so that hours may rest on it: also where it was taken back since, or is
    /// found otherwise by now.
    pub fn was_accepted(&self) -> bool {
        self.accepted_at.is_some() || self.is_checked() || self.accepted().is_some()
    }

    /// When it was first found good, if it was, or else `now`: rows of before [`Self::accepted_at`] have their last
    /// finding only.
    pub fn first_accepted(&self, now: Option<Timestamp>) -> Option<Timestamp> {
        let before = self.accepted().map(|it| it.at);
        self.accepted_at.or(before).or(now)
    }

    fn accepted(&self) -> Option<&EvidenceCheck> {
        self.check.as_ref().filter(|it| it.accepted)
    }
}

impl Dossier for Evidence {
    const KIND: &'static str = "evidence";
    type Id = EvidenceId;

    fn id(&self) -> EvidenceId {
        self.id
    }

    fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    fn desk(&self) -> Option<Desk> {
        (self.stands() && !self.is_checked()).then_some(Desk::Reviewers)
    }

    fn due_at(&self) -> Option<Timestamp> {
        None
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }
}
