//! One line at info for each state change of a job that was committed, for operators who follow a job
//! through the broker: ids and states, which the ledger knows, and nothing of what people wrote.

use broker_model::{AttemptId, EntryBody, EntryKind, JobId, SiteId};
use tracing::Level;

/// Taken before the commit, which consumes the entries, and written after it.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<Line>);

#[derive(Debug)]
struct Line {
    message: &'static str,
    job: Option<JobId>,
    attempt: Option<AttemptId>,
    site: Option<SiteId>,
    state: Option<String>,
}

impl Lines {
    /// Costs nothing where nobody listens at info.
    pub(crate) fn of(entries: &[EntryBody]) -> Self {
        if !tracing::enabled!(Level::INFO) {
            return Self::default();
        }
        Self(entries.iter().filter_map(Line::of).collect())
    }

    pub(crate) fn write(self) {
        for line in self.0 {
            let Line {
                message,
                job,
                attempt,
                site,
                state,
            } = line;
            tracing::info!(
                job.id = job.map(tracing::field::display),
                attempt.id = attempt.map(tracing::field::display),
                site.id = site.map(tracing::field::display),
                state,
                "{message}"
            );
        }
    }
}

impl Line {
    fn of(entry: &EntryBody) -> Option<Self> {
        let message = match entry.kind {
            EntryKind::JobAccepted => "job accepted",
            EntryKind::JobPlaced => "job placed",
            EntryKind::AttemptLeased => "job leased",
            EntryKind::JobStateChanged => "job state changed",
            EntryKind::JobConfirmation => "job confirmation answered",
            EntryKind::JobHandoffPrepared => "job script fetched",
            EntryKind::JobHandoffReported => "job handoff reported",
            EntryKind::UsageCharged => "job charged",
            EntryKind::UsageUncharged => "job closed without a charge",
            _ => return None,
        };
        let told = entry.data.get("state").and_then(|it| it.as_str());
        let placed = (entry.kind == EntryKind::JobPlaced).then_some("placed");
        let state = told.or(placed).map(str::to_owned);
        Some(Self {
            message,
            job: entry.job,
            attempt: entry.attempt,
            site: entry.site.clone(),
            state,
        })
    }
}
