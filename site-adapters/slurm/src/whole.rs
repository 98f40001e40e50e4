//! One remote job from all that is told of it: an array's tasks, and the pieces between requeues.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use site_adapter::{Activity, RemoteJob, RemoteRef, TaskCounts, outcome_of_tasks};

use crate::record::JobRecord;
use crate::states::Phase;

/// What the adapter tells of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) activity: Activity,
    pub(crate) tasks: Option<TaskCounts>,
}

impl Whole {
    pub(crate) const fn single(activity: Activity) -> Self {
        Self {
            activity,
            tasks: None,
        }
    }

    pub(crate) fn remote(self, job: &RemoteRef) -> RemoteJob {
        RemoteJob {
            marker: job.marker.clone(),
            remote_id: job.remote_id.clone(),
            submitted_at: job.submitted_at,
            activity: self.activity,
            tasks: self.tasks,
        }
    }
}

/// The records of one remote job: one, or one for each task and for those that wait together.
///
/// Of several pieces of the same, and of two sources for the same, the latest counts: give the
/// source that is believed last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    single: Option<JobRecord>,
    /// Shared: those that wait together have one record.
    tasks: BTreeMap<u32, Arc<JobRecord>>,
    /// Whether the record with the array's own id was seen: it is the last task's, or stands for
    /// those that wait.
    has_last: bool,
}

