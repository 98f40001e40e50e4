//! What Kubernetes leaves to whoever submits: letting a Job go when those it waits for are over, ending
//! one that will never start, and one that its queue would start a second time.

use broker_model::{AfterWhen, OutcomeKind};
use jiff::{SignedDuration, Timestamp};
use site_adapter::{Activity, Error, ErrorKind, RemoteAfter, RemoteRef, Result};

use crate::adapter::{KubernetesAdapter, Seen};
use crate::answer::Asked;
use crate::calls::{jobs, services};
use crate::manifest;
use crate::names;
use crate::record::{JobFacts, Verdict};
use crate::states::{View, began, sentence};

/// Reasons that no time mends, as soon as they have been seen for this long.
const HOPELESS: SignedDuration = SignedDuration::from_secs(30);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    /// It ran, and stands still again: to be ended before it runs a second time.
    Evicted,
    /// Held until what it waits for is over.
    Held,
    /// Its container cannot be had.
    NeverStarts(String),
    /// Its start is to be written on the Job, which outlives its pods.
    NoteStart(Timestamp),
    /// It waits, and neither Job nor pod says why.
    Why,
}

impl Chore {
    pub(crate) const fn urgency(&self) -> u8 {
        match self {
            Self::Evicted => 0,
            Self::Held => 1,
            Self::NeverStarts(_) => 2,
            Self::NoteStart(_) => 3,
            Self::Why => 4,
        }
    }
}

/// What there is to do for a job.
pub(crate) fn chore(
    view: View<'_>,
    activity: &Activity,
    now: Timestamp,
    launch_seconds: u32,
) -> Option<Chore> {
    let job = view.job;
    if job.is_over() || job.deleting {
        return None;
    }
    if job.suspended {
        let ran = job.started.is_some() || view.pods.iter().any(began);
        return match (&job.after, ran && !job.restartable) {
            (_, true) => Some(Chore::Evicted),
            (Some(_), false) => Some(Chore::Held),
            (None, false) => Some(Chore::Why),
        };
    }
    match activity {
        Activity::Running { started_at } if job.started != Some(*started_at) => {
            Some(Chore::NoteStart(*started_at))
        }
        Activity::Queued { reason, .. } => {
            let launch = SignedDuration::from_secs(i64::from(launch_seconds));
            let hopeless = job
                .verdict
                .is_none()
                .then(|| never_starts(view, now, launch));
            let hopeless = hopeless.flatten().map(Chore::NeverStarts);
            hopeless.or_else(|| reason.is_none().then_some(Chore::Why))
        }
        _ => None,
    }
}

/// A pod whose image or container cannot be had never fails by itself: the kubelet tries for ever.
fn never_starts(view: View<'_>, now: Timestamp, launch: SignedDuration) -> Option<String> {
    view.pods.iter().filter(|pod| !pod.gone).find_map(|pod| {
        let waiting = pod.waiting.as_ref()?;
        let patience = match waiting.word.as_str() {
            "ErrImageNeverPull" | "InvalidImageName" => launch.min(HOPELESS),
            "ErrImagePull"
            | "ImagePullBackOff"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "CreateContainerConfigError"
            | "CreateContainerError"
            | "RunContainerError" => launch,
            _ => return None,
        };
        let waited = now.duration_since(pod.created_at?);
        (waited >= patience).then(|| sentence(waiting))
    })
}

/// Whether a Job's event says that its pods are refused for what they are: Pod Security, a webhook, a
/// `LimitRange`, a service account that is not there. Quotas and a controller's outage pass.
fn is_never_made(event: &str) -> bool {
    let refused = event.starts_with("FailedCreate:")
        && (event.contains(" is forbidden: ") || event.contains("denied the request"));
    let passes = ["exceeded quota", "failed quota", "being terminated"];
    refused && !passes.iter().any(|words| event.contains(words))
}

/// How the condition of a dependency stands.
enum Standing {
    Met,
    NotYet,
    Never(String),
}

