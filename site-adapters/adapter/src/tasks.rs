use std::cmp::Reverse;

use broker_model::{Outcome, OutcomeKind};

/// Failing kinds with their tasks are told of so many; a site's words are one line.
const MOST_TOLD: usize = 5;

/// The outcome of an array from those of its tasks, each with its index, all of them over.
///
/// Completed if every task is; otherwise the failing kind that most tasks have, of equally many the
/// one whose first task comes first, with that task's exit code and signal. `None` without tasks.
pub fn outcome_of_tasks(mut tasks: Vec<(u32, Outcome)>) -> Option<Outcome> {
    tasks.sort_by_key(|(index, _)| *index);
    let all = tasks.len();
    let failed: Vec<&(u32, Outcome)> = tasks.iter().filter(|task| !is_good(&task.1)).collect();
    // One entry a kind, with its first task.
    let mut kinds: Vec<(usize, &(u32, Outcome))> = Vec::new();
    for task in &failed {
        match kinds.iter_mut().find(|kind| kind.1.1.kind == task.1.kind) {
            Some(kind) => kind.0 += 1,
            None => kinds.push((1, task)),
        }
    }
    let worst = kinds.iter().max_by_key(|kind| (kind.0, Reverse(kind.1.0)));
    let Some((_, (_, worst))) = worst else {
        let (_, first) = tasks.first()?;
        return Some(Outcome {
            site_words: format!("{all} tasks {}", first.site_words),
            ..first.clone()
        });
    };
    let told: Vec<String> = failed
        .iter()
        .take(MOST_TOLD)
        .map(|(index, outcome)| format!("{index} {}", outcome.site_words))
        .collect();
    let more = match failed.len().saturating_sub(told.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(Outcome {
        site_words: format!(
            "{} of {all} tasks failed: {}{more}",
            failed.len(),
            told.join(", ")
        ),
        ..worst.clone()
    })
}

fn is_good(outcome: &Outcome) -> bool {
    outcome.kind == OutcomeKind::Completed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(kind: OutcomeKind, exit_code: Option<i32>, words: &str) -> Outcome {
        Outcome {
            kind,
            exit_code,
            signal: None,
            site_words: words.to_owned(),
        }
    }

    fn good() -> Outcome {
        end(OutcomeKind::Completed, Some(0), "COMPLETED")
    }

    #[test]
    fn an_array_completes_only_with_every_task() {
        let all = outcome_of_tasks(vec![(0, good()), (1, good())]).unwrap();
        assert_eq!(
            all,
            end(OutcomeKind::Completed, Some(0), "2 tasks COMPLETED")
        );
        assert_eq!(outcome_of_tasks(Vec::new()), None);
    }

    #[test]
    fn the_kind_of_most_failing_tasks_is_told_with_the_words_of_each() {
        let failed = || end(OutcomeKind::Failed, Some(3), "FAILED NonZeroExitCode");
        let late = || end(OutcomeKind::TimedOut, None, "TIMEOUT");
        let tasks = vec![(7, late()), (3, failed()), (0, good()), (8, late())];
        let told = outcome_of_tasks(tasks).unwrap();
        let words = "3 of 4 tasks failed: 3 FAILED NonZeroExitCode, 7 TIMEOUT, 8 TIMEOUT";
        assert_eq!(told, end(OutcomeKind::TimedOut, None, words));
        let tie = outcome_of_tasks(vec![(2, late()), (1, failed())]).unwrap();
        assert_eq!(tie.kind, OutcomeKind::Failed);
    }

    #[test]
    fn the_words_of_ten_thousand_failing_tasks_are_one_line() {
        let failed = |index| (index, end(OutcomeKind::Failed, Some(1), "FAILED"));
        let told = outcome_of_tasks((0..10_000).map(failed).collect()).unwrap();
        assert!(
            told.site_words.ends_with("4 FAILED and 9995 more"),
            "{told:?}"
        );
    }
}
