use std::collections::BTreeMap;

use broker_model::{
    AllocationId, Assurance, Balance, FundingShare, Missing, PersonId, ProjectId, Role, SiteId,
    UnitMillis,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::DecisionView;

/// Who the broker takes the caller for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoAmI {
    /// The pseudonym the ledger knows.
    pub person: PersonId,
    pub issuer: String,
    pub subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub assurance: Assurance,
    /// The groups that the issuer puts the caller in (AARC-G069), whether they mean a role here or not.
    #[serde(default)]
    pub entitlements: Vec<String>,
    pub roles: Vec<RoleView>,
    pub projects: Vec<ProjectView>,
}

/// A role of the caller, once for each place that it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleView {
    #[serde(flatten)]
    pub role: Role,
    pub from: RoleOrigin,
    /// The caller's entitlement that means this role here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleOrigin {
    /// Given inside the broker.
    Grant,
    Entitlement,
}

/// A project of the caller, with its allocations as they are now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectView {
    pub id: ProjectId,
    pub name: String,
    pub organisation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_reference: Option<String>,
    pub allocations: Vec<AllocationView>,
}

/// Hours of a project under one funding share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocationView {
    pub id: AllocationId,
    pub share: FundingShare,
    /// `federation`, or `site/system`.
    pub scope: String,
    pub unit: String,
    /// In unit-milliseconds: 3 600 000 is one unit-hour.
    pub balance: Balance,
    pub remaining: UnitMillis,
    pub valid_from: Timestamp,
    pub valid_until: Timestamp,
    pub suspended: bool,
    /// The project's account at each site, as the site spells it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub local_accounts: BTreeMap<SiteId, String>,
}

/// The body of `POST /eligibility/check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    pub project: ProjectId,
}

/// What `POST /eligibility/check` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckView {
    pub project: ProjectId,
    pub organisation: String,
    /// The allocation the decision is about, the best of the project's; none when it holds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<AllocationId>,
    pub decision: DecisionView,
    /// What is still to be done before a job runs, and by whom.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// Systems that take no jobs under the allocation, each with the rule that says so. Nobody has to do anything:
    /// jobs go to other systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed_systems: Vec<Missing>,
}

/// How people may sign in: `GET /login`, open to all. The first issuer stands at the top too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginOptions {
    #[serde(flatten)]
    pub first: LoginView,
    /// All of them, the first included.
    #[serde(default)]
    pub issuers: Vec<LoginChoice>,
}

/// An issuer to sign in with, by the name that people know it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginChoice {
    pub name: String,
    #[serde(flatten)]
    pub login: LoginView,
}

/// What a client needs to sign somebody in with one issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginView {
    pub issuer: String,
    pub client_id: String,
    pub scopes: Vec<String>,
    /// The resource to ask a token for (RFC 8707), where the issuer wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}
