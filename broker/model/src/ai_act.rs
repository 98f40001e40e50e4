use serde::{Deserialize, Serialize};

/// What a project says of itself under Regulation (EU) 2024/1689. The words are ids of the policy's table
/// `ai_act.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AiAct {
    /// Why the act would not apply, Art. 2(6) and 2(8).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<String>,
    /// Whether a general-purpose model is made, Art. 51 to 55.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpai: Option<bool>,
    /// Areas of Annex III.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub high_risk: Vec<String>,
    /// Practices of Art. 5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prohibited: Vec<String>,
    /// What training takes, in 10^18 floating-point operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_exaflop: Option<u64>,
}
