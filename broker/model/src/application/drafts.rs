use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Application, ApplicationNeed, ApplicationProject};
use crate::{ApplicationAid, FundingShare, OrganisationId, SiteId};

/// What an organisation asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationDraft {
    pub organisation: OrganisationId,
    /// The id of an access mode.
    pub mode: String,
    /// `site/system`.
    pub system: String,
    pub project: ApplicationProject,
    pub need: ApplicationNeed,
    /// Of companies that ask for hours of a national share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aid: Option<ApplicationAid>,
    /// By kind of document, what the mode asks for beside: see the form.
    #[serde(default)]
    pub answers: BTreeMap<String, String>,
}

/// What a reviewer decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulingDraft {
    pub verdict: ApplicationVerdict,
    /// For the organisation to read.
    pub reasons: String,
    /// What is given; of an acceptance only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantDraft>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationVerdict {
    Accept,
    Reject,
}

/// Where the hours are good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantScope {
    /// At the system that was applied for.
    #[default]
    System,
    /// At any system of the federation, counted in physical GPU-hours.
    Federation,
}

impl GrantScope {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn is_system(&self) -> bool {
        *self == Self::System
    }
}

/// The allocation of an accepted application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantDraft {
    /// In the unit of the system: GPU-hours at some, node-hours at others; physical GPU-hours for the federation.
    pub hours: u32,
    #[serde(default, skip_serializing_if = "GrantScope::is_system")]
    pub scope: GrantScope,
    /// One that partitions of the system are charged in; needed where they have several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Of whose time the hours are; the mode's own where it is left out, and needed where the mode has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<FundingShare>,
    /// What the hours are worth, in whole EUR, where they are de minimis aid, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth_eur: Option<u32>,
    /// The first day, from its first instant in Brussels.
    pub valid_from: Date,
    /// The last day.
    pub valid_to: Date,
    /// In the grammar of the calls: `EHPC-AIF-2026PG01-1147`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_reference: Option<String>,
    /// The project's account at the site, as the site spells it.
    #[serde(default)]
    pub local_accounts: BTreeMap<SiteId, String>,
}

/// As it was handed in, to be decided again.
impl From<&Application> for ApplicationDraft {
    fn from(application: &Application) -> Self {
        Self {
            organisation: application.organisation,
            mode: application.mode.clone(),
            system: application.system.clone(),
            project: application.project.clone(),
            need: application.need.clone(),
            aid: application.aid,
            answers: application.answers.clone(),
        }
    }
}
