use broker_model::OutcomeKind;
use jiff::SignedDuration;
use k8s_openapi::api::batch::v1::Job;
use serde_json::Value;
use site_adapter::{Activity, Error, ErrorKind, RemoteRef, Result};

use crate::adapter::{KubernetesAdapter, Seen};
use crate::answer::Asked;
use crate::cache::Cache;
use crate::calls::jobs;
use crate::names;
use crate::record::{JobFacts, PodFacts, Verdict};
use crate::states::{View, began, joined};

/// A Job that others change all the time is looked at anew so often.
const TRIES: usize = 4;
/// Leftovers that are deleted in a tick.
const MOST_SWEPT: usize = 8;

impl KubernetesAdapter {
    pub(crate) async fn cancel_job(&self, job: &RemoteRef) -> Result<()> {
        let (namespace, name) = (self.namespace(&job.account)?, names::job_name(&job.marker)?);
        let seen = self.seen(&namespace, &name).await?;
        let Some(seen) = seen.filter(|seen| seen.job.is(job)) else {
            return Ok(());
        };
        let words = "cancelled by its agent".to_owned();
        let verdict = Verdict::new(OutcomeKind::Cancelled, words);
        self.end(seen, verdict).await.map(|_| ())
    }

    /// Puts an end to a Job that is not over, so that any agent can tell afterwards what became of it; it
    /// stays for `keep_hours`. Returns its end if that is known at once.
    ///
    /// One that may run gets the verdict written on it and a deadline of its own of one second: its pods
    /// are deleted. A suspended one has no clock, and Kueue could let it go again at any time: the verdict
    /// comes with a parallelism of 0.
    pub(crate) async fn end(&self, seen: Seen, verdict: Verdict) -> Result<Option<Activity>> {
        let mut seen = seen;
        for _ in 0..TRIES {
            if seen.job.is_over() || seen.job.deleting {
                return Ok(None);
            }
            let change = match (seen.job.suspended, &seen.job.verdict) {
                (true, first) => self.last_words(&seen, first.as_ref().unwrap_or(&verdict))?,
                (false, Some(_)) => return Ok(None),
                (false, None) => jobs::end(&jobs::text(jobs::PATCH, &verdict)?),
            };
            let old = &seen.job;
            if let Some(job) = self.patch_job(old, change).await? {
                let pods = &seen.pods;
                return Ok(job
                    .is_over()
                    .then(|| View { job: &job, pods }.activity(None)));
            }
            let anew = self.seen(&old.namespace, &old.name).await?;
            match anew.filter(|anew| anew.job.uid == old.uid) {
                Some(anew) => seen = anew,
                None => return Ok(None),
            }
        }
        let words = "the Job is changed by others all the time";
        Err(Error::new(ErrorKind::Unavailable, jobs::PATCH, words))
    }

    /// What must be known of a suspended Job when its pods are gone.
    fn last_words(&self, seen: &Seen, verdict: &Verdict) -> Result<Value> {
        let (view, now) = (seen.view(), self.clock.now());
        let runs = |pod: &PodFacts| !pod.gone && began(pod) && pod.finished_at().is_none();
        let last = view.pods.iter().filter_map(PodFacts::finished_at).max();
        let at = last.filter(|_| !view.pods.iter().any(runs)).unwrap_or(now);
        let estimate = view.estimate().unwrap_or_default();
        let verdict = Verdict {
            words: joined(&verdict.words, &estimate),
            at: Some(at.max(seen.job.created_at)),
            elapsed_seconds: view.run_time(Some(now)),
            kind: verdict.kind,
        };
        let text = jobs::text(jobs::PATCH, &verdict)?;
        Ok(jobs::put_down(&seen.job, &text, view.started_at()))
    }

    pub(crate) async fn patch_job(
        &self,
        job: &JobFacts,
        change: Value,
    ) -> Result<Option<JobFacts>> {
        self.patch(&job.namespace, &job.name, &job.uid, change)
            .await
    }

    /// The Job as it is after the change; `None` if nothing was changed: it is gone, another's by now, or
    /// not any more what the change was made for.
    pub(crate) async fn patch(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        change: Value,
    ) -> Result<Option<JobFacts>> {
        let request = jobs::patch(namespace, name, uid, change)?;
        let answer = self.transport.call(request).await?;
        let other =
            answer.status == 409 || (answer.status == 422 && answer.words().contains("uid"));
        if answer.is_absent() || other {
            return Ok(None);
        }
        let job: Job = answer.read(jobs::PATCH, Asked::Write)?;
        let job = JobFacts::of(&job);
        if let (Some(job), Some(cache)) = (&job, self.watches.known(namespace)) {
            cache.changed_job(job);
        }
        Ok(job)
    }

    /// Deletes what was ended while it stood still, once it was kept for its time: a controller that never
    /// ran it sweeps nothing up.
    pub(crate) async fn sweep(&self, cache: &Cache) {
        let kept = SignedDuration::from_hours(i64::from(self.settings.keep_hours));
        let now = self.clock.now();
        let mut old = Vec::new();
        cache.each(|view| {
            let at = view.job.put_down_at();
            let left = at.is_some_and(|at| now.duration_since(at) > kept);
            if left && !view.job.has_ended() && !view.job.deleting && old.len() < MOST_SWEPT {
                old.push(view.job.clone());
            }
        });
        for job in old {
            if let Err(error) = self.delete(&job).await {
                tracing::debug!(%error, name = job.name, "a Job that is over stays");
            }
        }
    }

    pub(crate) async fn delete(&self, job: &JobFacts) -> Result<()> {
        let request = jobs::delete(&job.namespace, &job.name, &job.uid)?;
        let answer = self.transport.call(request).await?;
        // Another one's by that name (409), or none: what was to be deleted is.
        if answer.is_success() || answer.is_absent() || answer.status == 409 {
            return Ok(());
        }
        Err(answer.refusal(jobs::DELETE, Asked::Write))
    }
}
