//! How jobs ended by their wrappers' own word.

use std::collections::HashMap;

use broker_model::RemoteId;
use jiff::Timestamp;
use site_adapter::{RemoteJob, RemoteRef, Result};

use crate::adapter::{PbsAdapter, checked_marker};
use crate::calls::files::{self, RECORDS_AT_ONCE};
use crate::record_file::RecordFile;

use super::own_array::OwnArray;

/// What the wrappers of an attempt wrote.
#[derive(Debug)]
pub(super) enum Own {
    Nothing,
    Job(RecordFile),
    Array(OwnArray),
}

impl Own {
    pub(super) const fn job(&self) -> Option<&RecordFile> {
        match self {
            Self::Job(own) => Some(own),
            Self::Nothing | Self::Array(_) => None,
        }
    }

    /// Of what no server tells any more.
    pub(super) fn remote(&self, marker: &str, now: Timestamp) -> Option<RemoteJob> {
        match self {
            Self::Nothing => None,
            Self::Array(array) => Some(array.remote(marker, now)),
            Self::Job(own) => Some(RemoteJob {
                marker: marker.to_owned(),
                remote_id: RemoteId(own.job_id.clone()),
                submitted_at: own.started_at,
                activity: own.activity(now),
                tasks: None,
            }),
        }
    }
}

impl PbsAdapter {
    /// Records by marker: one command for each local user, or one for some hundred jobs.
    pub(super) async fn records_of(
        &self,
        jobs: &[&RemoteRef],
    ) -> HashMap<String, Result<Option<RecordFile>, ()>> {
        let mut by_user: HashMap<&str, Vec<&str>> = HashMap::new();
        for job in jobs
            .iter()
            .filter(|job| checked_marker(&job.marker).is_ok())
        {
            by_user
                .entry(&job.account.user)
                .or_default()
                .push(&job.marker);
        }
        let mut found = HashMap::new();
        for (user, markers) in by_user {
            for some in markers.chunks(RECORDS_AT_ONCE) {
                self.take_records(user, some, &mut found).await;
            }
        }
        found
    }

    async fn take_records(
        &self,
        user: &str,
        markers: &[&str],
        found: &mut HashMap<String, Result<Option<RecordFile>, ()>>,
    ) {
        let folder = self.settings.work_dir_of(user);
        let path = |marker: &str| files::record_path(&folder, marker);
        let of = |marker: &&str| [path(marker), files::cancel_path(&folder, marker)];
        let paths: Vec<String> = markers.iter().flat_map(of).collect();
        let told = match self.run(user, files::read_records(&paths)).await {
            Ok(ran) => files::parse_records(&ran),
            Err(error) => Err(error),
        };
        let mut told = match told {
            Ok(told) => Some(told),
            Err(error) => {
                tracing::warn!(%error, "how some jobs ended cannot be read; they stay as they were");
                None
            }
        };
        for marker in markers {
            let record = told.as_mut().map(|told| told.remove(&path(marker)));
            found.insert((*marker).to_owned(), record.ok_or(()));
        }
    }

    pub(super) async fn record_of(&self, user: &str, marker: &str) -> Result<Option<RecordFile>> {
        let marker = checked_marker(marker)?;
        let path = files::record_path(&self.settings.work_dir_of(user), marker);
        let ran = self
            .run(user, files::read_records(std::slice::from_ref(&path)))
            .await?;
        Ok(files::parse_records(&ran)?.remove(&path))
    }

    /// What an attempt's wrappers wrote, of a job or of an array's tasks: one command.
    pub(super) async fn own_traces(&self, user: &str, marker: &str) -> Result<Own> {
        let marker = checked_marker(marker)?;
        let folder = self.settings.work_dir_of(user);
        let path = files::record_path(&folder, marker);
        let tasks = files::tasks_path(&folder, marker);
        let cancel = files::cancel_path(&folder, marker);
        let read = files::read_records(&[path.clone(), tasks, cancel]);
        let mut told = files::parse_records(&self.run(user, read).await?)?;
        Ok(match told.remove(&path) {
            Some(own) => Own::Job(own),
            None => OwnArray::new(numbered(told).collect()).map_or(Own::Nothing, Own::Array),
        })
    }

    /// Keeps beside a job's record what only we know of it; what stands there already stays.
    pub(super) async fn write_note(&self, user: &str, path: &str, line: &str) {
        let note = self.run(user, files::write_note(path, line)).await;
        let failure = match note {
            Ok(ran) if ran.is_ok() || ran.stderr.contains("File exists") => return,
            Ok(ran) => ran.failure(),
            Err(error) => error,
        };
        tracing::warn!(error = %failure, path, "a note beside a job's record cannot be written");
    }

    /// Of an array's tasks, by their number.
    pub(super) async fn task_records(
        &self,
        user: &str,
        marker: &str,
    ) -> Result<HashMap<u32, RecordFile>> {
        let marker = checked_marker(marker)?;
        let folder = files::tasks_path(&self.settings.work_dir_of(user), marker);
        let ran = self
            .run(user, files::read_records(std::slice::from_ref(&folder)))
            .await?;
        Ok(numbered(files::parse_records(&ran)?).collect())
    }
}

pub(crate) fn numbered(
    records: HashMap<String, RecordFile>,
) -> impl Iterator<Item = (u32, RecordFile)> {
    records.into_iter().filter_map(|(path, record)| {
        let (_, index) = path.rsplit_once('/')?;
        Some((index.parse().ok()?, record))
    })
}
