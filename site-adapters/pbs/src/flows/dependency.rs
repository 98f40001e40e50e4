//! What a job waits for, where PBS has forgotten it.
//!
//! A server without history forgets a job at its end. Who then waits for it never runs: qsub prints an
//! id, exits 0, and the job is gone. One that was held before is removed as silently when its condition
//! fails. So what PBS forgot is decided here, by what the wrapper of the job before wrote down.

use std::borrow::Cow;

use broker_model::{AfterWhen, Outcome, OutcomeKind};
use site_adapter::{
    Activity, Error, ErrorKind, LocalAccount, RemoteAfter, RemoteRef, Result, Submission,
};

use crate::adapter::{PbsAdapter, checked_marker, marked_at};
use crate::calls::{files, is_job_id};

use super::questions::Said;
use super::submit::{OPERATION, refused};

impl PbsAdapter {
    /// The submission with what is left to wait for. A condition that can no longer come true is a
    /// refusal: nothing is submitted.
    pub(super) async fn with_open_conditions<'a>(
        &self,
        submission: &'a Submission,
    ) -> Result<Cow<'a, Submission>> {
        let mut open = Vec::new();
        for after in &submission.work.after {
            if self.is_open(submission, after).await? {
                open.push(after.clone());
            }
        }
        if open.len() == submission.work.after.len() {
            return Ok(Cow::Borrowed(submission));
        }
        let mut submission = submission.clone();
        submission.work.after = open;
        Ok(Cow::Owned(submission))
    }

    async fn is_open(&self, submission: &Submission, after: &RemoteAfter) -> Result<bool> {
        // What is no id is refused where the arguments are put together.
        if !is_job_id(&after.remote.0) || self.is_known(&submission.account, after).await? {
            return Ok(true);
        }
        let told = self
            .traces_of(&submission.account, &after.marker)
            .await?
            .map(|job| job.activity);
        match told {
            Some(Activity::Ended { outcome, .. }) if is_met(after.when, outcome.kind) => Ok(false),
            // Without an end, the record may be late.
            Some(Activity::Ended { outcome, .. }) if outcome.kind != OutcomeKind::NodeFailure => {
                Err(refused(broken(&after.remote.0, after.when, &outcome)))
            }
            None if after.when == AfterWhen::Ended && self.server().await?.shows_all => Ok(false),
            _ => Err(self.not_told(submission, after)),
        }
    }

    /// Whether PBS can watch over it. Another person's job may be hidden from this one.
    async fn is_known(&self, account: &LocalAccount, after: &RemoteAfter) -> Result<bool> {
        let server = self.server().await?;
        let since = marked_at(&after.marker).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        if server.remembers(since, self.clock.now()) {
            return Ok(true);
        }
        for eyes in [&account.user, &self.settings.reader] {
            match self.say_of(eyes, &after.remote.0).await? {
                Said::Job(seen) => return Ok(seen.name == after.marker),
                Said::Unknown => {}
                Said::Nothing => {
                    let message = format!("the server would not tell of job {}", after.remote.0);
                    return Err(Error::new(ErrorKind::Unavailable, OPERATION, message));
                }
            }
        }
        Ok(false)
    }

    /// Its record may come yet, or lie with another person's.
    fn not_told(&self, submission: &Submission, after: &RemoteAfter) -> Error {
        let message = format!(
            "it waits for job {}, of which PBS keeps no history and no record tells how it ended",
            after.remote.0
        );
        let error = Error::new(ErrorKind::Unavailable, OPERATION, message);
        self.patience
            .judge(&submission.marker(), error, self.clock.now())
    }

    /// Notes down what a job waits for, where PBS will not tell why it removed it.
    pub(super) async fn note_conditions(&self, submission: &Submission) -> Result<()> {
        let work = &submission.work;
        if work.after.is_empty() || self.server().await?.history_seconds.is_some() {
            return Ok(());
        }
        let user = &submission.account.user;
        let path = files::after_path(&self.settings.work_dir_of(user), &submission.marker());
        self.write_note(user, &path, &files::after_note(&work.after))
            .await;
        Ok(())
    }

    /// The end of a job that was held for another and is gone without a trace: PBS removes it when the
    /// other ended otherwise than it waits for. Not so what was deleted on our word.
    pub(super) async fn removed_for(&self, job: &RemoteRef) -> Result<Option<Activity>> {
        for (marker, when) in self.conditions_of(job).await? {
            let Some(before) = self.traces_of(&job.account, &marker).await? else {
                continue;
            };
            let Activity::Ended {
                ended_at, outcome, ..
            } = before.activity
            else {
                continue;
            };
            if is_met(when, outcome.kind) || outcome.kind == OutcomeKind::NodeFailure {
                continue;
            }
            let words = broken(&before.remote_id.0, when, &outcome);
            return Ok(Some(Activity::Ended {
                started_at: None,
                ended_at,
                outcome: Outcome {
                    kind: OutcomeKind::DependencyFailed,
                    exit_code: None,
                    signal: None,
                    site_words: words,
                },
            }));
        }
        Ok(None)
    }

    async fn conditions_of(&self, job: &RemoteRef) -> Result<Vec<(String, AfterWhen)>> {
        let (user, marker) = (&job.account.user, checked_marker(&job.marker)?);
        let folder = self.settings.work_dir_of(user);
        let paths = [
            files::after_path(&folder, marker),
            files::cancel_path(&folder, marker),
        ];
        let ran = self.run(user, files::read_records(&paths)).await?;
        files::parse_after(&ran, &paths)
    }
}

fn broken(id: &str, when: AfterWhen, outcome: &Outcome) -> String {
    format!(
        "it waits for job {id} to be {}, and that ended otherwise: {}",
        when.as_str(),
        outcome.site_words
    )
}

const fn is_met(when: AfterWhen, kind: OutcomeKind) -> bool {
    match when {
        AfterWhen::Completed => matches!(kind, OutcomeKind::Completed),
        AfterWhen::Failed => !matches!(kind, OutcomeKind::Completed),
        AfterWhen::Ended => true,
    }
}
