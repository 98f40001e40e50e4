//! Following a job: what happened to it, and what it prints, as it comes and after a reconnect.

use std::time::Duration;

use broker_model::{EntryBody, JobId};
use futures::stream::{self, Stream};
use tokio::sync::broadcast;
use tokio::time::timeout;

use crate::{Broker, Caller, Result};

/// Another replica's writes come without a nudge: look this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const ENTRIES_AT_ONCE: u32 = 200;
const BYTES_AT_ONCE: usize = 64 * 1024;

/// A ledger entry of the job; `seq` is what a client resumes after.
#[derive(Clone, Debug)]
pub struct JobEventRow {
    pub seq: u64,
    pub entry: EntryBody,
}

/// A piece of a log; `offset` is where it begins, so a client resumes at `offset + bytes.len()`.
#[derive(Clone, Debug)]
pub struct LogPiece {
    pub offset: u64,
    pub bytes: Vec<u8>,
}

struct Follower {
    broker: Broker,
    job: JobId,
    woken: broadcast::Receiver<JobId>,
}

impl Follower {
    /// Waits until the job may have changed; false alarms are fine.
    async fn wait(&mut self) {
        let mine = async {
            loop {
                match self.woken.recv().await {
                    Ok(job) if job == self.job => return,
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        };
        let _ = timeout(LOOK_AGAIN, mine).await;
    }

    /// Whether nothing more will come: the job is over and its last attempt is settled.
    async fn is_done(&self) -> Result<bool> {
        let store = &self.broker.inner.store;
        let Some(job) = store.find_job(self.job).await? else {
            return Ok(true);
        };
        if !job.state.is_final() {
            return Ok(false);
        }
        let Some(attempt) = job.attempt else {
            return Ok(true);
        };
        Ok(store
            .find_attempt(attempt)
            .await?
            .is_none_or(|attempt| attempt.settled))
    }
}

impl Broker {
    /// Streams what the ledger has of a job after a position, and goes on until all is settled.
    pub async fn follow_events(
        &self,
        caller: &Caller,
        job: JobId,
        after: Option<u64>,
    ) -> Result<impl Stream<Item = Result<JobEventRow>> + Send + use<>> {
        self.job(caller, job).await?;
        let follower = Follower {
            broker: self.clone(),
            job,
            woken: self.nudges().follow_jobs(),
        };
        let batches = stream::try_unfold((follower, after), |(mut follower, after)| async move {
            loop {
                let done = follower.is_done().await?;
                let store = &follower.broker.inner.store;
                let rows = store
                    .entries_of(follower.job, after, ENTRIES_AT_ONCE)
                    .await?;
                if let Some(last) = rows.last().map(|row| row.seq) {
                    return Ok(Some((rows, (follower, Some(last)))));
                }
                if done {
                    return Ok(None);
                }
                follower.wait().await;
            }
        });
        Ok(flatten_entries(batches))
    }

    /// Streams stored log bytes from an offset, and goes on until the job is over and all is stored.
    pub async fn follow_log(
        &self,
        caller: &Caller,
        job: JobId,
        log: &'static str,
        offset: u64,
    ) -> Result<impl Stream<Item = Result<LogPiece>> + Send + use<>> {
        self.job(caller, job).await?;
        let follower = Follower {
            broker: self.clone(),
            job,
            woken: self.nudges().follow_jobs(),
        };
        Ok(stream::try_unfold(
            (follower, offset),
            move |(mut follower, offset)| async move {
                loop {
                    let done = follower.is_done().await?;
                    let store = &follower.broker.inner.store;
                    let bytes = store
                        .read_log(follower.job, log, offset, BYTES_AT_ONCE)
                        .await?;
                    if !bytes.is_empty() {
                        let next = offset + bytes.len() as u64;
                        return Ok(Some((LogPiece { offset, bytes }, (follower, next))));
                    }
                    if done {
                        return Ok(None);
                    }
                    follower.wait().await;
                }
            },
        ))
    }

    /// Stored log bytes from an offset, without waiting.
    pub async fn read_log(
        &self,
        caller: &Caller,
        job: JobId,
        log: &'static str,
        offset: u64,
    ) -> Result<LogPiece> {
        self.job(caller, job).await?;
        let bytes = self
            .inner
            .store
            .read_log(job, log, offset, 1024 * 1024)
            .await?;
        Ok(LogPiece { offset, bytes })
    }
}

fn flatten_entries(
    batches: impl Stream<Item = Result<Vec<broker_store::EntryRow>>> + Send + 'static,
) -> impl Stream<Item = Result<JobEventRow>> + Send + 'static {
    use futures::StreamExt as _;
    batches.flat_map(|batch| {
        let rows = match batch {
            Ok(rows) => rows.into_iter().map(event_row).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(rows)
    })
}

fn event_row(row: broker_store::EntryRow) -> Result<JobEventRow> {
    let entry = row
        .body()
        .map_err(|error| broker_store::StoreError::Unreadable {
            table: "ledger_entries",
            reason: error.to_string(),
        })?;
    Ok(JobEventRow {
        seq: row.seq,
        entry,
    })
}
