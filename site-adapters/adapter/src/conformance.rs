//! What every adapter must do, as tests over `&dyn SiteAdapter`.
//!
//! An adapter's own tests start a real site, describe it in a [`Site`] and call [`all`], or one
//! function after the other where a runner should name them. Each function is one behaviour, waits
//! no longer than [`Site::patience`] for the scheduler, and fails by panicking.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a conformance suite fails by panicking"
)]

mod arrays;
mod condition;
mod dependencies;
mod identity;
mod logs;
mod offer;
mod outcomes;
mod rows;
mod runs;
mod usage;

use std::path::Path;
use std::time::Duration;

use broker_model::{
    AttemptId, Clock, Ids, Outcome, OutcomeKind, PartitionRef, RemoteId, Resources, Walltime,
};
use jiff::Timestamp;

pub use arrays::{
    an_array_ends_as_its_failing_tasks_do, an_array_is_cancelled_as_a_whole,
    an_array_runs_as_many_tasks_at_once_as_it_may_and_is_metered_by_task,
    every_task_of_an_array_runs_once_with_its_index,
};
pub use condition::{Condition, Lack};
pub use dependencies::{
    a_job_after_an_array_waits_for_all_of_its_tasks,
    a_job_after_one_that_failed_runs_only_if_it_waits_for_that,
    a_job_after_one_that_has_ended_is_decided_at_once,
    a_job_that_waits_for_another_can_be_cancelled, a_job_waits_for_the_one_before_it,
};
pub use identity::{
    a_cancel_never_hits_the_job_that_got_the_id_later, a_job_is_found_by_its_marker,
    a_marker_never_submitted_is_proven_absent, poll_leaves_out_what_is_not_ours,
    the_same_attempt_submitted_twice_runs_once,
};
pub use logs::{
    a_log_read_in_pieces_is_the_log_read_at_once, bytes_that_are_no_text_survive,
    the_two_streams_stay_apart,
};
pub use offer::{
    every_subsystem_is_well, the_snapshot_counts_gpus_by_kind, the_snapshot_lists_the_partition,
};
pub use outcomes::{
    a_cancelled_job_ends_cancelled, a_job_of_which_nothing_could_run_is_a_launch_failure,
    a_job_over_its_memory_is_out_of_memory, a_job_over_its_walltime_is_timed_out,
    a_signal_of_the_jobs_own_is_told, an_exit_code_is_told, cancelling_what_has_ended_succeeds,
};
pub use rows::every_row_names_a_test;
pub use runs::{
    a_job_runs_to_its_end, a_name_with_every_allowed_kind_of_character_is_taken,
    a_script_arrives_as_it_was_written, many_jobs_are_polled_at_once,
};
pub use usage::{
    a_job_with_gpus_is_metered_with_them, a_job_with_whole_nodes_is_metered_with_all_of_them,
    usage_is_told_after_the_end_and_not_before,
};

use crate::{
    Activity, LocalAccount, LogStream, RemoteJob, RemoteRef, SiteAdapter, Submission, Submitted,
    Work,
};

/// A real site to try an adapter on.
#[derive(Clone, Debug)]
pub struct Site<'a> {
    pub adapter: &'a dyn SiteAdapter,
    pub account: LocalAccount,
    pub partition: PartitionRef,
    /// Physical GPUs that one node there has; 0 leaves out what is about GPUs.
    pub gpus_per_node: u32,
    pub scheduler_gpus_per_gpu: u32,
    /// The scheduler's own name for those GPUs, to be found in the snapshot.
    pub gpu_kind: Option<&'a str>,
    /// Spoils a job so that nothing of it can run: an image or interpreter that is not there.
    pub launch_failure: Option<fn(&mut Submission)>,
    /// What this rig cannot produce, each with the reason; nothing is left out without one.
    pub lacks: &'a [Lack<'a>],
    /// The shortest walltime the scheduler takes as it is asked; Slurm counts in minutes.
    pub shortest_walltime: Walltime,
    /// The longest one step of a job may take here, the shortest walltime and the scheduler's
    /// period of grace included.
    pub patience: Duration,
    /// Between two looks at the scheduler.
    pub pause: Duration,
    /// A folder that jobs write and the test reads, if there is one.
    pub scratch: Option<&'a Path>,
    pub ids: &'a Ids,
    pub clock: &'a dyn Clock,
}

/// Runs every behaviour, the one that has to wait for a walltime last.
pub async fn all(site: &Site<'_>) {
    every_subsystem_is_well(site).await;
    the_snapshot_lists_the_partition(site).await;
    a_job_runs_to_its_end(site).await;
    a_script_arrives_as_it_was_written(site).await;
    a_name_with_every_allowed_kind_of_character_is_taken(site).await;
    many_jobs_are_polled_at_once(site).await;
    the_same_attempt_submitted_twice_runs_once(site).await;
    a_job_is_found_by_its_marker(site).await;
    a_marker_never_submitted_is_proven_absent(site).await;
    poll_leaves_out_what_is_not_ours(site).await;
    a_cancel_never_hits_the_job_that_got_the_id_later(site).await;
    an_exit_code_is_told(site).await;
    a_signal_of_the_jobs_own_is_told(site).await;
    a_cancelled_job_ends_cancelled(site).await;
    cancelling_what_has_ended_succeeds(site).await;
    usage_is_told_after_the_end_and_not_before(site).await;
    a_job_with_gpus_is_metered_with_them(site).await;
    a_log_read_in_pieces_is_the_log_read_at_once(site).await;
    bytes_that_are_no_text_survive(site).await;
    the_two_streams_stay_apart(site).await;
    the_snapshot_counts_gpus_by_kind(site).await;
    a_job_with_whole_nodes_is_metered_with_all_of_them(site).await;
    a_job_of_which_nothing_could_run_is_a_launch_failure(site).await;
    every_task_of_an_array_runs_once_with_its_index(site).await;
    an_array_ends_as_its_failing_tasks_do(site).await;
    an_array_runs_as_many_tasks_at_once_as_it_may_and_is_metered_by_task(site).await;
    an_array_is_cancelled_as_a_whole(site).await;
    a_job_waits_for_the_one_before_it(site).await;
    a_job_after_one_that_failed_runs_only_if_it_waits_for_that(site).await;
    a_job_after_one_that_has_ended_is_decided_at_once(site).await;
    a_job_that_waits_for_another_can_be_cancelled(site).await;
    a_job_after_an_array_waits_for_all_of_its_tasks(site).await;
    a_job_over_its_memory_is_out_of_memory(site).await;
    a_job_over_its_walltime_is_timed_out(site).await;
}

