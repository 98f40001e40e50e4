//! A site's administrator at the command line.

use std::collections::BTreeSet;

use broker_cli::Cli;
use clap::{CommandFactory as _, Parser as _};
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

    let refused = json(&[
        "site",
        "veto",
        "lumi",
        &organisation,
        "--until",
        "2026-12-24T12:00:00Z",
        "--reason",
        "unpaid bills",
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
        refused organisations
        VETO                                  ORGANISATION                          SYSTEM  UNTIL                 REASON
        vet_[id]  org_[id]  all     2026-12-24T12:00:00Z  unpaid bills
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
    json(&["site", "lift-veto", "lumi", &id(&refused)]).await;
    json(&["site", "limit", "lumi", &organisation]).await;
    let set = json(&["site", "show", "lumi"]).await;
    assert_eq!(
        (&set["windows"], &set["vetoes"], &set["limits"]),
        (&json!([]), &json!([]), &json!([]))
    );
    assert_eq!(json(&["site", "windows", "list", "lumi"]).await, json!([]));
    assert_eq!(json(&["site", "jobs", "lumi"]).await["items"], json!([]));
    let jobs = stage.run("lena", &["site", "jobs", "lumi"]).await;
    assert!(
        jobs.out.starts_with(
            "JOB  REMOTE  PARTITION  STATE  PROJECT  ALLOCATION  ORGANISATION  FOR  SINCE"
        ),
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
    let registered = stage.run("operator", &["site", "register", &new]).await;
    assert_eq!(registered.out, "turku is registered\n");
    let wrong = stage.file(
        "wrong.toml",
        &text.replacen("country = \"FI\"", "country = \"Suomi\"", 1),
    );
    let refused = stage.run("lena", &["site", "import", &wrong]).await;
    assert_eq!(refused.code, 2, "{}", refused.out);
}

#[tokio::test]
async fn what_is_registered_is_printed_as_a_file_to_edit_and_import() {
    let stage = opened().await;
    let sites = stage.json("lena", &["sites"]).await;
    let ids: Vec<&str> = { sites.as_array().unwrap().iter() }
        .map(|it| it["site"]["id"].as_str().unwrap())
        .collect();
    assert!(ids.len() >= 7, "{ids:?}");
    stage.sign_in("operator").await;
    for site in ids {
        let printed = stage.run("operator", &["site", "document", site]).await.out;
        let file = stage.file("printed.toml", &printed);
        let same = stage.run("operator", &["site", "import", &file]).await;
        let words = format!("{site} is registered like this already\n");
        assert_eq!(same.out, words, "{printed}");
    }
    let document = stage.json("lena", &["site", "document", "lumi"]).await;
    assert_eq!(document["city"], "Kajaani");
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

/// What clap says to a command line that is none.
pub(crate) fn parse(stage: &Stage, words: &[&str]) -> Result<(), String> {
    let first = ["alcyone", "--broker", stage.url.as_str()];
    let parsed = Cli::try_parse_from(first.iter().chain(words));
    parsed.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn what_was_set_by_mistake_is_taken_back_by_its_id() {
    let stage = opened().await;
    let drain = stage
        .json(
            "lena",
            &["site", "drain", "lumi", "--reason", "the wrong site"],
        )
        .await;
    let removed = stage
        .json("lena", &["site", "remove", "lumi", &id(&drain)])
        .await;
    assert_eq!(removed, json!({ "removed": id(&drain) }));
    let again = stage
        .run("lena", &["site", "remove", "lumi", &id(&drain)])
        .await;
    assert_eq!(again.code, 1, "{again:?}");
    let words = format!(
        "there is no such drain: {}\n  remedy: `alcyone site show",
        id(&drain)
    );
    assert!(again.error.starts_with(&words), "{}", again.error);
    let organisation = broker_app::setup::organisation_id("startup").to_string();
    stage
        .json(
            "lena",
            &["site", "limit", "lumi", &organisation, "--queued", "3"],
        )
        .await;
    let said = stage
        .run("lena", &["site", "remove", "lumi", &organisation])
        .await;
    assert_eq!(said.out, format!("lumi: {organisation} is taken back\n"));
    let set = stage.run("lena", &["site", "show", "lumi"]).await.out;
    assert_eq!(set, "lumi: nothing is set\n");
    let other = parse(
        &stage,
        &[
            "site",
            "remove",
            "lumi",
            "job_0192f0c1d2e37abc8def0123456789ab",
        ],
    );
    let said = other.expect_err("a job is not set at a site");
    assert!(
        said.contains("`drn_…`") && said.contains("`org_…`"),
        "{said}"
    );
    assert!(said.contains("`alcyone site show SITE`"), "{said}");
}

#[tokio::test]
async fn a_limit_is_said_in_full_with_the_one_that_it_replaced() {
    let stage = opened().await;
    let organisation = broker_app::setup::organisation_id("startup").to_string();
    let limit = async |more: &[&str]| {
        let words = [&["site", "limit", "lumi", &*organisation], more].concat();
        stage.run("lena", &words).await.out
    };
    let first = limit(&["--at-once", "3", "--queued", "4"]).await;
    assert!(first.ends_with(
        " is limited to 3 jobs at once, 4 jobs queued, any number of GPU-hours a month; it had no limit before\n"
    ), "{first}");
    let second = limit(&["--at-once", "5"]).await;
    assert!(
        second.contains(" is limited to 5 jobs at once, any number of jobs queued, "),
        "{second}"
    );
    assert!(
        second.contains("; before it was 3 jobs at once, 4 jobs queued, "),
        "{second}"
    );
    let lifted = limit(&[]).await;
    assert!(
        lifted.contains("is not limited any more; before it was 5 jobs at once"),
        "{lifted}"
    );
}

#[tokio::test]
async fn what_a_veto_or_a_limit_names_and_is_not_there_is_said_with_where_to_look() {
    let stage = opened().await;
    let hex = "0192f0c1d2e37abc8def0123456789ab";
    for (words, what) in [
        (
            vec!["veto", "lumi", "alc_{}", "--reason", "x"],
            "allocation: alc_",
        ),
        (vec!["limit", "lumi", "org_{}"], "organisation: org_"),
        (
            vec!["undrain", "lumi", "drn_{}"],
            "drain that is not over: drn_",
        ),
        (vec!["lift-veto", "lumi", "vet_{}"], "veto: vet_"),
        (
            vec!["windows", "close", "lumi", "win_{}"],
            "capacity window: win_",
        ),
        (
            vec!["incident", "close", "lumi", "inc_{}"],
            "incident that is not over: inc_",
        ),
        (vec!["confirm", "lumi", "job_{}"], "confirmation: job_"),
    ] {
        let words: Vec<String> = words.iter().map(|it| it.replace("{}", hex)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = stage.run("lena", &[&["site"], &words[..]].concat()).await;
        let said = format!("there is no such {what}{hex}\n  remedy: `alcyone ");
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.error.starts_with(&said), "{}", ran.error);
        assert!(ran.error.contains("`alcyone site "), "{}", ran.error);
    }
}

#[tokio::test]
async fn a_site_a_system_and_a_partition_are_retired_unless_jobs_refer_to_them() {
    let stage = opened().await;
    stage.sign_in("operator").await;
    stage.sign_in("ada").await;
    let text = include_str!("../../../../config/sites/meluxina.toml");
    let text = text.replacen("id = \"meluxina\"", "id = \"esch\"", 1);
    let quantum = r#"
        [[system.partition]]
        id = "q"
        accelerator_kind = "qpu"
        container_target = "x86_64+qpu"
        "#;
    let new = stage.file("esch.toml", &(text + quantum));
    stage.json("operator", &["site", "import", &new]).await;
    let shown = stage.run("ada", &["sites", "esch"]).await.out;
    assert!(shown.contains("esch: meluxina-q/q (qpu)\n"), "{shown}");
    let words = [
        "site",
        "retire",
        "esch",
        "--system",
        "meluxina",
        "--partition",
        "gpu",
    ];
    let changed = stage.json("operator", &words).await;
    assert_eq!(changed["filed"], "changed");
    let gone = stage.run("operator", &words).await;
    assert_eq!(gone.code, 2, "{gone:?}");
    let words = ["site", "retire", "esch", "--system", "meluxina"];
    let host = stage.run("operator", &words).await;
    assert_ne!(host.code, 0, "meluxina-q hangs on it: {host:?}");
    let words = ["site", "retire", "esch", "--system", "meluxina-ai"];
    let said = stage.run("operator", &words).await.out;
    assert!(said.starts_with("esch has changed\n"), "{said}");
    let retired = stage.json("operator", &["site", "retire", "esch"]).await;
    assert_eq!(retired, json!({ "removed": "esch" }));
    let shown = stage.run("ada", &["sites", "esch"]).await;
    assert!(
        shown.error.starts_with("there is no such site: esch\n"),
        "{shown:?}"
    );

    let job = stage.submitted("ada").await;
    let refused = stage.run("operator", &["site", "retire", "meluxina"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.error.contains(&job), "{refused:?}");
    let lena = stage.run("lena", &["site", "retire", "lumi"]).await;
    assert_eq!(lena.code, 1, "an operator's: {lena:?}");
}

#[test]
fn every_verb_of_a_site_has_help_and_a_test_that_reads_its_json() {
    let command = Cli::command();
    let site = command.find_subcommand("site").unwrap();
    let tests = [
        include_str!("accounts.rs"),
        include_str!("site.rs"),
        include_str!("site_agents.rs"),
        include_str!("site_people.rs"),
    ];
    let verbs: BTreeSet<&str> = site
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    assert!(verbs.len() > 15, "{verbs:?}");
    for verb in site.get_subcommands() {
        let name = verb.get_name();
        let about = verb
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(about.len() > 10 && !about.ends_with('.'), "{name}: {about}");
        let quoted = format!("\"{name}\"");
        let is_tested = tests.iter().any(|text| text.contains(&quoted));
        assert!(is_tested, "`alcyone site {name}` is in no test");
    }
}
