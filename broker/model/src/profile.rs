use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Desk, Dossier, OrganisationId, PersonId, ProfileId};

/// What an organisation lets others know of it to be matched (`GenAI4EU`). Publishing it is the consent
/// to that; its name and contact are shown to none but those with whom it agreed, and who agreed too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub id: ProfileId,
    pub organisation: OrganisationId,
    pub side: ProfileSide,
    pub sectors: Vec<String>,
    /// Read by others before anybody agreed.
    pub seeks: String,
    pub offers: String,
    /// Shown to whom it agreed with; gone once the profile is withdrawn.
    pub contact: String,
    pub published_by: PersonId,
    pub published_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
    /// Whom it would meet: its half of the consent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interests: Vec<Interest>,
    #[serde(skip)]
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interest {
    pub profile: ProfileId,
    pub at: Timestamp,
    pub by: PersonId,
}

/// Which of the two sides that are to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileSide {
    Startup,
    Established,
}

/// What an organisation publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileDraft {
    pub side: ProfileSide,
    pub sectors: Vec<String>,
    pub seeks: String,
    pub offers: String,
    pub contact: String,
}

impl ProfileSide {
    pub const fn other(self) -> Self {
        match self {
            Self::Startup => Self::Established,
            Self::Established => Self::Startup,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Established => "established",
        }
    }
}

impl fmt::Display for ProfileSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Profile {
    pub const fn is_live(&self) -> bool {
        self.withdrawn_at.is_none()
    }

    /// As it is once it was withdrawn: what was written is gone.
    #[must_use]
    pub fn taken_back(self, at: Timestamp) -> Self {
        Self {
            withdrawn_at: Some(at),
            seeks: String::new(),
            offers: String::new(),
            contact: String::new(),
            interests: Vec::new(),
            ..self
        }
    }

    pub fn wants(&self, other: ProfileId) -> bool {
        self.interests.iter().any(|it| it.profile == other)
    }

    /// The sectors of both, if they are of two sides and both are there to be matched.
    pub fn shared_with(&self, other: &Self) -> Vec<String> {
        let can_meet = self.is_live() && other.is_live() && other.side == self.side.other();
        if !can_meet || self.organisation == other.organisation {
            return Vec::new();
        }
        let mut shared = self.sectors.clone();
        shared.retain(|it| other.sectors.contains(it));
        shared
    }

    /// Both are there, and each agreed to the other.
    pub fn agreed_with(&self, other: &Self) -> bool {
        !self.shared_with(other).is_empty() && self.wants(other.id) && other.wants(self.id)
    }
}

impl Dossier for Profile {
    const KIND: &'static str = "profile";
    type Id = ProfileId;

    fn id(&self) -> ProfileId {
        self.id
    }

    fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// Where the other side looks for it.
    fn desk(&self) -> Option<Desk> {
        self.is_live().then_some(Desk::Matching(self.side))
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
