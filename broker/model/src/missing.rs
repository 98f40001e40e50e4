use serde::{Deserialize, Serialize};

use crate::{SiteId, UnacceptedTerms};

/// What still stands between a person and a job of a project, and who can take it away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub what: MissingKind,
    pub by: MissingFrom,
    /// What it is about, as the rule says it of this very case.
    pub words: String,
    /// The command, and what else there is to do.
    pub how: String,
    /// The rule that asks for it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// It keeps jobs from this site alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<UnacceptedTerms>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingKind {
    Terms,
    Allocation,
    Evidence,
    Review,
    /// A rule says no for another reason, which somebody may still mend.
    Requirement,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingFrom {
    You,
    Lead,
    Representative,
    Reviewer,
    SiteAdministrator,
    /// It comes of itself.
    Nobody,
}
