use std::collections::BTreeMap;

use broker_model::{AttemptId, FundingShare, GpuMillis, Role, UnitMillis, UsageRecord};
use broker_store::{Page, UsageFilter};
use serde::{Deserialize, Serialize};

use crate::{Broker, Caller, Error, Result};

#[derive(Clone, Debug)]
pub struct UsagePage {
    pub records: Vec<UsageRecord>,
    pub next: Option<AttemptId>,
}

/// Usage of a month at a site under a share: what reports add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageTotal {
    pub month: String,
    pub site: String,
    pub share: FundingShare,
    pub site_unit: String,
    pub records: u64,
    pub site_units: UnitMillis,
    pub gpu: GpuMillis,
}

/// What of the federation's usage a caller may see.
enum Scope {
    Everything,
    Share(FundingShare),
    Projects,
}

impl Caller {
    fn usage_scope(&self) -> Scope {
        let mut share = None;
        for role in self.roles.iter() {
            match role {
                Role::Operator | Role::Auditor { share: None } => return Scope::Everything,
                Role::Auditor { share: Some(s) } => share = Some(s.clone()),
                _ => {}
            }
        }
        share.map_or(Scope::Projects, Scope::Share)
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
    match caller.usage_scope() {
        Scope::Everything => {}
        Scope::Share(share) => match &filter.share {
            Some(asked) if *asked != share => {
                return Err(Error::Forbidden("auditor of this share"));
            }
            _ => filter.share = Some(share),
        },
        Scope::Projects => {
            let mine = caller.projects().unwrap_or_default();
            filter.projects = Some(match filter.projects {
                Some(asked) => asked.into_iter().filter(|p| mine.contains(p)).collect(),
                None => mine,
            });
        }
    }
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
            record.charge.site_unit.clone(),
        );
        let total = by_key.entry(key).or_insert_with(|| UsageTotal {
            month: record.month(),
            site: record.partition.site.to_string(),
            share: record.share.clone(),
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
