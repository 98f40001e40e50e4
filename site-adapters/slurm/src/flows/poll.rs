//! Two bulk queries a tick, whatever the queue's length: states from slurmctld, records of the
//! same ids from the accounting.
//!
//! slurmctld alone cannot tell whose a job id is (it gives ids of lost jobs out again, and
//! `jobs/state/` has no names); the accounting alone cannot tell that a job still lives (a lost one
//! stays RUNNING there for ever). What the two leave open is asked of slurmctld job by job, up to a
//! bound: a job not yet in the accounting, or all of them while the accounting is down.

use std::collections::HashMap;

use futures::future::try_join_all;
use site_adapter::{Activity, Error, ErrorKind, RemoteJob, RemoteRef, Result};

use crate::adapter::{SlurmAdapter, plain_id};
use crate::calls::accounting::Accounted;
use crate::calls::states;
use crate::record::JobRecord;
use crate::states::{JobState, Phase};

/// Ids in one query: some 3 KB of address.
const IDS_AT_ONCE: usize = 200;
const MOST_SINGLE_QUESTIONS: usize = 64;

/// Of one job, after the bulk queries.
enum Verdict {
    Is(Activity),
    /// Not there, or the id is somebody else's now.
    Gone,
    /// Only slurmctld can tell; the activity to fall back on if it no longer has the job.
    Ask(Option<Activity>),
    /// This, if slurmctld has the job.
    IfThere(Activity),
}

impl SlurmAdapter {
    pub(crate) async fn poll_jobs(&self, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        let mut seen = Vec::with_capacity(jobs.len());
        for chunk in jobs.chunks(IDS_AT_ONCE) {
            seen.extend(self.poll_some(chunk).await?);
        }
        Ok(seen)
    }

    async fn poll_some(&self, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        // What is no Slurm id is no job here, and has no place in an address.
        let jobs: Vec<&RemoteRef> = jobs.iter().filter(|job| plain_id(job).is_ok()).collect();
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&str> = jobs.iter().map(|job| job.remote_id.0.as_str()).collect();
        let (queue, records) = tokio::join!(self.queue(&ids), self.accounted(&ids));
        let records = records.map(by_id);
        let verdicts = match queue? {
            Some(queue) => {
                let state = |job: &RemoteRef| queue.get(&job.remote_id.0);
                let judged = jobs
                    .iter()
                    .map(|job| judge(job, state(job), records.as_ref().ok()));
                judged.collect::<Option<Vec<_>>>()
            }
            None => Some(self.judge_without_queue(&jobs, records.as_ref().ok())),
        };
        match (verdicts, records) {
            (Some(verdicts), _) => self.settle_open(&jobs, verdicts).await,
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => Err(too_many()),
        }
    }

    /// States by id; `None` where the version has no `jobs/state/`.
    async fn queue(&self, ids: &[&str]) -> Result<Option<HashMap<String, JobState>>> {
        if !self.transport.version().await?.may_have_job_states() {
            return Ok(None);
        }
        let answer = self.ask(|version| states::request(version, ids)).await?;
        if answer.is_unknown_path() {
            return Ok(None);
        }
        states::parse(&answer).map(Some)
    }

    /// Puts the open questions to slurmctld.
    async fn settle_open(
        &self,
        jobs: &[&RemoteRef],
        verdicts: Vec<Verdict>,
    ) -> Result<Vec<RemoteJob>> {
        let open = verdicts
            .iter()
            .filter(|v| matches!(v, Verdict::Ask(_) | Verdict::IfThere(_)));
        if open.count() > MOST_SINGLE_QUESTIONS {
            return Err(too_many());
        }
        let settled = jobs.iter().zip(verdicts).map(|(job, verdict)| async move {
            match verdict {
                Verdict::Is(activity) => Ok(Some(activity)),
                Verdict::Gone => Ok(None),
                Verdict::Ask(fallback) => Ok(self.ask_for(job).await?.or(fallback)),
                Verdict::IfThere(activity) => Ok(self.ask_for(job).await?.map(|_| activity)),
            }
        });
        let settled: Vec<Option<Activity>> = try_join_all(settled).await?;
        let known = jobs.iter().zip(settled);
        Ok(known
            .filter_map(|(job, activity)| Some(remote(job, activity?)))
            .collect())
    }