impl KubernetesAdapter {
    /// Does it, and returns what the job does now if that is known to be something else.
    ///
    /// What fails is tried again in the next tick.
    pub(crate) async fn tend(
        &self,
        namespace: &str,
        job: &RemoteRef,
        chore: &Chore,
    ) -> Option<Activity> {
        let done = self.try_to_tend(namespace, job, chore).await;
        done.unwrap_or_else(|error| {
            tracing::warn!(%error, remote.id = %job.remote_id, ?chore, "a job waits for its agent");
            None
        })
    }

    async fn try_to_tend(
        &self,
        namespace: &str,
        job: &RemoteRef,
        chore: &Chore,
    ) -> Result<Option<Activity>> {
        let name = names::job_name(&job.marker)?;
        if *chore == Chore::Why {
            let told = self.why(namespace, &name).await;
            return match told {
                Some(words) if is_never_made(&words) => self.give_up(job, namespace, words).await,
                told => Ok(told.map(waiting)),
            };
        }
        if let Chore::NoteStart(started) = chore {
            let change = jobs::note_start(*started);
            self.patch(namespace, &name, &job.remote_id.0, change)
                .await?;
            return Ok(None);
        }
        // The watch may be behind; what is done is decided on what is stored.
        let seen = self.seen(namespace, &name).await?;
        let Some(seen) = seen.filter(|seen| seen.job.is(job) && !seen.job.is_over()) else {
            return Ok(None);
        };
        match chore {
            Chore::NeverStarts(words) => {
                let verdict = Verdict {
                    kind: OutcomeKind::LaunchFailed,
                    words: words.clone(),
                };
                self.end(&seen, verdict).await?;
                Ok(None)
            }
            // What a watch that is behind shows as suspended may have been let go since, and run.
            Chore::Evicted if seen.job.suspended => self.end_evicted(&seen).await,
            Chore::Held if seen.job.suspended => self.hold(&seen).await,
            Chore::Evicted | Chore::Held | Chore::Why | Chore::NoteStart(_) => Ok(None),
        }
    }

    /// Its pods are refused, for a reason that does not pass; it is ended after the time for a launch.
    async fn give_up(
        &self,
        job: &RemoteRef,
        namespace: &str,
        words: String,
    ) -> Result<Option<Activity>> {
        let seen = self.seen(namespace, &names::job_name(&job.marker)?).await?;
        let patience = SignedDuration::from_secs(i64::from(self.settings.launch_timeout_seconds));
        let waited = |seen: &Seen| {
            let since = seen.job.start_time?;
            Some(self.clock.now().duration_since(since))
        };
        let ours = seen.filter(|seen| seen.job.is(job) && seen.pods.is_empty());
        if let Some(seen) = ours
            && waited(&seen).is_some_and(|waited| waited >= patience)
        {
            let verdict = Verdict {
                kind: OutcomeKind::LaunchFailed,
                words: words.clone(),
            };
            self.end(&seen, verdict).await?;
        }
        Ok(Some(waiting(words)))
    }

    /// Kueue (or somebody) has stopped a job whose code ran. Its return would run it again.
    async fn end_evicted(&self, seen: &Seen) -> Result<Option<Activity>> {
        let (kind, words) = self.evicted(&seen.job).await;
        self.delete(seen, Verdict { kind, words }).await?;
        let ended = self.farewells.of(&seen.job.marker);
        Ok(ended.map(|job| job.activity))
    }

    async fn hold(&self, seen: &Seen) -> Result<Option<Activity>> {
        let after = seen.job.after.as_deref().unwrap_or_default();
        let mut waits_for = Vec::new();
        for each in after {
            match self.standing(&seen.job.namespace, each).await? {
                Standing::Met => {}
                Standing::NotYet => waits_for.push(each.marker.clone()),
                Standing::Never(words) => {
                    let kind = OutcomeKind::DependencyFailed;
                    self.delete(seen, Verdict { kind, words }).await?;
                    let ended = self.farewells.of(&seen.job.marker);
                    return Ok(ended.map(|job| job.activity));
                }
            }
        }
        if !waits_for.is_empty() {
            return Ok(Some(waiting(format!(
                "Dependency: {}",
                waits_for.join(", ")
            ))));
        }
        self.release(&seen.job).await?;
        Ok(None)
    }

