//! What is handed in: plain jobs, arrays, jobs that wait for others, jobs that may be started again.

use std::fmt;

use broker_client::Client;
use broker_model::{After, AfterWhen, ArraySpec, JobId, JobSpec};
use futures::future::join_all;
use integration_tests::JobFile;

use super::lines::ENDED;
use super::scene::Scene;
use crate::crash::hand_in;

/// Handed in at the same time.
const LANES: usize = 4;
const TASKS: u32 = 3;

/// Jobs that are not handed in yet.
pub(super) struct Wishes(Vec<Wish>);

struct Wish {
    spec: JobSpec,
    /// How the job before it in its lane must have ended.
    waits: Option<AfterWhen>,
}

/// One line in the file of starts and ends.
pub(super) struct Line<'a>(pub(super) &'a str, pub(super) Option<u32>);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(index) => write!(f, "{}/{index}", self.0),
            None => f.write_str(self.0),
        }
    }
}

impl Scene {
    pub(super) fn wishes(&self, jobs: usize) -> Wishes {
        Wishes((0..jobs).map(|number| self.wish(number)).collect())
    }

    fn wish(&self, number: usize) -> Wish {
        let (work, code) = match number % 10 {
            7 => ("true", 3),
            1 | 2 => ("sleep 0.5", 0),
            _ => ("true", 0),
        };
        let line = "$ALCYONE_JOB_NAME${ALCYONE_ARRAY_INDEX:+/$ALCYONE_ARRAY_INDEX}";
        let file = &self.starts.0;
        let script = format!(
            "echo \"{line}\" >> {file}\n{work}\necho \"{line}{ENDED}\" >> {file}\nexit {code}"
        );
        let name = format!("fault-{number:05}");
        let job = JobFile::new(self.installation.project(), &name, &script);
        let mut spec = job.only_at(self.site.id.as_str()).0;
        spec.placement.restartable = matches!(number % 10, 2 | 6);
        spec.array = (number % 10 == 3).then_some(ArraySpec {
            tasks: TASKS,
            at_once: (number % 20 == 3).then_some(2),
        });
        // Four numbers on: 5 waits for 1, and 9 for 5, neither of which fails.
        let waits = match number % 10 {
            5 => Some(AfterWhen::Ended),
            9 => Some(AfterWhen::Completed),
            _ => None,
        };
        Wish { spec, waits }
    }
}

impl Wishes {
    /// Each until it is accepted.
    pub(super) async fn hand_in(&self, client: &Client) {
        let lanes = (0..LANES).map(|lane| async move {
            let mut before = None;
            for wish in self.0.iter().skip(lane).step_by(LANES) {
                before = Some(hand_in(client, &wish.after(before)).await.id);
            }
        });
        join_all(lanes).await;
    }
}

impl Wish {
    fn after(&self, before: Option<JobId>) -> JobSpec {
        let mut spec = self.spec.clone();
        let after = self.waits.zip(before);
        spec.after
            .extend(after.map(|(when, job)| After { job, when }));
        spec
    }
}

/// The tasks of a job: the one that is no array's has no index.
pub(super) fn tasks(spec: &JobSpec) -> Vec<Option<u32>> {
    match spec.array {
        Some(array) => (0..array.tasks).map(Some).collect(),
        None => vec![None],
    }
}
