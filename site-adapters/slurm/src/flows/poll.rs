//! One query a tick, whatever the number of jobs: the states of `jobs/state/`.
//!
//! It has ids and no names, and slurmctld gives the ids of lost jobs out again, so the accounting is
//! asked whose an id is when a job is new, has changed or has left the queue, and once a minute
//! otherwise ([`Known`](crate::known::Known)): one more query then, of at most [`IDS_AT_ONCE`] ids,
//! or a few when many jobs leave at once. The accounting alone cannot tell that a job still lives (a
//! lost one stays RUNNING there for ever). What both leave open is asked of slurmctld job by job, up
//! to a bound: a job not yet in the accounting, or a changed one while the accounting is down.
//!
//! Slurm before 24.05 has no `jobs/state/`: there the accounting is asked, each tick for some.

use std::collections::HashMap;

use site_adapter::{Activity, RemoteJob, RemoteRef, Result};

use crate::adapter::{SlurmAdapter, plain_id};
use crate::calls::accounting::Accounted;
use crate::calls::states;
use crate::record::JobRecord;
use crate::states::{JobState, Phase};

use super::questions::{Believed, MOST_QUESTIONS, Question};

/// Ids in one query: some 3 KB of address.
const IDS_AT_ONCE: usize = 200;
/// When many jobs leave the queue in one tick.
const MOST_QUERIES: usize = 5;
/// Before 24.05: jobs whose life is looked at in a tick, 5 ms each.
const LOOKS: usize = 8;

/// Of one job, after the bulk queries.
enum Verdict {
    Is(Activity),
    /// Not there, or the id is somebody else's now.
    Gone,
    /// Only slurmctld can tell; the activity to fall back on if it no longer has the job.
    Ask(Option<Activity>),
    /// This, if slurmctld has the job.
    IfThere(Activity),
    /// In the queue; why it waits only slurmctld tells.
    Waits(Activity),
    /// Nobody can tell just now: as before, or unknown.
    Keep,
}

/// Jobs with their state in slurmctld, where it tells states.
struct Polled<'a> {
    jobs: Vec<&'a RemoteRef>,
    queue: Option<HashMap<String, JobState>>,
}

impl Polled<'_> {
    fn state(&self, job: &RemoteRef) -> Option<&JobState> {
        self.queue.as_ref()?.get(&job.remote_id.0)
    }

    fn phase(&self, job: &RemoteRef) -> Option<Phase> {
        self.state(job).map(|state| state.phase)
    }
}

impl SlurmAdapter {
    pub(crate) async fn poll_jobs(&self, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        // What is no Slurm id is no job here, and has no place in an address.
        let jobs: Vec<&RemoteRef> = jobs.iter().filter(|job| plain_id(job).is_ok()).collect();
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let queue = self.queue(&jobs).await?;
        let polled = Polled { jobs, queue };
        let asked = self.turn_of(&polled);
        let records = self.records(&polled.jobs, &asked).await;
        let records = match &records {
            Ok(records) => Some(records),
            Err(error) => {
                tracing::warn!(%error, "the accounting does not tell of the jobs that changed");
                None
            }
        };
        let verdicts = self.judge_all(&polled, &asked, records);
        let gone = self.settle_open(&polled, verdicts).await?;
        self.known.keep_only(&polled.jobs);
        let told = polled.jobs.iter().enumerate();
        Ok(told
            .filter(|(position, _)| !gone.contains(position))
            .map(|(_, job)| remote(job, self.known.activity(job).unwrap_or(Activity::Unknown)))
            .collect())
    }

    /// States by id; `None` where the version has no `jobs/state/`.
    async fn queue(&self, jobs: &[&RemoteRef]) -> Result<Option<HashMap<String, JobState>>> {
        if !self.transport.version().await?.may_have_job_states() {
            return Ok(None);
        }
        // All of it is 80 bytes a job, and one call still.
        let few = Some(jobs).filter(|jobs| jobs.len() <= IDS_AT_ONCE);
        let ids: Vec<&str> = few.map_or(Vec::new(), |jobs| {
            jobs.iter().map(|job| job.remote_id.0.as_str()).collect()
        });
        let answer = self.ask(|version| states::request(version, &ids)).await?;
        if answer.is_unknown_path() {
            return Ok(None);
        }
        states::parse(&answer).map(Some)
    }

    /// Positions of the jobs to ask the accounting for in this tick.
    fn turn_of(&self, polled: &Polled<'_>) -> Vec<usize> {
        if polled.queue.is_none() {
            return self.known.longest_untold(&polled.jobs, IDS_AT_ONCE);
        }
        let phase = |job: &RemoteRef| polled.phase(job);
        let turns = self.known.turns(&polled.jobs, phase, self.clock.now());
        let mut asked = turns.changed;
        asked.truncate(IDS_AT_ONCE * MOST_QUERIES);
        let room = IDS_AT_ONCE.saturating_sub(asked.len());
        asked.extend(turns.old.into_iter().take(room));
        asked
    }

    async fn records(&self, jobs: &[&RemoteRef], asked: &[usize]) -> Result<Records> {
        let ids: Vec<&str> = asked
            .iter()
            .filter_map(|position| Some(jobs.get(*position)?.remote_id.0.as_str()))
            .collect();
        let mut records = Records::new();
        for ids in ids.chunks(IDS_AT_ONCE) {
            for record in self.accounted(self.transport.reader(), ids).await? {
                let Accounted { job, .. } = record;
                records.entry(job.id).or_default().push(job);
            }
        }
        Ok(records)
    }