    async fn standing(&self, namespace: &str, after: &RemoteAfter) -> Result<Standing> {
        let name = names::job_name(&after.marker)?;
        let found = self.look(namespace, &name, &after.marker).await?;
        let known = found.filter(|job| job.remote_id == after.remote);
        let Some(job) = known else {
            let gone = format!(
                "{} is not known here any more, nor how it ended",
                after.marker
            );
            return Ok(match after.when {
                AfterWhen::Ended => Standing::Met,
                _ => Standing::Never(gone),
            });
        };
        let Activity::Ended { outcome, .. } = job.activity else {
            return Ok(Standing::NotYet);
        };
        let completed = outcome.kind == OutcomeKind::Completed;
        Ok(match (after.when, completed) {
            (AfterWhen::Ended, _) | (AfterWhen::Completed, true) | (AfterWhen::Failed, false) => {
                Standing::Met
            }
            _ => Standing::Never(format!("{} ended: {}", after.marker, outcome.site_words)),
        })
    }

    /// Lets a held Job go, its service first.
    async fn release(&self, job: &JobFacts) -> Result<()> {
        if job.completions > 1 && !job.is_array {
            let request = services::create(&job.namespace, &manifest::service(job))?;
            let answer = self.transport.call(request).await?;
            if !answer.is_success() && !answer.has_reason("AlreadyExists") {
                return Err(answer.refusal(services::CREATE, Asked::Write));
            }
        }
        self.let_go(job).await
    }

    async fn let_go(&self, job: &JobFacts) -> Result<()> {
        // A `LocalQueue` named `default` gives its label to Jobs without one: then Kueue decides.
        let queue = job.later_queue.as_ref().or(job.queue.as_ref());
        let change = jobs::release(queue.map(String::as_str));
        self.patch(&job.namespace, &job.name, &job.uid, change)
            .await
    }

    /// The same right after it was made. What is refused then is taken back, for nothing of it ran; what
    /// only failed is tried again by `poll`.
    pub(crate) async fn release_new(&self, job: &JobFacts) -> Result<()> {
        let Err(error) = self.release(job).await else {
            return Ok(());
        };
        if !matches!(error.kind, ErrorKind::Refused | ErrorKind::Unauthorized) {
            return Ok(());
        }
        let stays = |source: Error| {
            let words = "made, cannot be let go, and could not be taken back";
            Error::new(ErrorKind::Unclear, jobs::CREATE, words).caused_by(source)
        };
        let request = jobs::delete(&job.namespace, &job.name, &job.uid).map_err(stays)?;
        let answer = self.transport.call(request).await.map_err(stays)?;
        if answer.is_success() || answer.is_absent() {
            return Err(error);
        }
        Err(stays(answer.refusal(jobs::DELETE, Asked::Write)))
    }
}

fn waiting(reason: String) -> Activity {
    Activity::Queued {
        reason: Some(reason),
        expected_start: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_no_time_lets_in_are_told_from_those_that_wait_for_quota() {
        for never in [
            "violates PodSecurity \"restricted:latest\": runAsNonRoot != true",
            "maximum cpu usage per Container is 4, but limit is 8",
            "error looking up service account team-a/jobs: serviceaccount \"jobs\" not found",
        ] {
            let event = format!("FailedCreate: Error creating: pods \"a-x\" is forbidden: {never}");
            assert!(is_never_made(&event), "{event}");
        }
        for passes in [
            "FailedCreate: Error creating: pods \"a-x\" is forbidden: exceeded quota: gpu, requested: \
             requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=4, limited: requests.nvidia.com/gpu=4",
            "FailedCreate: Error creating: Internal error occurred: failed calling webhook",
            "WorkloadPriorityClassNotFound: WorkloadPriorityClass \"nope\" not found",
        ] {
            assert!(!is_never_made(passes), "{passes}");
        }
    }
}
