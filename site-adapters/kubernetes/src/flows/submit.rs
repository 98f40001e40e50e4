use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use site_adapter::{Error, ErrorKind, Result, Submission, Submitted};

use crate::adapter::KubernetesAdapter;
use crate::answer::{Answer, Asked};
use crate::calls::jobs;
use crate::config::PartitionSettings;
use crate::manifest::Plan;
use crate::names;
use crate::record::JobFacts;

impl KubernetesAdapter {
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
        let namespace = self.namespace(&submission.account)?;
        let name = names::job_name(&marker)?;
        let plan = Plan {
            settings: &self.settings,
            partition: self.offered(submission)?,
            submission,
            namespace: &namespace,
            name: &name,
            has_kueue: self.may_have_kueue().await,
        };
        let (job, adopted) = self.create(&plan).await?;
        if submission.work.after.is_empty() && job.after.is_some() {
            self.release_new(&job).await?;
        }
        // From now on its state is heard of, before anybody asks.
        self.watches.of(&self.transport, &namespace);
        Ok(Submitted {
            remote_id: job.remote_id(),
            submitted_at: job.created_at,
            adopted,
        })
    }

    fn offered(&self, submission: &Submission) -> Result<&PartitionSettings> {
        let wanted = &submission.work.partition;
        let known = self.settings.partitions.get(&wanted.partition);
        known
            .filter(|_| wanted.system == self.settings.system)
            .ok_or_else(|| {
                let words = format!(
                    "`{wanted}` is not in this agent's settings; add it under `partitions`"
                );
                Error::new(ErrorKind::Refused, jobs::CREATE, words)
            })
    }

    /// One create, never sent again from here: what came of it is looked up by name.
    async fn create(&self, plan: &Plan<'_>) -> Result<(JobFacts, bool)> {
        let job = plan.job()?;
        let request = jobs::create(plan.namespace, &job, self.settings.timeout_seconds)?;
        let error = match self.transport.call(request).await {
            Ok(answer) if answer.is_success() => {
                self.reasons.has_hope(&shut(plan.namespace));
                return made(&answer, plan);
            }
            Ok(answer) if answer.status == 409 => return self.adopt(plan, &answer).await,
            Ok(answer) => answer.refusal(jobs::CREATE, Asked::Write),
            Err(error) => error,
        };
        if is_of_one_namespace(&error, plan.namespace) {
            return Err(self.forbidden(error, plan.namespace).await);
        }
        if !error.kind.may_have_acted() {
            return Err(error);
        }
        match self.job(plan.namespace, plan.name).await {
            Ok(Some(job)) if job.marker == plan.submission.marker() => Ok((job, true)),
            // It may still come: only `find`, after a while, proves that it does not.
            Ok(_) | Err(_) => Err(error),
        }
    }

    /// The agent may not make Jobs in this namespace: a matter of this project's, and so a refusal, if it
    /// may in another one, or once this has lasted. Before that its credential may be bound nowhere by
    /// mistake, which must not cost the site all of its jobs.
    async fn forbidden(&self, error: Error, namespace: &str) -> Error {
        let patience = Duration::from_secs(u64::from(self.settings.launch_timeout_seconds));
        let lasts = self.reasons.hopeless_for(&shut(namespace)) >= patience;
        if !lasts && !self.may_create_elsewhere(namespace).await {
            return error;
        }
        let words = format!(
            "{}; ask the site to make the namespace `{namespace}` and to bind its agent's Role in it",
            error.message
        );
        Error::new(ErrorKind::Refused, jobs::CREATE, words)
    }

    /// Somebody was here before: this agent, or another one of the site's.
    ///
    /// A Job of ours that is just being deleted is adopted as well. It was submitted under this very
    /// attempt and its script may have run; once it is gone it would be run again.
    async fn adopt(&self, plan: &Plan<'_>, answer: &Answer) -> Result<(JobFacts, bool)> {
        if !answer.has_reason("AlreadyExists") {
            return Err(answer.refusal(jobs::CREATE, Asked::Write));
        }
        let found = self.stored(plan.namespace, plan.name).await;
        // The create had no effect, whatever became of this look.
        let found = found.map_err(|error| {
            let words = "the name is taken, and its Job could not be looked at";
            Error::new(ErrorKind::Unclear, jobs::CREATE, words).caused_by(error)
        })?;
        let Some(found) = found else {
            let words = "the name was taken and is free again";
            return Err(Error::new(ErrorKind::Unclear, jobs::CREATE, words));
        };
        match JobFacts::of(&found) {
            Some(job) if job.marker == plan.submission.marker() => Ok((job, true)),
            _ => Err(taken(plan, &found)),
        }
    }
}

/// Whether the API server knows the agent, and it lacks a right in this namespace.
fn is_of_one_namespace(error: &Error, namespace: &str) -> bool {
    error.kind == ErrorKind::Unauthorized
        && error
            .message
            .contains(&format!("in the namespace \"{namespace}\""))
        && !error.message.contains("system:anonymous")
}

fn shut(namespace: &str) -> String {
    format!("namespace {namespace}")
}

fn taken(plan: &Plan<'_>, found: &Job) -> Error {
    let (kind, end) = if found.metadata.deletion_timestamp.is_some() {
        (ErrorKind::Unavailable, "is being deleted")
    } else {
        (ErrorKind::Refused, "has its name; delete that one")
    };
    let words = format!(
        "a Job that is not this attempt's, `{}/{}`, {end}",
        plan.namespace, plan.name
    );
    Error::new(kind, jobs::CREATE, words)
}

/// The Job of a 201.
fn made(answer: &Answer, plan: &Plan<'_>) -> Result<(JobFacts, bool)> {
    let unclear = |words: &str| Error::new(ErrorKind::Unclear, jobs::CREATE, words);
    let job: Job = answer
        .object(jobs::CREATE)
        .map_err(|error| unclear("made, and the answer was cut").caused_by(error))?;
    let facts = JobFacts::of(&job).filter(|job| job.marker == plan.submission.marker());
    let facts = facts.ok_or_else(|| unclear("made, and the answer is another object's"))?;
    Ok((facts, false))
}
