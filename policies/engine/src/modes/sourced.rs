use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::tables::Confidence;

/// A value with where it comes from and how sure that is. What is uncertain stays so wherever it is shown.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Sourced<T> {
    pub value: T,
    #[serde(deserialize_with = "crate::tables::said")]
    pub source: String,
    pub confidence: Confidence,
    pub checked_on: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl<T> Sourced<T> {
    pub fn is_certain(&self) -> bool {
        self.confidence == Confidence::Certain
    }
}
