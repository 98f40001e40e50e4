//! What is kept of a Job and of a pod: a cache of ten thousand must be small, and the rest of the
//! adapter need not know how Kubernetes nests its fields.

use broker_model::{OutcomeKind, RemoteId};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::{ContainerState, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::{Deserialize, Serialize};
use site_adapter::{RemoteAfter, RemoteRef};

use crate::{names, quantity};

/// Why this adapter put an end to a Job: written on the Job in the same change that ends it, so that any
/// agent can tell it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) kind: OutcomeKind,
    pub(crate) words: String,
    /// Of a Job that was ended while it stood still: it has no condition of its own that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<Timestamp>,
    /// Its run times added up, where its pods told them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) elapsed_seconds: Option<u64>,
}

impl Verdict {
    pub(crate) const fn new(kind: OutcomeKind, words: String) -> Self {
        Self {
            kind,
            words,
            at: None,
            elapsed_seconds: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) kind: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) at: Option<Timestamp>,
}

/// Per pod, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    pub(crate) cpu: i128,
    pub(crate) memory: i128,
    pub(crate) gpus: i128,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of the Job's own"
)]
pub(crate) struct JobFacts {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) marker: String,
    pub(crate) uid: String,
    pub(crate) version: String,
    pub(crate) created_at: Timestamp,
    pub(crate) partition: Option<String>,
    pub(crate) deleting: bool,
    pub(crate) suspended: bool,
    pub(crate) restartable: bool,
    pub(crate) is_array: bool,
    pub(crate) completions: u32,
    pub(crate) requests: Requests,
    pub(crate) walltime_seconds: u64,
    pub(crate) started: Option<Timestamp>,
    pub(crate) verdict: Option<Verdict>,
    /// Why the cluster took a pod of it away: see [`View::taken_away`](crate::states::View::taken_away).
    pub(crate) taken_away: Option<Reason>,
    /// What it is held for, if this adapter holds it.
    pub(crate) after: Option<Vec<RemoteAfter>>,
    pub(crate) later_queue: Option<String>,
    pub(crate) queue: Option<String>,
    /// It has the name of a queue that there is not: see [`names::NO_QUEUE`].
    pub(crate) parked: bool,
    pub(crate) start_time: Option<Timestamp>,
    pub(crate) completion_time: Option<Timestamp>,
    pub(crate) active: u32,
    pub(crate) failed: u32,
    pub(crate) completed_indexes: String,
    pub(crate) failed_indexes: String,
    /// Only those that are true.
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terminated {
    pub(crate) exit_code: i32,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
}

/// A reason in one word, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reason {
    pub(crate) word: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodFacts {
    pub(crate) name: String,
    pub(crate) job_uid: String,
    pub(crate) index: u32,
    pub(crate) created_at: Option<Timestamp>,
    /// When its node's kubelet took it.
    pub(crate) taken_at: Option<Timestamp>,
    pub(crate) phase: String,
    /// The pod's own: `DeadlineExceeded`, `Evicted`, `NodeLost`.
    pub(crate) reason: Option<Reason>,
    pub(crate) deleting: bool,
    /// The API server no longer has it.
    pub(crate) gone: bool,
    pub(crate) unscheduled: Option<Reason>,
    pub(crate) disruption: Option<Reason>,
    pub(crate) disrupted_at: Option<Timestamp>,
    pub(crate) waiting: Option<Reason>,
    pub(crate) running_since: Option<Timestamp>,
    pub(crate) terminated: Option<Terminated>,
}

