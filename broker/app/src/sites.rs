use broker_model::{Site, SiteId, SiteReadiness, SiteSnapshot};
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

    fn site_view(&self, entry: SiteEntry<'_>) -> SiteView {
        let readiness = entry.readiness(self.inner.clock.now());
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
        SiteView {
            site: entry.site.clone(),
            readiness,
            reason,
            snapshot: entry.snapshot.as_deref().cloned(),
        }
    }
}
