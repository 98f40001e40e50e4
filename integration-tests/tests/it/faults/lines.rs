//! The lines that jobs leave in one file, as they start and as they end. Whoever wrote first stands
//! first, whatever a clock shows: it is one file, on one machine.

use std::collections::BTreeMap;

use broker_model::JobSpec;
use integration_tests::JobFile;

use super::wishes::{Line, tasks};

/// What stands behind the line of an end.
pub(super) const ENDED: &str = " ended";

/// Where each line stands.
pub(super) struct Lines<'a>(BTreeMap<&'a str, Vec<usize>>);

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut lines: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            lines.entry(line).or_default().push(at);
        }
        Self(lines)
    }

    /// What does not stand there once for each task, start and end, or is of no job.
    pub(super) fn amiss<'s>(&self, jobs: impl IntoIterator<Item = &'s JobSpec>) -> Vec<String> {
        let mut left = self.0.clone();
        let mut amiss = Vec::new();
        for line in jobs
            .into_iter()
            .flat_map(|job| [starts(job), ends(job)].concat())
        {
            let times = left.remove(line.as_str()).map_or(0, |at| at.len());
            if times != 1 {
                amiss.push(format!("{line}: {times} times"));
            }
        }
        amiss.extend(left.keys().map(|line| format!("{line}: of no job")));
        amiss
    }

    /// Whether no task of a job started before every task of another was over.
    pub(super) fn is_after(&self, job: &JobSpec, before: &JobSpec) -> bool {
        let at = |lines: Vec<String>| -> Vec<usize> {
            let at = lines.iter().filter_map(|line| self.0.get(line.as_str()));
            at.flatten().copied().collect()
        };
        let last = at(ends(before)).into_iter().max();
        last.is_some() && at(starts(job)).into_iter().min() > last
    }
}

fn starts(job: &JobSpec) -> Vec<String> {
    let tasks = tasks(job).into_iter();
    tasks
        .map(|task| Line(&job.name, task).to_string())
        .collect()
}

fn ends(job: &JobSpec) -> Vec<String> {
    let starts = starts(job).into_iter();
    starts.map(|start| start + ENDED).collect()
}

#[test]
fn a_line_that_is_missing_or_there_twice_or_of_nobody_is_seen_and_one_out_of_turn() {
    let project = "prj_00000000000000000000000000000001".parse().unwrap();
    let job = |name: &str| JobFile::new(project, name, "").0;
    let (a, b) = (job("a"), job("b"));
    let amiss = |text: &str| Lines::of(text).amiss([&a, &b]);
    assert_eq!(amiss("a\na ended\nb\nb ended\n"), [""; 0]);
    let seen = ["a: 2 times", "b ended: 0 times", "c: of no job"];
    assert_eq!(amiss("a\na\na ended\nc\nb\n"), seen);
    let in_order = |text: &str| Lines::of(text).is_after(&b, &a);
    assert!(in_order("a\na ended\nb\nb ended\n"));
    assert!(!in_order("a\nb\na ended\nb ended\n"));
    assert!(!in_order("a\nb\nb ended\n"), "it never ended");
}
