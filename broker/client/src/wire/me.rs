use broker_model::PersonId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// That somebody wants to be erased; an operator carries it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRequestView {
    pub person: PersonId,
    /// When they asked first; none once they took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// What nobody answers for any more once it is carried out, in words: name somebody before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_alone: Vec<String>,
}
