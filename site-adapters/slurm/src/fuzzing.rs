//! What a fuzzer gets at: every reader of what servers send. Nothing here may panic.

use std::sync::{Arc, LazyLock};

use broker_model::SystemClock;
use serde_json::{Value, json};

use crate::answer::{Answer, Body, Effect};
use crate::calls::{accounting, cancel, diag, job, nodes, partitions, ping, states, submit};
use crate::config::SlurmSettings;
use crate::flows::{judge, snapshot};
use crate::record::JobRecord;
use crate::whole::Records;
use crate::{SlurmAdapter, gres, value};

static ADAPTER: LazyLock<Option<SlurmAdapter>> = LazyLock::new(|| {
    let settings: SlurmSettings = serde_json::from_value(json!({
        "url": "http://127.0.0.1:6820",
        "system": "fuzz",
        "reader": "alcyone",
        "work_dir": "/scratch/{user}",
        "token": { "kind": "signed", "key_file": "/etc/slurm/jwt.key" },
        "partitions": { "debug": {}, "gpu": { "gpu_type": "h100" } },
    }))
    .ok()?;
    SlurmAdapter::new(settings, Arc::new(SystemClock)).ok()
});

/// An answer as a server or a proxy may send it: read by every call, and put together as polls and
/// snapshots do.
pub fn answer(status: u16, bytes: &[u8]) {
    let text = || Body::Text(String::from_utf8_lossy(bytes).into_owned());
    let body = serde_json::from_slice::<Value>(bytes).map_or_else(|_| text(), Body::Json);
    let answer = Answer {
        operation: "fuzz",
        effect: Effect::Makes,
        status,
        body,
    };
    let _ = (submit::parse(&answer), cancel::parse(&answer));
    let _ = (diag::parse(&answer), ping::parse(&answer));
    let _ = (nodes::parse(&answer), partitions::parse(&answer));
    let _ = (job::placed(&answer), ping::release(&answer));
    let _ = (answer.check(&[]), answer.is_unknown_path());
    jobs(&answer);
    if let Some(adapter) = ADAPTER.as_ref() {
        let _ = snapshot::offers(adapter, &answer);
    }
}

fn jobs(answer: &Answer) {
    let queue = states::parse(answer).unwrap_or_default();
    let live = job::parse(answer).unwrap_or_default();
    let records = accounting::parse(answer).unwrap_or_default();
    let all: Vec<_> = records.iter().collect();
    let _ = accounting::usage(&all);
    let past: Vec<JobRecord> = records.iter().map(|record| record.job.clone()).collect();
    for told in [&live, &past] {
        let _ = Records::of(told).and_then(|records| records.whole());
        judge::judge_each(&queue, told);
    }
}

/// Slurm's small languages inside of answers: resources, indices of tasks, versions.
pub fn text(text: &str) {
    let _ = (gres::gpus(text), gres::tracked(text));
    let _ = (value::indices(text), value::bits(text));
    let _ = text.parse::<crate::ApiVersion>();
    let words = value::words(&Value::String(text.to_owned()));
    let _ = crate::states::JobState::parse(&words);
}

/// What a program that makes tokens may print.
pub fn token(text: &str) {
    crate::token::read_claims(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_some() {
        assert!(ADAPTER.is_some());
    }

    #[test]
    fn run_times_that_no_clock_counts_are_added_up_all_the_same() {
        let piece = json!({
            "job_id": 1, "name": "a", "nodes": "n1",
            "state": { "current": ["COMPLETED"] },
            "time": { "submission": 5, "start": 6, "end": 7, "elapsed": u64::MAX },
        });
        let body = json!({ "jobs": [piece.clone(), piece], "errors": [] }).to_string();
        let answered = Answer {
            operation: "fuzz",
            effect: Effect::Reads,
            status: 200,
            body: Body::Json(serde_json::from_str(&body).unwrap()),
        };
        let records = accounting::parse(&answered).unwrap();
        let used = accounting::usage(&records.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(used.elapsed_seconds, Some(u64::MAX));
        answer(200, body.as_bytes());
    }
}
