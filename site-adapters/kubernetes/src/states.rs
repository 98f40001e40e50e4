//! What a Job and its pods together mean for an attempt.

use broker_model::{Outcome, OutcomeKind};
use jiff::Timestamp;
use site_adapter::{Activity, RemoteJob, TaskCounts};

use crate::record::{Condition, JobFacts, PodFacts, Reason};
use crate::script::LAUNCH_FAILED;
use crate::tasks;

/// A Job and the pods that are known of it, those that are gone among them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) job: &'a JobFacts,
    pub(crate) pods: &'a [PodFacts],
}

impl View<'_> {
    pub(crate) fn remote(&self, activity: Activity) -> RemoteJob {
        RemoteJob {
            marker: self.job.marker.clone(),
            remote_id: self.job.remote_id(),
            submitted_at: self.job.created_at,
            activity,
            tasks: self.tasks(),
        }
    }

    /// Whether the pods are known as they were when the Job ended. Jobs and pods come by two watches, and
    /// the end of a Job may come before that of the pod that tells why.
    pub(crate) fn is_whole(&self) -> bool {
        if !self.job.has_ended() || self.job.put_down_at().is_some() {
            return true;
        }
        let all_settled = { self.pods.iter() }.all(|pod| pod.gone || pod.is_settled());
        all_settled && self.is_explained()
    }

    /// Whether the pod that tells why the Job ended is known.
    fn is_explained(&self) -> bool {
        if self.job.verdict.is_some() {
            return true;
        }
        if let Some(failed) = self.job.condition("Failed") {
            return failed.reason == "DeadlineExceeded" || !self.failures().is_empty();
        }
        // A pod that was taken away may have ended with 0.
        self.job.is_array || self.job.taken_away.is_some() || !self.pods.is_empty()
    }

    /// `waits_for` is the reason of a wait that only other objects tell (events, Kueue).
    pub(crate) fn activity(&self, waits_for: Option<String>) -> Activity {
        if self.job.is_over() {
            let ended_at = self.ended_at().unwrap_or(self.job.created_at);
            return Activity::Ended {
                started_at: self.started_at().map(|start| start.min(ended_at)),
                ended_at,
                outcome: self.told_outcome(),
            };
        }
        let runs = self.pods.iter().any(|pod| !pod.gone && began(pod));
        match self.started_at() {
            // Between its pods' end and the Job's, or with nothing but the note of its start.
            Some(started_at) if !self.job.suspended && (runs || !self.job.restartable) => {
                Activity::Running { started_at }
            }
            _ => Activity::Queued {
                reason: self.pod_reason().or(waits_for),
                expected_start: None,
            },
        }
    }

    /// When the user's code began. Of a job that may be restarted, its latest beginning.
    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        let told = self.pods.iter().filter(|pod| !pod.gone);
        let first = told.filter_map(PodFacts::started_at).min();
        let seen = if self.job.restartable {
            first.or(self.job.started)
        } else {
            self.job.started.or(first)
        };
        let gone = || self.pods.iter().filter_map(PodFacts::started_at).min();
        seen.or_else(gone).or_else(|| self.presumed_start())
    }

    /// For a Job that is over and whose pods are not known any more: it ran if it says that any did.
    fn presumed_start(&self) -> Option<Timestamp> {
        let ran = self.job.condition("Complete").is_some()
            || (self.job.failed > 0 && self.job.condition("Failed").is_some());
        let told = ran && self.job.verdict.is_none() && self.pods.is_empty();
        self.job.start_time.filter(|_| told)
    }

    /// The latest end of a pod that stays, which no later look changes; otherwise the Job's own.
    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        if let Some(at) = self.job.put_down_at() {
            return Some(at);
        }
        let stay = self.pods.iter().filter(|pod| !pod.gone && !pod.deleting);
        let last = stay.filter_map(PodFacts::finished_at).max();
        last.or_else(|| self.job.over_at())
    }

    fn told_outcome(&self) -> Outcome {
        let mut outcome = self.outcome();
        if let Some(words) = self.estimate() {
            outcome.site_words = joined(&outcome.site_words, &words);
        }
        outcome
    }

    pub(crate) fn outcome(&self) -> Outcome {
        // Whatever its controller makes of it afterwards: what was told once does not change.
        if let Some(verdict) = self.job.verdict.as_ref().filter(|v| v.at.is_some()) {
            return outcome(verdict.kind, None, verdict.words.clone());
        }
        if let Some(complete) = self.job.condition("Complete") {
            return self.completed(&words(complete));
        }
        let failed = self.job.condition("Failed");
        let own = failed.map(words).unwrap_or_default();
        if let Some(verdict) = &self.job.verdict {
            return outcome(verdict.kind, None, joined(&verdict.words, &own));
        }
        // Its pods end by our signal then, with any exit code, 0 among them.
        if failed.is_some_and(|failed| failed.reason == "DeadlineExceeded") {
            return outcome(OutcomeKind::TimedOut, None, own);
        }
        if self.job.is_array {
            return tasks::outcome(self.job, self.pods, &own);
        }
        if let Some(decided) = self.decisive() {
            let words = joined(&decided.site_words, &own);
            return Outcome {
                site_words: words,
                ..decided
            };
        }
        outcome(failed.map_or(OutcomeKind::Failed, by_job), None, own)
    }

    fn completed(&self, own: &str) -> Outcome {
        let noted = self.job.taken_away.as_ref();
        if let Some(reason) = self.taken_away().or(noted) {
            let words = joined(&sentence(reason), own);
            return outcome(by_disruption(&reason.word), None, words);
        }
        outcome(OutcomeKind::Completed, Some(0), own.to_owned())
    }

    /// Why the cluster took a pod away, unless another one did its part.
    ///
    /// A script that ends with 0 when it is told to go has completed for its controller, and no policy for
    /// failed pods looks at it.
    pub(crate) fn taken_away(&self) -> Option<&Reason> {
        if self.job.is_array {
            return None;
        }
        let did_part = |pod: &&PodFacts| pod.phase == "Succeeded" && !pod.is_taken_away();
        let done: Vec<u32> = { self.pods.iter().filter(did_part) }
            .map(|pod| pod.index)
            .collect();
        let mut taken = self.pods.iter().filter(|pod| pod.is_taken_away());
        let one = taken.find(|pod| pod.phase != "Failed" && !done.contains(&pod.index));
        one?.disruption.as_ref()
    }

    /// Pods that failed. One that was taken away fails no Job that may be restarted.
    fn failures(&self) -> Vec<&PodFacts> {
        let ignored = |pod: &PodFacts| self.job.restartable && pod.disruption.is_some();
        let all = self.pods.iter();
        all.filter(|pod| has_failed(pod) && !ignored(pod)).collect()
    }

    /// The first pod to fail decides: the others are ended for it.
    fn decisive(&self) -> Option<Outcome> {
        let mut failed = self.failures();
        if failed.is_empty() {
            failed = self.pods.iter().filter(|pod| has_failed(pod)).collect();
        }
        failed.sort_by_key(|pod| (pod.deleting, pod.finished_at(), pod.index));
        failed.into_iter().find_map(pod_outcome)
    }

    /// Why it waits, by its pods: `Unschedulable`, `ImagePullBackOff`.
    pub(crate) fn pod_reason(&self) -> Option<String> {
        let mut pods = self.pods.iter().filter(|pod| !pod.gone);
        pods.find_map(|pod| {
            let reason = pod.waiting.as_ref().or(pod.unscheduled.as_ref())?;
            Some(sentence(reason))
        })
    }

    pub(crate) fn tasks(&self) -> Option<TaskCounts> {
        self.job
            .is_array
            .then(|| tasks::counts(self.job, self.pods))
    }
}

