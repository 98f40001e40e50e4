//! What an agent asks and says in the name of a person of its site, where the site wants one to let each
//! job in.

use broker_model::{AgentId, ConfirmationView, JobId, SiteId, StateName};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationsRequest {
    pub agent: AgentId,
    pub site: SiteId,
    /// The last job of the page before; none for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<JobId>,
}

/// Oldest first; empty when nothing (more) waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmationsReply {
    pub waiting: Vec<ConfirmationView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    pub agent: AgentId,
    pub site: SiteId,
    pub job: JobId,
    /// Who answers, by the name of their account at the site. The broker keeps it beside its ledger,
    /// which has a pseudonym.
    pub local_user: String,
    /// Declines the job, with words for its user; confirms it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmReply {
    pub state: StateName,
}
