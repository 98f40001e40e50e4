//! Jobs, their attempts and what they wrote.

use std::sync::Arc;

use broker_model::{AttemptId, JobId};

use super::{Done, KnownJob, Working, conflict, patched};
use crate::sql::db::Cell;
use crate::sql::rows::Cells;
use crate::sql::steps::{AttemptFacts, JobFacts, Stream};
use crate::sql::tables::{JOB_SITE, TableId};
use crate::{CommitError, Entity};

impl<'a> Working<'a> {
    pub(super) fn insert_job(&mut self, job: &JobFacts, row: &'a [Cell]) -> Done {
        if self.jobs.has(&job.id) {
            return conflict(Entity::Job);
        }
        let known = KnownJob {
            version: job.version,
            site: site_of(row),
        };
        self.jobs.set(job.id, known);
        self.pending.put(TableId::Jobs, row);
        Ok(())
    }

    pub(super) fn update_job(&mut self, job: &JobFacts, row: &'a [Cell]) -> Done {
        let Some(known) = self.jobs.get(&job.id) else {
            return conflict(Entity::Job);
        };
        if known.version != job.version {
            return conflict(Entity::Job);
        }
        let site = site_of(row).or_else(|| {
            let over = !job.active;
            known.site.clone().filter(|_| over)
        });
        let row = patched(row, JOB_SITE, site.clone().map(Cell::Text));
        let version = job.version + 1;
        self.jobs.set(job.id, KnownJob { version, site });
        self.pending.put(TableId::Jobs, row);
        Ok(())
    }

    pub(super) fn insert_placement(&mut self, job: JobId, row: &'a [Cell]) -> Done {
        if !self.jobs.has(&job) {
            return Err(CommitError::Missing(Entity::Job));
        }
        self.pending.put(TableId::Placings, row);
        Ok(())
    }

    fn open_attempt(&self, job: &JobId) -> Option<AttemptId> {
        self.open.get(job).copied().flatten()
    }

    pub(super) fn insert_attempt(&mut self, attempt: AttemptFacts, row: &'a [Cell]) -> Done {
        if !self.jobs.has(&attempt.job) {
            return Err(CommitError::Missing(Entity::Job));
        }
        if self.attempts.has(&attempt.id) || self.open_attempt(&attempt.job).is_some() {
            return conflict(Entity::Attempt);
        }
        self.write_attempt(attempt, row);
        Ok(())
    }

    pub(super) fn update_attempt(&mut self, attempt: AttemptFacts, row: &'a [Cell]) -> Done {
        let Some(known) = self.attempts.get(&attempt.id) else {
            return conflict(Entity::Attempt);
        };
        let open_elsewhere = self
            .open_attempt(&attempt.job)
            .is_some_and(|open| open != attempt.id);
        let reopened_beside = attempt.open && open_elsewhere;
        if known.version != attempt.version || known.job != attempt.job || reopened_beside {
            return conflict(Entity::Attempt);
        }
        let version = attempt.version + 1;
        self.write_attempt(AttemptFacts { version, ..attempt }, row);
        Ok(())
    }

    fn write_attempt(&mut self, attempt: AttemptFacts, row: &'a [Cell]) {
        if attempt.open {
            self.open.set(attempt.job, Some(attempt.id));
        } else if self.open_attempt(&attempt.job) == Some(attempt.id) {
            self.open.set(attempt.job, None);
        }
        self.attempts.set(attempt.id, attempt);
        self.pending.put(TableId::Attempts, row);
    }

    pub(super) fn append_log(
        &mut self,
        stream: &Stream,
        offset: u64,
        length: u64,
        [grown, chunk]: &'a [Cells; 2],
    ) {
        let end = self.logs.get(stream).copied().unwrap_or(0);
        if offset != end || length == 0 {
            return;
        }
        self.logs.set(stream.clone(), end.saturating_add(length));
        self.pending.put(TableId::LogStreams, grown);
        self.pending.put(TableId::LogChunks, chunk);
    }

    pub(super) fn remove_log(&mut self, streams: &'a [Cells], chunks: &'a [Cells]) {
        for key in streams {
            self.pending.remove(TableId::LogStreams, key);
        }
        for key in chunks {
            self.pending.remove(TableId::LogChunks, key);
        }
    }
}

fn site_of(row: &[Cell]) -> Option<Arc<str>> {
    match row.get(JOB_SITE) {
        Some(Cell::Text(site)) => Some(Arc::clone(site)),
        _ => None,
    }
}
