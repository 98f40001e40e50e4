use std::collections::BTreeSet;
use std::path::Path;

use integration_tests::{
    AUDITOR, Alcyone, ENGINEER, Installation, JobFile, People, Setup, alpha, until,
};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;

use crate::shutdown::LIMIT;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_followed_past_the_end_of_the_token_without_a_gap() {
    const LINES: u32 = 60;
    let Some(people) = People::with_tokens_for(3).await else {
        return;
    };
    let mut issuer = people.issuer();
    issuer.leeway_seconds = 0;
    let installation = Installation::set_up(Setup::new(issuer, vec![alpha()])).await;
    let _broker = installation.serve(0).await;
    let _agent = installation.agent(&alpha(), &installation.url(0)).start();
    let alcyone = Alcyone::new(installation.path("home"), &installation.url(0));
    let _in = alcyone.log_in(ENGINEER).await.with(0);
    let first = access_token(&installation);

    let script =
        format!("n=0; while [ $n -lt {LINES} ]; do n=$((n + 1)); echo line $n; sleep 0.2; done");
    let job = JobFile::new(installation.project(), "talker", &script);
    let file = job.write(&installation.path(""));
    let said = alcyone
        .run(&["submit", file.to_str().unwrap(), "--wait"])
        .await
        .with(0)
        .stdout;
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("line "))
        .collect();
    let wanted: Vec<String> = (1..=LINES).map(|n| format!("line {n}")).collect();
    assert_eq!(lines, wanted);
    assert_ne!(access_token(&installation), first, "the token never ended");
}

fn access_token(installation: &Installation) -> String {
    let files = std::fs::read_dir(installation.path("home")).unwrap();
    let mut paths = files.map(|file| file.unwrap().path());
    let login = paths.find(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    let kept = std::fs::read_to_string(login.unwrap()).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    kept["tokens"]["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_what_happens_in_metrics_and_in_logs() {
    let Some(people) = People::arrive().await else {
        return;
    };
    let installation = Installation::set_up(Setup::new(people.issuer(), vec![alpha()])).await;
    let mut broker = installation.serve(0).await;
    let _agent = installation.agent(&alpha(), &installation.url(0)).start();
    let engineer = people.client(&installation.url(0), ENGINEER).await;
    let release = installation.path("release");
    let script = format!("until [ -e {} ]; do sleep 0.1; done", release.display());
    let job = JobFile::new(installation.project(), "seen", &script);
    let id = engineer.submit(&job.0, "seen").await.unwrap().id;

    let running = "alcyone_jobs{site=\"alpha\",state=\"running\"} 1";
    let text = until("the job shows in the metrics", LIMIT, async || {
        let text = get(&installation, "/metrics").await.text().await.unwrap();
        (text.contains(running) && text.contains("alcyone_commits{")).then_some(text)
    })
    .await;
    for wanted in [
        "alcyone_site_ready{site=\"alpha\"} 1",
        "alcyone_leased_attempts_total{site=\"alpha\"} 1",
        "alcyone_reports_total{site=\"alpha\"}",
        "alcyone_request_seconds_bucket{method=\"POST\",route=\"/api/v1/jobs\",status=\"202\"",
    ] {
        assert!(text.contains(wanted), "no `{wanted}` in:\n{text}");
    }
    std::fs::write(&release, "").unwrap();
    until("it ends", LIMIT, async || {
        engineer
            .job(id)
            .await
            .unwrap()
            .state
            .is_final()
            .then_some(())
    })
    .await;
    request_ids(&installation).await;

    broker.terminate();
    assert!(broker.ended(LIMIT).await.success());
    for line in broker.said().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(
            line["level"].is_string() && line["timestamp"].is_string(),
            "{line}"
        );
    }
}

/// A request carries its id into the answer; one that was given is kept, one that is no id is not.
async fn request_ids(installation: &Installation) {
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        let answer = get(installation, "/api/v1/whoami").await;
        assert_eq!(answer.status(), 401);
        let id = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["request_id"], id.as_str());
        ids.insert(id);
    }
    assert_eq!(ids.len(), 3);
    let url = installation.url(0).join("/api/v1/whoami").unwrap();
    for (given, kept) in [("from-the-proxy-1", true), ("a b\"c;d<script>", false)] {
        let request = reqwest::Client::new()
            .get(url.clone())
            .header("x-request-id", given);
        let refused = HeaderValue::from_static("Bearer no.token.here");
        let answer = request.header(AUTHORIZATION, refused).send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"] == given, kept);
    }
    until("the log has the request's id", LIMIT, async || {
        let log = std::fs::read_to_string(installation.path("broker-0.log")).unwrap();
        assert!(!log.contains("no.token.here"), "a token is in the log");
        log.lines()
            .any(|line| line.contains("from-the-proxy-1"))
            .then_some(())
    })
    .await;
}

async fn get(installation: &Installation, path: &str) -> reqwest::Response {
    let url = installation.url(0).join(path).unwrap();
    reqwest::get(url).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_read_again_at_a_signal_and_a_broken_one_leaves_the_old_in_force() {
    let Some(people) = People::arrive().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    copy_policies(folder.path());
    let mut setup = Setup::new(people.issuer(), vec![alpha()]);
    setup.policy_dir = Some(folder.path().to_owned());
    let installation = Installation::set_up(setup).await;
    let mut broker = installation.serve(0).await;
    let auditor = people.client(&installation.url(0), AUDITOR).await;
    let in_force = async || {
        let all = auditor.policies().await.unwrap();
        let digests = all.into_iter().filter(|it| it.in_force);
        digests.map(|it| it.policy_digest).collect::<Vec<_>>()
    };
    let shipped = in_force().await;

    let rules = folder.path().join("rules/civilian.cedar");
    let text = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, format!("// of our own\n{text}")).unwrap();
    broker.hang_up();
    let ours = until("the other set is in force", LIMIT, async || {
        let now = in_force().await;
        (now != shipped).then_some(now)
    })
    .await;

    std::fs::write(&rules, format!("{text} forbid (")).unwrap();
    broker.hang_up();
    until("it says why the set is not taken", LIMIT, async || {
        let said = broker.said();
        let refused = said.lines().find(|it| it.contains("stays as it was"))?;
        refused.contains("civilian.cedar").then_some(())
    })
    .await;
    assert_eq!(in_force().await, ours);
    assert!(broker.exited().is_none(), "it goes on");
}

fn copy_policies(to: &Path) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    for part in ["modes", "rules", "tables"] {
        std::fs::create_dir(to.join(part)).unwrap();
        for file in std::fs::read_dir(shipped.join(part)).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join(part).join(file.file_name())).unwrap();
        }
    }
}
