//! Questions to slurmctld about one job each, for what the bulk queries of a tick leave open.
//!
//! A few at a time, and no more in this tick once it is silent: an slurmrestd without its slurmctld
//! takes 20 s for each, and meanwhile submissions and cancellations wait for the same places.

use futures::future::join_all;
use site_adapter::{Activity, Error, ErrorKind, RemoteRef, Result};

use crate::adapter::{SlurmAdapter, plain_id};
use crate::states::Phase;

pub(super) const MOST_QUESTIONS: usize = 64;
/// Two, so that a single job that nobody can tell of is not taken for a silent slurmctld.
const AT_FIRST: usize = 2;
const AT_ONCE: usize = 4;

pub(super) struct Question<'a> {
    pub(super) position: usize,
    pub(super) job: &'a RemoteRef,
    /// slurmctld's word in this tick, where it tells states.
    pub(super) phase: Option<Phase>,
    pub(super) believed: Believed,
}

pub(super) enum Believed {
    /// What slurmctld says of the job, or else this.
    Answer(Option<Activity>),
    /// This, if slurmctld has the job.
    IfThere(Activity),
}

impl SlurmAdapter {
    /// Asks about the jobs that slurmctld was asked for longest ago; returns the positions of those
    /// that are gone. What a question that fails was about stays as it was.
    ///
    /// With `is_only_word` nothing else tells that slurmctld is alive in this tick: its silence is
    /// an error then.
    pub(super) async fn ask_singly(
        &self,
        mut questions: Vec<Question<'_>>,
        is_only_word: bool,
    ) -> Result<Vec<usize>> {
        questions.sort_by_cached_key(|question| self.known.looked_at(question.job));
        questions.truncate(MOST_QUESTIONS);
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

    async fn ask_for(&self, job: &RemoteRef) -> Result<Option<Activity>> {
        let seen = self.job(&job.account.user, plain_id(job)?).await?;
        let ours = seen.filter(|seen| seen.is(job));
        Ok(ours.map(|seen| seen.activity()))
    }

    /// Takes in an answer; returns the job's position if it is gone.
    fn take_in(&self, question: Question<'_>, answer: Result<Option<Activity>>) -> Option<usize> {
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
        let activity = match question.believed {
            Believed::Answer(otherwise) => answer.or(otherwise),
            Believed::IfThere(activity) => answer.map(|_| activity),
        };
        let Some(activity) = activity else {
            return Some(question.position);
        };
        let seen = (now, true);
        self.known.told(&job.marker, question.phase, activity, seen);
        None
    }
}

fn is_unavailable(answer: &Result<Option<Activity>>) -> bool {
    matches!(answer, Err(error) if error.kind == ErrorKind::Unavailable)
}

fn silent() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "poll",
        "slurmctld does not answer, and the accounting alone is no proof of life",
    )
}