/// Whether anything of the user's runs or has run in the pod.
pub(crate) fn began(pod: &PodFacts) -> bool {
    pod.started_at().is_some()
}

fn has_failed(pod: &PodFacts) -> bool {
    let exit = pod.terminated.as_ref().map_or(0, |t| t.exit_code);
    pod.phase == "Failed" || exit != 0 || pod.disruption.is_some()
}

/// The outcome of one pod that did not end well.
pub(crate) fn pod_outcome(pod: &PodFacts) -> Option<Outcome> {
    if let Some(ended) = &pod.terminated
        && ended.reason == "OOMKilled"
    {
        let words = format!("OOMKilled, exit code {}", ended.exit_code);
        return Some(outcome(OutcomeKind::OutOfMemory, None, words));
    }
    // `SIGTERM` at the deadline can look like the job's own end; the pod's reason is what tells.
    if let Some(reason) = &pod.reason {
        let kind = match by_pod(reason) {
            // Turned away by its node's kubelet: `TopologyAffinityError`, `SysctlForbidden`, `AppArmor`.
            OutcomeKind::Failed if !began(pod) && reason.word != "Evicted" => {
                OutcomeKind::LaunchFailed
            }
            kind => kind,
        };
        return Some(outcome(kind, None, sentence(reason)));
    }
    if let Some(reason) = &pod.disruption {
        return Some(outcome(by_disruption(&reason.word), None, sentence(reason)));
    }
    let ended = pod.terminated.as_ref()?;
    if let Some(why) = ended.message.strip_prefix(LAUNCH_FAILED) {
        return Some(outcome(OutcomeKind::LaunchFailed, None, why.to_owned()));
    }
    let said = Reason {
        word: ended.reason.clone(),
        message: ended.message.clone(),
    };
    match ended.reason.as_str() {
        "StartError" | "ContainerCannotRun" | "CreateContainerError" | "RunContainerError" => {
            Some(outcome(OutcomeKind::LaunchFailed, None, sentence(&said)))
        }
        "ContainerStatusUnknown" => Some(outcome(OutcomeKind::NodeFailure, None, sentence(&said))),
        _ if pod.deleting && ended.exit_code > 128 => {
            let words = format!("pod {} was deleted at the site", pod.name);
            Some(outcome(OutcomeKind::Cancelled, None, words))
        }
        _ => Some(by_exit(ended.exit_code, &said.word)),
    }
}