impl Site<'_> {
    /// One node, no GPU, ten minutes, a fresh attempt.
    fn submission(&self, script: &str) -> Submission {
        let attempt: AttemptId = self.ids.next(self.clock);
        Submission {
            attempt,
            account: self.account.clone(),
            work: Work {
                after: Vec::new(),
                array: None,
                restartable: false,
                name: "conformance".to_owned(),
                resources: Resources {
                    nodes: 1,
                    gpus_per_node: 0,
                    gpu_memory_gib: None,
                    cpus_per_node: None,
                    memory_gib_per_node: None,
                    walltime: Walltime::from_seconds(600).unwrap(),
                },
                image: None,
                script: script.to_owned(),
                partition: self.partition.clone(),
                scheduler_gpus_per_gpu: self.scheduler_gpus_per_gpu,
                exclusive: false,
            },
            may_exist: false,
        }
    }

    async fn submit(&self, submission: &Submission) -> RemoteRef {
        let submitted = self.adapter.submit(submission).await.unwrap();
        Self::reference(submission, &submitted)
    }

    fn reference(submission: &Submission, submitted: &Submitted) -> RemoteRef {
        RemoteRef {
            marker: submission.marker(),
            remote_id: submitted.remote_id.clone(),
            submitted_at: submitted.submitted_at,
            account: submission.account.clone(),
        }
    }

    /// A marker that no scheduler has seen, under the given remote id.
    fn stranger(&self, remote_id: RemoteId, submitted_at: Timestamp) -> RemoteRef {
        RemoteRef {
            marker: self.ids.next::<AttemptId>(self.clock).to_string(),
            remote_id,
            submitted_at,
            account: self.account.clone(),
        }
    }

    /// Looks again and again until `look` has an answer, within [`Site::patience`].
    async fn wait_for<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let mut ticks = tokio::time::interval(self.pause);
        let answer = async {
            loop {
                ticks.tick().await;
                if let Some(answer) = look().await {
                    return answer;
                }
            }
        };
        let Ok(answer) = tokio::time::timeout(self.patience, answer).await else {
            panic!("no sign within {:?} that {what}", self.patience);
        };
        answer
    }

    async fn poll_one(&self, job: &RemoteRef) -> Option<RemoteJob> {
        let mut answer = self.adapter.poll(std::slice::from_ref(job)).await.unwrap();
        assert!(answer.len() <= 1, "one job asked, several told: {answer:?}");
        answer.pop()
    }

    async fn wait_until_running(&self, job: &RemoteRef) -> Timestamp {
        self.wait_for("the job runs", async || {
            match self.poll_one(job).await?.activity {
                Activity::Queued { .. } | Activity::Unknown => None,
                Activity::Running { started_at } => Some(started_at),
                ended @ Activity::Ended { .. } => panic!("it ended before it ran: {ended:?}"),
            }
        })
        .await
    }

    async fn wait_until_ended(&self, job: &RemoteRef) -> Outcome {
        self.wait_for("the job ends", async || {
            match self.poll_one(job).await?.activity {
                Activity::Ended { outcome, .. } => Some(outcome),
                Activity::Queued { .. } | Activity::Running { .. } | Activity::Unknown => None,
            }
        })
        .await
    }

    async fn run(&self, submission: &Submission) -> (RemoteRef, Outcome) {
        let job = self.submit(submission).await;
        let outcome = self.wait_until_ended(&job).await;
        (job, outcome)
    }

    /// Runs a script that must succeed.
    async fn complete(&self, script: &str) -> RemoteRef {
        let (job, outcome) = self.run(&self.submission(script)).await;
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
        assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
        job
    }

    /// The whole log, once it has `length` bytes: a shared file system may show them late.
    async fn whole_log(&self, job: &RemoteRef, stream: LogStream, length: usize) -> Vec<u8> {
        self.wait_for("the log is whole", async || {
            let log = self
                .adapter
                .read_log(job, stream, 0, 1 << 20)
                .await
                .unwrap();
            (log.len() >= length).then_some(log)
        })
        .await
    }

    async fn expect_log(&self, job: &RemoteRef, stream: LogStream, expected: &[u8]) {
        let log = self.whole_log(job, stream, expected.len()).await;
        assert!(
            log == expected,
            "{} holds {:?} instead of {:?}",
            stream.as_str(),
            String::from_utf8_lossy(&log),
            String::from_utf8_lossy(expected)
        );
    }
}
