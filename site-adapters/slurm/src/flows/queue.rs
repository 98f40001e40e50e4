//! slurmctld's queue as a whole: the states of jobs where its version tells them, and all of `jobs`
//! where that is short.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use site_adapter::{RemoteRef, Result};

use crate::adapter::SlurmAdapter;
use crate::answer::Answer;
use crate::calls::diag::Counters;
use crate::calls::job;
use crate::calls::states::{self, Queue};
use crate::dialect::ApiVersion;
use crate::record::JobRecord;

/// Jobs in slurmctld, of everybody, up to which all are read: some 4 MB of an answer. With 10,000 it
/// is 76 MB and some 20 s of slurmctld's time.
pub(super) const SHORT_QUEUE: u32 = 500;
/// How long a server that has no `jobs/state/` in a version is taken for one of before 24.05.
const SURE_FOR: SignedDuration = SignedDuration::from_mins(10);

/// The version that was seen to have no `jobs/state/`, and when.
#[derive(Debug, Default)]
pub(crate) struct Stateless(Mutex<Option<(ApiVersion, Timestamp)>>);

impl Stateless {
    fn is(&self, version: ApiVersion, now: Timestamp) -> bool {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_some_and(|(of, at)| of == version && now.duration_since(at) < SURE_FOR)
    }

    fn note(&self, version: ApiVersion, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, now));
    }
}

/// All of slurmctld's jobs, as one user sees them.
pub(super) struct Live {
    eyes: String,
    by_id: HashMap<u64, Vec<JobRecord>>,
}

impl Live {
    /// The job, or its tasks: empty if it is proven not to be there, `None` if it may be hidden from
    /// this user (`PrivateData`).
    pub(super) fn tells(&self, job: &RemoteRef) -> Option<Vec<JobRecord>> {
        let id = job.remote_id.0.parse::<u64>().ok();
        let all = id.and_then(|id| self.by_id.get(&id)).into_iter().flatten();
        let ours: Vec<JobRecord> = all.filter(|record| record.is(job)).cloned().collect();
        (!ours.is_empty() || self.eyes == job.account.user).then_some(ours)
    }
}

impl SlurmAdapter {
    pub(super) async fn tells_states(&self) -> Result<bool> {
        let version = self.transport.version().await?;
        let is_stateless = self.stateless.is(version, self.clock.now());
        Ok(version.may_have_job_states() && !is_stateless)
    }

    /// States by id; `None` before Slurm 24.05, whose v0.0.40 has no `jobs/state/`.
    pub(super) async fn states(&self, user: &str, ids: &[&str]) -> Result<Option<Queue>> {
        if !self.tells_states().await? {
            return Ok(None);
        }
        let version = self.transport.version().await?;
        let request = states::request(version, ids);
        let answer = self.transport.send(user, version, &request).await?;
        if answer.is_unknown_path() {
            self.stateless.note(version, self.clock.now());
            return Ok(None);
        }
        states::parse(&answer).map(Some)
    }

    /// Whether all of the queue may be read: its length is asked for once a minute.
    pub(super) async fn is_short(&self) -> Result<bool> {
        match self.minute.length(self.clock.now()) {
            Some(length) => Ok(length <= SHORT_QUEUE),
            None => Ok(self.is_short_by(self.counters().await?)),
        }
    }

    /// By counters that were just read, unless it turned out to be longer in this minute.
    pub(super) fn is_short_by(&self, counters: Counters) -> bool {
        let now = self.clock.now();
        let seen = self.minute.length(now).unwrap_or(0);
        let length = seen.max(counters.queue());
        self.minute.has_length(length, now);
        length <= SHORT_QUEUE
    }

    /// All of slurmctld's jobs. Those that ended lately are in it too and count in no counter: a queue
    /// that turns out to be long is not read again in this minute.
    pub(super) async fn whole_queue(&self, user: &str) -> Result<Answer> {
        let answer = self.transport.call(user, |_| job::all()).await?;
        let length = u32::try_from(answer.list("jobs").len()).unwrap_or(u32::MAX);
        if length > 2 * SHORT_QUEUE {
            self.minute.has_length(length, self.clock.now());
        }
        Ok(answer)
    }

    pub(super) async fn live(&self, user: &str) -> Result<Live> {
        let records = job::parse_all(&self.whole_queue(user).await?)?;
        let mut by_id: HashMap<u64, Vec<JobRecord>> = HashMap::new();
        for record in records {
            by_id.entry(record.whole_id()).or_default().push(record);
        }
        Ok(Live {
            eyes: user.to_owned(),
            by_id,
        })
    }

    /// As whom jobs are looked up together: their owner, if they have one, else the reader.
    pub(super) fn eyes_for<'a>(&'a self, mut jobs: impl Iterator<Item = &'a RemoteRef>) -> &'a str {
        let reader = self.transport.reader();
        let Some(first) = jobs.next() else {
            return reader;
        };
        let owner = first.account.user.as_str();
        if jobs.all(|job| job.account.user == owner) {
            owner
        } else {
            reader
        }
    }
}
