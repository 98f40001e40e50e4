use broker_model::RemoteId;
use site_adapter::local::is_posix_user;
use site_adapter::{Activity, Error, ErrorKind, RemoteJob, Result, Submission, Submitted};
use tokio::time::Instant;

use crate::adapter::SlurmAdapter;
use crate::answer::{Answer, OVER_LIMIT};
use crate::calls::nodes;
use crate::calls::submit::{self, Place, Receipt};
use crate::config::PartitionSettings;
use crate::known::Sight;
use crate::record::JobRecord;
use crate::script::{Container, batch_script};
use crate::states::Phase;
use crate::transport::Request;
use crate::whole::Whole;

use super::in_time::SOON;

pub(super) const OPERATION: &str = "POST job/submit";

impl SlurmAdapter {
    pub(crate) async fn submit_job(&self, submission: &Submission) -> Result<Submitted> {
        let begin_by = Instant::now() + SOON;
        let marker = submission.marker();
        self.may_run_as(&submission.account.user)?;
        if submission.may_exist
            && let Some(found) = self.look_first(&submission.account, &marker).await?
        {
            self.remember(submission);
            return self.adopt(submission, found).await;
        }
        self.remember(submission);
        let dependency = self.dependency(submission).await?;
        let sent = self.send(submission, dependency.as_deref(), begin_by);
        match sent.await? {
            Receipt::Made { id } => self.confirm(submission, id).await,
            Receipt::Mangled { id, why } => {
                let why = format!("was made without all that was asked for ({why})");
                self.withdraw(submission, id, &why).await
            }
        }
    }

    /// What Slurm's accounting does not keep and the job's end is judged by.
    fn remember(&self, submission: &Submission) {
        if !submission.work.after.is_empty() {
            self.known.is_to_wait(&submission.marker());
        }
    }

    /// A name that no call can be made for is one person's, and nothing that is wrong with the site.
    fn may_run_as(&self, user: &str) -> Result<()> {
        if self.settings.is_master(user) {
            let words = format!("no job runs as `{user}`; correct the site's account mapping");
            return Err(refused(words));
        }
        if is_posix_user(user) {
            return Ok(());
        }
        Err(refused(format!(
            "`{}` is not a POSIX user's name; correct the site's account mapping",
            user.escape_debug()
        )))
    }

    /// One that waits may be nobody's or without its GPUs, if the agent ended before it could look.
    ///
    /// It is there, so that no failure to look says that nothing was sent.
    async fn adopt(&self, submission: &Submission, found: RemoteJob) -> Result<Submitted> {
        let waits = matches!(found.activity, Activity::Queued { .. } | Activity::Unknown);
        if let (true, Ok(id)) = (waits, found.remote_id.0.parse()) {
            let judged = self.is_not_as_found(submission, id).await;
            let why = judged.map_err(|error| lost(id).caused_by(error))?;
            if let Some(why) = why {
                return self.withdraw(submission, id, &why).await;
            }
        }
        Ok(Submitted {
            remote_id: found.remote_id,
            submitted_at: found.submitted_at,
            adopted: true,
        })
    }

    async fn is_not_as_found(&self, submission: &Submission, id: u64) -> Result<Option<String>> {
        let marker = submission.marker();
        let seen = self.jobs(&submission.account.user, &id.to_string()).await?;
        match seen.iter().find(|job| job.carries(&marker)) {
            Some(job) => self.is_not_as_asked(submission, job).await,
            None => Ok(None),
        }
    }

    async fn send(
        &self,
        submission: &Submission,
        dependency: Option<&str>,
        begin_by: Instant,
    ) -> Result<Receipt> {
        let user = &submission.account.user;
        let work_dir = self.settings.work_dir_of(user);
        let home = self.settings.home.replace("{user}", user);
        let (slurm_partition, partition) = self.place(submission)?;
        let place = Place {
            slurm_partition: &slurm_partition,
            gpu_type: partition.gpu_type.as_deref(),
            work_dir: &work_dir,
            home: &home,
            path: &self.settings.path,
            dependency,
        };
        let container = Container {
            program: &self.settings.apptainer,
            flags: &partition.container_flags,
        };
        let script = batch_script(submission, &container)?;
        let request = |version| Request {
            begin_by: Some(begin_by),
            ..submit::request(version, submission, &script, &place)
        };
        let answer = self.transport.call(user, request).await?;
        self.judge(submission, &answer)
    }

    /// Slurm's name of the partition, and what is set for it.
    fn place(&self, submission: &Submission) -> Result<(String, &PartitionSettings)> {
        let wanted = &submission.work.partition;
        let known = self.settings.partition(&wanted.partition);
        known
            .filter(|_| wanted.system == self.settings.system)
            .ok_or_else(|| {
                refused(format!(
                    "`{wanted}` is not in this agent's settings; add it under `partitions`"
                ))
            })
    }

