use std::collections::BTreeMap;
use std::fmt;

use broker_model::FundingShare;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use super::resource::WaldurResource;
use crate::imports::Decimal;

/// What Waldur cannot say of itself, TOML: offerings and customers by their UUIDs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaldurMap {
    #[serde(default)]
    pub offerings: BTreeMap<String, OfferingMap>,
    #[serde(default)]
    pub customers: BTreeMap<String, CustomerMap>,
}

/// What the resources of one offering are here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferingMap {
    /// `site/system`, or `federation`.
    pub system: String,
    pub share: FundingShare,
    /// `GPU-hour` federation-wide, else what the system charges in.
    pub unit: String,
    /// Which of a resource's limits counts the hours.
    pub component: String,
    /// Hours of the unit for one of the component, as text so that it is exact: `"0.5"`.
    #[serde(default)]
    pub factor: Factor,
    #[serde(default)]
    pub account: AccountField,
    /// The last day of resources that Waldur ends at none.
    #[serde(default)]
    pub valid_to: Option<Date>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerMap {
    /// As the column `identifier` of a table: `org_…`, `vat:FI01234567`.
    #[serde(default)]
    pub identifier: Option<String>,
    /// Of establishment, where Waldur does not say.
    #[serde(default)]
    pub country: Option<String>,
}

/// Which field of a resource is its account at the site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountField {
    /// Or `backend_id` where that is empty.
    #[default]
    EffectiveId,
    BackendId,
    Slug,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factor(pub(super) Decimal);

impl WaldurMap {
    pub(super) fn offering(&self, uuid: &str) -> Option<&OfferingMap> {
        of(&self.offerings, uuid)
    }

    pub(super) fn customer(&self, uuid: &str) -> Option<&CustomerMap> {
        of(&self.customers, uuid)
    }
}

fn of<'m, T>(map: &'m BTreeMap<String, T>, uuid: &str) -> Option<&'m T> {
    let mut entries = map.iter();
    entries
        .find(|(known, _)| same_uuid(known, uuid))
        .map(|(_, it)| it)
}

/// Whether two texts are one UUID: Waldur writes them without hyphens, people often with.
#[must_use]
pub fn same_uuid(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.replace('-', "").to_ascii_lowercase();
    plain(one) == plain(other)
}

impl AccountField {
    pub(super) fn of(self, resource: &WaldurResource) -> Option<&str> {
        let effective = Some(resource.effective_id.as_str()).filter(|it| !it.is_empty());
        match self {
            Self::EffectiveId => effective.or(Some(&resource.backend_id)),
            Self::BackendId => Some(&resource.backend_id),
            Self::Slug => Some(&resource.slug),
            Self::None => None,
        }
    }
}

impl Default for Factor {
    fn default() -> Self {
        Self(Decimal::ONE)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let decimal = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(decimal))
    }
}
