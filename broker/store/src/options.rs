use std::time::Duration;

/// How a store uses its database; the defaults suit a broker on a machine of its own.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Connections for reading, opened as they are needed. Writing has one more.
    pub readers: u32,
    /// Changes that may wait for the committer before callers wait for room.
    pub queue: usize,
    /// Most changes in one transaction.
    pub largest_group: usize,
    /// Most bytes of rows in one transaction; one change alone may have more.
    pub largest_group_bytes: usize,
    /// How long another program may hold the SQLite file, or another replica a lock in PostgreSQL,
    /// and how long a reader waits for a connection, before the answer is `Unavailable`. PostgreSQL
    /// ends a statement, and a transaction that its replica left lying, after twice as long; a server
    /// that has not answered after three times as long is not waited for.
    pub patience: Duration,
    /// Lets a SQLite file grow to this many pages (4096 bytes each) and answers `Full` beyond: a quota.
    pub sqlite_max_pages: Option<u32>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            readers: 8,
            queue: 4096,
            largest_group: 256,
            largest_group_bytes: 16 << 20,
            patience: Duration::from_secs(5),
            sqlite_max_pages: None,
        }
    }
}
