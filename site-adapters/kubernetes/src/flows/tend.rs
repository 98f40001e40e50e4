//! What Kubernetes leaves to whoever submits: letting a Job go when those it waits for are over, ending
//! one that will never start, and one that its queue would start a second time.

use std::time::Duration;

use broker_model::OutcomeKind;
use jiff::{SignedDuration, Timestamp};
use site_adapter::{Activity, RemoteRef, Result};

use crate::adapter::{KubernetesAdapter, Seen};
use crate::calls::{NEVER, jobs};
use crate::names;
use crate::record::{PodFacts, Reason, Verdict};
use crate::states::{View, began, sentence, waiting};

/// Reasons that no time mends, as soon as they have been seen for this long.
const HOPELESS: SignedDuration = SignedDuration::from_secs(30);

/// How far clocks of one cluster may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    /// It ran, and stands still again: to be ended before it runs a second time.
    Evicted,
    /// It ran, was evicted and let go again while nobody looked.
    RanTwice,
    /// Let go by somebody else before what it waits for was seen to be over.
    Loose,
    /// Held until what it waits for is over.
    Held,
    /// Its container cannot be had.
    NeverStarts(String),
    /// Its start is to be written on the Job, which outlives its pods.
    NoteStart(Timestamp),
    /// Why the cluster takes its pod away, for the same reason.
    NoteTakenAway(Reason),
    /// It waits, and neither Job nor pod says why.
    Why,
}

impl Chore {
    pub(crate) const fn urgency(&self) -> u8 {
        match self {
            Self::Evicted | Self::RanTwice | Self::Loose => 0,
            // Without it an eviction after the agent's next restart is no eviction of what ran.
            Self::NoteStart(_) | Self::NoteTakenAway(_) => 1,
            Self::Held => 2,
            Self::NeverStarts(_) => 3,
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
        let ends = job.verdict.is_some() || (ran && !job.restartable);
        return match (&job.after, ends) {
            (_, true) => Some(Chore::Evicted),
            (Some(_), false) => Some(Chore::Held),
            (None, false) => Some(Chore::Why),
        };
    }
    if job.verdict.is_none() && job.after.is_some() {
        return Some(Chore::Loose);
    }
    if job.verdict.is_none() && ran_twice(view) {
        return Some(Chore::RanTwice);
    }
    if let Some(reason) = unnoted(view) {
        return Some(Chore::NoteTakenAway(reason));
    }
    match activity {
        Activity::Running { started_at } if job.started != Some(*started_at) => {
            Some(Chore::NoteStart(*started_at))
        }
        // The others of its nodes would wait for this one until their walltime.
        Activity::Running { .. } if job.completions > 1 && !job.is_array => {
            never_starts(view, now, launch_seconds)
        }
        Activity::Queued { reason, .. } => never_starts(view, now, launch_seconds)
            .or_else(|| reason.is_none().then_some(Chore::Why)),
        _ => None,
    }
}

/// Why its pod is taken away, while the pod can still say so. A job that may be restarted goes on.
fn unnoted(view: View<'_>) -> Option<Reason> {
    let job = view.job;
    let noted = job.taken_away.is_some() || job.verdict.is_some() || job.restartable;
    let runs = view.pods.iter().any(began);
    view.taken_away().filter(|_| runs && !noted).cloned()
}

/// The Job's own start is later than the one of its code that was noted, and so are those of its pods: it
/// was suspended and let go again in between. Both are looked at, for the clocks of nodes differ from the
/// controller's; the pods of an array begin one after another anyway, so its own start must be later by more.
fn ran_twice(view: View<'_>) -> bool {
    let job = view.job;
    if job.suspended || job.restartable {
        return false;
    }
    let (Some(noted), Some(anew)) = (job.started, job.start_time) else {
        return false;
    };
    let apart = if job.is_array {
        SKEW
    } else {
        SignedDuration::ZERO
    };
    let runs = view.pods.iter().filter(|pod| pod.is_running());
    let first = runs.filter_map(PodFacts::started_at).min();
    anew.duration_since(noted) > apart && first.is_some_and(|at| at > noted)
}

/// A pod whose image or container cannot be had never fails by itself: the kubelet tries for ever.
fn never_starts(view: View<'_>, now: Timestamp, launch_seconds: u32) -> Option<Chore> {
    if view.job.verdict.is_some() {
        return None;
    }
    let launch = SignedDuration::from_secs(i64::from(launch_seconds));
    let words = view.pods.iter().filter(|pod| !pod.gone).find_map(|pod| {
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
        // What it waited for a node is no failure to get its image.
        let waited = now.duration_since(pod.taken_at.or(pod.created_at)?);
        (waited >= patience).then(|| sentence(waiting))
    });
    words.map(Chore::NeverStarts)
}

/// Whether a Job's event says that its pods are refused for what they are: Pod Security, a webhook, a
/// `LimitRange`, a service account that is not there; or that they are more than there is room for at all.
/// A quota that is used up and a controller's outage pass.
fn is_never_made(event: &str) -> bool {
    if event.contains(NEVER) {
        return true;
    }
    let refused = event.starts_with("FailedCreate:")
        && (event.contains(" is forbidden: ") || event.contains("denied the request"));
    let passes = ["exceeded quota", "failed quota", "being terminated"];
    refused && !passes.iter().any(|words| event.contains(words))
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
        let note = match chore {
            Chore::Why => return self.explain(namespace, &name, job).await,
            Chore::NoteStart(started) => jobs::note_start(*started),
            Chore::NoteTakenAway(why) => jobs::note_taken_away(&jobs::text(jobs::PATCH, why)?),
            _ => return self.decide(namespace, &name, job, chore).await,
        };
        self.patch(namespace, &name, &job.remote_id.0, note).await?;
        Ok(None)
    }

