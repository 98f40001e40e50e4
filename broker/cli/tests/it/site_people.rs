//! What a site's people do with jobs at the command line: confirm, decline, tell.

use serde_json::{Value, json};

use crate::stage::{JOB, Stage};

/// `hela` administers a site that confirms and one that jobs are carried to.
async fn opened() -> Stage {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    stage.sign_in("hela").await;
    stage
}

impl Stage {
    async fn handed_to(&self, site: &str) -> String {
        let job = JOB
            .replace("x86_64+cuda", "x86_64+rocm")
            .replace("[\"meluxina\"]", &format!("[\"{site}\"]"));
        let file = self.file("by-people.toml", &job);
        let held = self.json("ada", &["submit", &file]).await;
        assert_eq!(held["state"], "held", "{held}");
        held["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_waiting_job_is_let_in_or_sent_away_with_a_reason() {
    let stage = opened().await;
    let nothing = stage
        .run("hela", &["site", "confirmations", "hammerhai"])
        .await;
    assert_eq!(nothing.out, "nothing waits for hammerhai\n");
    let first = stage.handed_to("hammerhai").await;
    let second = stage.handed_to("hammerhai").await;
    let listed = stage
        .json("hela", &["site", "confirmations", "hammerhai"])
        .await;
    assert_eq!(
        (&listed[0]["job"], &listed[1]["job"]),
        (&json!(first), &json!(second))
    );
    let shown = stage
        .run("hela", &["site", "confirmations", "hammerhai"])
        .await
        .out;
    assert!(
        shown.starts_with(&format!("job             {first} (train)\n")),
        "{shown}"
    );
    assert!(!shown.contains("ada of the tests"), "by pseudonym: {shown}");
    assert!(!shown.contains("\nscript  "), "{shown}");
    let whole = ["site", "confirmations", "hammerhai", "--script"];
    let shown = stage.run("hela", &whole).await.out;
    assert!(shown.contains("\nscript          "), "{shown}");

    let said = stage
        .run("hela", &["site", "confirm", "hammerhai", &first])
        .await;
    assert_eq!(said.out, format!("{first} goes in: it is placed now\n"));
    let again = stage
        .run("hela", &["site", "confirm", "hammerhai", &first])
        .await;
    assert_eq!(again.code, 1);
    assert!(again.error.contains("no longer waits"), "{again:?}");
    let words = [
        "site",
        "decline",
        "hammerhai",
        &second,
        "--reason",
        "not this month",
    ];
    let declined = stage.json("hela", &words).await;
    assert_eq!(declined["state"], "pending");
}

#[tokio::test]
async fn a_carried_job_is_told_of_until_it_is_settled() {
    let stage = opened().await;
    let job = stage.handed_to("lumi").await;
    let listed = stage.json("hela", &["site", "handoffs", "lumi"]).await;
    assert_eq!(
        (&listed[0]["job"], &listed[0]["fetched"]),
        (&json!(job), &json!(false))
    );
    let marker = listed[0]["attempt"].as_str().unwrap().to_owned();
    let script = stage.json("ada", &["handoff", &job]).await;
    assert!(
        script["text"].as_str().unwrap().contains(&marker),
        "{script}"
    );
    let table = stage.run("hela", &["site", "handoffs", "lumi"]).await.out;
    assert!(table.starts_with("JOB "), "{table}");
    assert!(table.contains(&marker) && table.contains("yes"), "{table}");

    let tell = async |named: &str, body: Value| {
        let file = stage.file("told.json", &body.to_string());
        stage
            .run("hela", &["site", "report", "lumi", named, &file, "--json"])
            .await
    };
    let submitted = json!({ "event": "submitted", "remote_id": "4711", "submitted_at": "2026-11-20T12:00:00Z" });
    for named in [&job, &marker] {
        let told = tell(named, submitted.clone()).await;
        assert_eq!(told.code, 0, "{told:?}");
        let told: Value = serde_json::from_str(&told.out).unwrap();
        assert_eq!(told["state"], "queued");
    }
    let mut other = submitted;
    other["remote_id"] = json!("4712");
    let refused = tell(&job, other).await;
    assert_eq!(refused.code, 1);
    assert!(
        refused.out.contains("contradicts what was told before"),
        "{refused:?}"
    );
    for no_report in [
        json!({ "event": "begun" }),
        json!({ "event": "started", "started_at": "now" }),
    ] {
        let wrong = tell(&job, no_report).await;
        assert_eq!(wrong.code, 2, "{wrong:?}");
        assert!(
            wrong.error.contains("told.json is not a report: "),
            "{wrong:?}"
        );
        assert!(
            wrong
                .error
                .contains("{\"event\": \"started\", \"started_at\": "),
            "{wrong:?}"
        );
    }
    let words = ["site", "report", "lumi", &job, "/nowhere/told.json"];
    let wrong = stage.run("hela", &words).await;
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let ended = json!({ "event": "ended", "ended_at": "2026-11-20T12:30:00Z",
        "outcome": { "kind": "completed", "exit_code": 0, "site_words": "COMPLETED" },
        "usage": { "started_at": "2026-11-20T12:00:00Z", "ended_at": "2026-11-20T12:30:00Z",
            "nodes": 1, "scheduler_gpus": 8, "cpus": 56 } });
    let over = tell(&marker, ended).await;
    assert_eq!(over.code, 0, "{over:?}");
    let left = stage.json("hela", &["site", "handoffs", "lumi"]).await;
    assert_eq!(left, json!([]), "it is settled");
}
