use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the server keeps.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) next_id: u64,
    pub(crate) jobs: BTreeMap<u64, Job>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "PBS has as many attributes")]
pub(crate) struct Job {
    pub(crate) seq: u64,
    pub(crate) is_array: bool,
    pub(crate) at_once: Option<usize>,
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) queue: String,
    pub(crate) account: Option<String>,
    pub(crate) ctime: i64,
    pub(crate) mtime: i64,
    pub(crate) held: bool,
    pub(crate) rerunnable: bool,
    pub(crate) exclusive: bool,
    pub(crate) depend: Vec<(String, u64)>,
    pub(crate) nodes: usize,
    /// Per node.
    pub(crate) cpus: u64,
    pub(crate) gpus: u64,
    pub(crate) walltime: i64,
    /// `Resource_List`.
    pub(crate) resources: BTreeMap<String, String>,
    pub(crate) arguments: String,
    pub(crate) comment: String,
    pub(crate) waiting_for_depend: bool,
    /// It ended while no history was kept.
    pub(crate) forgotten: bool,
    pub(crate) tasks: Vec<Task>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) index: usize,
    pub(crate) state: Phase,
    pub(crate) substate: i64,
    pub(crate) stime: Option<i64>,
    pub(crate) obittime: Option<i64>,
    pub(crate) exit_status: Option<i64>,
    pub(crate) run_count: u64,
    pub(crate) hosts: Vec<String>,
    pub(crate) comment: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    #[default]
    Waiting,
    Running,
    Over,
}

impl Job {
    pub(crate) fn is_over(&self) -> bool {
        self.tasks.iter().all(|task| task.state == Phase::Over)
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.tasks.iter().any(|task| task.stime.is_some())
    }

    /// `25.pbshead`, `7[].pbshead`.
    pub(crate) fn id(&self) -> String {
        let array = if self.is_array { "[]" } else { "" };
        format!("{}{array}.{SERVER}", self.seq)
    }

    pub(crate) fn task_id(&self, index: usize) -> String {
        if self.is_array {
            return format!("{}[{index}].{SERVER}", self.seq);
        }
        self.id()
    }

    /// An array's is 1 if any of its tasks failed, whatever their own.
    pub(crate) fn exit_status(&self) -> Option<i64> {
        match self.tasks.as_slice() {
            [task] if !self.is_array => task.exit_status,
            tasks => {
                let ended: Option<Vec<i64>> = tasks.iter().map(|task| task.exit_status).collect();
                ended.map(|ended| i64::from(ended.iter().any(|status| *status != 0)))
            }
        }
    }

    pub(crate) fn letter(&self) -> &'static str {
        if self.is_over() {
            return "F";
        }
        if self.is_array && self.has_begun() {
            return "B";
        }
        if self.tasks.iter().any(|task| task.state == Phase::Running) {
            return "R";
        }
        if self.held || self.waiting_for_depend {
            "H"
        } else {
            "Q"
        }
    }

    pub(crate) fn substate(&self) -> i64 {
        match self.letter() {
            "H" if self.waiting_for_depend => 22,
            "H" => 20,
            "Q" => 10,
            "B" => 70,
            "R" => 42,
            _ => self
                .tasks
                .iter()
                .map(|task| task.substate)
                .max()
                .unwrap_or(92),
        }
    }
}

pub(crate) const SERVER: &str = "pbshead";
