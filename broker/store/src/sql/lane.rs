use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::connect::Target;
use super::db::{Cell, Conn, Row, Select};
use super::errors::store_error;
use crate::{StoreError, StoreOptions};

/// The reading connections.
///
/// Not `sqlx::Pool`, which asks the database after each use whether it is still there: for a read by
/// key that costs as much as the read. A connection that failed, or whose caller went away in the
/// middle, is dropped here and never used again.
pub(super) struct Lane {
    target: Target,
    idle: Mutex<Vec<Conn>>,
    permits: Semaphore,
    patience: Duration,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane")
            .field("free", &self.permits.available_permits())
            .finish_non_exhaustive()
    }
}

impl Lane {
    pub(super) fn new(target: Target, options: &StoreOptions) -> Self {
        Self {
            target,
            idle: Mutex::default(),
            permits: Semaphore::new(options.readers.max(1) as usize),
            patience: options.patience,
        }
    }

    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    pub(super) async fn fetch(
        &self,
        select: &Select,
        args: &[Cell],
    ) -> Result<Vec<Row>, StoreError> {
        let permit = tokio::time::timeout(self.patience, self.permits.acquire());
        let _permit = match permit.await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(super::closed()),
            Err(_) => return Err(StoreError::Unavailable("all readers are busy".to_owned())),
        };
        // An idle connection may have died with a restart of the server; that costs one try.
        if let Some(conn) = self.take_idle() {
            let began = Instant::now();
            match self.fetch_on(conn, select, args).await {
                // Not when it was waited for: the second try would take as long.
                Err(StoreError::Unavailable(_)) if began.elapsed() < self.patience => {
                    self.forget_idle();
                }
                answer => return answer,
            }
        }
        let conn = self.target.connect_reader().await?;
        self.fetch_on(conn, select, args).await
    }

    async fn fetch_on(
        &self,
        mut conn: Conn,
        select: &Select,
        args: &[Cell],
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.target.answered(conn.fetch(select, args)).await?;
        let rows = rows.map_err(|e| store_error(&e))?;
        self.idle().push(conn);
        Ok(rows)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Conn>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle(&self) -> Option<Conn> {
        self.idle().pop()
    }

    fn forget_idle(&self) {
        self.idle().clear();
    }

    /// Lets the reads that run finish; later ones are refused.
    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        for conn in idle {
            let _late = self.target.answered(conn.close()).await;
        }
    }
}
