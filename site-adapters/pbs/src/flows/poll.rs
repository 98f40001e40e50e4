//! One query a tick, whatever the number of jobs: `qstat -E -x -f -F json` of their ids.
//!
//! It leaves out silently what the server does not know, so what is missing is asked for singly, up to
//! a bound, and only then counts as gone. Of jobs that are over, the wrappers' records are read: one
//! command for each local user.

use site_adapter::{Activity, RemoteJob, RemoteRef, Result};

use crate::adapter::PbsAdapter;
use crate::calls::{is_job_id, number};
use crate::record::JobRecord;
use crate::record_file::RecordFile;

use super::questions::{Many, Said};

/// Missing jobs asked for in a tick; a second's worth of commands.
const MOST_QUESTIONS: usize = 8;
/// Arrays whose tasks are asked for in a tick.
const MOST_ARRAYS: usize = 4;
/// How much later than PBS a shared file system may show how a job ended.
const LATE_SECONDS: i64 = 10;

/// Of one job, after the bulk query.
enum Verdict {
    Is(Box<JobRecord>),
    /// The id is somebody else's now, or nobody's.
    Gone,
    Ended(Box<RemoteJob>),
    Missing,
    Unknown,
}

impl PbsAdapter {
    pub(crate) async fn poll_jobs(&self, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        // What is no id of PBS's is no job here; as an argument it could be a queue's name.
        let jobs: Vec<&RemoteRef> = jobs
            .iter()
            .filter(|job| is_job_id(&job.remote_id.0))
            .collect();
        if jobs.is_empty() {
            self.forecasts.renew(std::iter::empty());
            return Ok(Vec::new());
        }
        let ids: Vec<&str> = jobs.iter().map(|job| job.remote_id.0.as_str()).collect();
        let many = self.say_of_many(&self.settings.reader, &ids).await?;
        self.forecasts.renew(many.jobs.values());
        let mut verdicts: Vec<Verdict> = jobs.iter().map(|job| first_verdict(job, &many)).collect();
        self.ask_for_missing(&jobs, &mut verdicts).await;
        self.tell(&jobs, verdicts).await
    }

    /// Without a history everything that is over is missing: those whose wrappers wrote their end are
    /// over by that, however many.
    async fn take_own_ends(&self, jobs: &[&RemoteRef], verdicts: &mut [Verdict]) {
        let of_all = jobs.iter().zip(&*verdicts);
        let missing = of_all.filter(|(_, verdict)| matches!(verdict, Verdict::Missing));
        let missing: Vec<&RemoteRef> = missing.map(|(job, _)| *job).collect();
        if missing.is_empty() {
            return;
        }
        let server = self.server().await;
        if !server.is_ok_and(|server| server.history_seconds.is_none()) {
            return;
        }
        let ends = self.own_ends(&missing).await;
        for (job, verdict) in jobs.iter().zip(verdicts) {
            if matches!(verdict, Verdict::Missing)
                && let Some(end) = ends.get(&job.marker)
            {
                *verdict = Verdict::Ended(Box::new(remote(job, end.clone())));
            }
        }
    }

    async fn ask_for_missing(&self, jobs: &[&RemoteRef], verdicts: &mut [Verdict]) {
        self.take_own_ends(jobs, verdicts).await;
        let mut questions = 0;
        for (job, verdict) in jobs.iter().zip(verdicts) {
            if !matches!(verdict, Verdict::Missing) {
                continue;
            }
            questions += 1;
            *verdict = Verdict::Unknown;
            if questions > MOST_QUESTIONS {
                continue;
            }
            match self.ask_for(job).await {
                Ok(answer) => *verdict = answer,
                Err(error) => {
                    let remote_id = &job.remote_id;
                    tracing::warn!(%error, remote.id = %remote_id, "a missing job cannot be asked for");
                }
            }
        }
    }

