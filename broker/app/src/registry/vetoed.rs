use broker_model::{Job, JobState, PersonId, QueuedJobs, SiteId, Veto};
use broker_store::{JobFilter, Page};
use jiff::SignedDuration;

use crate::{Broker, Error, Result};

const AT_ONCE: u32 = 500;
/// For how long after a veto jobs may still come to wait there: placed by a replica that had not heard
/// of it, or left by one that was stopped while it cancelled them.
const LATE: SignedDuration = SignedDuration::from_hours(1);

impl Broker {
    /// Cancels what lately vetoed grants still have waiting, where the veto says so.
    pub async fn cancel_vetoed_once(&self) -> Result<()> {
        let now = self.inner.clock.now();
        for listed in self.board().heard().listed() {
            let vetoes = listed.controls.vetoes.iter();
            for veto in vetoes.filter(|it| now.duration_since(it.since) < LATE) {
                self.cancel_vetoed(None, &listed.site.id, veto).await?;
            }
        }
        Ok(())
    }

    /// Cancels what waits at the site of a grant that was refused with it.
    pub(super) async fn cancel_vetoed(
        &self,
        actor: Option<PersonId>,
        site: &SiteId,
        veto: &Veto,
    ) -> Result<()> {
        if veto.queued != QueuedJobs::Cancel {
            return Ok(());
        }
        let filter = JobFilter {
            site: Some(site.clone()),
            active: true,
            ..JobFilter::default()
        };
        let mut before = None;
        loop {
            let limit = AT_ONCE;
            let page = Page { limit, before };
            let jobs = self.inner.store.list_jobs(&filter, &page).await?;
            let Some(last) = jobs.last() else {
                return Ok(());
            };
            before = Some(last.id);
            for job in jobs.into_iter().filter(|job| is_vetoed(job, veto)) {
                match self.cancel_for_site(actor, job.id).await {
                    Ok(()) | Err(Error::JobIsOver(_) | Error::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

fn is_vetoed(job: &Job, veto: &Veto) -> bool {
    let Some(at) = job.state.partition() else {
        return false;
    };
    let waits = !matches!(job.state, JobState::Running { .. }) && !job.state.is_final();
    let here = veto.system.as_ref().is_none_or(|it| *it == at.system);
    job.allocation == veto.allocation && here && waits
}
