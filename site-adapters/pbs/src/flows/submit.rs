use broker_model::RemoteId;
use site_adapter::{Error, ErrorKind, Result, Submission, Submitted};

use crate::adapter::{PbsAdapter, checked_marker};
use crate::calls::submit::{self, Place};
use crate::config::is_local_user;
use crate::record::JobRecord;
use crate::script::{Surroundings, batch_script};
use crate::transport::{Ran, is_denied_login, no_user};

use super::questions::Said;

pub(super) const OPERATION: &str = "qsub";

impl PbsAdapter {
    /// One qsub that ends with its process, and the marker as the job's name.
    ///
    /// A hold that is let go once the id is written down (`qsub -h`, `qrls`) would not make it safer:
    /// what was given up is found by its name, a qsub of ours cannot live longer than `find` looks,
    /// and of two jobs with one marker the wrapper lets one run.
    pub(crate) async fn submit_job(&self, submission: &Submission) -> Result<Submitted> {
        let marker = submission.marker();
        if submission.may_exist
            && let Some(found) = self.find_job(&submission.account, &marker).await?
        {
            return Ok(Submitted {
                remote_id: found.remote_id,
                submitted_at: found.submitted_at,
                adopted: true,
            });
        }
        let id = self.send(submission).await?;
        let confirmed = self.confirm(submission, &id).await?;
        self.patience.over(&marker);
        Ok(confirmed)
    }

    async fn send(&self, submission: &Submission) -> Result<String> {
        let place = self.place(submission)?;
        let marker = submission.marker();
        checked_marker(&marker)?;
        let user = &submission.account.user;
        // One person's, and nothing that is wrong with the site.
        if !is_local_user(user) {
            return Err(refused(no_user(user)));
        }
        let script = batch_script(
            submission,
            &Surroundings {
                work_dir: &self.settings.work_dir_of(user),
                path: &self.settings.path,
                apptainer: &self.settings.apptainer,
                container_flags: &place.partition.container_flags,
                cpus_per_node: place.cpus_per_node(submission),
                memory_gib_per_node: place.memory_gib_per_node(submission),
            },
        )?;
        let submission = &*self.with_open_conditions(submission).await?;
        self.note_conditions(submission).await?;
        let ran = self.qsub(submission, script, place).await;
        let ran = ran.map_err(|error| self.of_one_login(user, error))?;
        submit::parse(&ran).map_err(|error| {
            if ran.is_of_unknown_user() {
                return refused(format!("{}; {}", error.message, remedy(user)));
            }
            if ran.may_pass() && error.kind == ErrorKind::Unavailable {
                return self.patience.judge(&marker, error, self.clock.now());
            }
            error
        })
    }

    /// Where everybody logs in by themselves, a login that is refused is one person's, unless it is the
    /// one that the agent reads by.
    fn of_one_login(&self, user: &str, error: Error) -> Error {
        let is_theirs =
            self.settings.transport.logs_in_each_user() && *user != self.settings.reader;
        if is_theirs && is_denied_login(&error) {
            return refused(error.message);
        }
        error
    }

    /// Once more where the server has no accelerators at all: it refuses a job that asks for none.
    async fn qsub(
        &self,
        submission: &Submission,
        script: String,
        mut place: Place<'_>,
    ) -> Result<Ran> {
        let user = &submission.account.user;
        let command = submit::command(submission, script.clone(), &place)?;
        let ran = self.pbs(user, command).await?;
        let wants_none = submission.work.scheduler_gpus_per_node() == 0;
        if place.lacks_gpus || !wants_none || !ran.lacks_resource(place.gpu_resource()) {
            return Ok(ran);
        }
        self.missing.put(place.gpu_resource());
        place.lacks_gpus = true;
        let command = submit::command(submission, script, &place)?;
        self.pbs(user, command).await
    }

    fn place<'a>(&'a self, submission: &'a Submission) -> Result<Place<'a>> {
        let wanted = &submission.work.partition;
        let known = self.settings.queue(&wanted.partition);
        let known = known.filter(|_| wanted.system == self.settings.system);
        let (queue, partition) = known.ok_or_else(|| {
            let message =
                format!("`{wanted}` is not in this agent's settings; add it under `partitions`");
            Error::new(ErrorKind::Refused, OPERATION, message)
        })?;
        Ok(Place {
            settings: &self.settings,
            queue,
            partition,
            lacks_gpus: self.missing.has(self.settings.gpus_of(partition)),
        })
    }

    /// Reads the job back for its time of submission, and to see that it was kept: the server answers
    /// with an id before it has saved the job, and a route queue before it has asked anybody.
    async fn confirm(&self, submission: &Submission, id: &str) -> Result<Submitted> {
        let user = &submission.account.user;
        let unclear = |what: &str| {
            let message = format!("accepted as job {id}, which {what}");
            Error::new(ErrorKind::Unclear, OPERATION, message)
        };
        let said = self.say_of(user, id).await;
        let said = said.map_err(|error| unclear("could not be read back").caused_by(error))?;
        match said {
            Said::Job(job) if job.name == submission.marker() => Ok(receipt(&job)),
            Said::Job(_) => Err(unclear("is another's job")),
            Said::Unknown => {
                if let Some(over) = self.over_already(submission, id).await {
                    return Ok(over);
                }
                let error = unclear(
                    "the server then did not know; it lost the job, or no queue behind a route took it",
                );
                // `find` proves that it is gone, and it is tried again; after a while it is over.
                let judged = self
                    .patience
                    .judge(&submission.marker(), error, self.clock.now());
                if judged.kind != ErrorKind::Refused {
                    return Err(judged);
                }
                let found = self
                    .find_job(&submission.account, &submission.marker())
                    .await;
                match found {
                    Ok(None) => Err(judged),
                    Ok(Some(job)) => Ok(Submitted {
                        remote_id: job.remote_id,
                        submitted_at: job.submitted_at,
                        adopted: true,
                    }),
                    Err(error) => Err(unclear("could not be looked for").caused_by(error)),
                }
            }
            Said::Nothing => Err(unclear("the server would not tell of")),
        }
    }
}

impl PbsAdapter {
    /// A job that ended before it was read back, at a server that keeps nothing of what is over.
    async fn over_already(&self, submission: &Submission, id: &str) -> Option<Submitted> {
        let server = self.server().await.ok()?;
        if server.history_seconds.is_some() {
            return None;
        }
        let (account, marker) = (&submission.account, submission.marker());
        let traces = self.traces_of(account, &marker).await.ok()??;
        Some(Submitted {
            remote_id: RemoteId(id.to_owned()),
            submitted_at: traces.submitted_at,
            adopted: false,
        })
    }
}

pub(super) fn refused(message: String) -> Error {
    Error::new(ErrorKind::Refused, OPERATION, message)
}

fn remedy(user: &str) -> String {
    format!(
        "the site does not know the local user `{user}`, or takes no job of theirs; correct the site's \
         account table, or add the user there"
    )
}

fn receipt(job: &JobRecord) -> Submitted {
    Submitted {
        remote_id: RemoteId(job.id.clone()),
        submitted_at: job.submitted_at,
        adopted: false,
    }
}
