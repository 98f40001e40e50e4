//! How much of each system is used for whom: what the ceilings of the Union's share are asked of (Regulation (EU)
//! 2021/1173, Art. 17 and 18).
//!
//! Time is counted on physical accelerators, in the 365 days up to now. Where nobody knows how many a system has, or
//! the regulation says nothing of its class, the rules are not asked.

mod capacity;
mod said;
mod shut;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use broker_model::{
    Allocation, AllocationScope, FundingShare, GrantDraft, GrantScope, SiteId, System, UnitMillis,
};
use broker_store::{StoreError, Write};
use jiff::SignedDuration;
use moka::future::Cache;
use policy_engine::{ModeFacts, Question, SharesFacts, day_in_brussels};

use crate::applications::{share_asked, share_by};
use crate::{Broker, Limits, Result};
use capacity::Capacity;
pub(crate) use capacity::gpu_bought;
use said::SaidLately;
pub(crate) use shut::UnderRules;

pub(crate) const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);
/// A year's usage is added up no more often than once in so many times of a standing.
const SELDOM: u32 = 60;

/// By `site/system`.
pub(crate) type SpentAt = HashMap<String, Spent>;

/// GPU-milliseconds of the Union's share, and what of them is sold; none where some of it cannot be counted in GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    union: Option<i128>,
    sold: Option<i128>,
}

/// What was used at each system lately, one reader at a time, and what the rules said of it.
#[derive(Debug)]
pub(crate) struct Measured {
    used: Cache<(), Arc<SpentAt>>,
    said: SaidLately,
}

impl Measured {
    pub(crate) fn new(limits: &Limits) -> Self {
        let ttl = limits.standing_ttl.saturating_mul(SELDOM);
        Self {
            used: Cache::builder().time_to_live(ttl).build(),
            said: SaidLately::default(),
        }
    }
}

impl Default for Spent {
    fn default() -> Self {
        Self {
            union: Some(0),
            sold: Some(0),
        }
    }
}

impl Spent {
    /// What is sold is sold out of the Union's time; hours of states have no ceiling.
    fn add(&mut self, share: &FundingShare, gpu: Option<i128>) {
        let more = |of: &mut Option<i128>| *of = of.zip(gpu).map(|(had, more)| had + more);
        match share {
            FundingShare::National(_) => {}
            FundingShare::Union => more(&mut self.union),
            FundingShare::Commercial => {
                more(&mut self.union);
                more(&mut self.sold);
            }
        }
    }

    /// Without the last moment of what was added: what fills a share to its end is still within it.
    fn less_one(self) -> Self {
        let less = |of: Option<i128>| of.map(|it| it - 1);
        Self {
            union: less(self.union),
            sold: less(self.sold),
        }
    }
}

impl Broker {
    /// What was used in the last year, by system, as read a moment ago.
    pub(crate) async fn used_lately(&self) -> Result<Arc<SpentAt>, StoreError> {
        let read = async { self.used_now().await.map(Arc::new) };
        let measured = &self.inner.measured.used;
        let read = measured.try_get_with((), read).await;
        read.map_err(|error: Arc<StoreError>| StoreError::clone(&error))
    }

    async fn used_now(&self) -> Result<SpentAt, StoreError> {
        let now = self.inner.clock.now();
        let since = now.saturating_sub(YEAR).unwrap_or(now);
        let mut used = SpentAt::new();
        for one in self.inner.store.used_by_system(since, now).await? {
            let at = format!("{}/{}", one.site, one.system);
            let gpu = Some(one.gpu.0.into());
            used.entry(at).or_default().add(&one.share, gpu);
        }
        Ok(used)
    }

    /// With what allocations of one system that are not over may still use there. Where hours are given, usage is read
    /// now, and after the allocations: what a job uses meanwhile counts twice rather than not at all.
    async fn used_and_promised(&self, is_given: bool) -> Result<SpentAt> {
        let now = self.inner.clock.now();
        let running = self.inner.store.running_allocations(now).await?;
        let mut spent = if is_given {
            self.used_now().await?
        } else {
            SpentAt::clone(&*self.used_lately().await?)
        };
        for allocation in running {
            let AllocationScope::System { site, system } = &allocation.scope else {
                continue;
            };
            let at = format!("{site}/{system}");
            let left = allocation.balance.unspent();
            let gpu = self.system_at(&at, |it| gpu_bought(it, &allocation.unit, left));
            let of = spent.entry(at).or_default();
            of.add(&allocation.share, gpu);
        }
        Ok(spent)
    }

    /// Of every system that there is a ceiling for.
    pub(crate) async fn all_shares(&self) -> Result<BTreeMap<String, SharesFacts>> {
        let spent = self.used_and_promised(false).await?;
        let mut all = BTreeMap::new();
        for site in self.board().sites() {
            for system in &site.systems {
                let at = format!("{}/{}", site.id, system.id);
                let had = spent.get(&at).copied().unwrap_or_default();
                let facts = { self.capacity(system) }.map(|it| it.facts(had, None));
                all.extend(facts.map(|it| (at, it)));
            }
        }
        Ok(all)
    }