    /// A limit that others use up may be waited for, and an unknown user has a remedy.
    fn judge(&self, submission: &Submission, answer: &Answer) -> Result<Receipt> {
        let marker = submission.marker();
        match submit::parse(answer) {
            Err(error) if answer.has(OVER_LIMIT) => {
                Err(self.patience.judge(&marker, error, self.clock.now()))
            }
            other => {
                self.patience.over(&marker);
                if !answer.is_of_unknown_user() {
                    return other;
                }
                let remedy = remedy(&submission.account.user);
                other.map_err(|error| refused(format!("{}; {remedy}", error.message)))
            }
        }
    }

    /// Reads the job back for Slurm's own submit time, which the receipt does not tell.
    async fn confirm(&self, submission: &Submission, id: u64) -> Result<Submitted> {
        let seen = self
            .jobs(&submission.account.user, &id.to_string())
            .await
            .map_err(|error| lost(id).caused_by(error))?;
        let marker = submission.marker();
        let ours = seen.iter().find(|job| job.carries(&marker));
        let job = ours.ok_or_else(|| lost(id))?;
        let judged = self.is_not_as_asked(submission, job).await;
        let why = judged.map_err(|error| lost(id).caused_by(error))?;
        if let Some(why) = why {
            return self.withdraw(submission, id, &why).await;
        }
        if job.task.is_none() && job.state.phase == Phase::Waiting {
            // What the next poll goes on from, without a question as long as it waits.
            let sight = Sight {
                phase: Some(job.state.phase),
                tasks: 0,
            };
            let seen = (self.clock.now(), job.reason.is_some());
            let whole = Whole::single(job.activity());
            self.known.told(&marker, sight, whole, seen);
        }
        Ok(Submitted {
            remote_id: RemoteId(id.to_string()),
            submitted_at: job.submitted_at,
            adopted: false,
        })
    }

    /// Whose job slurmctld has made of it, or with how many GPUs, if that is not what was asked for.
    async fn is_not_as_asked(
        &self,
        submission: &Submission,
        job: &JobRecord,
    ) -> Result<Option<String>> {
        if let Some(why) = not_of(job, &submission.account.user) {
            return Ok(Some(why));
        }
        let work = &submission.work;
        let per_node = work.scheduler_gpus_per_node();
        let asked = work.resources.nodes.saturating_mul(per_node);
        let told = job.gpus.unwrap_or(0);
        if told >= asked || (job.gpus.is_none() && !self.tracks_gpus().await?) {
            return Ok(None);
        }
        Ok(Some(format!("was taken for {told} of {asked} GPUs")))
    }

    /// Where the site tracks no GPUs, no job tells how many it asks for.
    async fn tracks_gpus(&self) -> Result<bool> {
        let nodes = nodes::parse(&self.ask(|_| nodes::request()).await?)?;
        Ok(nodes.iter().any(|node| node.tracked_gpus.is_some()))
    }

    /// A job without its GPUs or its limit would run and be charged, one of nobody's waits for ever:
    /// take it back.
    ///
    /// It may have started before it could be stopped. Only what is proven never to have started is
    /// refused, and may run elsewhere; the rest is this attempt's, with its end and what it used.
    async fn withdraw(&self, submission: &Submission, id: u64, why: &str) -> Result<Submitted> {
        let (user, marker) = (&submission.account.user, submission.marker());
        let ours = |seen: &JobRecord| seen.carries(&marker);
        let unclear = |what: &str| {
            let words = format!("job {id} {why} and {what}");
            Error::new(ErrorKind::Unclear, OPERATION, words)
        };
        let there = |error| unclear("still is there").caused_by(error);
        self.stop(user, &id.to_string(), &ours)
            .await
            .map_err(there)?;
        let mut seen = self.jobs(user, &id.to_string()).await.map_err(there)?;
        seen.retain(ours);
        let Some(job) = seen.first() else {
            return Err(unclear("cannot be read back"));
        };
        if seen.iter().all(JobRecord::never_started) {
            return Err(refused(format!("job {id} {why}; it was withdrawn")));
        }
        tracing::warn!(
            attempt.id = %submission.attempt, remote.id = id, why,
            "a job that is not as it was asked for had started before it was stopped"
        );
        Ok(Submitted {
            remote_id: job.remote_id(),
            submitted_at: job.submitted_at,
            adopted: false,
        })
    }
}

fn not_of(job: &JobRecord, user: &str) -> Option<String> {
    let owner = job.is_not_of(user)?;
    Some(format!("was taken as {owner}'s: {}", remedy(user)))
}

fn remedy(user: &str) -> String {
    format!(
        "the site does not know the local user `{user}`; correct the site's account mapping, or \
         add the user where slurmctld runs"
    )
}

pub(super) fn refused(message: String) -> Error {
    Error::new(ErrorKind::Refused, OPERATION, message)
}

fn lost(id: u64) -> Error {
    Error::new(
        ErrorKind::Unclear,
        OPERATION,
        format!("accepted as job {id}, which could not be read back"),
    )
}
