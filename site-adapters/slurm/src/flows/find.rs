use std::time::Duration;

use broker_model::{AttemptId, Outcome, OutcomeKind};
use jiff::{SignedDuration, Timestamp};
use site_adapter::{Activity, Error, ErrorKind, LocalAccount, RemoteJob, Result};
use tokio::time::Instant;

use crate::adapter::SlurmAdapter;
use crate::calls::{accounting, diag, job};
use crate::record::JobRecord;

/// A queue up to this long is searched itself; beyond, `jobs` costs slurmctld seconds.
const SHORT_QUEUE: u32 = 500;

/// What one look for a marker tells.
enum Look {
    Here(RemoteJob),
    /// In the accounting as not over, and not in slurmctld.
    Lost(JobRecord),
    Absent,
    /// Not found, and slurmctld still has records to hand to the accounting.
    NotSure,
}

impl SlurmAdapter {
    /// Looks until the marker is found, or has been absent for the settling time.
    ///
    /// One look is no proof. slurmctld tells the accounting of a waiting job up to 5 s late, and a
    /// submission that ran into its time-out may still lie in the socket of a slurmctld that hung
    /// and is only now working it off.
    pub(crate) async fn find_job(
        &self,
        account: &LocalAccount,
        marker: &str,
    ) -> Result<Option<RemoteJob>> {
        let sure_at = Instant::now() + self.settle();
        loop {
            let last = Instant::now() >= sure_at;
            match self.look(account, marker).await? {
                Look::Here(job) => return Ok(Some(job)),
                Look::Lost(record) if last => return Ok(Some(self.vanished(&record, marker))),
                Look::Absent if last => return Ok(None),
                Look::NotSure if last => return Err(not_sure()),
                Look::Lost(_) | Look::Absent | Look::NotSure => {}
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn look(&self, account: &LocalAccount, marker: &str) -> Result<Look> {
        let counters = diag::parse(&self.ask(|_| diag::request()).await?)?;
        let since = self.marked_at(marker);
        let records = self.named(marker, since).await;
        if let Ok(records) = &records
            && let Some(newest) = newest(records.iter().map(|r| &r.job), marker)
        {
            return self.alive_or_over(account, newest, marker).await;
        }
        let queue = counters.jobs_pending.saturating_add(counters.jobs_running);
        if queue <= SHORT_QUEUE {
            let jobs = job::parse_all(&self.ask(|_| job::all()).await?)?;
            if let Some(found) = newest(jobs.iter(), marker) {
                return Ok(Look::Here(found.clone().into_remote(marker)));
            }
        }
        records?;
        if counters.accounting_backlog > 0 {
            return Ok(Look::NotSure);
        }
        Ok(Look::Absent)
    }

    /// A record that is over is proof enough; of one that is not, slurmctld is asked: a job that
    /// was lost with slurmctld's state stays RUNNING in the accounting for ever. Before 24.05 it is
    /// asked of both, as `poll` does.
    async fn alive_or_over(
        &self,
        account: &LocalAccount,
        record: &JobRecord,
        marker: &str,
    ) -> Result<Look> {
        let is_recent = self.transport.version().await?.may_have_job_states();
        if record.is_over() && is_recent {
            return Ok(Look::Here(record.clone().into_remote(marker)));
        }
        let job = self.job(&account.user, &record.id.to_string()).await?;
        let ours = job.filter(|job| job.carries(marker));
        Ok(ours.map_or_else(
            || {
                if record.is_over() {
                    Look::Here(record.clone().into_remote(marker))
                } else {
                    Look::Lost(record.clone())
                }
            },
            |job| {
                let mut found = job.clone().into_remote(marker);
                if job.is_over() && !record.is_over() {
                    // The accounting will say how it ended; until then `poll` says the same.
                    found.activity = record.running();
                }
                Look::Here(found)
            },
        ))
    }

    async fn named(&self, marker: &str, since: Timestamp) -> Result<Vec<accounting::Accounted>> {
        let answer = self
            .ask(|version| accounting::by_name(version, marker, since))
            .await?;
        accounting::parse(&answer)
    }

    /// No job carries a marker from before the marker was made; its id tells when that was.
    fn marked_at(&self, marker: &str) -> Timestamp {
        let made = marker.parse::<AttemptId>().ok().and_then(|attempt| {
            let (seconds, _) = attempt.as_uuid().get_timestamp()?.to_unix();
            Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
        });
        let month_ago = SignedDuration::from_hours(-31 * 24);
        made.unwrap_or_else(|| {
            let now = self.clock.now();
            now.saturating_add(month_ago).unwrap_or(now)
        })
    }

    /// It was accepted, it may have run, and slurmctld has no trace of it.
    fn vanished(&self, record: &JobRecord, marker: &str) -> RemoteJob {
        let started_at = record.started_at();
        RemoteJob {
            marker: marker.to_owned(),
            remote_id: record.remote_id(),
            submitted_at: record.submitted_at,
            activity: Activity::Ended {
                started_at,
                ended_at: self.clock.now(),
                outcome: Outcome {
                    kind: OutcomeKind::Vanished,
                    exit_code: None,
                    signal: None,
                    site_words: format!("{} in the accounting only", record.state.word),
                },
            },
        }
    }
}

/// The latest submission under the marker.
fn newest<'a>(jobs: impl Iterator<Item = &'a JobRecord>, marker: &str) -> Option<&'a JobRecord> {
    jobs.filter(|job| job.carries(marker))
        .max_by_key(|job| (job.submitted_at, job.id))
}

fn not_sure() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "find",
        "slurmctld still has records to hand to the accounting",
    )
}
