//! `GET partitions`.

use serde_json::Value;
use site_adapter::Error;

use crate::answer::Answer;
use crate::transport::{Family, Request};
use crate::value::{number, small, words};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) name: String,
    /// `UP`, or why it takes no jobs: `DOWN`, `DRAIN`, `INACTIVE`.
    pub(crate) state: String,
    pub(crate) max_walltime_seconds: Option<u32>,
    pub(crate) max_nodes_per_job: Option<u32>,
}

impl Partition {
    /// DOWN queues a job that then waits without end; DRAIN and INACTIVE refuse it.
    pub(crate) fn is_up(&self) -> bool {
        self.state == "UP"
    }
}

pub(crate) fn request() -> Request {
    Request::get("GET partitions", Family::Slurm, "/partitions")
}

pub(crate) fn parse(answer: &Answer) -> Result<Vec<Partition>, Error> {
    answer.check(&[])?;
    answer
        .whole_list("partitions")?
        .iter()
        .map(|partition| parse_partition(partition).ok_or_else(|| answer.incomplete("state")))
        .collect()
}

fn parse_partition(partition: &Value) -> Option<Partition> {
    let first = |pointers: [&str; 2]| pointers.iter().find_map(|p| partition.pointer(p));
    let state = words(first(["/partition/state", "/state"])?);
    let minutes = first(["/maximums/time", "/max_time_limit"]).and_then(number);
    Some(Partition {
        name: partition.get("name")?.as_str()?.to_owned(),
        state: state.first()?.clone(),
        max_walltime_seconds: minutes
            .and_then(|minutes| minutes.checked_mul(60))
            .and_then(|seconds| u32::try_from(seconds).ok()),
        max_nodes_per_job: first(["/maximums/nodes", "/maximum_nodes_per_job"]).and_then(small),
    })
}
