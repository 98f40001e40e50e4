//! `alcyone-agent` beside a machine that can run jobs as the agent's own user only.

use std::process::Stdio;
use std::time::{Duration, Instant};

use broker_model::AttemptState;

use crate::binary::{Running, agent, check, own_user, write_config};
use crate::crash::DEADLINE;
use crate::http::Served;
use crate::stage::leased;

#[tokio::test]
async fn a_site_of_processes_whose_table_names_another_user_is_refused_by_check_and_by_a_start() {
    let served = Served::start().await;
    let config = write_config(&served);
    let text = std::fs::read_to_string(&config).unwrap();
    let own = format!("user = \"{}\"", own_user());
    std::fs::write(&config, text.replace(&own, "user = \"nobody\"")).unwrap();
    let checked = check(&config).await;
    assert_eq!(checked.status.code(), Some(1));
    let mut start = agent(&config);
    let start = tokio::task::spawn_blocking(move || start.output().unwrap());
    let started = start.await.unwrap();
    assert!(!started.status.success());
    for said in [checked.stdout, started.stderr] {
        let words = String::from_utf8(said).unwrap();
        assert!(words.contains("`accounts[0].user`: `nobody`"), "{words}");
        assert!(words.contains(&format!("write `{own}`")), "{words}");
    }
}

#[tokio::test]
async fn a_job_that_a_program_maps_to_another_user_is_refused_and_nothing_of_it_runs() {
    let served = Served::start().await;
    let config = write_config(&served);
    let text = std::fs::read_to_string(&config).unwrap();
    let (head, _) = text.split_once("[[accounts]]").unwrap();
    let map =
        "[account_map]\nkind = \"command\"\nargv = [\"/bin/echo\", '{\"user\":\"nobody\"}']\n";
    std::fs::write(&config, format!("{head}{map}")).unwrap();
    let broker = served.front.broker.clone();
    let ran = served.folder.path().join("ran");
    let offered = leased(&format!("touch {}", ran.display()));
    let attempt = offered.attempt;
    broker.offer(offered);
    let child = agent(&config).stderr(Stdio::null()).spawn().unwrap();
    let _running = Running(child);
    let started = Instant::now();
    while !broker.row(attempt).is_settled() {
        assert!(started.elapsed() < DEADLINE, "{:?}", broker.row(attempt));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let row = broker.row(attempt);
    let AttemptState::Refused { reason } = &row.state else {
        panic!("{row:?}");
    };
    assert!(reason.contains("names the user `nobody`"), "{reason}");
    assert!(reason.contains("ask the site to name"), "{reason}");
    assert_eq!(row.events, ["refused"], "announced before it was refused");
    assert!(!ran.exists());
}
