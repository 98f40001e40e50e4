//! An array that PBS no longer tells of, by what its tasks' wrappers wrote.

use std::collections::BTreeMap;

use broker_model::{Outcome, OutcomeKind, RemoteId};
use jiff::Timestamp;
use site_adapter::{Activity, RemoteJob, TaskCounts, UsageReport, outcome_of_tasks};

use crate::record_file::RecordFile;

/// Records by the number of their task, one at least.
#[derive(Debug)]
pub(crate) struct OwnArray {
    tasks: BTreeMap<u32, RecordFile>,
    /// The array's own id, `7[].pbshead`.
    id: String,
    started_at: Timestamp,
}

impl OwnArray {
    /// `None` without a record: no task of it was ever started.
    pub(crate) fn new(mut tasks: BTreeMap<u32, RecordFile>) -> Option<Self> {
        tasks.retain(|index, _| *index < MOST_TASKS);
        let first = tasks.values().min_by_key(|task| task.started_at)?;
        let (number, rest) = first.job_id.split_once('[')?;
        let (_, server) = rest.split_once(']')?;
        let (id, started_at) = (format!("{number}[]{server}"), first.started_at);
        Some(Self {
            tasks,
            id,
            started_at,
        })
    }

    pub(crate) fn remote(&self, marker: &str, gone_at: Timestamp) -> RemoteJob {
        let outcomes = self.outcomes(gone_at);
        let good = outcomes
            .iter()
            .filter(|(_, outcome)| outcome.kind == OutcomeKind::Completed);
        let (good, all) = (good.count(), outcomes.len());
        RemoteJob {
            marker: marker.to_owned(),
            remote_id: RemoteId(self.id.clone()),
            submitted_at: self.started_at,
            activity: self.ended(outcomes, gone_at),
            tasks: Some(TaskCounts {
                completed: u32::try_from(good).unwrap_or(u32::MAX),
                failed: u32::try_from(all - good).unwrap_or(u32::MAX),
                ..TaskCounts::default()
            }),
        }
    }

    fn ended(&self, outcomes: Vec<(u32, Outcome)>, gone_at: Timestamp) -> Activity {
        let ends = self.tasks.values().map(RecordFile::ended_at);
        let ended_at = ends.max().flatten().unwrap_or(gone_at);
        match outcome_of_tasks(outcomes) {
            Some(outcome) => Activity::Ended {
                started_at: Some(self.started_at),
                ended_at: ended_at.max(self.started_at),
                outcome,
            },
            None => Activity::Unknown,
        }
    }

    /// Of every task: one without a record was deleted before its turn.
    fn outcomes(&self, gone_at: Timestamp) -> Vec<(u32, Outcome)> {
        let told = self.tasks.values().filter_map(|task| task.tasks).max();
        let seen = self.tasks.keys().next_back().map_or(0, |last| last + 1);
        let size = told.unwrap_or(seen).clamp(seen, MOST_TASKS);
        let outcome = |index| match self.tasks.get(&index).map(|task| task.activity(gone_at)) {
            Some(Activity::Ended { outcome, .. }) => outcome,
            _ => never_began(),
        };
        (0..size).map(|index| (index, outcome(index))).collect()
    }

    /// The counts of one task, and the time of all that have an end.
    pub(crate) fn usage(&self) -> Option<UsageReport> {
        let reports: Vec<UsageReport> = self.tasks.values().filter_map(RecordFile::usage).collect();
        let seconds = reports
            .iter()
            .map(|task| task.ended_at.duration_since(task.started_at).as_secs());
        let seconds = seconds.filter_map(|seconds| u64::try_from(seconds).ok());
        let ended_at = reports.iter().map(|task| task.ended_at).max()?;
        Some(UsageReport {
            started_at: self.started_at,
            ended_at,
            elapsed_seconds: Some(seconds.fold(0, u64::saturating_add)),
            ..reports.first()?.clone()
        })
    }
}

/// PBS's own bound is 10 000; the records are their user's, who may have put any number there.
const MOST_TASKS: u32 = 100_000;

fn never_began() -> Outcome {
    Outcome {
        kind: OutcomeKind::Cancelled,
        exit_code: None,
        signal: None,
        site_words: "PBS keeps no history, and the task was never started".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(index: u32, end: &str) -> (u32, RecordFile) {
        let start = format!("start 7[{index}].pbshead 100 walltime=60 nodes=1 cpus=2 tasks=3");
        (index, RecordFile::parse([start.as_str(), end]).unwrap())
    }

    fn array(tasks: impl IntoIterator<Item = (u32, RecordFile)>) -> OwnArray {
        OwnArray::new(tasks.into_iter().collect()).unwrap()
    }

    #[test]
    fn an_array_that_pbs_forgot_ends_as_its_tasks_wrote() {
        let done = array([
            task(0, "end 0 110"),
            task(1, "end 0 120"),
            task(2, "end 7 130"),
        ]);
        let now = Timestamp::from_second(500).unwrap();
        let told = done.remote("m", now);
        assert_eq!(told.remote_id.0, "7[].pbshead");
        let Activity::Ended {
            outcome, ended_at, ..
        } = told.activity
        else {
            panic!("{told:?}");
        };
        assert_eq!(
            (outcome.kind, outcome.exit_code, ended_at.as_second()),
            (OutcomeKind::Failed, Some(7), 130)
        );
        let counts = told.tasks.unwrap();
        assert_eq!((counts.completed, counts.failed), (2, 1));
        let usage = done.usage().unwrap();
        assert_eq!((usage.cpus, usage.elapsed_seconds), (2, Some(60)));
    }

    #[test]
    fn tasks_that_were_never_started_are_no_success() {
        let now = Timestamp::from_second(500).unwrap();
        let told = array([task(0, "end 0 110")]).remote("m", now);
        let Activity::Ended { outcome, .. } = told.activity else {
            panic!("{told:?}");
        };
        assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{outcome:?}");
        assert_eq!(told.tasks.unwrap().failed, 2);
        assert!(OwnArray::new(BTreeMap::new()).is_none());
    }
}
