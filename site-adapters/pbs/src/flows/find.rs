use std::time::Duration;

use site_adapter::{Error, ErrorKind, LocalAccount, RemoteJob, Result};
use tokio::time::Instant;

use crate::adapter::{PbsAdapter, checked_marker, marked_at};
use crate::calls::search;
use crate::record::JobRecord;

/// What one look for a marker tells.
enum Look {
    Here(Box<RemoteJob>),
    Absent,
    /// Not found, and that is no proof.
    NotSure(&'static str),
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);

impl PbsAdapter {
    /// Looks until the marker is found, or has been absent for the settling time.
    ///
    /// One look is no proof: a qsub that was given up may be at work for as long as its host lets it,
    /// and what it sent may lie in the socket of a server that hangs.
    pub(crate) async fn find_job(
        &self,
        account: &LocalAccount,
        marker: &str,
    ) -> Result<Option<RemoteJob>> {
        checked_marker(marker)?;
        let sure_at = Instant::now() + Duration::from_secs(self.settings.settle_seconds);
        let mut pause = FIRST_PAUSE;
        loop {
            let is_last = Instant::now() >= sure_at;
            match self.look(account, marker).await? {
                Look::Here(job) => return Ok(Some(*job)),
                Look::Absent if is_last => return Ok(None),
                Look::NotSure(why) if is_last => {
                    return Err(Error::new(ErrorKind::Unavailable, "find", why));
                }
                Look::Absent | Look::NotSure(_) => {}
            }
            tokio::time::sleep_until((Instant::now() + pause).min(sure_at)).await;
            pause *= 2;
        }
    }

    async fn look(&self, account: &LocalAccount, marker: &str) -> Result<Look> {
        let server = self.server().await?;
        let history = server.history_seconds.is_some();
        let ran = self
            .pbs(&account.user, search::by_name(marker, history))
            .await?;
        if history && ran.has_no_history() {
            self.known_server.forget();
            return Ok(Look::NotSure(
                "the server's history was switched off a moment ago",
            ));
        }
        let ids = search::parse(&ran)?;
        if !ids.is_empty() {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            return self.here(account, marker, &ids).await;
        }
        if ran.is_noisy() {
            return Ok(Look::NotSure("qselect found nothing, and complained"));
        }
        let since = marked_at(marker).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let traces = if server.remembers(since, self.clock.now()) {
            // What ended before the history was switched on is not in it.
            let own = self.own_traces(&account.user, marker).await?;
            own.remote(marker, self.clock.now())
        } else {
            // What is over is not told any more: only traces outside the server are left.
            self.traces_of(account, marker).await?
        };
        Ok(traces.map_or(Look::Absent, |job| Look::Here(Box::new(job))))
    }

    async fn here(&self, account: &LocalAccount, marker: &str, ids: &[&str]) -> Result<Look> {
        let many = self.say_of_many(&account.user, ids).await?;
        let ours = many.jobs.into_values().filter(|job| job.name == marker);
        let ours: Vec<JobRecord> = ours.collect();
        let ran = match ours.as_slice() {
            [_, _, ..] => self.record_of(&account.user, marker).await?,
            _ => None,
        };
        let stood_back = |job: &JobRecord| ran.as_ref().is_some_and(|it| !job.is_who_wrote(it));
        let first = ours
            .into_iter()
            .min_by_key(|job| (stood_back(job), first_to_run(job)));
        let Some(job) = first else {
            return Ok(Look::NotSure(
                "qselect told of a job that qstat does not know",
            ));
        };
        if ids.len() > 1 {
            tracing::error!(
                marker,
                count = ids.len(),
                "several jobs have one marker; one of them runs"
            );
        }
        let found = self.with_own_word(account, marker, &job).await?;
        Ok(Look::Here(Box::new(found)))
    }

    async fn with_own_word(
        &self,
        account: &LocalAccount,
        marker: &str,
        job: &JobRecord,
    ) -> Result<RemoteJob> {
        if job.is_over() && job.is_array() {
            return self.ended_array(&account.user, marker, job).await;
        }
        if !job.needs_own_word() {
            return Ok(job.remote(marker, job.activity(None)));
        }
        let own = self.record_of(&account.user, marker).await?;
        Ok(job.remote(marker, self.judge(job, Some(&Ok(own)))))
    }
}

/// Of two jobs with one marker, the one whose code is likely to be let run: before one of them has
/// written that it is, or in an array.
fn first_to_run(job: &JobRecord) -> (bool, Option<jiff::Timestamp>, jiff::Timestamp) {
    (!job.has_started(), job.started_at(), job.submitted_at)
}
