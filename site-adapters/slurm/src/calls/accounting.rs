//! `GET slurmdb jobs`: what the accounting database knows of jobs, running and long gone.

use jiff::Timestamp;
use serde_json::Value;
use site_adapter::{Error, UsageReport};

use crate::answer::{Answer, NOTHING_FOUND};
use crate::dialect::ApiVersion;
use crate::record::{JobRecord, Owner, Task};
use crate::states::JobState;
use crate::transport::{Family, Request};
use crate::value::{bits, exit, number, small, text, time, words};
use crate::whole::Records;

const OPERATION: &str = "GET slurmdb jobs";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accounted {
    pub(crate) job: JobRecord,
    pub(crate) allocated: Allocated,
    /// Without the time that it was suspended for.
    pub(crate) elapsed_seconds: u64,
}

/// What the job had, on all its nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allocated {
    pub(crate) nodes: u32,
    pub(crate) cpus: u32,
    pub(crate) gpus: u32,
    pub(crate) memory_mib: u64,
    pub(crate) energy_joules: Option<u64>,
}

pub(crate) fn by_ids(version: ApiVersion, ids: &[&str]) -> Request {
    Request {
        query: version.ids_query(ids),
        ..Request::get(OPERATION, Family::Slurmdb, "/jobs")
    }
}

pub(crate) fn by_name(version: ApiVersion, name: &str, since: Timestamp) -> Request {
    Request {
        query: version.name_query(name, since),
        ..Request::get(OPERATION, Family::Slurmdb, "/jobs")
    }
}

/// Records of an answer. An id may have several: it was requeued, or given out again.
pub(crate) fn parse(answer: &Answer) -> Result<Vec<Accounted>, Error> {
    answer.check(&[NOTHING_FOUND])?;
    if answer.has(NOTHING_FOUND) {
        return Ok(Vec::new());
    }
    answer
        .whole_list("jobs")?
        .iter()
        .map(|job| accounted(job).map_err(|what| answer.incomplete(what)))
        .collect()
}

fn accounted(job: &Value) -> Result<Accounted, &'static str> {
    let field = |name: &str| job.get(name).unwrap_or(&Value::Null);
    let at = |pointer: &str| job.pointer(pointer).unwrap_or(&Value::Null);
    let words_of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let record = JobRecord {
        id: number(field("job_id")).ok_or("job id")?,
        name: words_of(field("name")),
        comment: words_of(at("/comment/job")),
        state: JobState::parse(&words(at("/state/current"))).ok_or("job state that is known")?,
        reason: text(at("/state/reason")).map(str::to_owned),
        submitted_at: time(at("/time/submission")).ok_or("submit time")?,
        start: time(at("/time/start")),
        ended_at: time(at("/time/end")),
        has_nodes: text(field("nodes")).is_some(),
        exit: exit(field("exit_code")),
        task: task(at("/array/job_id"), at("/array/task_id"), at("/array/task")),
        restarts: number(field("restart_cnt")).unwrap_or(0),
        was_killed: Some(text(field("kill_request_user")).is_some()),
        waited: false,
        gpus: None,
        owner: Some(Owner {
            name: text(field("user")).map(str::to_owned),
            uid: None,
        }),
    };
    let listed = at("/tres/allocated").as_array();
    let mut allocated = allocated(listed.map_or(&[], Vec::as_slice));
    if allocated.nodes == 0 {
        // 22.05 writes 0 here for a job that had a whole node.
        allocated.nodes = small(field("allocation_nodes")).unwrap_or(0);
    }
    Ok(Accounted {
        job: record,
        allocated,
        elapsed_seconds: number(at("/time/elapsed")).unwrap_or(0),
    })
}

/// Those that wait together have a set of bits in place of a number.
fn task(array: &Value, index: &Value, waiting: &Value) -> Option<Task> {
    let array = number(array).filter(|array| *array > 0)?;
    let indices = match (small(index), text(waiting)) {
        (Some(index), _) => vec![index],
        (None, Some(waiting)) => bits(waiting),
        (None, None) => return None,
    };
    Some(Task { array, indices })
}

/// Slurm lists `gres/gpu` and may list `gres/gpu:TYPE` beside it: the same GPUs again.
fn allocated(list: &[Value]) -> Allocated {
    let mut all = Allocated::default();
    let mut typed = 0u32;
    for entry in list {
        let word = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let Some(count) = entry.get("count").and_then(number) else {
            continue;
        };
        let fewer = u32::try_from(count).unwrap_or(u32::MAX);
        match (word("type"), word("name")) {
            ("cpu", _) => all.cpus = fewer,
            ("mem", _) => all.memory_mib = count,
            ("node", _) => all.nodes = fewer,
            // Near 2^64 it is Slurm's "no value"; 0 is what a site without meters writes.
            ("energy", _) => all.energy_joules = (1..1 << 62).contains(&count).then_some(count),
            ("gres", "gpu") => all.gpus = fewer,
            ("gres", name) if name.starts_with("gpu:") => typed = typed.saturating_add(fewer),
            _ => {}
        }
    }
    if all.gpus == 0 {
        all.gpus = typed;
    }
    all
}

/// What a job used: all of its tasks, and its pieces if it was put back into the queue.
///
/// `None` while it is not over in the accounting, and for one that never started. The counts are
/// those of one task; energy is that of all.
pub(crate) fn usage(records: &[&Accounted]) -> Option<UsageReport> {
    if !Records::of(records.iter().map(|record| &record.job))?.is_over() {
        return None;
    }
    let ran = || {
        records
            .iter()
            .filter(|record| record.job.started_at().is_some())
    };
    let largest = ran().max_by_key(|record| (record.allocated.nodes, record.job.submitted_at))?;
    let started_at = ran().filter_map(|record| record.job.started_at()).min()?;
    let ended_at = ran().filter_map(|record| record.job.ended_at).max()?;
    let elapsed = ran()
        .map(|record| record.elapsed_seconds)
        .fold(0, u64::saturating_add);
    let span = ended_at.as_second().saturating_sub(started_at.as_second());
    let gib = largest.allocated.memory_mib.div_ceil(1024);
    Some(UsageReport {
        started_at,
        ended_at,
        elapsed_seconds: (largest.job.task.is_some() || u64::try_from(span) != Ok(elapsed))
            .then_some(elapsed),
        nodes: largest.allocated.nodes,
        scheduler_gpus: largest.allocated.gpus,
        cpus: largest.allocated.cpus,
        memory_gib: u32::try_from(gib).unwrap_or(u32::MAX),
        energy_joules: ran()
            .filter_map(|record| record.allocated.energy_joules)
            .reduce(u64::saturating_add),
    })
}
