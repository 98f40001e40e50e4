use broker_model::{Outcome, OutcomeKind};
use site_adapter::{Activity, Error, ErrorKind, RemoteJob, Result, TaskCounts};

use crate::adapter::PbsAdapter;
use crate::record::JobRecord;
use crate::states::outcome;

impl PbsAdapter {
    /// An array that is over. The parent says that something failed, and not what.
    pub(super) async fn ended_array(
        &self,
        user: &str,
        marker: &str,
        parent: &JobRecord,
    ) -> Result<RemoteJob> {
        let mut tasks = self.tasks_of(user, &parent.id).await?;
        if tasks.is_empty() && parent.has_started() {
            let message = format!("job {} had tasks, and they are not told of", parent.id);
            return Err(Error::new(ErrorKind::Unavailable, "qstat -t", message));
        }
        tasks.sort_by_key(JobRecord::task_index);
        let own = self.task_records(user, marker).await?;
        let ends: Vec<Outcome> = tasks
            .iter()
            .map(|task| {
                let record = task.task_index().and_then(|index| own.get(&index));
                outcome(&task.end(record))
            })
            .collect();
        let parent = parent.clone().started_with(&tasks);
        let mut told = parent.remote(marker, parent.activity(None));
        let is_done = |end: &&Outcome| end.kind == OutcomeKind::Completed;
        let completed = ends.iter().filter(is_done).count();
        told.tasks = Some(TaskCounts {
            queued: 0,
            running: 0,
            completed: u32::try_from(completed).unwrap_or(u32::MAX),
            failed: u32::try_from(ends.len() - completed).unwrap_or(u32::MAX),
        });
        if let (Activity::Ended { outcome, .. }, Some(whole)) = (&mut told.activity, whole(&ends)) {
            *outcome = whole;
        }
        Ok(told)
    }
}

/// Completed if every task is; otherwise the failing kind that most have, the first task's where two
/// have as many. `None` without tasks: it was over before any began.
pub(crate) fn whole(ends: &[Outcome]) -> Option<Outcome> {
    let first = ends.first()?;
    let mut kinds: Vec<(OutcomeKind, usize)> = Vec::new();
    for end in ends.iter().filter(|end| end.kind != OutcomeKind::Completed) {
        match kinds.iter_mut().find(|(kind, _)| *kind == end.kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((end.kind, 1)),
        }
    }
    let Some(most) = kinds.iter().map(|(_, count)| *count).max() else {
        return Some(first.clone());
    };
    let (kind, _) = *kinds.iter().find(|(_, count)| *count == most)?;
    let worst = ends.iter().find(|end| end.kind == kind)?;
    let failed: usize = kinds.iter().map(|(_, count)| count).sum();
    let counts: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} {}", kind_word(*kind)))
        .collect();
    Some(Outcome {
        site_words: format!(
            "{failed} of {} tasks failed: {}; the first: {}",
            ends.len(),
            counts.join(", "),
            worst.site_words
        ),
        ..worst.clone()
    })
}

fn kind_word(kind: OutcomeKind) -> String {
    format!("{kind:?}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(kind: OutcomeKind, code: i32) -> Outcome {
        Outcome {
            kind,
            exit_code: Some(code),
            signal: None,
            site_words: format!("Exit_status={code}"),
        }
    }

    #[test]
    fn an_array_ends_as_most_of_its_failed_tasks_did() {
        use OutcomeKind::{Completed, Failed, TimedOut};
        let done = whole(&[end(Completed, 0), end(Completed, 0)]).unwrap();
        assert_eq!((done.kind, done.exit_code), (Completed, Some(0)));
        let mixed = [
            end(Completed, 0),
            end(TimedOut, 1),
            end(Failed, 2),
            end(Failed, 3),
        ];
        let told = whole(&mixed).unwrap();
        assert_eq!((told.kind, told.exit_code), (Failed, Some(2)));
        assert!(
            told.site_words
                .starts_with("3 of 4 tasks failed: 1 timedout, 2 failed"),
            "{}",
            told.site_words
        );
        let tie = whole(&[end(TimedOut, 1), end(Failed, 2)]).unwrap();
        assert_eq!(tie.kind, TimedOut);
        assert_eq!(whole(&[]), None);
    }
}
