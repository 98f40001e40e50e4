mod accounts;
mod shown;

use broker_model::{Drain, Incident, Site, SiteId, SiteReadiness, SiteSnapshot, SiteState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::board::SiteEntry;
use crate::{Broker, Error, Result};

/// A site as people see it: its file, and what was last heard, if that is not too old.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SiteView {
    pub site: Site,
    pub readiness: SiteReadiness,
    pub reason: Option<String>,
    /// When its agent last spoke of it, by the broker's clock; none when it never did.
    pub heard_at: Option<Timestamp>,
    /// Until when that counts; in the past where the site's state is unknown by now.
    pub expires_at: Option<Timestamp>,
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

    /// Silence has words and timers of its own: what is wrong at the site its agent says, while it can.
    fn silence(&self, state: &SiteState, now: Timestamp) -> String {
        let mut words = state
            .unspoken_for()
            .map_or_else(|| away(state), str::to_owned);
        if self.is_lost(state, now) {
            words
                .push_str("; the site counts as lost, and jobs that may start elsewhere are moved");
        }
        words
    }

    fn site_view(&self, entry: SiteEntry) -> SiteView {
        let now = self.inner.clock.now();
        let readiness = entry.readiness(now);
        let reason = match (readiness, &entry.state) {
            (SiteReadiness::Unknown, None) => Some(never_heard(&entry.site).to_owned()),
            (SiteReadiness::Unknown, Some(state)) => Some(self.silence(state, now)),
            (_, Some(state)) => state.reason.clone(),
            (_, None) => None,
        };
        let (readiness, reason) = shown::with_controls((readiness, reason), &entry.controls, now);
        SiteView {
            site: Site::clone(&entry.site),
            readiness,
            reason,
            heard_at: entry.state.as_ref().map(|state| state.observed_at),
            expires_at: entry.state.as_ref().map(SiteState::expires_at),
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

fn away(state: &SiteState) -> String {
    let words = format!(
        "its agent was last heard at {}: the agent, or the network to it, is away",
        state.observed_at
    );
    match &state.reason {
        Some(reason) => format!("{words}; before, it said: {reason}"),
        None => words,
    }
}

/// A site that only helps people to others' machines has nothing that an agent could tell of.
fn never_heard(site: &Site) -> &'static str {
    if site.systems.iter().all(|it| it.partitions.is_empty()) {
        return "it has no partitions of its own, so there is nothing that an agent could report";
    }
    "no agent of this site has reported yet"
}