    /// Asks others why it waits, and gives it up where that does not pass.
    async fn explain(
        &self,
        namespace: &str,
        name: &str,
        job: &RemoteRef,
    ) -> Result<Option<Activity>> {
        let told = self.why(namespace, name).await;
        let Some(words) = told.as_ref().filter(|words| is_never_made(words)) else {
            self.reasons.has_hope(&job.remote_id.0);
            return Ok(told.map(waiting));
        };
        let waited = self.reasons.hopeless_for(&job.remote_id.0);
        self.give_up(job, namespace, words.clone(), waited).await
    }

    /// The watch may be behind; what is done is decided on what is stored.
    async fn decide(
        &self,
        namespace: &str,
        name: &str,
        job: &RemoteRef,
        chore: &Chore,
    ) -> Result<Option<Activity>> {
        let seen = self.seen(namespace, name).await?;
        let Some(seen) = seen.filter(|seen| seen.job.is(job)) else {
            return Ok(None);
        };
        if seen.job.is_over() {
            return Ok(Some(seen.view().activity(None)));
        }
        self.act(seen, chore).await
    }

    async fn act(&self, seen: Seen, chore: &Chore) -> Result<Option<Activity>> {
        match chore {
            Chore::NeverStarts(words) if self.is_hopeless(&seen) => {
                let verdict = Verdict::new(OutcomeKind::LaunchFailed, words.clone());
                self.end(seen, verdict).await
            }
            // What a watch that is behind shows as suspended may have been let go since, and run.
            Chore::Evicted if seen.job.suspended => self.end_evicted(seen, "").await,
            Chore::RanTwice if ran_twice(seen.view()) => {
                let words = "; it began a second time while no agent looked";
                self.end_evicted(seen, words).await
            }
            Chore::Held if seen.job.suspended => self.hold(seen).await,
            Chore::Loose if !seen.job.suspended && seen.job.after.is_some() => {
                self.hold_again(seen).await
            }
            _ => Ok(None),
        }
    }

    fn is_hopeless(&self, seen: &Seen) -> bool {
        let view = seen.view();
        let (now, launch) = (self.clock.now(), self.settings.launch_timeout_seconds);
        let todo = chore(view, &view.activity(None), now, launch);
        matches!(todo, Some(Chore::NeverStarts(_)))
    }

    /// Its pods are refused, or no queue ever has room for it, and that does not pass; it is ended after the
    /// time for a launch.
    async fn give_up(
        &self,
        job: &RemoteRef,
        namespace: &str,
        words: String,
        waited: Duration,
    ) -> Result<Option<Activity>> {
        let still = Some(waiting(words.clone()));
        if waited < Duration::from_secs(u64::from(self.settings.launch_timeout_seconds)) {
            return Ok(still);
        }
        let seen = self.seen(namespace, &names::job_name(&job.marker)?).await?;
        let ours = seen.filter(|seen| seen.job.is(job) && seen.pods.is_empty());
        let Some(seen) = ours else { return Ok(still) };
        let verdict = Verdict::new(OutcomeKind::LaunchFailed, words);
        Ok(self.end(seen, verdict).await?.or(still))
    }

    /// Kueue (or somebody) has stopped a job whose code ran. Its return would run it again.
    async fn end_evicted(&self, seen: Seen, more: &str) -> Result<Option<Activity>> {
        let (kind, words) = self.evicted(&seen.job).await;
        let verdict = Verdict::new(kind, words + more);
        self.end(seen, verdict).await
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
        let too_small = "exceeded quota: gpu, requested: pods=2, used: pods=0, limited: pods=1";
        assert!(is_never_made(&format!(
            "FailedCreate: {too_small} ({NEVER})"
        )));
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
