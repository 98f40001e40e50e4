//! What the server says of jobs, in whatever format it can.

use std::collections::HashMap;

use site_adapter::{ErrorKind, Result};

use crate::adapter::PbsAdapter;
use crate::attributes::Told;
use crate::calls::job::{self, Answer};
use crate::calls::number;
use crate::calls::states::{self, Format};
use crate::record::JobRecord;

/// What the server says of one job.
#[derive(Debug)]
pub(super) enum Said {
    Job(Box<JobRecord>),
    /// It knows no such job, or no longer.
    Unknown,
    /// Neither: it is asked again later.
    Nothing,
}

/// What it says of many.
#[derive(Debug, Default)]
pub(super) struct Many {
    /// By the number of the id: `25`, `7[]`.
    pub(super) jobs: HashMap<String, JobRecord>,
    /// Nothing came beside the answer. Without ports qstat says so, exits 0 and tells of nobody.
    pub(super) is_sure: bool,
}

impl PbsAdapter {
    /// With the eyes of the job's owner: a reader may not be shown others' jobs.
    pub(super) async fn say_of(&self, user: &str, id: &str) -> Result<Said> {
        let server = self.server().await?;
        let history = server.history_seconds.is_some();
        let mut format = Format::Json;
        loop {
            let ran = self
                .pbs(user, job::command(id, history, false, format))
                .await?;
            if history && ran.has_no_history() {
                self.known_server.forget();
                return Ok(Said::Nothing);
            }
            return Ok(match job::parse(&ran, format)? {
                Answer::Told(told) => self
                    .records(told)
                    .find(|job| number(&job.id) == number(id))
                    .map_or(Said::Nothing, |job| Said::Job(Box::new(job))),
                Answer::Unknown => Said::Unknown,
                // It is over, and there is no history to say how.
                Answer::Finished => Said::Unknown,
                Answer::Silent => Said::Nothing,
                Answer::NotJson if format == Format::Json => {
                    format = Format::Text;
                    continue;
                }
                Answer::NotJson => return Err(states::unreadable("qstat")),
            });
        }
    }

    /// One request for all of them; over ssh one for as many as fit into its one argument.
    pub(super) async fn say_of_many(&self, user: &str, ids: &[&str]) -> Result<Many> {
        let mut many = Many {
            is_sure: true,
            ..Many::default()
        };
        for some in states::batches(ids, self.transport.most_argument_bytes()) {
            let (jobs, is_sure) = self.say_of_some(user, &some).await?;
            many.is_sure &= is_sure;
            many.jobs.extend(
                jobs.into_iter()
                    .map(|job| (number(&job.id).to_owned(), job)),
            );
        }
        Ok(many)
    }

    async fn say_of_some(&self, user: &str, ids: &[&str]) -> Result<(Vec<JobRecord>, bool)> {
        let mut history = self.server().await?.history_seconds.is_some();
        let mut format = Format::Json;
        loop {
            let ran = self
                .pbs(user, states::command(ids, history, format))
                .await?;
            if history && ran.has_no_history() {
                // It was switched off since it was asked: with `-x` nothing is told, of no job.
                self.known_server.forget();
                history = false;
                continue;
            }
            let jobs = self.with_names(|names| {
                states::parse_as(&ran, format, &|id, told| {
                    JobRecord::from_qstat(id, &told, names)
                })
            });
            match jobs? {
                Some(jobs) => return Ok((jobs.into_values().collect(), !ran.is_noisy())),
                None if format == Format::Json => {
                    tracing::warn!("qstat's answer is no JSON; it is asked for text");
                    format = Format::Text;
                }
                None => return Err(states::unreadable("qstat")),
            }
        }
    }

    fn records(&self, told: Told) -> impl Iterator<Item = JobRecord> {
        let records: Vec<JobRecord> = self.with_names(|names| {
            let jobs = told.iter();
            jobs.filter_map(|(id, told)| JobRecord::from_qstat(id, told, names))
                .collect()
        });
        records.into_iter()
    }

    /// The tasks of an array.
    pub(super) async fn tasks_of(&self, user: &str, id: &str) -> Result<Vec<JobRecord>> {
        let history = self.server().await?.history_seconds.is_some();
        for format in [Format::Json, Format::Text] {
            let ran = self
                .pbs(user, job::command(id, history, true, format))
                .await?;
            match job::parse(&ran, format)? {
                Answer::Told(told) => {
                    let tasks = self.records(told);
                    return Ok(tasks.filter(|job| job.task_index().is_some()).collect());
                }
                Answer::NotJson => {}
                Answer::Unknown | Answer::Finished => return Ok(Vec::new()),
                // Without ports, or since its history was switched off, qstat tells of nobody.
                Answer::Silent => {
                    self.known_server.forget();
                    return Err(ran.error(ErrorKind::Unavailable));
                }
            }
        }
        Err(states::unreadable("qstat -t"))
    }
}
