//! `alcyone-agent` itself, killed while the broker is down.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use broker_model::OutcomeKind;

use crate::binary::{Running, agent, write_config};
use crate::broker::Metered;
use crate::crash::DEADLINE;
use crate::http::Served;
use crate::stage::leased;

fn start(config: &PathBuf, log: &Path) -> Running {
    let log = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(log)
        .unwrap();
    Running(agent(config).stderr(Stdio::from(log)).spawn().unwrap())
}

async fn until(what: &str, log: &Path, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        let words = std::fs::read_to_string(log).unwrap_or_default();
        assert!(started.elapsed() < DEADLINE, "{what}: {words}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_agent_killed_while_the_broker_is_down_tells_every_end_and_usage_exactly_once() {
    let served = Served::start().await;
    let config = write_config(&served);
    let folder = served.folder.path();
    let (log, go) = (folder.join("log"), folder.join("go"));
    let broker = served.front.broker.clone();
    let script = format!(
        "while ! test -e {}; do sleep 0.05; done; echo out",
        go.display()
    );
    let attempts: Vec<_> = (0..3)
        .map(|_| {
            let offered = leased(&script);
            let attempt = offered.attempt;
            broker.offer(offered);
            attempt
        })
        .collect();
    let mut first = start(&config, &log);
    until("running", &log, || {
        attempts.iter().all(|attempt| broker.row(*attempt).started)
    })
    .await;
    broker.rows().is_down = true;
    std::fs::write(&go, "").unwrap();
    let journal = folder.join("agent/spool/journal");
    // What is written down last of each job has its usage.
    let metered = || {
        let bytes = std::fs::read(&journal).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        attempts.iter().all(|attempt| {
            let begin = format!("{{\"kept\":{{\"attempt\":\"{attempt}\"");
            let last = text.rsplit(&begin).next().unwrap_or_default();
            let last = last.split("{\"kept\":").next().unwrap_or_default();
            last.contains("\"settled\":{") || last.contains("\"event\":\"usage\"")
        })
    };
    until("metered", &log, metered).await;
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    // As a scheduler that keeps no jobs for long: nothing of them is left.
    std::fs::remove_dir_all(folder.join("agent/jobs")).unwrap();

    let _second = start(&config, &log);
    until("asking", &log, {
        let before = broker.rows().leases;
        let broker = broker.clone();
        move || broker.rows().leases > before
    })
    .await;
    broker.rows().is_down = false;
    until("settled", &log, || {
        attempts
            .iter()
            .all(|attempt| broker.row(*attempt).is_settled())
    })
    .await;
    for attempt in attempts {
        let row = broker.row(attempt);
        assert_eq!(row.outcome(), Some(OutcomeKind::Completed));
        assert_eq!(row.metered, Metered::With);
        for event in ["accepted", "started", "ended", "usage"] {
            let count = row.events.iter().filter(|it| **it == event).count();
            assert_eq!(count, 1, "{event} in {:?}", row.events);
        }
    }
}
