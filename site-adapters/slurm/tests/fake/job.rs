//! A job as slurmctld and as the accounting tell it.

use serde_json::{Value, json};

use crate::server::SUBMITTED;

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// Empty: user id 99, which has no name.
    pub(crate) user: &'static str,
    pub(crate) submitted_at: i64,
    /// With its flags: `COMPLETED+COMPLETING`.
    pub(crate) state: &'static str,
    pub(crate) started_at: Option<i64>,
    pub(crate) reason: &'static str,
    pub(crate) partition: &'static str,
    pub(crate) tracked: &'static str,
    /// Who had it cancelled, as the accounting has it.
    pub(crate) killed_by: &'static str,
}

impl Job {
    pub(crate) fn new(id: u64, state: &'static str) -> Self {
        Self {
            id,
            name: marker(id),
            user: "alice",
            submitted_at: SUBMITTED,
            state,
            started_at: (state != "PENDING").then_some(SUBMITTED + 5),
            reason: "None",
            partition: "main",
            tracked: "cpu=1,node=1,billing=1",
            killed_by: "",
        }
    }

    fn nodes(&self) -> &'static str {
        self.started_at.map_or("", |_| "n1")
    }

    pub(crate) fn states(&self) -> Vec<&'static str> {
        self.state.split('+').collect()
    }

    pub(crate) fn in_slurmctld(&self) -> Value {
        let uid = if self.user.is_empty() { 99 } else { 1000 };
        json!({"job_id": self.id, "name": self.name, "comment": self.name,
            "user_name": self.user, "user_id": uid,
            "job_state": self.states(), "partition": self.partition, "state_reason": self.reason,
            "nodes": self.nodes(), "tres_req_str": self.tracked,
            "submit_time": number(Some(self.submitted_at)), "start_time": number(self.started_at),
            "end_time": number(self.started_at.map(|it| it + 9))})
    }

    pub(crate) fn in_accounting(&self) -> Value {
        json!({"job_id": self.id, "name": self.name, "comment": {"job": self.name}, "user": self.user,
            "state": {"current": self.states(), "reason": "None"}, "nodes": self.nodes(),
            "time": {"submission": self.submitted_at, "start": self.started_at.unwrap_or(0),
                "end": self.started_at.map_or(0, |it| it + 9)},
            "kill_request_user": self.killed_by, "exit_code": {"return_code": number(Some(0))}, "tres": {"allocated": []}})
    }
}

fn number(number: Option<i64>) -> Value {
    json!({"set": number.is_some(), "infinite": false, "number": number.unwrap_or(0)})
}

pub(crate) fn marker(id: u64) -> String {
    format!("att_{id:032x}")
}