impl JobFacts {
    /// `None` for a Job without our marker, or without what every stored object has.
    pub(crate) fn of(job: &Job) -> Option<Self> {
        let meta = &job.metadata;
        let spec = job.spec.as_ref()?;
        let note = |key: &str| meta.annotations.as_ref()?.get(key).cloned();
        let label = |key: &str| meta.labels.as_ref()?.get(key).cloned();
        let unset = JobStatus::default();
        let status = job.status.as_ref().unwrap_or(&unset);
        let pod = spec.template.spec.as_ref();
        let walltime = pod.and_then(|pod| pod.active_deadline_seconds);
        Some(Self {
            marker: label(names::ATTEMPT)?,
            name: meta.name.clone()?,
            namespace: meta.namespace.clone()?,
            uid: meta.uid.clone()?,
            version: meta.resource_version.clone().unwrap_or_default(),
            created_at: time(meta.creation_timestamp.as_ref())?,
            partition: note(names::PARTITION),
            deleting: meta.deletion_timestamp.is_some(),
            suspended: spec.suspend.unwrap_or(false),
            restartable: note(names::RESTARTABLE).is_some(),
            is_array: note(names::ARRAY).is_some(),
            completions: count(spec.completions).max(1),
            requests: pod.map(requests).unwrap_or_default(),
            walltime_seconds: walltime.and_then(|s| u64::try_from(s).ok()).unwrap_or(0),
            started: note(names::STARTED).and_then(|text| text.parse().ok()),
            verdict: note(names::VERDICT).and_then(|text| serde_json::from_str(&text).ok()),
            taken_away: note(names::TAKEN_AWAY).and_then(|text| serde_json::from_str(&text).ok()),
            after: note(names::AFTER).map(|text| serde_json::from_str(&text).unwrap_or_default()),
            later_queue: note(names::LATER_QUEUE),
            queue: label(names::QUEUE).filter(|queue| queue != names::NO_QUEUE),
            parked: label(names::QUEUE).is_some_and(|queue| queue == names::NO_QUEUE),
            start_time: time(status.start_time.as_ref()),
            completion_time: time(status.completion_time.as_ref()),
            active: count(status.active),
            failed: count(status.failed),
            completed_indexes: status.completed_indexes.clone().unwrap_or_default(),
            failed_indexes: status.failed_indexes.clone().unwrap_or_default(),
            conditions: conditions(status),
        })
    }

    /// Whether it is the very Job: a name can be given again once the Job is gone, the uid cannot.
    pub(crate) fn is(&self, job: &RemoteRef) -> bool {
        self.marker == job.marker
            && self.uid == job.remote_id.0
            && self.created_at == job.submitted_at
    }

    pub(crate) fn remote_id(&self) -> RemoteId {
        RemoteId(self.uid.clone())
    }

    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.kind == kind)
    }

    /// When this adapter ended it while it stood still; none of its pods can be made after that.
    pub(crate) fn put_down_at(&self) -> Option<Timestamp> {
        self.verdict.as_ref()?.at
    }

    /// Every pod has really ended. `FailureTarget` and `SuccessCriteriaMet` come first and only say what
    /// it will be; with a lost node the two can be far apart.
    pub(crate) fn is_over(&self) -> bool {
        self.put_down_at().is_some() || self.has_ended()
    }

    /// By its controller.
    pub(crate) fn has_ended(&self) -> bool {
        self.condition("Complete").is_some() || self.condition("Failed").is_some()
    }

    /// When it was over, by the Job.
    pub(crate) fn over_at(&self) -> Option<Timestamp> {
        let failed = self.condition("Failed").and_then(|c| c.at);
        self.put_down_at()
            .or(self.completion_time)
            .or(failed)
            .or_else(|| self.condition("Complete").and_then(|c| c.at))
    }
}

impl PodFacts {
    pub(crate) fn of(pod: &Pod) -> Option<Self> {
        let meta = &pod.metadata;
        let label = |key: &str| meta.labels.as_ref()?.get(key).cloned();
        let unset = PodStatus::default();
        let status = pod.status.as_ref().unwrap_or(&unset);
        let state = main_state(status);
        let reason = |word: Option<&String>, message: Option<&String>| {
            word.map(|word| Reason {
                word: word.clone(),
                message: message.cloned().unwrap_or_default(),
            })
        };
        let condition = |kind: &str, value: &str| {
            let mut all = status.conditions.iter().flatten();
            all.find(|c| c.type_ == kind && c.status == value)
        };
        let unscheduled = condition("PodScheduled", "False");
        let disrupted = condition("DisruptionTarget", "True");
        let waiting = state.and_then(|state| state.waiting.as_ref());
        Some(Self {
            name: meta.name.clone()?,
            job_uid: owner(meta)?,
            index: label(names::INDEX)
                .and_then(|text| text.parse().ok())
                .unwrap_or(0),
            created_at: time(meta.creation_timestamp.as_ref()),
            taken_at: time(status.start_time.as_ref()),
            phase: status.phase.clone().unwrap_or_default(),
            reason: reason(status.reason.as_ref(), status.message.as_ref()),
            deleting: meta.deletion_timestamp.is_some(),
            gone: false,
            unscheduled: unscheduled.and_then(|c| reason(c.reason.as_ref(), c.message.as_ref())),
            disruption: disrupted.and_then(|c| reason(c.reason.as_ref(), c.message.as_ref())),
            disrupted_at: disrupted.and_then(|c| time(c.last_transition_time.as_ref())),
            waiting: waiting.and_then(|w| reason(w.reason.as_ref(), w.message.as_ref())),
            running_since: state
                .and_then(|state| state.running.as_ref())
                .and_then(|running| time(running.started_at.as_ref())),
            terminated: state.and_then(terminated),
        })
    }

