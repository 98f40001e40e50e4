//! Questions to slurmctld about one job each, for what the bulk queries of a tick leave open and one
//! more of those does not answer (`together.rs`).
//!
//! A few at a time, and no more in this tick once it is silent: an slurmrestd without its slurmctld
//! takes 20 s for each, and meanwhile submissions and cancellations wait for the same places.

use futures::future::join_all;
use site_adapter::{Error, ErrorKind, RemoteRef, Result};

use crate::adapter::{SlurmAdapter, plain_id};
use crate::known::Sight;
use crate::record::JobRecord;
use crate::whole::{Records, Whole};

pub(super) const MOST_QUESTIONS: usize = 64;
/// Two, so that a single job that nobody can tell of is not taken for a silent slurmctld.
pub(super) const AT_FIRST: usize = 2;
const AT_ONCE: usize = 4;

pub(super) struct Question<'a> {
    pub(super) position: usize,
    pub(super) job: &'a RemoteRef,
    /// slurmctld's word in this tick, where it tells states.
    pub(super) sight: Sight,
    pub(super) believed: Believed,
}

pub(super) enum Believed {
    /// What slurmctld says of the job, or else this. Tasks of an array that slurmctld has forgotten
    /// are as the accounting has them.
    Answer(Option<Whole>, Option<Box<Records>>),
    /// This, if slurmctld has the job.
    IfThere(Whole),
}

impl SlurmAdapter {
    /// Asks about the jobs that slurmctld was asked for longest ago, so many; returns the positions of those
    /// that are gone. What a question that fails was about stays as it was.
    ///
    /// With `is_only_word` nothing else tells that slurmctld is alive in this tick: its silence is
    /// an error then.
    pub(super) async fn ask_singly(
        &self,
        mut questions: Vec<Question<'_>>,
        most: usize,
        is_only_word: bool,
    ) -> Result<Vec<usize>> {
        questions.sort_by_cached_key(|question| self.known.looked_at(question.job));
        questions.truncate(most);
        let mut gone = Vec::new();
        let mut left = questions.into_iter();
        let mut size = AT_FIRST;
        loop {
            let some: Vec<Question<'_>> = left.by_ref().take(size).collect();
            if some.is_empty() {
                return Ok(gone);
            }
            let answers = join_all(some.iter().map(|question| self.ask_for(question.job))).await;
            let is_silent = answers.iter().all(is_unavailable);
            for (question, answer) in some.into_iter().zip(answers) {
                gone.extend(self.take_in(question, answer));
            }
            if is_silent && is_only_word && size == AT_FIRST {
                return Err(silent());
            }
            if is_silent {
                return Ok(gone);
            }
            size = AT_ONCE;
        }
    }

    /// The job as slurmctld has it, or its tasks.
    async fn ask_for(&self, job: &RemoteRef) -> Result<Vec<JobRecord>> {
        let mut seen = self.jobs(&job.account.user, plain_id(job)?).await?;
        seen.retain(|seen| seen.is(job));
        Ok(seen)
    }

    /// Takes in an answer; returns the job's position if it is gone.
    pub(super) fn take_in(
        &self,
        question: Question<'_>,
        answer: Result<Vec<JobRecord>>,
    ) -> Option<usize> {
        let (job, now) = (question.job, self.clock.now());
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let remote_id = &job.remote_id;
                tracing::warn!(
                    %error, remote.id = %remote_id,
                    "a job stays as it was: slurmctld could not be asked for it"
                );
                self.known.asked_in_vain(job, now);
                return None;
            }
        };
        let there = !answer.is_empty();
        let whole = match question.believed {
            Believed::Answer(otherwise, _) if !there => otherwise,
            Believed::Answer(_, records) => match with_the_forgotten(records, &answer).whole() {
                None => {
                    self.known.asked_in_vain(job, now);
                    return None;
                }
                told => told,
            },
            Believed::IfThere(whole) => there.then_some(whole),
        };
        let Some(whole) = whole else {
            return Some(question.position);
        };
        if there && whole.tasks.is_some() {
            let own = answer.iter().map(|task| task.id);
            self.known
                .has_own_ids(job, own.chain(self.known.own_ids(job)).collect());
        }
        let seen = (now, true);
        self.known.told(&job.marker, question.sight, whole, seen);
        None
    }
}

/// What slurmctld tells, over what the accounting has of an array.
fn with_the_forgotten(records: Option<Box<Records>>, answer: &[JobRecord]) -> Records {
    let array = records.filter(|records| records.is_array());
    let mut all = array.map_or_else(Records::default, |records| *records);
    for record in answer {
        all.add(record);
    }
    all
}

fn is_unavailable(answer: &Result<Vec<JobRecord>>) -> bool {
    matches!(answer, Err(error) if error.kind == ErrorKind::Unavailable)
}

fn silent() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "poll",
        "slurmctld does not answer, and the accounting alone is no proof of life",
    )
}