    fn judge_all(
        &self,
        polled: &Polled<'_>,
        asked: &[usize],
        records: Option<&Records>,
    ) -> Vec<(usize, Verdict)> {
        let jobs = asked
            .iter()
            .filter_map(|position| Some((*position, *polled.jobs.get(*position)?)));
        if polled.queue.is_some() {
            let judged =
                jobs.map(|(position, job)| (position, judge(job, polled.state(job), records)));
            return self.with_reasons(polled, judged.collect());
        }
        let (positions, jobs): (Vec<usize>, Vec<&RemoteRef>) = jobs.unzip();
        let verdicts = self.judge_without_queue(&jobs, records);
        positions.into_iter().zip(verdicts).collect()
    }

    /// A few of the waiting jobs are asked for why they wait, in turn.
    fn with_reasons(
        &self,
        polled: &Polled<'_>,
        verdicts: Vec<(usize, Verdict)>,
    ) -> Vec<(usize, Verdict)> {
        let waits = |(position, verdict): &(usize, Verdict)| match verdict {
            Verdict::Waits(_) => polled.jobs.get(*position).copied(),
            _ => None,
        };
        let waiting: Vec<&RemoteRef> = verdicts.iter().filter_map(waits).collect();
        let due = self.known.longest_unseen(&waiting, LOOKS);
        let mut nth = 0..;
        let decide = |(position, verdict)| match verdict {
            Verdict::Waits(activity) if nth.next().is_some_and(|n| due.contains(&n)) => {
                (position, Verdict::Ask(Some(activity)))
            }
            other => (position, other),
        };
        verdicts.into_iter().map(decide).collect()
    }

    /// Takes in what is told and puts the open questions to slurmctld; returns which jobs are gone.
    async fn settle_open(
        &self,
        polled: &Polled<'_>,
        verdicts: Vec<(usize, Verdict)>,
    ) -> Result<Vec<usize>> {
        let now = self.clock.now();
        let (mut gone, mut open) = (Vec::new(), Vec::new());
        for (position, verdict) in verdicts {
            let Some(job) = polled.jobs.get(position) else {
                continue;
            };
            let mut ask = |believed| {
                open.push(Question {
                    position,
                    job,
                    phase: polled.phase(job),
                    believed,
                });
            };
            match verdict {
                Verdict::Is(activity) => {
                    self.known
                        .told(&job.marker, polled.phase(job), activity, (now, false));
                }
                Verdict::Waits(activity) => {
                    let activity = match self.known.activity(job) {
                        // With the reason that slurmctld gave before.
                        Some(
                            before @ Activity::Queued {
                                reason: Some(_), ..
                            },
                        ) => before,
                        _ => activity,
                    };
                    self.known
                        .told(&job.marker, polled.phase(job), activity, (now, false));
                }
                Verdict::Gone => gone.push(position),
                Verdict::Ask(otherwise) => ask(Believed::Answer(otherwise)),
                Verdict::IfThere(activity) => ask(Believed::IfThere(activity)),
                Verdict::Keep => {}
            }
        }
        gone.extend(self.ask_singly(open, polled.queue.is_none()).await?);
        for position in &gone {
            if let Some(job) = polled.jobs.get(*position) {
                self.known.gone(&job.marker);
            }
        }
        Ok(gone)
    }

    /// Slurm before 24.05: life is checked of a few jobs a tick, in turn. A job that is over in the
    /// accounting is looked at too: it may be completing still, and 22.05 writes no exit codes there.
    fn judge_without_queue(&self, jobs: &[&RemoteRef], records: Option<&Records>) -> Vec<Verdict> {
        let due = self.known.longest_unseen(jobs, LOOKS);
        let mut looks = MOST_QUESTIONS / 2;
        let judge = |(position, job): (usize, &&RemoteRef)| {
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
            if due.contains(&position) {
                Verdict::IfThere(ours.activity())
            } else {
                Verdict::Is(ours.activity())
            }
        };
        jobs.iter().enumerate().map(judge).collect()
    }
}

type Records = HashMap<u64, Vec<JobRecord>>;

fn judge(job: &RemoteRef, queued: Option<&JobState>, records: Option<&Records>) -> Verdict {
    let Some(records) = records else {
        // Only the accounting can tell what became of a job that left the queue.
        return queued.map_or(Verdict::Keep, |_| Verdict::Ask(None));
    };
    match (queued, ours(records, job)) {
        (_, Some(ours)) if ours.is_over() && is_let_go(queued, records, ours) => {
            Verdict::Is(ours.activity())
        }
        (None, _) => Verdict::Gone,
        (Some(_), None) => Verdict::Ask(None),
        (Some(_), Some(ours)) if !is_newest(records, ours) => Verdict::Gone,
        (Some(state), Some(ours)) => in_queue(ours, state),
    }
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
        Phase::Waiting => Verdict::Waits(ours.activity_in(state)),
        Phase::Unknown => Verdict::Ask(None),
        Phase::Over(_) | Phase::Running if ours.started_at().is_none() => Verdict::Ask(None),
        Phase::Over(_) | Phase::Running => Verdict::Is(ours.running()),
    }
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
        tasks: None,
        marker: job.marker.clone(),
        remote_id: job.remote_id.clone(),
        submitted_at: job.submitted_at,
        activity,
    }
}