/// Runtimes tell a signal as 128 and its number (`128 + 9`), as shells do.
fn by_exit(code: i32, word: &str) -> Outcome {
    let words = format!("{word}, exit code {code}");
    let kind = if code == 0 {
        OutcomeKind::Completed
    } else {
        OutcomeKind::Failed
    };
    let signal = (129..=192).contains(&code).then_some(code - 128);
    Outcome {
        signal,
        ..outcome(kind, signal.is_none().then_some(code), words)
    }
}

/// The kubelet's word for a pod.
fn by_pod(reason: &Reason) -> OutcomeKind {
    let over_own = ["exceeds the", "exceeded its", "Usage of EmptyDir"];
    match reason.word.as_str() {
        "DeadlineExceeded" => OutcomeKind::TimedOut,
        // Over its own limit of disk space, and not for want of the node's.
        "Evicted" if over_own.iter().any(|words| reason.message.contains(words)) => {
            OutcomeKind::Failed
        }
        "Preempting" => OutcomeKind::Preempted,
        "Evicted" | "NodeLost" | "NodeShutdown" | "Shutdown" | "Terminated" => {
            OutcomeKind::NodeFailure
        }
        // Refused by the kubelet: `OutOfcpu`, `NodeAffinity`, `UnexpectedAdmissionError`.
        "NodeAffinity" | "UnexpectedAdmissionError" => OutcomeKind::LaunchFailed,
        word if word.starts_with("OutOf") => OutcomeKind::LaunchFailed,
        _ => OutcomeKind::Failed,
    }
}

/// <https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions>
fn by_disruption(word: &str) -> OutcomeKind {
    match word {
        "PreemptionByScheduler" | "PreemptionByKubeScheduler" | "EvictionByEvictionAPI" => {
            OutcomeKind::Preempted
        }
        _ => OutcomeKind::NodeFailure,
    }
}

/// By the Job alone, when none of its pods is known any more.
fn by_job(failed: &Condition) -> OutcomeKind {
    match failed.reason.as_str() {
        "DeadlineExceeded" => OutcomeKind::TimedOut,
        "PodFailurePolicy" if failed.message.contains("DisruptionTarget") => OutcomeKind::Preempted,
        _ => OutcomeKind::Failed,
    }
}

pub(crate) fn waiting(reason: String) -> Activity {
    Activity::Queued {
        reason: Some(reason),
        expected_start: None,
    }
}

pub(crate) fn outcome(kind: OutcomeKind, exit_code: Option<i32>, site_words: String) -> Outcome {
    Outcome {
        kind,
        exit_code,
        signal: None,
        site_words,
    }
}

fn words(condition: &Condition) -> String {
    sentence(&Reason {
        word: condition.reason.clone(),
        message: condition.message.clone(),
    })
}

/// `Unschedulable: 0/1 nodes are available`.
pub(crate) fn sentence(reason: &Reason) -> String {
    let message = reason.message.trim();
    if message.is_empty() {
        return reason.word.clone();
    }
    let line: Vec<&str> = message.split_whitespace().collect();
    let line: String = line.join(" ").chars().take(500).collect();
    format!("{}: {line}", reason.word)
}

pub(crate) fn joined(first: &str, second: &str) -> String {
    if second.is_empty() {
        return first.to_owned();
    }
    format!("{first}; {second}")
}
