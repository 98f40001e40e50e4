//! What is used where sites have set windows or limits by organisation. Where none has, nothing of this
//! is read.

mod known;

use std::collections::HashMap;
use std::sync::Arc;

use broker_model::{
    Allocation, GpuMillis, JobState, OrganisationId, OrganisationUse, SiteId, Tally, WindowId,
    WindowUse,
};
use broker_store::StoreError;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::board::{Listed, Moment};
use crate::{Broker, Error};

use known::Counted;
pub(crate) use known::{Tallies, Turn};

/// What placement has to count, and the version of each site's count: a commit moves it on.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) tally: Tally,
    pub(crate) versions: HashMap<SiteId, i64>,
}

impl Broker {
    /// What placement has to count for a job under this allocation.
    pub(crate) async fn tally(
        &self,
        heard: &Moment,
        allocation: &Allocation,
        now: Timestamp,
    ) -> Result<Count, StoreError> {
        let counts = |it: &&Arc<Listed>| {
            let controls = &it.controls;
            !(controls.windows.is_empty() && controls.limits.is_empty())
        };
        let counting: Vec<Arc<Listed>> = heard.listed().iter().filter(counts).cloned().collect();
        let refusing = |it: &Arc<Listed>| !it.controls.organisation_vetoes.is_empty();
        let refusing = heard.listed().iter().any(refusing);
        if counting.is_empty() && !refusing {
            return Ok(Count::default());
        }
        let mut count = self.count_sites(&counting, now).await?;
        let of_share = |listed: &Arc<Listed>| {
            let windows = listed.controls.windows.iter();
            let of_share = windows.filter(|it| it.share == allocation.share);
            of_share.map(|it| it.id).collect::<Vec<_>>()
        };
        let known: Vec<WindowId> = counting.iter().flat_map(of_share).collect();
        count.tally.windows.retain(|id, _| known.contains(id));
        self.count_organisation(&counting, (allocation, now), &mut count.tally)
            .await?;
        if refusing {
            count.tally.organisation = self.refused_by_some(heard, allocation).await?;
        }
        Ok(count)
    }

    /// What is used and held in every window that is open at these sites, as counted a moment ago.
    async fn count_sites(
        &self,
        sites: &[Arc<Listed>],
        now: Timestamp,
    ) -> Result<Count, StoreError> {
        let tallies = &self.inner.tallies;
        let mut count = Count::default();
        let mut unknown = Vec::new();
        for listed in sites {
            let open = listed.controls.windows.iter().filter(|it| it.is_open(now));
            let open: Vec<WindowId> = open.map(|it| it.id).collect();
            match tallies.find(&listed.site.id, &open, self.inner.limits.standing_ttl) {
                Some(counted) => count.add(&listed.site.id, counted),
                None => unknown.push((&listed.site.id, open)),
            }
        }
        if unknown.is_empty() {
            return Ok(count);
        }
        // Numbers before what they are of: one that is too old is noticed at the commit.
        let at = Instant::now();
        let versions: HashMap<SiteId, i64> =
            self.inner.store.site_counts().await?.into_iter().collect();
        let all: Vec<WindowId> = unknown.iter().flat_map(|(_, open)| open.clone()).collect();
        let uses: HashMap<WindowId, WindowUse> =
            self.count_windows(&all).await?.into_iter().collect();
        for (site, open) in unknown {
            let of = |id: &WindowId| (*id, uses.get(id).copied().unwrap_or_default());
            let counted = Counted {
                at,
                version: versions.get(site).copied().unwrap_or(0),
                windows: open.iter().map(of).collect(),
            };
            tallies.keep(site.clone(), counted.clone());
            count.add(site, counted);
        }
        Ok(count)
    }

    /// The organisation, where placement has to look at it for a limit or a veto.
    async fn refused_by_some(
        &self,
        heard: &Moment,
        allocation: &Allocation,
    ) -> Result<Option<OrganisationId>, StoreError> {
        let Some(organisation) = self.organisation_under(allocation).await? else {
            return Ok(None);
        };
        let mut vetoes = heard
            .listed()
            .iter()
            .flat_map(|it| &it.controls.organisation_vetoes);
        let mut limits = heard.listed().iter().flat_map(|it| &it.controls.limits);
        let named = vetoes.any(|it| it.organisation == organisation)
            || limits.any(|it| it.organisation == organisation);
        Ok(named.then_some(organisation))
    }

    async fn organisation_under(
        &self,
        allocation: &Allocation,
    ) -> Result<Option<OrganisationId>, StoreError> {
        match self.standing(allocation.project).await {
            Ok(standing) => Ok(Some(standing.organisation.id)),
            Err(Error::Store(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// What the organisation has where sites limit it.
    async fn count_organisation(
        &self,
        sites: &[Arc<Listed>],
        (allocation, now): (&Allocation, Timestamp),
        tally: &mut Tally,
    ) -> Result<(), StoreError> {
        if sites.iter().all(|it| it.controls.limits.is_empty()) {
            return Ok(());
        }
        let Some(organisation) = self.organisation_under(allocation).await? else {
            return Ok(());
        };
        for listed in sites {
            if listed.controls.limit_of(organisation).is_some() {
                let uses = self.organisation_use(organisation, listed, now).await?;
                tally.organisation = Some(organisation);
                tally.at_sites.insert(listed.site.id.clone(), uses);
            }
        }
        Ok(())
    }

    /// Those that nothing counts in are there as well, with nothing.
    pub(crate) async fn count_windows(
        &self,
        windows: &[WindowId],
    ) -> Result<Vec<(WindowId, WindowUse)>, StoreError> {
        let counted = self.inner.store.window_uses(windows).await?;
        let counted: HashMap<WindowId, WindowUse> = counted.into_iter().collect();
        let uses = |id: &WindowId| (*id, counted.get(id).copied().unwrap_or_default());
        Ok(windows.iter().map(uses).collect())
    }

    pub(crate) async fn organisation_use(
        &self,
        organisation: OrganisationId,
        at: &Listed,
        now: Timestamp,
    ) -> Result<OrganisationUse, StoreError> {
        let site: &SiteId = &at.site.id;
        let store = &self.inner.store;
        let month = now.strftime("%Y-%m").to_string();
        let mut uses = OrganisationUse {
            gpu_used: store.organisation_gpu(organisation, site, &month).await?,
            ..OrganisationUse::default()
        };
        for job in store.jobs_of_organisation(organisation, site).await? {
            if matches!(job.state, JobState::Running { .. }) {
                uses.running += 1;
            } else {
                uses.queued += 1;
            }
            let Some(partition) = job
                .state
                .partition()
                .and_then(|it| self.board().partition(it))
            else {
                continue;
            };
            let resources = &job.spec.resources;
            let cost = broker_accounting::quote(
                &partition,
                resources,
                resources.walltime,
                job.spec.tasks(),
            );
            uses.gpu_held = uses.gpu_held + cost.map_or(GpuMillis::ZERO, |cost| cost.gpu);
        }
        Ok(uses)
    }
}

impl Count {
    fn add(&mut self, site: &SiteId, counted: Counted) {
        self.versions.insert(site.clone(), counted.version);
        self.tally.windows.extend(counted.windows);
    }
}