    /// What an application is asked about, and with a grant what would be so with it: an acceptance that goes beyond a
    /// ceiling is refused, and one that fills a share to its end is not.
    pub(crate) async fn shares_at(
        &self,
        asked: &Question,
        granted: Option<&GrantDraft>,
    ) -> Result<Option<SharesFacts>> {
        let Some(ModeFacts { system: at, .. }) = &asked.mode else {
            return Ok(None);
        };
        let Some(capacity) = self.system_at(at, |it| self.capacity(it)) else {
            return Ok(None);
        };
        let mut had = { self.used_and_promised(granted.is_some()).await? }
            .remove(at)
            .unwrap_or_default();
        let by_mode = share_asked(&self.policy(), asked);
        // Of what the mode says itself the rules know already.
        let sold = by_mode.clone().filter(|it| *it == FundingShare::Commercial);
        let Some(grant) = granted else {
            return Ok(Some(capacity.facts(had, sold.map(|it| it.to_string()))));
        };
        // Hours that are good anywhere count where they are used.
        let here = grant.scope == GrantScope::System;
        if let Some(share) = grant.share.clone().or(by_mode).filter(|_| here) {
            let hours = UnitMillis::from_hours(grant.hours.into());
            let gpu = self.system_at(at, |it| {
                let unit = grant.unit.clone().or_else(|| only_unit(it))?;
                gpu_bought(it, &unit, hours)
            });
            had.add(&share, gpu);
            had = had.less_one();
        }
        let of = grant.share.clone().or(sold).map(|it| it.to_string());
        Ok(Some(capacity.facts(had, of)))
    }

    /// To be read before what a grant is asked about, and to be committed with it: of two acceptances that have counted the
    /// same at a site one is stored. Jobs that are placed there move another count. Nothing where no ceiling is asked.
    pub(crate) async fn count_of_shares(
        &self,
        (mode, at): (&str, &str),
        (grant, country): (&GrantDraft, &str),
    ) -> Result<Option<Write>> {
        let by_mode = || share_by(&self.policy(), mode, country);
        let share = grant.share.clone().or_else(by_mode);
        let is_asked = grant.scope == GrantScope::System
            && !matches!(share, Some(FundingShare::National(_)))
            && self.system_at(at, |it| self.capacity(it)).is_some();
        let site = at.split_once('/').and_then(|(site, _)| site.parse().ok());
        let Some(site) = site.filter(|_| is_asked).map(|it| count_at(&it)) else {
            return Ok(None);
        };
        let counts = self.inner.store.site_counts().await?;
        let mut versions = counts.into_iter().filter(|(of, _)| *of == site);
        let version = versions.next().map_or(0, |(_, version)| version);
        Ok(Some(Write::CountAt { site, version }))
    }

    /// What a job is asked about: what was used, as what is promised includes the hours that it would use.
    pub(crate) fn shares_of_job(
        &self,
        used: &SpentAt,
        allocation: &Allocation,
    ) -> Option<SharesFacts> {
        let AllocationScope::System { site, system } = &allocation.scope else {
            return None;
        };
        let at = format!("{site}/{system}");
        let capacity = self.system_at(&at, |it| self.capacity(it))?;
        let had = used.get(&at).copied().unwrap_or_default();
        Some(capacity.facts(had, Some(allocation.share.to_string())))
    }

    pub(crate) fn system_at<T>(
        &self,
        at: &str,
        what: impl FnOnce(&System) -> Option<T>,
    ) -> Option<T> {
        let (site, system) = at.split_once('/')?;
        let site = self.board().find(&site.parse().ok()?)?;
        let mut systems = site.systems.iter();
        what(systems.find(|it| it.id.as_str() == system)?)
    }

    fn capacity(&self, system: &System) -> Option<Capacity> {
        let today = day_in_brussels(self.inner.clock.now());
        Capacity::of(&self.policy(), system, today)
    }
}

/// Under what acceptances at a site are counted. It is a site's id to whoever reads all counts, and no site is called so;
/// where a name is too long for it they are counted with the site's jobs.
fn count_at(site: &SiteId) -> SiteId {
    let own = format!("{site}..shares").parse();
    own.unwrap_or_else(|_| site.clone())
}

fn only_unit(system: &System) -> Option<String> {
    let billings = system
        .partitions
        .iter()
        .filter_map(|it| it.billing.as_ref());
    let mut units: Vec<&str> = billings.map(|it| it.unit.as_str()).collect();
    units.sort_unstable();
    units.dedup();
    match units.as_slice() {
        [one] => Some((*one).to_owned()),
        _ => None,
    }
}
