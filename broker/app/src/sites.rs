mod shown;

use broker_model::{Drain, Incident, Site, SiteId, SiteReadiness, SiteSnapshot};
use serde::{Deserialize, Serialize};

use crate::board::SiteEntry;
use crate::{Broker, Error, Result};

/// A site as people see it: its file, and what was last heard, if that is not too old.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SiteView {
    pub site: Site,
    pub readiness: SiteReadiness,
    pub reason: Option<String>,
    pub snapshot: Option<SiteSnapshot>,
    /// What is drained now or will be.
    pub drains: Vec<Drain>,
    /// Incidents and maintenance that are on or to come.
    pub incidents: Vec<Incident>,
}

impl Broker {
    pub fn sites(&self) -> Vec<SiteView> {
        self.board()
            .entries()
            .into_iter()
            .map(|entry| self.site_view(entry))
            .collect()
    }

    pub fn site(&self, id: &SiteId) -> Result<SiteView> {
        self.sites()
            .into_iter()
            .find(|view| view.site.id == *id)
            .ok_or(Error::NotFound("site"))
    }

    fn site_view(&self, entry: SiteEntry) -> SiteView {
        let now = self.inner.clock.now();
        let readiness = entry.readiness(now);
        let reason = match (readiness, &entry.state) {
            (SiteReadiness::Unknown, None) => {
                Some("no agent of this site has reported yet".to_owned())
            }
            (SiteReadiness::Unknown, Some(state)) => {
                Some(format!("its agent was last heard at {}", state.observed_at))
            }
            (_, Some(state)) => state.reason.clone(),
            (_, None) => None,
        };
        let (readiness, reason) = shown::with_controls((readiness, reason), &entry.controls, now);
        SiteView {
            site: Site::clone(&entry.site),
            readiness,
            reason,
            snapshot: entry.snapshot.as_deref().cloned(),
            drains: { entry.controls.drains.iter() }
                .filter(|it| !it.is_over(now))
                .cloned()
                .collect(),
            incidents: { entry.controls.incidents.iter() }
                .filter(|it| !it.is_over(now))
                .cloned()
                .collect(),
        }
    }
}