    async fn ask_for(&self, job: &RemoteRef) -> Result<Option<Activity>> {
        let seen = self.job(&job.account.user, plain_id(job)?).await?;
        let ours = seen.filter(|seen| seen.is(job));
        self.liveness.checked(&job.marker, ours.is_some());
        Ok(ours.map(|seen| seen.activity()))
    }

    /// Slurm before 24.05: life is checked of a few jobs a tick, in turn. A job that is over in the
    /// accounting is looked at too: it may be completing still, and 22.05 writes no exit codes there.
    fn judge_without_queue(&self, jobs: &[&RemoteRef], records: Option<&Records>) -> Vec<Verdict> {
        let due = self
            .liveness
            .due(jobs.iter().map(|job| job.marker.as_str()));
        let mut looks = MOST_SINGLE_QUESTIONS / 2;
        let judge = |job: &&RemoteRef| {
            let Some(ours) = records.and_then(|records| ours(records, job)) else {
                return Verdict::Ask(None);
            };
            if ours.is_over() {
                looks = looks.saturating_sub(1);
                return if looks == 0 {
                    Verdict::Is(ours.activity())
                } else {
                    Verdict::Ask(Some(ours.activity()))
                };
            }
            match () {
                () if due.contains(&job.marker) => Verdict::IfThere(ours.activity()),
                () if self.liveness.is_gone(&job.marker) => Verdict::Gone,
                () => Verdict::Is(ours.activity()),
            }
        };
        jobs.iter().map(judge).collect()
    }
}

type Records = HashMap<u64, Vec<JobRecord>>;

/// `None` if only the accounting could tell, which did not answer.
fn judge(job: &RemoteRef, queued: Option<&JobState>, records: Option<&Records>) -> Option<Verdict> {
    let Some(records) = records else {
        return queued.map(|_| Verdict::Ask(None));
    };
    let ours = ours(records, job);
    Some(match (queued, ours) {
        (_, Some(ours)) if ours.is_over() && is_let_go(queued, records, ours) => {
            Verdict::Is(ours.activity())
        }
        (None, _) => Verdict::Gone,
        (Some(_), None) => Verdict::Ask(None),
        (Some(_), Some(ours)) if !is_newest(records, ours) => Verdict::Gone,
        (Some(state), Some(ours)) => in_queue(ours, state),
    })
}

/// slurmctld has no more to do with the job: it is over there too, or not there, or the id is
/// another job's.
fn is_let_go(queued: Option<&JobState>, records: &Records, ours: &JobRecord) -> bool {
    let over = queued.is_none_or(|state| matches!(state.phase, Phase::Over(_)));
    over || !is_newest(records, ours)
}

/// Ours, and not over in slurmctld, or in the accounting not yet: it will be in a moment.
fn in_queue(ours: &JobRecord, state: &JobState) -> Verdict {
    match state.phase {
        Phase::Waiting => Verdict::Is(ours.activity_in(state)),
        Phase::Over(_) | Phase::Running if ours.started_at().is_none() => Verdict::Ask(None),
        Phase::Over(_) | Phase::Running => Verdict::Is(ours.running()),
    }
}

fn by_id(records: Vec<Accounted>) -> Records {
    let mut by_id = Records::new();
    for record in records {
        by_id.entry(record.job.id).or_default().push(record.job);
    }
    by_id
}

fn of_id(records: &Records, id: u64) -> impl Iterator<Item = &JobRecord> {
    records.get(&id).into_iter().flatten()
}

fn ours<'a>(records: &'a Records, job: &RemoteRef) -> Option<&'a JobRecord> {
    of_id(records, job.remote_id.0.parse().ok()?).find(|record| record.is(job))
}

fn is_newest(records: &Records, ours: &JobRecord) -> bool {
    of_id(records, ours.id).all(|other| other.submitted_at <= ours.submitted_at)
}

fn remote(job: &RemoteRef, activity: Activity) -> RemoteJob {
    RemoteJob {
        marker: job.marker.clone(),
        remote_id: job.remote_id.clone(),
        submitted_at: job.submitted_at,
        activity,
    }
}

fn too_many() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "poll",
        "the accounting does not know enough of the jobs, and they are too many to ask for singly",
    )
}
