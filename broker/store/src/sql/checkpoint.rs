//! SQLite's log is copied into its file beside the committer, on a connection of its own.
//!
//! Left to itself SQLite does that inside the COMMIT that fills the log, and all who wait for that
//! commit wait for some thousand pages and an fsync more. A log that grows all the same, because
//! nothing was ever idle enough to start it anew, is still cut short by the committer
//! (`wal_autocheckpoint` in `connect.rs`), which by then has few pages left to copy.

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connect::Target;
use super::db::{Conn, Dialect};

/// Rows written between two copies: few enough that a commit's fsync does not wait long behind them.
const BETWEEN_BYTES: usize = 2 << 20;
/// What a commit writes beside its rows: the pages of the indexes it touches.
const OF_EVERY_COMMIT_BYTES: usize = 64 << 10;
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The committer's end; dropping it ends the copying.
#[derive(Debug)]
pub(super) struct Checkpoints {
    due: watch::Sender<()>,
    written: usize,
    copying: JoinHandle<()>,
}

impl Checkpoints {
    /// `None` for PostgreSQL, whose server has a process for it.
    pub(super) fn beside(conn: &Conn, target: &Target) -> Option<Self> {
        if conn.dialect() != Dialect::Sqlite {
            return None;
        }
        let (due, dues) = watch::channel(());
        Some(Self {
            due,
            written: 0,
            copying: tokio::spawn(copy_when_due(target.clone(), dues)),
        })
    }

    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written += bytes + OF_EVERY_COMMIT_BYTES;
        if self.written >= BETWEEN_BYTES {
            self.written = 0;
            self.due.send_replace(());
        }
    }

    /// Ends when the connection is closed, so that nothing holds the file any more.
    pub(super) async fn end(self) {
        drop(self.due);
        let _ended = self.copying.await;
    }
}

async fn copy_when_due(target: Target, mut dues: watch::Receiver<()>) {
    let mut idle = None;
    while dues.changed().await.is_ok() {
        idle = copy(&target, idle.take()).await;
    }
    if let Some(conn) = idle {
        conn.close().await;
    }
}

/// Gives the connection back if it may be used again. A copy that failed (a full disk) is tried again
/// when the next is due; nothing is lost by it, the log holds what was committed.
async fn copy(target: &Target, idle: Option<Conn>) -> Option<Conn> {
    let mut conn = match idle {
        Some(conn) => conn,
        None => target.connect_writer().await.ok()?,
    };
    match conn.batch(COPY).await {
        Ok(()) => Some(conn),
        Err(error) => {
            tracing::warn!(%error, "the log of the database could not be copied into its file");
            None
        }
    }
}
