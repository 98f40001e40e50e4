use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::record::JobRecord;

/// The starts that the scheduler forecast at the last poll, the latest of each queue.
///
/// They come with what is asked anyway: a listing of everybody's would be one query more, and most
/// schedulers forecast for the first few jobs only. Only a cache.
#[derive(Debug, Default)]
pub(crate) struct Forecasts(Mutex<BTreeMap<String, Timestamp>>);

impl Forecasts {
    pub(crate) fn renew<'a>(&self, jobs: impl Iterator<Item = &'a JobRecord>) {
        let mut latest = BTreeMap::<String, Timestamp>::new();
        let waiting = jobs.filter_map(|job| Some((&job.queue, job.forecast()?)));
        for (queue, start) in waiting {
            let known = latest.entry(queue.clone()).or_insert(start);
            *known = start.max(*known);
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = latest;
    }

    /// A forecast that has passed is none.
    pub(crate) fn of(&self, queue: &str, now: Timestamp) -> Option<Timestamp> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(queue).copied().filter(|start| *start > now)
    }
}
