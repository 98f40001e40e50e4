//! Kubernetes behind [`site_adapter::SiteAdapter`]: `batch/v1` Jobs through the API server, 1.29 and
//! later, with Kueue where the site has it.
//!
//! A Job's name is made of the attempt's id, so a second create answers 409 and is adopted, whoever
//! sent the first; the id stands in the label `alcyone/attempt` of the Job and of its pods too.
//!
//! What never runs twice: `backoffLimit` 0, `restartPolicy` `Never`, a disruption that fails the Job
//! instead of replacing its pod, and a Job that Kueue has evicted is ended before it is admitted
//! again, unless the job is restartable.
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
#[cfg(test)]
mod facts;
mod flows;
mod logs;
mod manifest;
mod names;
mod quantity;
mod record;
mod script;
mod states;
mod tasks;
mod watch;

pub use adapter::KubernetesAdapter;
pub use config::{Access, KubernetesSettings, PartitionSettings, TolerationSettings};

/// Entry points for the fuzzer: what reads answers from outside.
#[doc(hidden)]
pub mod fuzzing {
    /// Reads an error's body as the adapter does.
    pub fn error_body(status: u16, body: &[u8]) {
        let answer = crate::answer::Answer {
            status,
            body: bytes::Bytes::copy_from_slice(body),
        };
        let _ = answer.refusal("fuzz", crate::answer::Asked::Write);
    }

    /// Reads a Job and a pod, and what they tell together.
    pub fn objects(job: &[u8], pod: &[u8]) {
        crate::record::from_bytes(job, pod);
    }

    pub fn quantity(text: &str) {
        let _ = crate::quantity::milli(text);
    }
}
