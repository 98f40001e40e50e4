//! The one writer of this process: takes what waits, and commits it in groups.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::bulk::Texts;
use super::checkpoint::Checkpoints;
use super::connect::Target;
use super::db::Conn;
use super::group::{self, Failure, Outcome};
use super::ledger;
use super::prepare::Prepared;
use super::stats::{Counters, Nudge};
use crate::{CommitError, Committed, SealedBatch, StoreError, StoreOptions};

#[derive(Debug)]
pub(super) enum Work {
    Change {
        change: Prepared,
        answer: oneshot::Sender<Result<Committed, CommitError>>,
    },
    Seal {
        batch: Box<SealedBatch>,
        answer: oneshot::Sender<Result<(), CommitError>>,
    },
    /// Deletes a bounded number of rows of one kind that are older; answers how many.
    Forget {
        what: Forgettable,
        before: Timestamp,
        answer: oneshot::Sender<Result<u64, CommitError>>,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Forgettable {
    Keys,
    Sessions,
    Nonces,
    /// Of before dossiers, once its dossier is gone; the time says nothing to it.
    OldEvidence,
}

#[derive(Debug)]
struct Waiting {
    change: Prepared,
    answer: oneshot::Sender<Result<Committed, CommitError>>,
}

#[derive(Debug)]
pub(super) struct Committer {
    target: Target,
    conn: Option<Conn>,
    checkpoints: Option<Checkpoints>,
    texts: Texts,
    counters: Arc<Counters>,
    nudges: broadcast::Sender<Arc<Nudge>>,
    largest_group: usize,
    largest_bytes: usize,
    patience: Duration,
}

impl Committer {
    pub(super) fn new(
        target: Target,
        conn: Conn,
        counters: Arc<Counters>,
        nudges: broadcast::Sender<Arc<Nudge>>,
        options: &StoreOptions,
    ) -> Self {
        Self {
            checkpoints: Checkpoints::beside(&conn, &target),
            target,
            conn: Some(conn),
            texts: Texts::default(),
            counters,
            nudges,
            largest_group: options.largest_group.max(1),
            largest_bytes: options.largest_group_bytes,
            patience: options.patience,
        }
    }

    /// Runs until every handle is gone or one of them closes; `_finished` is dropped at the end.
    pub(super) async fn run(
        mut self,
        mut work: mpsc::Receiver<Work>,
        mut closing: watch::Receiver<bool>,
        _finished: watch::Sender<()>,
    ) {
        let mut later = VecDeque::new();
        loop {
            let next = match later.pop_front() {
                Some(next) => Some(next),
                None => receive(&mut work, &mut closing).await,
            };
            match next {
                Some(Work::Change { change, answer }) => {
                    let first = Waiting { change, answer };
                    let group = self.gather(first, &mut work, &mut later);
                    self.commit(group).await;
                }
                Some(Work::Seal { batch, answer }) => {
                    let sealed = self.seal(&batch).await;
                    let _gone = answer.send(sealed);
                }
                Some(Work::Forget {
                    what,
                    before,
                    answer,
                }) => {
                    let forgotten = self.forget(what, before).await;
                    let _gone = answer.send(forgotten.map_err(CommitError::from));
                }
                None => break,
            }
        }
        if let Some(checkpoints) = self.checkpoints.take() {
            checkpoints.end().await;
        }
        if let Some(conn) = self.conn.take() {
            let _late = self.target.answered(conn.close()).await;
        }
    }

    /// Takes what waits already, up to a group's size; never waits for more.
    fn gather(
        &self,
        first: Waiting,
        work: &mut mpsc::Receiver<Work>,
        later: &mut VecDeque<Work>,
    ) -> Vec<Waiting> {
        let mut bytes = first.change.weight;
        let mut group = vec![first];
        while group.len() < self.largest_group && bytes < self.largest_bytes {
            match work.try_recv() {
                Ok(Work::Change { change, answer }) => {
                    bytes += change.weight;
                    group.push(Waiting { change, answer });
                }
                Ok(other) => {
                    later.push_back(other);
                    break;
                }
                Err(_) => break,
            }
        }
        group
    }

    async fn commit(&mut self, group: Vec<Waiting>) {
        let changes: Vec<&Prepared> = group.iter().map(|w| &w.change).collect();
        let outcome = self.commit_together(&changes).await;
        match outcome {
            Ok(outcome) => self.answer(group, outcome),
            // Something nobody foresaw, in one of them: each for itself, so that it hits one only.
            Err(StoreError::Database(_) | StoreError::Unreadable { .. }) if group.len() > 1 => {
                for waiting in group {
                    let outcome = self.commit_together(&[&waiting.change]).await;
                    match outcome {
                        Ok(outcome) => self.answer(vec![waiting], outcome),
                        Err(error) => refuse(vec![waiting], &error),
                    }
                }
            }
            Err(error) => refuse(group, &error),
        }
    }

    async fn commit_together(&mut self, changes: &[&Prepared]) -> Result<Outcome, StoreError> {
        let (fresh, began) = (self.conn.is_none(), Instant::now());
        let failure = match self.try_commit(changes).await {
            Ok(outcome) => return Ok(outcome),
            Err(failure) => failure,
        };
        let lost = matches!(failure.error, StoreError::Unavailable(_));
        let waited = began.elapsed() >= self.patience;
        // The connection may have died while it lay idle (a restarted server): once more on a new
        // one, unless the database may have the changes already, or the callers have waited for a
        // lock or an answer.
        if lost && !fresh && !waited && !failure.may_have_committed {
            return self.try_commit(changes).await.map_err(|f| f.error);
        }
        Err(failure.error)
    }

    async fn try_commit(&mut self, changes: &[&Prepared]) -> Result<Outcome, Failure> {
        let mut conn = self.take_conn().await?;
        let began = Instant::now();
        let outcome = group::commit(&self.target, &mut conn, &mut self.texts, changes).await;
        match &outcome {
            Ok(done) => {
                self.conn = Some(conn);
                if let Some(checkpoints) = &mut self.checkpoints {
                    checkpoints.wrote(changes.iter().map(|change| change.weight).sum());
                }
                let refused = u32::try_from(changes.len()).unwrap_or(u32::MAX) - done.committed;
                if done.committed > 0 {
                    self.counters
                        .committed(done.committed, refused, began.elapsed());
                } else {
                    self.counters.refused(refused);
                }
            }
            Err(failure) => {
                self.counters.failed();
                tracing::warn!(
                    changes = changes.len(),
                    error = %failure.error,
                    "the database did not take a group of changes"
                );
                self.roll_back(conn, Some(&failure.error)).await;
            }
        }
        outcome
    }

    async fn take_conn(&mut self) -> Result<Conn, StoreError> {
        match self.conn.take() {
            Some(conn) => Ok(conn),
            None => self.target.connect_writer().await,
        }
    }

    /// Keeps the connection if it can be rolled back; else the database does it when it is dropped.
    /// One that failed to answer is not asked again.
    async fn roll_back(&mut self, mut conn: Conn, after: Option<&StoreError>) {
        if matches!(after, Some(StoreError::Unavailable(_))) {
            return;
        }
        if let Ok(Ok(())) = self.target.answered(conn.batch("ROLLBACK")).await {
            self.conn = Some(conn);
        }
    }

    fn answer(&self, group: Vec<Waiting>, outcome: Outcome) {
        let mut nudge = Nudge {
            ledger_size: outcome.ledger_size,
            ..Nudge::default()
        };
        let committed = outcome.committed > 0;
        for (waiting, answer) in group.into_iter().zip(outcome.answers) {
            if answer.is_ok() {
                nudge.jobs.extend(waiting.change.jobs);
                nudge.sites.extend(waiting.change.sites);
            }
            // A caller that went away does not undo its change.
            let _gone = waiting.answer.send(answer);
        }
        if committed && self.nudges.receiver_count() > 0 {
            nudge.jobs.sort_unstable();
            nudge.jobs.dedup();
            nudge.sites.sort_unstable();
            nudge.sites.dedup();
            let _nobody = self.nudges.send(Arc::new(nudge));
        }
    }

    async fn seal(&mut self, batch: &SealedBatch) -> Result<(), CommitError> {
        let mut conn = self.take_conn().await?;
        let sealing = ledger::seal(&mut conn, &mut self.texts, batch);
        // Without an answer it may be stored or not, and the connection goes; whoever seals next
        // begins with the checkpoint that is there.
        let sealed = self.target.answered(sealing).await?;
        match &sealed {
            Ok(()) => self.conn = Some(conn),
            Err(CommitError::Store(error)) => self.roll_back(conn, Some(error)).await,
            Err(_) => self.roll_back(conn, None).await,
        }
        sealed
    }

    async fn forget(&mut self, what: Forgettable, before: Timestamp) -> Result<u64, StoreError> {
        let mut conn = self.take_conn().await?;
        let sql = what.statement();
        let args = [super::rows::time(before)];
        let done = self.target.answered(conn.execute(&sql, &args)).await?;
        // On an error the connection is dropped: there is no transaction to roll back.
        let forgotten = done.map_err(|e| super::errors::store_error(&e))?;
        self.conn = Some(conn);
        Ok(forgotten)
    }
}

impl Forgettable {
    /// Rows that one statement deletes at most, so that changes do not wait long behind it.
    pub(super) const AT_ONCE: u64 = 1000;

    const fn statement(self) -> super::db::Sql {
        use super::db::Sql;
        Sql::Same(match self {
            Self::OldEvidence => {
                return Sql::Each {
                    sqlite: "DELETE FROM evidence WHERE id IN \
                        (SELECT id FROM evidence WHERE $1 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM dossiers \
                         WHERE dossiers.id = 'evi_' || printf('%032x', evidence.id)) LIMIT 1000)",
                    postgres: "DELETE FROM evidence WHERE id IN \
                        (SELECT id FROM evidence WHERE $1::BIGINT IS NOT NULL AND NOT EXISTS (SELECT 1 FROM dossiers \
                         WHERE dossiers.id = 'evi_' || LPAD(TO_HEX(evidence.id), 32, '0')) LIMIT 1000)",
                };
            }
            Self::Keys => {
                "DELETE FROM remembered WHERE id IN \
                 (SELECT id FROM remembered WHERE created_at_us < $1 AND NOT EXISTS \
                  (SELECT 1 FROM holds WHERE holds.id = SUBSTR(remembered.id, 1, 36)) LIMIT 1000)"
            }
            Self::Sessions => {
                "DELETE FROM sessions WHERE id_hash IN \
                 (SELECT id_hash FROM sessions WHERE expires_at_us < $1 AND NOT EXISTS \
                  (SELECT 1 FROM holds WHERE holds.id = sessions.person_id) LIMIT 1000)"
            }
            Self::Nonces => {
                "DELETE FROM agent_nonces WHERE id IN \
                 (SELECT id FROM agent_nonces WHERE seen_at_us < $1 LIMIT 1000)"
            }
        })
    }
}

/// The next piece of work; after closing, what is still in the queue.
async fn receive(
    work: &mut mpsc::Receiver<Work>,
    closing: &mut watch::Receiver<bool>,
) -> Option<Work> {
    // Every handle gone is as good as closed.
    let closed = async { drop(closing.wait_for(|closing| *closing).await) };
    tokio::select! {
        biased;
        () = closed => {
            work.close();
            work.recv().await
        }
        next = work.recv() => next,
    }
}

fn refuse(group: Vec<Waiting>, error: &StoreError) {
    for waiting in group {
        let _gone = waiting.answer.send(Err(error.clone().into()));
    }
}
