use std::collections::BTreeMap;

use broker_model::{AttemptId, FundingShare, GpuMillis, Role, UnitMillis, UsageRecord};
use broker_store::{Page, UsageFilter, UsageScope};
use serde::{Deserialize, Serialize};

use crate::{Broker, Caller, Error, Result};

#[derive(Clone, Debug)]
pub struct UsagePage {
    pub records: Vec<UsageRecord>,
    pub next: Option<AttemptId>,
}

/// Usage of a month at a site under a share and a mode: what reports add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageTotal {
    pub month: String,
    pub site: String,
    pub share: FundingShare,
    /// None where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    pub site_unit: String,
    pub records: u64,
    pub site_units: UnitMillis,
    pub gpu: GpuMillis,
}

impl Caller {
    /// What of the federation's usage a caller may see, every role counted in; `None` for all of it.
    fn usage_scope(&self) -> Option<UsageScope> {
        let mut shares = Vec::new();
        for role in self.roles.iter() {
            match role {
                Role::Operator | Role::Auditor { share: None } => return None,
                Role::Auditor { share: Some(share) } => shares.push(share.clone()),
                _ => {}
            }
        }
        let projects = self.projects().unwrap_or_default();
        Some(UsageScope { projects, shares })
    }
}

impl Broker {
    /// Lists usage records the caller may see, newest end first.
    pub async fn usage(
        &self,
        caller: &Caller,
        filter: UsageFilter,
        page: Page<AttemptId>,
    ) -> Result<UsagePage> {
        let filter = narrowed(caller, filter)?;
        let limit = page.limit.clamp(1, 200);
        let one_more = Page {
            limit: limit + 1,
            before: page.before,
        };
        let mut records = self.inner.store.list_usage(&filter, &one_more).await?;
        let more = records.len() > limit as usize;
        records.truncate(limit as usize);
        let next = more
            .then(|| records.last().map(|record| record.attempt))
            .flatten();
        Ok(UsagePage { records, next })
    }
}

fn narrowed(caller: &Caller, mut filter: UsageFilter) -> Result<UsageFilter> {
    let Some(scope) = caller.usage_scope() else {
        return Ok(filter);
    };
    let is_foreign = |asked: &FundingShare| !scope.shares.contains(asked);
    // Who audits some share and asks for another is told so, unless own projects may be under it.
    let audits = !scope.shares.is_empty();
    if audits && scope.projects.is_empty() && filter.share.as_ref().is_some_and(is_foreign) {
        return Err(Error::Forbidden("auditor of this share"));
    }
    filter.scope = Some(scope);
    Ok(filter)
}

/// Adds records up by month, site, share and unit; units of different kinds are never added.
pub fn totals(records: &[UsageRecord]) -> Vec<UsageTotal> {
    let mut by_key: BTreeMap<_, UsageTotal> = BTreeMap::new();
    for record in records {
        let key = (
            record.month(),
            record.partition.site.clone(),
            record.share.clone(),
            record.mode.clone(),
            record.charge.site_unit.clone(),
        );
        let total = by_key.entry(key).or_insert_with(|| UsageTotal {
            month: record.month(),
            site: record.partition.site.to_string(),
            share: record.share.clone(),
            mode: record.mode.clone(),
            site_unit: record.charge.site_unit.clone(),
            records: 0,
            site_units: UnitMillis::ZERO,
            gpu: GpuMillis::ZERO,
        });
        total.records += 1;
        total.site_units = total.site_units + record.charge.site_units;
        total.gpu = total.gpu + record.charge.gpu;
    }
    by_key.into_values().collect()
}
