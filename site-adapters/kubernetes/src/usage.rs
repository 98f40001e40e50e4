//! What a job used: the run times of its pods, and what is presumed of those that are gone.

use std::collections::BTreeSet;

use jiff::Timestamp;
use site_adapter::UsageReport;

use crate::record::PodFacts;
use crate::states::View;
use crate::{quantity, tasks};

impl View<'_> {
    /// What it used, once it is over; nothing for what never ran.
    pub(crate) fn usage(&self) -> Option<UsageReport> {
        if !self.job.is_over() {
            return None;
        }
        let ended_at = self.ended_at()?;
        let started_at = self.started_at()?.min(ended_at);
        let pods = self.at_once();
        let total = |each: i128| each.saturating_mul(i128::from(pods));
        let requests = self.job.requests;
        Some(UsageReport {
            started_at,
            ended_at,
            elapsed_seconds: self.elapsed(),
            nodes: pods,
            scheduler_gpus: quantity::units(total(requests.gpus)),
            cpus: quantity::units(total(requests.cpu)),
            memory_gib: quantity::gib(total(requests.memory)),
            energy_joules: None,
        })
    }

    /// Pods that are metered together: a task is one.
    const fn at_once(&self) -> u32 {
        if self.job.is_array {
            1
        } else {
            self.job.completions
        }
    }

    fn elapsed(&self) -> Option<u64> {
        let told = self.job.verdict.as_ref().and_then(|v| v.elapsed_seconds);
        told.or_else(|| self.run_time(None))
    }

    /// The run times added up, where they are not one stretch: tasks, and pieces between restarts. Those
    /// that still run count up to `now`.
    pub(crate) fn run_time(&self, now: Option<Timestamp>) -> Option<u64> {
        if !self.job.is_array && !self.job.restartable {
            return None;
        }
        let mut times = self.pods.iter().filter_map(|pod| run_time(pod, now));
        // Without a pod that tells (all were swept up before anybody asked) the Job's own times have to do.
        let sum = times.next()? + times.sum::<u64>();
        let (known, forgotten) = self.known_and_forgotten();
        let presumed = sum.saturating_mul(forgotten) / known.max(1);
        Some((sum.saturating_add(presumed)).div_ceil(u64::from(self.at_once())))
    }

    /// Tasks of which a pod is known, and those that are over and of which none is any more.
    fn known_and_forgotten(&self) -> (u64, u64) {
        let job = self.job;
        if !job.is_array {
            return (1, 0);
        }
        let known: BTreeSet<u32> = self.pods.iter().map(|pod| pod.index).collect();
        let mut over = tasks::indexes(&job.completed_indexes, job.completions);
        over.extend(tasks::indexes(&job.failed_indexes, job.completions));
        over.retain(|index| !known.contains(index));
        let over: BTreeSet<u32> = over.into_iter().collect();
        (known.len() as u64, over.len() as u64)
    }

    /// What is presumed, in words.
    pub(crate) fn estimate(&self) -> Option<String> {
        let told = self.job.verdict.as_ref().and_then(|v| v.elapsed_seconds);
        let (known, forgotten) = self.known_and_forgotten();
        let presumes = told.is_none() && forgotten > 0 && self.run_time(None).is_some();
        presumes.then(|| {
            format!("the run time of {forgotten} tasks whose pods are gone is presumed from {known} others")
        })
    }
}

fn run_time(pod: &PodFacts, now: Option<Timestamp>) -> Option<u64> {
    let end = pod.finished_at().or(now.filter(|_| !pod.gone))?;
    u64::try_from(end.duration_since(pod.started_at()?).as_secs()).ok()
}
