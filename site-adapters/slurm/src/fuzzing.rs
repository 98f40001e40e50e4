//! What a fuzzer gets at: every reader of what servers send. Nothing here may panic.

use serde_json::Value;

use crate::answer::{Answer, Body, Effect};
use crate::calls::{accounting, cancel, diag, job, nodes, partitions, ping, states, submit};
use crate::whole::Records;

/// A body as a server or a proxy may send it: read by every call, and put together as a poll does.
pub fn answer(bytes: &[u8]) {
    let text = || Body::Text(String::from_utf8_lossy(bytes).into_owned());
    let body = serde_json::from_slice::<Value>(bytes).map_or_else(|_| text(), Body::Json);
    let answer = Answer {
        operation: "fuzz",
        effect: Effect::Makes,
        status: 200,
        body,
    };
    let _ = (
        submit::parse(&answer),
        cancel::parse(&answer),
        diag::parse(&answer),
    );
    let _ = (
        nodes::parse(&answer),
        partitions::parse(&answer),
        ping::parse(&answer),
    );
    let _ = (
        states::parse(&answer),
        job::forecasts(&answer),
        ping::release(&answer),
    );
    let _ = answer.check(&[]);
    if let Ok(jobs) = job::parse(&answer) {
        let _ = Records::of(&jobs).and_then(|records| records.whole());
    }
    if let Ok(records) = accounting::parse(&answer) {
        let all: Vec<_> = records.iter().collect();
        let _ = accounting::usage(&all);
        let _ = Records::of(records.iter().map(|record| &record.job)).and_then(|it| it.whole());
    }
}

/// Slurm's small languages inside of answers: resources, indices of tasks, versions.
pub fn text(text: &str) {
    let _ = crate::gres::gpus(text);
    let _ = (crate::value::indices(text), crate::value::bits(text));
    let _ = text.parse::<crate::ApiVersion>();
    let words = crate::value::words(&Value::String(text.to_owned()));
    let _ = crate::states::JobState::parse(&words);
}

/// What a program that makes tokens may print.
pub fn token(text: &str) {
    crate::token::read_claims(text);
}
