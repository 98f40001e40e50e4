use broker_model::FollowUp;
use serde::{Deserialize, Serialize};

/// Something that is owed after an allocation, with what follows from it today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUpView {
    #[serde(flatten)]
    pub follow_up: FollowUp,
    pub organisation_name: String,
    pub project_name: String,
    /// Owed, and its last day is over.
    pub overdue: bool,
    /// Owed, and somebody was reminded of it.
    pub pressing: bool,
    /// Whether it stands in the way of an application once it is overdue.
    pub blocks: bool,
}
