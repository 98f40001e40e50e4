use std::collections::HashSet;
use std::time::Duration;

use broker_model::{AttemptId, Outcome, OutcomeKind};
use jiff::{SignedDuration, Timestamp};
use site_adapter::{Activity, Error, ErrorKind, LocalAccount, RemoteJob, Result};
use tokio::time::Instant;

use crate::adapter::SlurmAdapter;
use crate::calls::diag::Counters;
use crate::calls::{accounting, job};
use crate::known::Sight;
use crate::record::JobRecord;
use crate::whole::{Records, Whole};

use super::queue::SHORT_QUEUE;

/// Jobs that came into the queue since the last look are asked for one by one, up to so many.
const FEW_NEW: usize = 16;

/// What one look for a marker tells.
enum Look {
    Here(RemoteJob),
    /// In the accounting as not over, and not in slurmctld.
    Lost(JobRecord),
    Absent,
    /// Not found, and slurmctld still has records to hand to the accounting.
    NotSure,
}

/// What the looks for one marker have in common.
struct Search<'a> {
    account: &'a LocalAccount,
    marker: &'a str,
    /// Ids in the queue that were looked at, once it was searched.
    looked_at: Option<HashSet<String>>,
    /// The look that decides.
    last: bool,
}

impl SlurmAdapter {
    /// What it returns is what `poll` goes on from: that may not get to ask for the job at once.
    pub(crate) async fn find_job(
        &self,
        account: &LocalAccount,
        marker: &str,
    ) -> Result<Option<RemoteJob>> {
        let found = self.search(account, marker, self.settle()).await?;
        if let Some(job) = &found {
            let whole = Whole {
                activity: job.activity.clone(),
                tasks: job.tasks,
            };
            let seen = (self.clock.now(), false);
            self.known.told(marker, Sight::default(), whole, seen);
        } else {
            self.known.gone(marker);
            self.proofs.note(marker);
        }
        Ok(found)
    }

    /// Looks before a submission: once, if the marker was proven absent just now.
    pub(super) async fn look_first(
        &self,
        account: &LocalAccount,
        marker: &str,
    ) -> Result<Option<RemoteJob>> {
        if self.proofs.has(marker) {
            return self.search(account, marker, Duration::ZERO).await;
        }
        self.find_job(account, marker).await
    }

