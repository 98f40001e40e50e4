//! The traits of this crate over SQLite and PostgreSQL. `db` is the only module that names a driver
//! in its code; `committer` is the only one that writes.

mod accounts;
mod agents;
mod attempts;
mod bulk;
mod checkpoint;
mod committer;
mod connect;
mod db;
mod dossiers;
mod errors;
mod facts;
mod group;
mod hours;
mod identities;
mod jobs;
mod known;
mod lane;
mod ledger;
mod lists;
mod logs;
mod migrations;
mod pending;
#[cfg(test)]
mod plans;
mod prepare;
mod privacy;
mod row;
mod rows;
mod signatories;
mod sites;
mod stats;
mod steps;
#[cfg(test)]
#[cfg(feature = "test-postgres")]
mod stuck;
mod tables;
mod usage;
mod working;

use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::{Change, CommitError, Commits, Committed, StoreError, StoreOptions};
use committer::Work;
use db::{Cell, Row, Select};
use lane::Lane;
use stats::Counters;

pub use stats::{CommitStats, Nudge};

/// The store over a SQL database. Clones share connections and the committer.
///
/// The committer runs on the tokio runtime that [`SqlStore::connect`] was called on, and ends when
/// the last clone is dropped or [`SqlStore::close`] is called; what waits by then is still committed.
#[derive(Clone, Debug)]
pub struct SqlStore {
    lane: Arc<Lane>,
    work: mpsc::Sender<Work>,
    closing: Arc<watch::Sender<bool>>,
    /// Its sender lives in the committer: the channel closes when that is done.
    finished: watch::Receiver<()>,
    counters: Arc<Counters>,
    nudges: broadcast::Sender<Arc<Nudge>>,
}

impl SqlStore {
    /// Opens `sqlite:///path/to/file.db` (folder and file are made) or `postgres://user@host/name`.
    ///
    /// Does not touch the schema: see [`SqlStore::migrate`] and [`SqlStore::check_schema`].
    pub async fn connect(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let lane = Arc::new(Lane::new(connect::target(url, &options)?, &options));
        // The first writer makes a SQLite file and switches it to WAL, before any reader opens it.
        let writer = lane.target().connect_writer().await?;
        let (work, waiting) = mpsc::channel(options.queue.max(1));
        let (closing, closed) = watch::channel(false);
        let (last_word, finished) = watch::channel(());
        let (nudges, _) = broadcast::channel(1024);
        let counters = Arc::new(Counters::default());
        let committer = committer::Committer::new(
            lane.target().clone(),
            writer,
            Arc::clone(&counters),
            nudges.clone(),
            &options,
        );
        tokio::spawn(committer.run(waiting, closed, last_word));
        Ok(Self {
            lane,
            work,
            closing: Arc::new(closing),
            finished,
            counters,
            nudges,
        })
    }

    /// Brings the schema up to this program's; returns the names of the migrations that ran.
    ///
    /// Safe to call from several replicas at once. Fails with `NewerSchema` when the database knows
    /// migrations that this program does not.
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        migrations::migrate(self.lane.target()).await
    }

    /// Returns the names of the migrations that are still to run; empty when there are none.
    pub async fn check_schema(&self) -> Result<Vec<String>, StoreError> {
        migrations::pending(self.lane.target()).await
    }

    /// What the committer of this process has done so far.
    pub fn stats(&self) -> CommitStats {
        self.counters.read()
    }

    /// Tells of every commit of this process; other replicas' commits are seen by reading only.
    ///
    /// A subscriber that is more than 1024 commits behind gets `Lagged` and has to read afresh.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Nudge>> {
        self.nudges.subscribe()
    }

    /// Finishes what was handed in, refuses what comes after, and closes the connections.
    pub async fn close(&self) {
        self.closing.send_replace(true);
        let mut finished = self.finished.clone();
        while finished.changed().await.is_ok() {}
        self.lane.close().await;
    }

    async fn hand_in<T>(
        &self,
        work: Work,
        answer: oneshot::Receiver<Result<T, CommitError>>,
    ) -> Result<T, CommitError> {
        match self.work.try_send(work) {
            Ok(()) => {}
            // A task of its own, so that a caller that goes away while it waits for room does not
            // take its change along.
            Err(mpsc::error::TrySendError::Full(work)) => {
                let queue = self.work.clone();
                tokio::spawn(async move { queue.send(work).await });
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(closed().into()),
        }
        answer.await.unwrap_or_else(|_| Err(closed().into()))
    }

    async fn rows(&self, select: &Select, args: &[Cell]) -> Result<Vec<Row>, StoreError> {
        self.lane.fetch(select, args).await
    }

    async fn row(&self, select: &Select, args: &[Cell]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(select, args).await?.into_iter().next())
    }

    /// Rows whose first column is a JSON document.
    async fn documents<T: DeserializeOwned>(
        &self,
        select: &Select,
        args: &[Cell],
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.rows(select, args).await?;
        rows.iter().map(|row| row.json(0)).collect()
    }

    /// The documents of several statements, in no particular order.
    async fn pages<T: DeserializeOwned>(
        &self,
        statements: &[(Select, Vec<Cell>)],
    ) -> Result<Vec<T>, StoreError> {
        let mut documents = Vec::new();
        for (select, args) in statements {
            documents.extend(self.documents(select, args).await?);
        }
        Ok(documents)
    }

    async fn document<T: DeserializeOwned>(
        &self,
        select: &Select,
        args: &[Cell],
    ) -> Result<Option<T>, StoreError> {
        let row = self.row(select, args).await?;
        row.map(|row| row.json(0)).transpose()
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

#[async_trait]
impl Commits for SqlStore {
    async fn commit(&self, change: Change) -> Result<Committed, CommitError> {
        let change = prepare::prepare(change)?;
        let (answer, answered) = oneshot::channel();
        self.hand_in(Work::Change { change, answer }, answered)
            .await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        // A change of nothing: the committer writes the ledger head as it is.
        match self.commit(Change::default()).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            Err(other) => Err(StoreError::Database(other.to_string())),
        }
    }
}
