use serde::{Deserialize, Serialize};

use super::ReferralOutcome;
use crate::{CentreId, ContactNeed, JobId, OrganisationId};

/// What an organisation hands in to be sent to a centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralDraft {
    /// Not needed with a job, which names its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    pub centre: CentreId,
    pub need: ContactNeed,
    /// What is wanted of the centre, which reads it.
    pub words: String,
    /// A job that failed, whose evidence goes along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
}

/// What somebody does with a referral that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum ReferralMove {
    Acknowledge {},
    Accept {},
    /// The reason is for the organisation to read.
    Decline {
        reason: String,
    },
    /// The reason is for the organisation and for the next centre to read.
    HandOver {
        to: CentreId,
        reason: String,
    },
    Close {
        outcome: ReferralOutcome,
        words: String,
    },
    /// By the organisation, which need not say why.
    Withdraw {
        #[serde(default)]
        words: String,
    },
}