    /// With its owner's eyes, whom every server shows their own jobs.
    async fn ask_for(&self, job: &RemoteRef) -> Result<Verdict> {
        Ok(
            match self.say_of(&job.account.user, &job.remote_id.0).await? {
                Said::Job(seen) if seen.is(job) => Verdict::Is(seen),
                Said::Job(_) => Verdict::Gone,
                Said::Nothing => Verdict::Unknown,
                Said::Unknown => {
                    // What ended before a history was switched on is not in it.
                    let ended = self.end_of(job).await?;
                    ended.map_or(Verdict::Gone, |ended| Verdict::Ended(Box::new(ended)))
                }
            },
        )
    }

    async fn tell(&self, jobs: &[&RemoteRef], verdicts: Vec<Verdict>) -> Result<Vec<RemoteJob>> {
        let silent = jobs
            .iter()
            .zip(&verdicts)
            .filter_map(|(job, verdict)| match verdict {
                Verdict::Is(seen) if seen.needs_own_word() => Some(*job),
                _ => None,
            });
        let silent: Vec<&RemoteRef> = silent.collect();
        let records = self.records_of(&silent).await;
        let mut told = Vec::with_capacity(jobs.len());
        let mut arrays = 0;
        for (job, verdict) in jobs.iter().zip(verdicts) {
            let activity = match verdict {
                Verdict::Gone => continue,
                Verdict::Missing | Verdict::Unknown => Activity::Unknown,
                Verdict::Ended(ended) => {
                    told.push(*ended);
                    continue;
                }
                Verdict::Is(seen) if seen.is_over() && seen.is_array() => {
                    arrays += 1;
                    told.push(self.array_or_unknown(job, &seen, arrays).await);
                    continue;
                }
                Verdict::Is(seen) => {
                    let own = records.get(&job.marker);
                    // Left out, so that the attempt is looked for and the other job is found.
                    if let Some(Ok(Some(own))) = own
                        && seen.stood_back_for(own)
                    {
                        continue;
                    }
                    let activity = self.judge(&seen, own);
                    told.push(RemoteJob {
                        remote_id: job.remote_id.clone(),
                        ..seen.remote(&job.marker, activity)
                    });
                    continue;
                }
            };
            told.push(remote(job, activity));
        }
        Ok(told)
    }

    /// What cannot be read yet is no news: an exit code of PBS's alone may be invented.
    pub(super) fn judge(
        &self,
        seen: &JobRecord,
        own: Option<&Result<Option<RecordFile>, ()>>,
    ) -> Activity {
        if !seen.is_over() {
            return seen.activity(own.and_then(|own| own.as_ref().ok()?.as_ref()));
        }
        let Some(Ok(own)) = own else {
            return Activity::Unknown;
        };
        let is_complete = own.as_ref().is_some_and(RecordFile::has_ended);
        let ended_at = seen.ended_at().unwrap_or(seen.submitted_at);
        let age = self.clock.now().duration_since(ended_at).as_secs();
        if seen.ended_by_itself() && !is_complete && age < LATE_SECONDS {
            return Activity::Unknown;
        }
        seen.activity(own.as_ref())
    }

    async fn array_or_unknown(
        &self,
        job: &RemoteRef,
        seen: &JobRecord,
        position: usize,
    ) -> RemoteJob {
        if position > MOST_ARRAYS {
            return remote(job, Activity::Unknown);
        }
        match self.ended_array(&job.account.user, &job.marker, seen).await {
            Ok(ended) => RemoteJob {
                remote_id: job.remote_id.clone(),
                ..ended
            },
            Err(error) => {
                let remote_id = &job.remote_id;
                tracing::warn!(%error, remote.id = %remote_id, "how an array's tasks ended is not told");
                remote(job, Activity::Unknown)
            }
        }
    }
}

fn first_verdict(job: &RemoteRef, many: &Many) -> Verdict {
    match many.jobs.get(number(&job.remote_id.0)) {
        Some(seen) if seen.is(job) => Verdict::Is(Box::new(seen.clone())),
        Some(_) => Verdict::Gone,
        None if many.is_sure => Verdict::Missing,
        None => Verdict::Unknown,
    }
}

fn remote(job: &RemoteRef, activity: Activity) -> RemoteJob {
    RemoteJob {
        marker: job.marker.clone(),
        remote_id: job.remote_id.clone(),
        submitted_at: job.submitted_at,
        activity,
        tasks: None,
    }
}
