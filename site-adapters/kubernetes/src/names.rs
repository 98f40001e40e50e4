//! Names, labels and annotations under which the cluster keeps what is ours.

use broker_model::AttemptId;
use site_adapter::{Error, ErrorKind, Result};

/// On Jobs, pods and services: the marker.
pub(crate) const ATTEMPT: &str = "alcyone/attempt";
pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub(crate) const OURS: &str = "alcyone";
/// The user's own name for the job.
pub(crate) const JOB_NAME: &str = "alcyone/job-name";
pub(crate) const PARTITION: &str = "alcyone/partition";
/// JSON of `Vec<RemoteAfter>`: what a Job that was created suspended waits for before this adapter
/// lets it go. Empty for one of several nodes, which waits for its service alone.
pub(crate) const AFTER: &str = "alcyone/after";
/// When the user's code was first seen to run. Its pods may be gone when that is asked for.
pub(crate) const STARTED: &str = "alcyone/started";
/// JSON of [`Verdict`](crate::record::Verdict): why this adapter put an end to the Job.
pub(crate) const VERDICT: &str = "alcyone/verdict";
/// JSON of [`Reason`](crate::record::Reason): why the cluster took its pod away. Only the pod says that,
/// and it goes.
pub(crate) const TAKEN_AWAY: &str = "alcyone/taken-away";
pub(crate) const RESTARTABLE: &str = "alcyone/restartable";
pub(crate) const ARRAY: &str = "alcyone/array";
/// The `LocalQueue` that a Job gets once what it waits for is over.
pub(crate) const LATER_QUEUE: &str = "alcyone/queue";

/// The queue label of a Job that this adapter holds, where the site has Kueue: a `LocalQueue` named
/// `default` gives its label to Jobs without one, and would admit what still has to wait.
pub(crate) const NO_QUEUE: &str = "alcyone-held";

pub(crate) const QUEUE: &str = "kueue.x-k8s.io/queue-name";
pub(crate) const QUEUE_PRIORITY: &str = "kueue.x-k8s.io/priority-class";
pub(crate) const KUEUE_JOB_UID: &str = "kueue.x-k8s.io/job-uid";
pub(crate) const INDEX: &str = "batch.kubernetes.io/job-completion-index";
pub(crate) const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";

/// The one container of every pod.
pub(crate) const CONTAINER: &str = "main";

/// `alcyone-` and the 32 digits of the attempt's id: 40 characters. A Job's name may have 63, since it
/// becomes a label, and with an index behind it is its pods' host name.
pub(crate) fn job_name(marker: &str) -> Result<String> {
    let attempt: AttemptId = marker.parse().map_err(|error| {
        Error::new(ErrorKind::Local, "marker", "not an attempt's id").caused_by(error)
    })?;
    let text = attempt.to_string();
    let digits = text.rsplit('_').next().unwrap_or(&text);
    Ok(format!("alcyone-{digits}"))
}

/// Whether the text may stand as one segment in a request's path, as a namespace (RFC 1123 label).
pub(crate) fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A DNS subdomain: names of queues and classes.
pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

/// A label's or resource's key: `nvidia.com/gpu`.
pub(crate) fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text
        .split_once('/')
        .map_or((None, text), |(p, n)| (Some(p), n));
    let is_edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    prefix.is_none_or(is_dns_subdomain)
        && (1..=63).contains(&name.len())
        && is_edge(name.bytes().next())
        && is_edge(name.bytes().last())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: &str = "att_0192f0c1d2e37abc8def0123456789ab";

    #[test]
    fn a_jobs_name_is_a_label_and_leaves_room_for_its_pods() {
        let name = job_name(MARKER).unwrap();
        assert_eq!(name, "alcyone-0192f0c1d2e37abc8def0123456789ab");
        assert!(is_dns_label(&format!("{name}-99999")), "{name}");
    }

    #[test]
    fn a_marker_that_is_no_attempts_id_goes_into_no_path() {
        for marker in ["", "../x", "att_1", "job_0192f0c1d2e37abc8def0123456789ab"] {
            assert_eq!(job_name(marker).unwrap_err().kind, ErrorKind::Local);
        }
    }

    #[test]
    fn what_goes_into_paths_and_labels_is_told_from_what_does_not() {
        for good in ["team-a", "x", "0"] {
            assert!(is_dns_label(good), "{good}");
        }
        for bad in ["", "-a", "a-", "Team", "a.b", "a/b", "a b", &"x".repeat(64)] {
            assert!(!is_dns_label(bad), "{bad}");
        }
        for good in ["nvidia.com/gpu", "gpu.intel.com/i915", "Zone_1"] {
            assert!(is_qualified_name(good), "{good}");
        }
        for bad in ["", "/gpu", "a/", "a/b/c", "bad key!", "-x"] {
            assert!(!is_qualified_name(bad), "{bad}");
        }
    }
}