    /// When the user's code began, if it did.
    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        let ended = self.terminated.as_ref();
        // A container that could not be started has the epoch as its start.
        let started = ended
            .and_then(|t| t.started_at)
            .filter(|t| t.as_second() > 0);
        self.running_since.or(started)
    }

    pub(crate) fn finished_at(&self) -> Option<Timestamp> {
        self.terminated.as_ref().and_then(|t| t.finished_at)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.terminated.is_some() || self.is_settled()
    }

    /// Its kubelet has said all: the container's end comes a second before the phase and the reason.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    /// By the cluster (preemption, drain), and before its code had ended.
    pub(crate) fn is_taken_away(&self) -> bool {
        let times = self.finished_at().zip(self.disrupted_at);
        let ended_before = times.is_some_and(|(end, told)| end < told);
        self.disruption.is_some() && self.deleting && !ended_before
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running_since.is_some() && !self.gone
    }
}

fn main_state(status: &PodStatus) -> Option<&ContainerState> {
    let containers = status.container_statuses.as_deref()?;
    let main = containers.iter().find(|c| c.name == names::CONTAINER)?;
    main.state.as_ref()
}

fn terminated(state: &ContainerState) -> Option<Terminated> {
    let ended = state.terminated.as_ref()?;
    Some(Terminated {
        exit_code: ended.exit_code,
        reason: ended.reason.clone().unwrap_or_default(),
        message: ended.message.clone().unwrap_or_default(),
        started_at: time(ended.started_at.as_ref()),
        finished_at: time(ended.finished_at.as_ref()),
    })
}

fn owner(meta: &ObjectMeta) -> Option<String> {
    if let Some(uid) = meta.labels.as_ref()?.get(names::CONTROLLER_UID) {
        return Some(uid.clone());
    }
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    let job = owners.iter().find(|owner| owner.kind == "Job")?;
    Some(job.uid.clone())
}

fn conditions(status: &JobStatus) -> Vec<Condition> {
    let all = status.conditions.as_deref().unwrap_or_default();
    all.iter()
        .filter(|condition| condition.status == "True")
        .map(|condition| Condition {
            kind: condition.type_.clone(),
            reason: condition.reason.clone().unwrap_or_default(),
            message: condition.message.clone().unwrap_or_default(),
            at: time(condition.last_transition_time.as_ref()),
        })
        .collect()
}

/// What a pod asks for; accelerators are the extended resources among its limits.
pub(crate) fn requests(pod: &k8s_openapi::api::core::v1::PodSpec) -> Requests {
    let mut sum = Requests::default();
    for container in &pod.containers {
        let Some(resources) = &container.resources else {
            continue;
        };
        let limits = resources.limits.iter().flatten();
        let asked = resources.requests.iter().flatten();
        let of = |name: &str| {
            let mut either = asked.clone().chain(limits.clone());
            let found = either.find(|(key, _)| *key == name);
            found.and_then(|(_, q)| quantity::milli(&q.0)).unwrap_or(0)
        };
        sum.cpu += of("cpu");
        sum.memory += of("memory");
        let extended = limits.clone().filter(|(key, _)| is_accelerator(key));
        let gpus = extended.filter_map(|(_, q)| quantity::milli(&q.0));
        sum.gpus += gpus.sum::<i128>();
    }
    sum
}

/// Extended resources have a domain; `hugepages-2Mi` and `cpu` have none.
pub(crate) fn is_accelerator(resource: &str) -> bool {
    resource.contains('/')
}

pub(crate) fn time(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

pub(crate) fn count(number: Option<i32>) -> u32 {
    number
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or(0)
}