    /// Looks until the marker is found, or has been absent for the settling time.
    ///
    /// One look is no proof. slurmctld tells the accounting of a waiting job up to 5 s late, and a
    /// submission that ran into its time-out may still lie in the socket of a slurmctld that hung
    /// and is only now working it off.
    async fn search(
        &self,
        account: &LocalAccount,
        marker: &str,
        settle: Duration,
    ) -> Result<Option<RemoteJob>> {
        let sure_at = Instant::now() + settle;
        let mut search = Search {
            account,
            marker,
            looked_at: None,
            last: false,
        };
        loop {
            search.last = Instant::now() >= sure_at;
            let last = search.last;
            match self.look(&mut search).await? {
                Look::Here(job) => return Ok(Some(job)),
                Look::Lost(record) if last => return Ok(Some(self.vanished(&record, marker))),
                Look::Absent if last => return Ok(None),
                Look::NotSure if last => return Err(not_sure()),
                Look::Lost(_) | Look::Absent | Look::NotSure => {}
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// With the eyes of the job's owner: the reader may see nobody's jobs but its own
    /// (`PrivateData`), and what it does not see is no proof.
    async fn look(&self, search: &mut Search<'_>) -> Result<Look> {
        let (account, marker) = (search.account, search.marker);
        let counters = self.counters().await?;
        let since = self.marked_at(marker);
        let records = self.named(&account.user, marker, since).await;
        if let Ok(records) = &records {
            let ours = newest(records.iter().map(|record| &record.job), marker);
            if !ours.is_empty() {
                return match self.alive_or_over(account, &ours, marker).await? {
                    // Its end may be among what the accounting is not told yet.
                    Look::Lost(_) if counters.accounting_backlog > 0 => Ok(Look::NotSure),
                    look => Ok(look),
                };
            }
        }
        if counters.queue() <= SHORT_QUEUE
            && let Some(found) = self.in_queue(search, counters).await?
        {
            return Ok(Look::Here(found));
        }
        records?;
        if counters.accounting_backlog > 0 {
            return Ok(Look::NotSure);
        }
        Ok(Look::Absent)
    }

    /// The job in slurmctld's queue. All of `jobs` is read once; after that only what came in since,
    /// or once more for the look that decides where slurmctld tells no list of ids.
    async fn in_queue(
        &self,
        search: &mut Search<'_>,
        counters: Counters,
    ) -> Result<Option<RemoteJob>> {
        let user = &search.account.user;
        let ids = self.queued_ids(user).await?;
        if let Some(looked_at) = &mut search.looked_at {
            let Some(ids) = ids else {
                if search.last {
                    return self.search_all(user, search.marker, counters).await;
                }
                return Ok(None);
            };
            let new: Vec<String> = ids.difference(looked_at).cloned().collect();
            if new.len() <= FEW_NEW {
                let mut found = Vec::new();
                for id in &new {
                    found.extend(self.jobs(user, id).await?);
                }
                looked_at.extend(new);
                return Ok(remote(&newest(found.iter(), search.marker), search.marker));
            }
            *looked_at = ids;
        } else {
            search.looked_at = Some(ids.unwrap_or_default());
        }
        self.search_all(user, search.marker, counters).await
    }

    /// `None` where the version has no `jobs/state/`.
    async fn queued_ids(&self, user: &str) -> Result<Option<HashSet<String>>> {
        let states = self.states(user, &[]).await?;
        Ok(states.map(|states| states.ids().map(|id| id.to_string()).collect()))
    }

    /// Not where it turned out to be long, by what has ended: the accounting tells of those.
    async fn search_all(
        &self,
        user: &str,
        marker: &str,
        counters: Counters,
    ) -> Result<Option<RemoteJob>> {
        if !self.is_short_by(counters) {
            return Ok(None);
        }
        let jobs = job::parse_all(&self.whole_queue(user).await?)?;
        Ok(remote(&newest(jobs.iter(), marker), marker))
    }

    /// A record that is over is proof enough; of one that is not, slurmctld is asked: a job that
    /// was lost with slurmctld's state stays RUNNING in the accounting for ever. Before 24.05 it is
    /// asked of both, as `poll` does.
    async fn alive_or_over(
        &self,
        account: &LocalAccount,
        ours: &[JobRecord],
        marker: &str,
    ) -> Result<Look> {
        let accounted = Records::of(ours).unwrap_or_default();
        let told = remote(ours, marker);
        let is_unexplained = ours.iter().any(JobRecord::is_unexplained);
        if accounted.is_over() && !is_unexplained && self.tells_states().await? {
            return Ok(told.map_or(Look::Absent, Look::Here));
        }
        let Some(first) = ours.first() else {
            return Ok(Look::Absent);
        };
        let mut jobs = self
            .jobs(&account.user, &first.whole_id().to_string())
            .await?;
        jobs.retain(|job| job.carries(marker));
        let Some(job) = jobs.first() else {
            let over = told.filter(|_| accounted.is_over());
            return Ok(over.map_or_else(|| Look::Lost(first.clone()), Look::Here));
        };
        if job.task.is_none() && job.is_over() && !accounted.is_over() {
            // The accounting will say how it ended; until then `poll` says the same.
            let told = told.map(|told| RemoteJob {
                activity: first.running(),
                ..told
            });
            return Ok(told.map_or(Look::Absent, Look::Here));
        }
        let all: Vec<JobRecord> = match job.task {
            Some(_) => ours.iter().cloned().chain(jobs).collect(),
            None => jobs,
        };
        let submitted_at = first.submitted_at;
        let found = remote(&all, marker).map(|found| RemoteJob {
            submitted_at,
            ..found
        });
        Ok(found.map_or(Look::Absent, Look::Here))
    }

    async fn named(
        &self,
        user: &str,
        marker: &str,
        since: Timestamp,
    ) -> Result<Vec<accounting::Accounted>> {
        let request = |version| accounting::by_name(version, marker, since);
        let answer = self.transport.call(user, request).await?;
        Ok(self.with_what_is_known(accounting::parse(&answer)?))
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
            tasks: None,
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

/// The latest submission under the marker: its pieces and tasks, the first piece first.
fn newest<'a>(jobs: impl Iterator<Item = &'a JobRecord>, marker: &str) -> Vec<JobRecord> {
    let mut ours: Vec<JobRecord> = jobs.filter(|job| job.carries(marker)).cloned().collect();
    let last = ours
        .iter()
        .max_by_key(|job| (job.submitted_at, job.whole_id()));
    if let Some(id) = last.map(JobRecord::whole_id) {
        ours.retain(|job| job.whole_id() == id);
    }
    ours.sort_by_key(|job| job.submitted_at);
    ours
}

fn remote(ours: &[JobRecord], marker: &str) -> Option<RemoteJob> {
    let first = ours.iter().min_by_key(|job| job.submitted_at)?;
    // A task of which no start is known yet is told of in a moment.
    let whole = Records::of(ours)?.whole();
    let whole = whole.unwrap_or(Whole::single(Activity::Unknown));
    Some(RemoteJob {
        marker: marker.to_owned(),
        remote_id: first.remote_id(),
        submitted_at: first.submitted_at,
        activity: whole.activity,
        tasks: whole.tasks,
    })
}

fn not_sure() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "find",
        "slurmctld still has records to hand to the accounting",
    )
}
