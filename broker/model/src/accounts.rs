use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AiAct, AllocationId, InvalidId, OrganisationId, ProjectId, SiteId, SystemId, UnitMillis,
};

/// What people work in: it holds allocations, and its members hand in jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    pub id: ProjectId,
    pub organisation: OrganisationId,
    pub name: String,
    /// In the grammar of the calls: `EHPC-AIF-2026PG01-1147`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_reference: Option<String>,
    /// `Some(true)` when the project declared civilian use, `None` while nothing is declared.
    #[serde(default)]
    pub civilian: Option<bool>,
    #[serde(default)]
    pub sectors: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai_act: Option<AiAct>,
    /// What the rules gave to people and a reviewer answered when the project was accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<SettledRule>,
}

/// A rule of the policy that does not ask for people again, from a day in Brussels on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledRule {
    pub rule: String,
    pub on: jiff::civil::Date,
    /// What it said then, in English: of other facts it says something else, and that is not settled.
    pub words: String,
}

/// Hours granted to a project at one system or at any, under one funding share, for one term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    pub id: AllocationId,
    pub project: ProjectId,
    pub scope: AllocationScope,
    pub share: FundingShare,
    /// What it is counted in: `GPU-hour` federation-wide, the site's own unit at one system.
    pub unit: String,
    pub balance: Balance,
    pub valid_from: Timestamp,
    /// The first instant at which it is no longer valid.
    pub valid_until: Timestamp,
    /// The project's account at each site, as the site spells it.
    #[serde(default)]
    pub local_accounts: BTreeMap<SiteId, String>,
    #[serde(default)]
    pub suspended: bool,
    /// The access mode that gave it, as its application says, or the id that its call gave to the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// When its first local account was named; none while none is, and where nobody kept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_named_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AllocationScope {
    /// Any system, counted in physical GPU-hours.
    Federation,
    /// One system, counted in its own unit.
    System { site: SiteId, system: SystemId },
}

/// Who pays for the hours (Regulation (EU) 2021/1173 Art. 17 and 18).
///
/// Written `union`, `national:FI`, `commercial`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FundingShare {
    Union,
    /// A participating state by its ISO 3166-1 code.
    National(String),
    Commercial,
}

impl fmt::Display for FundingShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Union => f.write_str("union"),
            Self::National(state) => write!(f, "national:{state}"),
            Self::Commercial => f.write_str("commercial"),
        }
    }
}

impl FromStr for FundingShare {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_state = |s: &str| s.len() == 2 && s.bytes().all(|b| b.is_ascii_uppercase());
        match (text, text.strip_prefix("national:")) {
            ("union", _) => Ok(Self::Union),
            ("commercial", _) => Ok(Self::Commercial),
            (_, Some(state)) if is_state(state) => Ok(Self::National(state.to_owned())),
            _ => Err(InvalidId {
                kind: "funding share",
                expected: "`union`, `national:` and a country code, or `commercial`".to_owned(),
                text: text.chars().take(80).collect(),
            }),
        }
    }
}

impl Serialize for FundingShare {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FundingShare {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// granted = used + held + lost + remaining, to the unit, at every commit (invariant 5).
///
/// `remaining` is not stored but what is left, so that the equation cannot be broken by a write; it
/// is negative where a site charged more than was held and left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    pub granted: UnitMillis,
    pub used: UnitMillis,
    pub held: UnitMillis,
    /// Unused when the term ended. Usage that is told later comes out of it again.
    pub lost: UnitMillis,
}

impl Balance {
    pub fn remaining(&self) -> UnitMillis {
        self.unspent() - self.held
    }

    /// What is neither used nor lost: what remains, and what jobs hold and may give back.
    pub fn unspent(&self) -> UnitMillis {
        self.granted - self.used - self.lost
    }
}
