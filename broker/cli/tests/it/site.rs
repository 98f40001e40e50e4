//! A site's administrator at the command line.

use serde_json::{Value, json};

use crate::stage::Stage;

async fn opened() -> Stage {
    let stage = Stage::open().await;
    stage.sign_in("lena").await;
    stage
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one table of the answer after the other"
)]
async fn what_is_set_at_a_site_is_shown_and_ended() {
    let stage = opened().await;
    let json = async |words: &[&str]| stage.json("lena", words).await;
    let drain = json(&[
        "site",
        "drain",
        "lumi",
        "--system",
        "lumi",
        "--reason",
        "a new file system",
    ])
    .await;
    let window = json(&[
        "site",
        "windows",
        "add",
        "lumi",
        "--share",
        "union",
        "--from",
        "2026-11-20T00:00:00Z",
        "--to",
        "2027-01-01T00:00:00Z",
        "--gpu-hours",
        "1000",
    ])
    .await;
    let incident = json(&[
        "site",
        "incident",
        "open",
        "lumi",
        "--kind",
        "maintenance",
        "--title",
        "Cooling",
        "--words",
        "Pumps are exchanged.",
        "--from",
        "2026-12-01T08:00:00Z",
    ])
    .await;
    let organisation = broker_app::setup::organisation_id("startup").to_string();
    json(&["site", "limit", "lumi", &organisation, "--at-once", "3"]).await;
    let allocation = broker_app::setup::allocation_id("main", "playground").to_string();
    let veto = json(&[
        "site",
        "veto",
        "lumi",
        &allocation,
        "--reason",
        "export control",
    ])
    .await;

    let mut settings = insta::Settings::clone_current();
    settings.add_filter("[0-9a-f]{32}", "[id]");
    settings.add_filter(" +\n", "\n");
    let ran = stage.run("lena", &["site", "show", "lumi"]).await;
    settings.bind(|| {
        insta::assert_snapshot!(ran.out, @r"
        windows
        WINDOW                                SHARE  WHERE           FROM                  TO                    GPU-HOURS  USED, HELD
        win_[id]  union  the whole site  2026-11-20T00:00:00Z  2027-01-01T00:00:00Z  1000.0000  0.0000, 0.0000
        drains
        DRAIN                                 WHERE  FROM                  UNTIL  REASON
        drn_[id]  lumi   2026-11-20T12:00:00Z  -      a new file system
        incidents
        INCIDENT                              KIND         SEVERITY  WHERE           FROM                  TO  TITLE
        inc_[id]  maintenance  degraded  the whole site  2026-12-01T08:00:00Z  -   Cooling
        vetoes
        VETO                                  ALLOCATION                            SYSTEM  REASON
        vet_[id]  alc_[id]  all     export control
        limits
        ORGANISATION                          AT ONCE  QUEUED  GPU-HOURS A MONTH
        org_[id]  0 of 3   0       0.0000
        ");
    });
    let sites = stage.run("lena", &["sites", "lumi"]).await.out;
    assert!(
        sites.contains("lumi: lumi takes no new jobs from 2026-11-20T12:00:00Z: a new file system"),
        "{sites}"
    );
    assert!(
        sites.contains("lumi: maintenance (degraded) from 2026-12-01T08:00:00Z: Cooling"),
        "{sites}"
    );

    json(&["site", "undrain", "lumi", &id(&drain)]).await;
    json(&[
        "site",
        "windows",
        "close",
        "lumi",
        &id(&window),
        "--withdraw",
    ])
    .await;
    json(&[
        "site",
        "incident",
        "update",
        "lumi",
        &id(&incident),
        "--words",
        "Sooner.",
    ])
    .await;
    json(&["site", "incident", "close", "lumi", &id(&incident)]).await;
    json(&["site", "lift-veto", "lumi", &id(&veto)]).await;
    json(&["site", "limit", "lumi", &organisation]).await;
    let set = json(&["site", "show", "lumi"]).await;
    assert_eq!(
        (&set["windows"], &set["vetoes"], &set["limits"]),
        (&json!([]), &json!([]), &json!([]))
    );
    assert_eq!(json(&["site", "windows", "list", "lumi"]).await, json!([]));
    let jobs = stage.run("lena", &["site", "jobs", "lumi"]).await;
    assert!(
        jobs.out
            .starts_with("JOB  REMOTE  PARTITION  STATE  PROJECT  FOR  SINCE"),
        "{}",
        jobs.out
    );
}

#[tokio::test]
async fn a_file_is_registered_shown_as_a_difference_and_changed() {
    let stage = opened().await;
    stage.sign_in("operator").await;
    let text = include_str!("../../../../config/sites/lumi.toml");
    let file = stage.file("lumi.toml", text);
    let same = stage.run("lena", &["site", "import", &file]).await;
    assert_eq!(same.out, "lumi is registered like this already\n");
    let edited = stage.file(
        "lumi.toml",
        &text.replacen("city = \"Kajaani\"", "city = \"Oulu\"", 1),
    );
    let dry = stage
        .run("lena", &["site", "import", &edited, "--dry-run"])
        .await;
    assert_eq!(dry.out, "lumi would change\n  city: Kajaani -> Oulu\n");
    let filed = stage.json("lena", &["site", "import", &edited]).await;
    assert_eq!(
        (&filed["filed"], &filed["dry_run"]),
        (&json!("changed"), &json!(false))
    );
    let new = stage.file(
        "turku.toml",
        &text.replacen("id = \"lumi\"", "id = \"turku\"", 1),
    );
    let refused = stage.run("lena", &["site", "import", &new]).await;
    assert_eq!(refused.code, 1, "{}", refused.out);
    let registered = stage.run("operator", &["site", "import", &new]).await;
    assert_eq!(registered.out, "turku is registered\n");
    let wrong = stage.file(
        "wrong.toml",
        &text.replacen("country = \"FI\"", "country = \"Suomi\"", 1),
    );
    let refused = stage.run("lena", &["site", "import", &wrong]).await;
    assert_eq!(refused.code, 2, "{}", refused.out);
}

#[tokio::test]
async fn who_does_not_administer_a_site_is_refused() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let drain = stage
        .run("ada", &["site", "drain", "lumi", "--reason", "x"])
        .await;
    assert_eq!(drain.code, 1);
    let jobs = stage.run("ada", &["--json", "site", "jobs", "lumi"]).await;
    assert_eq!(jobs.code, 1);
    let problem: Value = serde_json::from_str(&jobs.out).unwrap();
    assert_eq!(problem["code"], "not-found");
}
