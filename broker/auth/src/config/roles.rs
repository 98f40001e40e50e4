use broker_model::{Entitlement, FundingShare, SiteId};
use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::parse_entitlement;

/// Gives everybody with an entitlement of this issuer a role here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleMapping {
    /// `urn:…:group:<group>[:<subgroup>…][:role=<role>][#<authority>]`. All of it must be the same,
    /// but without `role=` every role in the group counts.
    pub entitlement: String,
    pub role: MappedRole,
    /// For `member` and `lead`: the id, or the key under which it is imported.
    #[serde(default)]
    pub project: Option<String>,
    /// For `site_admin`.
    #[serde(default)]
    pub site: Option<SiteId>,
    /// For `auditor`; without it every share.
    #[serde(default)]
    pub share: Option<FundingShare>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappedRole {
    Member,
    Lead,
    Reviewer,
    SiteAdmin,
    Auditor,
    Operator,
}

impl RoleMapping {
    pub fn parsed(&self) -> Option<Entitlement> {
        parse_entitlement(&self.entitlement).ok()
    }

    pub(super) fn validate(&self, issuer: &str) -> Result<(), ConfigError> {
        let reason = match self.parsed() {
            None => Some(
                "is no group; write `urn:<namespace>:group:<group>[:role=<role>][#<authority>]`",
            ),
            Some(_) => self.misplaced(),
        };
        match reason {
            None => Ok(()),
            Some(reason) => Err(ConfigError::RoleMapping {
                issuer: issuer.to_owned(),
                entitlement: self.entitlement.clone(),
                reason,
            }),
        }
    }

    /// What a role needs to be about something, and what it cannot be about.
    fn misplaced(&self) -> Option<&'static str> {
        use MappedRole::{Auditor, Lead, Member, SiteAdmin};
        let in_project = matches!(self.role, Member | Lead);
        let at_site = self.role == SiteAdmin;
        if in_project && self.project.is_none() {
            return Some("needs `project`, the id or key of the project");
        }
        if at_site && self.site.is_none() {
            return Some("needs `site`, the id of the site");
        }
        if !in_project && self.project.is_some() {
            return Some("has a `project`, which only `member` and `lead` take");
        }
        if !at_site && self.site.is_some() {
            return Some("has a `site`, which only `site_admin` takes");
        }
        if self.role != Auditor && self.share.is_some() {
            return Some("has a `share`, which only `auditor` takes");
        }
        None
    }
}
