//! Following a job: what happened to it, and what it prints, as it comes and after a reconnect.

use std::time::Duration;

use broker_model::{AttemptId, EntryBody, JobId};
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
    /// The newest attempt that was seen: each has a log of its own.
    attempt: Option<AttemptId>,
    woken: broadcast::Receiver<JobId>,
}

/// What a look at the job says before its entries or its log are read.
struct Look {
    /// Nothing more will come: the job is over and its last attempt is settled.
    done: bool,
    /// Another attempt has begun since the last look.
    begun_anew: bool,
}

impl Follower {
    fn new(broker: &Broker, job: JobId) -> Self {
        Self {
            broker: broker.clone(),
            job,
            attempt: None,
            woken: broker.nudges().follow_jobs(),
        }
    }

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

    async fn look(&mut self) -> Result<Look> {
        let store = &self.broker.inner.store;
        let Some(job) = store.find_job(self.job).await? else {
            return Ok(Look {
                done: true,
                begun_anew: false,
            });
        };
        let before = self.attempt;
        self.attempt = job.attempt.or(before);
        let begun_anew = before.is_some() && self.attempt != before;
        let done = match job.attempt {
            _ if !job.state.is_final() => false,
            None => true,
            Some(attempt) => {
                let attempt = store.find_attempt(attempt).await?;
                attempt.is_none_or(|attempt| attempt.settled)
            }
        };
        Ok(Look { done, begun_anew })
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
        let follower = Follower::new(self, job);
        let batches = stream::try_unfold((follower, after), |(mut follower, after)| async move {
            loop {
                let Look { done, .. } = follower.look().await?;
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
    /// A job that is started again elsewhere begins a new log, at offset 0.
    pub async fn follow_log(
        &self,
        caller: &Caller,
        job: JobId,
        log: &'static str,
        offset: u64,
    ) -> Result<impl Stream<Item = Result<LogPiece>> + Send + use<>> {
        self.job(caller, job).await?;
        let follower = Follower::new(self, job);
        Ok(stream::try_unfold(
            (follower, offset),
            move |(mut follower, mut offset)| async move {
                loop {
                    let Look { done, begun_anew } = follower.look().await?;
                    if begun_anew {
                        offset = 0;
                    }
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
