//! What is used where sites have set windows or limits by organisation. Where none has, nothing of this
//! is read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use broker_model::{
    Allocation, GpuMillis, JobState, OrganisationId, OrganisationUse, SiteId, Tally, WindowId,
    WindowUse,
};
use broker_store::StoreError;
use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::board::{Listed, Moment};
use crate::{Broker, Error};

/// Windows as they were counted lately, with what this process has placed in them since.
///
/// Of jobs that count in one window or limit this process places one at a time, so its own never go
/// beyond; another replica's are seen when the count is taken anew.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    windows: Mutex<HashMap<WindowId, (Instant, WindowUse)>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Kept from the count to the commit of what was placed by it.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "held, never read")] OwnedMutexGuard<()>);

impl Tallies {
    pub(crate) async fn turn(&self) -> Turn {
        Turn(Arc::clone(&self.turn).lock_owned().await)
    }

    /// A job of this size was placed in the window.
    pub(crate) fn took(&self, window: WindowId, gpu: GpuMillis) {
        if let Some((_, known)) = self.known().get_mut(&window) {
            known.held = known.held + gpu;
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<WindowId, (Instant, WindowUse)>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broker {
    /// What placement has to count for a job under this allocation.
    pub(crate) async fn tally(
        &self,
        heard: &Moment,
        allocation: &Allocation,
        now: Timestamp,
    ) -> Result<Tally, StoreError> {
        let set = || heard.listed().iter().filter(|it| !it.controls.is_empty());
        let windows: Vec<WindowId> = set()
            .flat_map(|it| &it.controls.windows)
            .filter(|it| it.share == allocation.share && it.is_open(now))
            .map(|it| it.id)
            .collect();
        let mut tally = Tally::default();
        if !windows.is_empty() {
            tally.windows = self.window_uses(&windows).await?.into_iter().collect();
        }
        // A list: an iterator with a closure in it cannot be held over a wait.
        let limiting: Vec<&Arc<Listed>> =
            set().filter(|it| !it.controls.limits.is_empty()).collect();
        if limiting.is_empty() {
            return Ok(tally);
        }
        let organisation = match self.standing(allocation.project).await {
            Ok(standing) => standing.organisation.id,
            Err(Error::Store(error)) => return Err(error),
            Err(_) => return Ok(tally),
        };
        for listed in limiting {
            if listed.controls.limit_of(organisation).is_some() {
                let uses = self.organisation_use(organisation, listed, now).await?;
                tally.organisation = Some(organisation);
                tally.at_sites.insert(listed.site.id.clone(), uses);
            }
        }
        Ok(tally)
    }

    /// What is used and held in each window, as counted a moment ago.
    async fn window_uses(
        &self,
        windows: &[WindowId],
    ) -> Result<Vec<(WindowId, WindowUse)>, StoreError> {
        let fresh = self.inner.limits.standing_ttl;
        let known = |window: &WindowId| {
            let known = self.inner.tallies.known();
            let (at, uses) = known.get(window)?;
            (at.elapsed() < fresh).then_some((*window, *uses))
        };
        if let Some(all) = windows.iter().map(known).collect() {
            return Ok(all);
        }
        let counted = self.count_windows(windows).await?;
        let now = Instant::now();
        let mut known = self.inner.tallies.known();
        known.retain(|_, (at, _)| at.elapsed() < fresh);
        known.extend(counted.iter().map(|(window, uses)| (*window, (now, *uses))));
        Ok(counted)
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
