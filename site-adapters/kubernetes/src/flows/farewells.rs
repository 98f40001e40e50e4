use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use site_adapter::{RemoteJob, RemoteRef, UsageReport};

/// More than this many at once, and the oldest go.
const MOST: usize = 10_000;
const KEPT: SignedDuration = SignedDuration::from_hours(48);

/// The last words of Jobs that this process deleted: one that never ran or was suspended can only be
/// ended so, and the cluster keeps nothing of it.
///
/// After a restart such a job is not found any more, which is what its caller then reports.
#[derive(Debug, Default)]
pub(crate) struct Farewells {
    all: Mutex<HashMap<String, Farewell>>,
}

#[derive(Clone, Debug)]
struct Farewell {
    job: RemoteJob,
    usage: Option<UsageReport>,
    at: Timestamp,
}

impl Farewells {
    pub(crate) fn remember(&self, job: RemoteJob, usage: Option<UsageReport>, now: Timestamp) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, farewell| now.duration_since(farewell.at) < KEPT);
        }
        if all.len() < MOST {
            let farewell = Farewell {
                job,
                usage,
                at: now,
            };
            all.insert(farewell.job.marker.clone(), farewell);
        }
    }

    pub(crate) fn of(&self, marker: &str) -> Option<RemoteJob> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(marker).map(|farewell| farewell.job.clone())
    }

    pub(crate) fn usage(&self, job: &RemoteRef) -> Option<UsageReport> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let farewell = all.get(&job.marker)?;
        let same = farewell.job.remote_id == job.remote_id;
        farewell.usage.clone().filter(|_| same)
    }
}
