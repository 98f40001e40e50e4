use broker_model::OutcomeKind;
use serde_json::Value;
use site_adapter::{Activity, Error, ErrorKind, RemoteRef, Result};

use crate::adapter::{KubernetesAdapter, Seen};
use crate::answer::Asked;
use crate::calls::jobs;
use crate::names;
use crate::record::Verdict;
use crate::states::outcome;

impl KubernetesAdapter {
    pub(crate) async fn cancel_job(&self, job: &RemoteRef) -> Result<()> {
        let (namespace, name) = (self.namespace(&job.account)?, names::job_name(&job.marker)?);
        let seen = self.seen(&namespace, &name).await?;
        let Some(seen) = seen.filter(|seen| seen.job.is(job)) else {
            return Ok(());
        };
        self.end(
            &seen,
            Verdict {
                kind: OutcomeKind::Cancelled,
                words: "cancelled by its agent".to_owned(),
            },
        )
        .await
    }

    /// Puts an end to a Job that is not over, so that what became of it can be told afterwards.
    ///
    /// One that may run gets the verdict written on it and a deadline of its own of one second: its pods
    /// are deleted, the Job itself stays, with its end, for `keep_hours`. A suspended one has no pods and
    /// no clock, and Kueue could let it go again at any time: it is deleted.
    pub(crate) async fn end(&self, seen: &Seen, verdict: Verdict) -> Result<()> {
        let job = &seen.job;
        if job.is_over() || job.deleting {
            return Ok(());
        }
        if job.suspended {
            return self.delete(seen, verdict).await;
        }
        if job.verdict.is_some() {
            return Ok(());
        }
        let text = serde_json::to_string(&verdict).map_err(|error| {
            Error::new(ErrorKind::Local, jobs::PATCH, "not JSON").caused_by(error)
        })?;
        let change = jobs::end(&text);
        self.patch(&job.namespace, &job.name, &job.uid, change)
            .await
    }

    /// A Job that is gone or is another's by now needs no patch.
    pub(crate) async fn patch(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        change: Value,
    ) -> Result<()> {
        let request = jobs::patch(namespace, name, uid, change)?;
        let answer = self.transport.call(request).await?;
        let other =
            answer.status == 409 || (answer.status == 422 && answer.words().contains("uid"));
        if answer.is_success() || answer.is_absent() || other {
            return Ok(());
        }
        Err(answer.refusal(jobs::PATCH, Asked::Write))
    }

    pub(crate) async fn delete(&self, seen: &Seen, verdict: Verdict) -> Result<()> {
        let job = &seen.job;
        let request = jobs::delete(&job.namespace, &job.name, &job.uid)?;
        let answer = self.transport.call(request).await?;
        // Another one's by that name (409), or none: what was to be ended is.
        if !answer.is_success() && !answer.is_absent() && answer.status != 409 {
            return Err(answer.refusal(jobs::DELETE, Asked::Write));
        }
        if answer.is_success() {
            self.take_leave(seen, verdict);
        }
        Ok(())
    }

    fn take_leave(&self, seen: &Seen, verdict: Verdict) {
        let (view, now) = (seen.view(), self.clock.now());
        let last = view.pods.iter().filter_map(|pod| pod.finished_at()).max();
        let started_at = view.started_at();
        let ended_at = last.unwrap_or(now).max(seen.job.created_at);
        let activity = Activity::Ended {
            started_at: started_at.map(|start| start.min(ended_at)),
            ended_at,
            outcome: outcome(verdict.kind, None, verdict.words),
        };
        let usage = started_at.and_then(|_| view.usage_until(ended_at));
        self.farewells.remember(view.remote(activity), usage, now);
    }
}
