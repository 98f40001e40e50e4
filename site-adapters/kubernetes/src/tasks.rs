//! Arrays: one Indexed Job, each index with its own end (`backoffLimitPerIndex` 0).

use std::collections::BTreeMap;

use broker_model::{ArraySpec, Outcome, OutcomeKind};
use site_adapter::TaskCounts;

use crate::record::{JobFacts, PodFacts};
use crate::states::{outcome as plain, pod_outcome};

/// Tasks that are named in an outcome's words.
const MOST_NAMED: usize = 10;

/// The indexes in `1,3-5`, each once; what is no number is left out, and nothing beyond `below` is told,
/// nor beyond what an array of ours has. Kubernetes lists them in increasing order
/// (`batch/v1.JobStatus`); one that is not is left out, so that no text costs more than an array.
pub(crate) fn indexes(text: &str, below: u32) -> Vec<u32> {
    let below = below.min(ArraySpec::MAX_TASKS);
    let (mut all, mut next) = (Vec::new(), 0);
    for part in text.split(',').map(str::trim) {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(from), Ok(to)) = (from.parse::<u32>(), to.parse::<u32>()) {
            let end = to.saturating_add(1).min(below);
            all.extend(from.max(next)..end);
            next = next.max(end);
        }
    }
    all
}

pub(crate) fn counts(job: &JobFacts, pods: &[PodFacts]) -> TaskCounts {
    let size = |text: &str| u32::try_from(indexes(text, job.completions).len()).unwrap_or(u32::MAX);
    let completed = size(&job.completed_indexes);
    let mut failed = size(&job.failed_indexes);
    let over = completed.saturating_add(failed);
    if job.is_over() {
        // Whatever is not completed by then never will be.
        failed = job.completions.saturating_sub(completed);
    }
    let running = pods.iter().filter(|pod| pod.is_running()).count();
    let running = u32::try_from(running)
        .unwrap_or(u32::MAX)
        .min(job.completions.saturating_sub(over));
    let running = if job.is_over() { 0 } else { running };
    let told = completed.saturating_add(failed).saturating_add(running);
    TaskCounts {
        queued: job.completions.saturating_sub(told),
        running,
        completed,
        failed,
    }
}

/// The failing kind that most tasks have; of two, the one with the lowest index.
pub(crate) fn outcome(job: &JobFacts, pods: &[PodFacts], own_words: &str) -> Outcome {
    let failed = failures(job, pods);
    let mut votes: Vec<(OutcomeKind, usize)> = Vec::new();
    for outcome in failed.values() {
        match votes.iter_mut().find(|(kind, _)| *kind == outcome.kind) {
            Some((_, count)) => *count += 1,
            None => votes.push((outcome.kind, 1)),
        }
    }
    // `max_by_key` takes the last of equals.
    let worst = votes.iter().rev().max_by_key(|(_, count)| *count);
    let kind = worst.map_or(OutcomeKind::Failed, |(kind, _)| *kind);
    let example = failed.values().find(|outcome| outcome.kind == kind);
    let named = failed
        .iter()
        .take(MOST_NAMED)
        .map(|(index, outcome)| format!("{index} {}", outcome.site_words));
    let named: Vec<String> = named.collect();
    let rest = if failed.len() > MOST_NAMED {
        ", …"
    } else {
        ""
    };
    let words = format!(
        "{} of {} tasks failed: {}{rest}; {own_words}",
        failed.len(),
        job.completions,
        named.join(", ")
    );
    Outcome {
        exit_code: example.and_then(|outcome| outcome.exit_code),
        signal: example.and_then(|outcome| outcome.signal),
        ..plain(kind, None, words)
    }
}

/// Every task that did not complete, with its pod's outcome where that is known.
fn failures(job: &JobFacts, pods: &[PodFacts]) -> BTreeMap<u32, Outcome> {
    let completed = indexes(&job.completed_indexes, job.completions);
    let mut failed: BTreeMap<u32, Outcome> = indexes(&job.failed_indexes, job.completions)
        .into_iter()
        .map(|index| (index, plain(OutcomeKind::Failed, None, "failed".to_owned())))
        .collect();
    let is_open = |pod: &&PodFacts| completed.binary_search(&pod.index).is_err();
    for pod in pods.iter().filter(is_open) {
        if let Some(outcome) = pod_outcome(pod) {
            failed.insert(pod.index, outcome);
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_read_as_the_job_controller_writes_them() {
        assert_eq!(indexes("0,2", 3), [0, 2]);
        assert_eq!(indexes("1,3-5,7", 10), [1, 3, 4, 5, 7]);
        assert_eq!(indexes("", 3), [0_u32; 0]);
        assert_eq!(indexes("x,1-,-2,4-3", 9), [0_u32; 0]);
        assert_eq!(indexes("0-4294967295", 4), [0, 1, 2, 3]);
    }

    #[test]
    fn no_text_of_indexes_is_longer_than_an_array() {
        let most = ArraySpec::MAX_TASKS as usize;
        assert_eq!(indexes("0-4294967295", u32::MAX).len(), most);
        assert_eq!(indexes(&"0-9999,".repeat(1000), u32::MAX).len(), most);
    }
}