impl Records {
    pub(crate) fn of<'a>(records: impl IntoIterator<Item = &'a JobRecord>) -> Option<Self> {
        let mut all = Self::default();
        for record in records {
            all.add(record);
        }
        all.take_in_the_rest();
        (all.single.is_some() || !all.tasks.is_empty()).then_some(all)
    }

    /// 22.05's accounting forgets of the tasks that were cancelled while they waited that they are an
    /// array's: they stand in one record, and count as one task.
    fn take_in_the_rest(&mut self) {
        let Some(last) = self.tasks.keys().next_back().copied() else {
            return;
        };
        if let Some(rest) = self.single.take().filter(|_| !self.has_last) {
            self.has_last = true;
            self.tasks.insert(last.saturating_add(1), Arc::new(rest));
        }
    }

    pub(crate) fn add(&mut self, record: &JobRecord) {
        let Some(task) = &record.task else {
            let is_newer = |known: &JobRecord| known.submitted_at <= record.submitted_at;
            if self.single.as_ref().is_none_or(is_newer) {
                self.single = Some(record.clone());
            }
            return;
        };
        self.has_last |= record.id == task.array;
        let shared = Arc::new(record.clone());
        for index in &task.indices {
            let known = self.tasks.get(index);
            if known.is_none_or(|known| known.submitted_at <= record.submitted_at) {
                self.tasks.insert(*index, Arc::clone(&shared));
            }
        }
    }

    pub(crate) fn is_array(&self) -> bool {
        !self.tasks.is_empty()
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = (u32, &JobRecord)> {
        self.tasks
            .iter()
            .map(|(index, record)| (*index, record.as_ref()))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &JobRecord> {
        let single = self.single.iter().filter(|_| !self.is_array());
        single.chain(self.tasks.values().map(Arc::as_ref))
    }

    /// No task is missing: they count from 0, and the last has the array's id.
    pub(crate) fn is_complete(&self) -> bool {
        let from_zero = self
            .tasks
            .keys()
            .zip(0..)
            .all(|(index, expected)| *index == expected);
        !self.is_array() || (self.has_last && from_zero)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_complete() && self.all().all(JobRecord::is_over)
    }

    /// `None` if something runs of which no start is known.
    pub(crate) fn whole(&self) -> Option<Whole> {
        if !self.is_array() {
            return self
                .single
                .as_ref()
                .map(|job| Whole::single(job.activity()));
        }
        let tasks = self.counts();
        let started_at = self.all().filter_map(JobRecord::started_at).min();
        let activity = if self.is_over() {
            self.ended(started_at)?
        } else if let Some(started_at) = started_at {
            Activity::Running { started_at }
        } else if tasks.running == 0 {
            self.waiting()?
        } else {
            return None;
        };
        Some(Whole {
            activity,
            tasks: Some(tasks),
        })
    }

    fn counts(&self) -> TaskCounts {
        let mut counts = TaskCounts::default();
        for record in self.tasks.values() {
            let count = match record.state.phase {
                Phase::Waiting => &mut counts.queued,
                Phase::Running | Phase::Unknown => &mut counts.running,
                Phase::Over(broker_model::OutcomeKind::Completed) => &mut counts.completed,
                Phase::Over(_) => &mut counts.failed,
            };
            *count += 1;
        }
        counts
    }

    fn waiting(&self) -> Option<Activity> {
        let waits = |record: &&Arc<JobRecord>| record.state.phase == Phase::Waiting;
        Some(self.tasks.values().find(waits)?.queued())
    }

    fn ended(&self, started_at: Option<Timestamp>) -> Option<Activity> {
        let mut outcomes = Vec::new();
        let mut last = None;
        for (index, record) in self.tasks() {
            if let Activity::Ended {
                ended_at, outcome, ..
            } = record.activity()
            {
                last = last.max(Some(ended_at));
                outcomes.push((index, outcome));
            }
        }
        Some(Activity::Ended {
            started_at,
            ended_at: last?,
            outcome: outcome_of_tasks(outcomes)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::OutcomeKind;

    use super::*;
    use crate::record::Task;
    use crate::states::JobState;
    use crate::value::Exit;

    fn record(id: u64, index: Option<u32>, state: &str, at: i64) -> JobRecord {
        let time = |second| Timestamp::from_second(1_700_000_000 + second).unwrap();
        JobRecord {
            id,
            name: "m".to_owned(),
            comment: String::new(),
            state: JobState::parse(&[state.to_owned()]).unwrap(),
            reason: None,
            submitted_at: time(at),
            start: Some(time(at + 1)),
            ended_at: Some(time(at + 2)),
            has_nodes: state != "PENDING" && state != "CANCELLED",
            exit: Exit::default(),
            task: index.map(|index| Task {
                array: 7,
                indices: vec![index],
            }),
            restarts: 0,
            was_killed: Some(true),
            waited: false,
            gpus: None,
            owner: None,
        }
    }

    fn whole(records: &[JobRecord]) -> Whole {
        Records::of(records).unwrap().whole().unwrap()
    }

    #[test]
    fn an_array_is_over_with_its_last_task_and_not_before() {
        let over = [
            record(8, Some(0), "COMPLETED", 0),
            record(7, Some(1), "FAILED", 0),
        ];
        let Activity::Ended { outcome, .. } = whole(&over).activity else {
            panic!("all tasks are over");
        };
        assert_eq!(outcome.kind, OutcomeKind::Failed);
        // The task with the array's own id, the last, is not told of yet.
        let part = [record(8, Some(0), "COMPLETED", 0)];
        assert!(matches!(whole(&part).activity, Activity::Running { .. }));
        let gap = [
            record(8, Some(0), "COMPLETED", 0),
            record(7, Some(2), "COMPLETED", 0),
        ];
        assert!(matches!(whole(&gap).activity, Activity::Running { .. }));
        let waits = [
            record(7, Some(1), "PENDING", 0),
            record(8, Some(0), "COMPLETED", 0),
        ];
        let told = whole(&waits);
        assert!(matches!(told.activity, Activity::Running { .. }));
        let tasks = told.tasks.unwrap();
        assert_eq!((tasks.queued, tasks.completed), (1, 1));
    }

    #[test]
    fn of_the_pieces_of_a_job_the_last_counts() {
        let pieces = [
            record(7, None, "RUNNING", 50),
            record(7, None, "REQUEUED", 0),
        ];
        let Activity::Running { started_at } = whole(&pieces).activity else {
            panic!("it runs again");
        };
        assert_eq!(started_at.as_second(), 1_700_000_051);
    }

    /// 22.05's accounting.
    #[test]
    fn tasks_that_were_cancelled_together_before_they_started_do_not_hold_up_the_end() {
        let told = whole(&[
            record(8, Some(0), "COMPLETED", 0),
            record(7, None, "CANCELLED", 0),
        ]);
        let Activity::Ended { outcome, .. } = told.activity else {
            panic!("{told:?}");
        };
        assert_eq!(outcome.kind, OutcomeKind::Cancelled);
    }
}
