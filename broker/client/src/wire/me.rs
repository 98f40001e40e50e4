use broker_model::PersonId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// That somebody wants to be erased; an operator carries it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRequestView {
    pub person: PersonId,
    /// When they asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
}
