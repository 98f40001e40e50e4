use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// As `GET /api/marketplace-resources/` gives it, as far as it is needed; a caller that may not see a
/// field is not given it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct WaldurResource {
    pub uuid: String,
    pub state: String,
    pub offering_uuid: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub offering_name: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub project_uuid: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub project_name: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub customer_uuid: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub customer_name: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub slug: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub backend_id: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub effective_id: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub limits: BTreeMap<String, Number>,
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// The last day.
    #[serde(default)]
    pub end_date: Option<Date>,
    #[serde(default)]
    pub project_end_date: Option<Date>,
    #[serde(default, deserialize_with = "or_empty")]
    pub paused: bool,
}

/// As `GET /api/customers/` gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct WaldurCustomer {
    pub uuid: String,
    /// ISO 3166-1 alpha-2; empty where nobody said.
    #[serde(default)]
    pub country: Option<String>,
}

/// `null` is as good as nothing.
fn or_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
