//! Whose an account at a site is: one of two organisations would be charged for what the other's jobs used.

use std::collections::BTreeMap;

use broker_model::{Allocation, AllocationId, OrganisationId, ProjectId, SiteId};

use crate::{Broker, Result};

/// Accounts that allocations name which are not over, by site and in small letters: sites tell them apart without case.
#[derive(Debug, Default)]
pub(crate) struct Accounts(BTreeMap<(SiteId, String), Vec<Named>>);

#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) allocation: AllocationId,
    project: ProjectId,
}

impl Accounts {
    pub(crate) fn add(&mut self, allocation: &Allocation) {
        for (site, account) in &allocation.local_accounts {
            let all = self.0.entry(key(site, account)).or_default();
            all.push(Named {
                allocation: allocation.id,
                project: allocation.project,
            });
        }
    }

    pub(crate) fn named(&self, site: &SiteId, account: &str) -> &[Named] {
        self.0.get(&key(site, account)).map_or(&[], Vec::as_slice)
    }
}

fn key(site: &SiteId, account: &str) -> (SiteId, String) {
    (site.clone(), account.to_ascii_lowercase())
}

impl Broker {
    pub(crate) async fn accounts_named(&self) -> Result<Accounts> {
        let now = self.inner.clock.now();
        let mut accounts = Accounts::default();
        for allocation in self.inner.store.running_allocations(now).await? {
            accounts.add(&allocation);
        }
        Ok(accounts)
    }

    /// An allocation of another organisation that names one of these accounts, with the site and the account. Several of
    /// one organisation may share one.
    pub(crate) async fn named_by_others(
        &self,
        known: &Accounts,
        of: OrganisationId,
        wanted: &BTreeMap<SiteId, String>,
    ) -> Result<Vec<(SiteId, String, AllocationId)>> {
        let mut found = Vec::new();
        for (site, account) in wanted {
            for one in known.named(site, account) {
                let project = self.inner.store.find_project(one.project).await?;
                if project.is_some_and(|it| it.organisation != of) {
                    found.push((site.clone(), account.clone(), one.allocation));
                    break;
                }
            }
        }
        Ok(found)
    }
}

/// For people who give hours, and nobody else: it names what is another organisation's.
pub(crate) fn taken((site, account, by): &(SiteId, String, AllocationId)) -> String {
    format!("`{account}` at {site} is the account of {by}, which another organisation has")
}

pub(crate) const FREE: &str =
    "an account that no other organisation has there; one organisation may have it for several";
