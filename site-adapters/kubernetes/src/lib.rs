//! Kubernetes behind [`site_adapter::SiteAdapter`]: `batch/v1` Jobs through the API server, 1.29 and
//! later, with Kueue where the site has it.
//!
//! A Job's name is made of the attempt's id, so a second create answers 409 and is adopted, whoever
//! sent the first; the id stands in the label `alcyone/attempt` of the Job and of its pods too.
//!
//! What never runs twice: `backoffLimit` 0, `restartPolicy` `Never`, a disruption that fails the Job
//! instead of replacing its pod, and a Job that Kueue has evicted gets a parallelism of 0, with which no
//! pod of it is made however often it is admitted, unless the job is restartable.
//!
//! That needs an agent that looks between eviction and admission, and one that saw the job run: Kubernetes
//! has nothing that keeps Kueue from starting a Job again. While no agent runs, or no agent has noted the
//! start, an evicted job can begin a second time. It is then ended as soon as an agent sees it, with those
//! words. Where that must not be, let nothing preempt in the queues of such jobs (`preemption` of the
//! `ClusterQueue`), or run two agents.
//!
//! What is known of an end stands on the Job itself (`alcyone/verdict`), so any agent can tell it. So does
//! why the cluster took a pod away (`alcyone/taken-away`): one that then ends with 0 is a success for its
//! Job, and the pod goes. An agent that did not look while the pod was there tells that one as completed;
//! so does an array with such a task, which its Job counts among the completed ones.
//!
//! The walltime is the pod's `activeDeadlineSeconds`: it counts from when a node has taken the pod, so
//! neither waiting for a node nor for Kueue eats into it, and the kubelet leaves pod and log there. A
//! Job's own deadline counts the wait as well and deletes both.

mod adapter;
mod answer;
mod cache;
mod calls;
mod client;
mod config;
mod credentials;
#[cfg(test)]
mod facts;
mod flows;
#[doc(hidden)]
pub mod fuzzing;
mod logs;
mod manifest;
mod names;
mod quantity;
mod record;
mod script;
mod states;
mod tasks;
mod usage;
mod watch;

pub use adapter::KubernetesAdapter;
pub use config::{Access, KubernetesSettings, PartitionSettings, TolerationSettings};
