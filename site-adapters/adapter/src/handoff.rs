//! Jobs that a person carries to a site: what is told of them, and what an agent asks and says in the
//! name of a person of its site.

use broker_model::{
    AgentId, AttemptId, HandoffRef, HandoffView, Outcome, RemoteId, SiteId, StateName,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::UsageReport;

/// What a site tells of a job that a person handed in there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum HandoffReport {
    Submitted {
        remote_id: RemoteId,
        submitted_at: Timestamp,
    },
    Started {
        started_at: Timestamp,
    },
    Ended {
        ended_at: Timestamp,
        outcome: Outcome,
        /// What it used, where the site knows it already: settles the job at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<UsageReport>,
    },
    /// From the site's accounting; `None` where it has no record. Settles the job.
    Usage {
        // Left out by mistake it would mean "nothing is charged".
        #[serde(deserialize_with = "Option::deserialize")]
        usage: Option<UsageReport>,
    },
    /// The site does not take it, or it never came: the job may go elsewhere.
    Declined {
        reason: String,
    },
}

impl HandoffReport {
    pub const fn event(&self) -> &'static str {
        match self {
            Self::Submitted { .. } => "submitted",
            Self::Started { .. } => "started",
            Self::Ended { .. } => "ended",
            Self::Usage { .. } => "usage",
            Self::Declined { .. } => "declined",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandoffsRequest {
    pub agent: AgentId,
    pub site: SiteId,
    /// The last one of the page before; none for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<AttemptId>,
}

/// Oldest first; empty when nothing (more) is carried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoffsReply {
    pub carried: Vec<HandoffView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandoffScriptRequest {
    pub agent: AgentId,
    pub site: SiteId,
    pub job: HandoffRef,
    /// Who fetches it, by the name of their account at the site; as in
    /// [`ConfirmRequest`](crate::ConfirmRequest).
    pub local_user: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoffScriptReply {
    pub file_name: String,
    /// The same bytes however often it is fetched.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandoffReportRequest {
    pub agent: AgentId,
    pub site: SiteId,
    pub job: HandoffRef,
    /// Who tells it, by the name of their account at the site.
    pub local_user: String,
    pub report: HandoffReport,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoffReportReply {
    pub state: StateName,
}
