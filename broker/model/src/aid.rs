use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{AidId, AllocationId, ApplicationId, Desk, Dossier, OrganisationId};

/// De minimis aid that an allocation of a national share is: Regulation (EU) 2023/2831.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AidRecord {
    pub id: AidId,
    pub organisation: OrganisationId,
    /// The state that gives it, ISO 3166-1 alpha-2.
    pub state: String,
    /// What the hours are worth to a company that would have to buy them, in whole EUR, as whoever granted them said.
    pub worth_eur: u32,
    /// In Brussels: it counts against the ceiling for three years from that day.
    pub granted_on: Date,
    /// None where the hours were given elsewhere and came in by an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationId>,
    pub allocation: AllocationId,
    #[serde(skip)]
    pub version: i64,
}

/// What a company declares where a state's hours are free for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationAid {
    /// De minimis aid of that state in the three years before, to the organisation and what is linked with it, in
    /// whole EUR; without the records that the platform has itself.
    pub received_eur: u32,
    /// What the hours asked for may be worth; whoever gives them has the word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth_eur: Option<u32>,
}

impl Dossier for AidRecord {
    const KIND: &'static str = "aid";
    type Id = AidId;

    fn id(&self) -> AidId {
        self.id
    }

    fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    fn desk(&self) -> Option<Desk> {
        None
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
