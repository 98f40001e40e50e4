//! The program itself, as a shell or a script starts it: environment, streams and exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::audit::sealed;
use crate::stage::Stage;

/// Runs the program with nothing in its environment but what is given.
async fn alcyone(words: &[&str], environment: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alcyone"));
    command.env_clear().args(words);
    command.envs(environment.iter().copied());
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// Exit code, and the only thing on standard output, which is a JSON object.
fn told(output: &Output) -> (i32, Value) {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    assert!(value.is_object(), "{text}");
    (output.status.code().unwrap(), value)
}

async fn json(stage: &Stage, person: &str, words: &[&str]) -> (i32, Value) {
    let home = stage.home(person);
    let mut all = vec!["--json", "--broker", stage.url.as_str()];
    all.extend(words);
    told(&alcyone(&all, &[("ALCYONE_HOME", &home)]).await)
}

async fn exported(stage: &Stage, name: &str) -> String {
    let file = stage.world.folder.path().join(name);
    let file = file.to_str().unwrap().to_owned();
    let ran = stage.run("auditor", &["audit", "export", &file]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    file
}

#[tokio::test]
async fn an_export_verifies_on_a_machine_that_has_nothing_but_the_key() {
    let (stage, _) = sealed().await;
    let file = exported(&stage, "export.jsonl").await;
    let key = stage.world.sealer.verifier_key();
    let words = ["audit", "verify", &file, "--trusted-key", &key];
    let output = alcyone(&words, &[]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("no checkpoint is kept"), "{said}");
    assert!(
        said.ends_with("verified: every entry is under a signed root\n"),
        "{said}"
    );

    let (code, verified) = told(&alcyone(&[&words[..], &["--json"]].concat(), &[]).await);
    assert_eq!((code, &verified["verified"]), (0, &Value::Bool(true)));
    assert_eq!(verified["entries"], verified["size"]);
    assert_eq!(verified["continues"], Value::Array(Vec::new()));

    let (code, refused) = told(&alcyone(&["--json", "audit", "verify", &file], &[]).await);
    assert_eq!((code, &refused["code"]), (2, &"usage".into()));
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("give --trusted-key"), "{detail}");
}

#[tokio::test]
async fn an_export_cut_back_to_an_older_head_is_found_by_the_one_that_is_kept() {
    let (stage, _) = sealed().await;
    let older = exported(&stage, "older.jsonl").await;
    let key = stage.world.sealer.verifier_key();
    let verify = ["audit", "verify", &*older, "--trusted-key", &key];
    let (code, verified) = json(&stage, "auditor", &verify).await;
    assert_eq!(code, 0, "{verified}");
    assert_eq!(verified["continues"][0]["size"], verified["size"]);

    stage.submitted("ada").await;
    stage.world.seal().await;
    let newer = exported(&stage, "newer.jsonl").await;
    let (code, cut) = json(&stage, "auditor", &verify).await;
    assert_eq!((code, &cut["verified"]), (5, &Value::Bool(false)), "{cut}");
    let detail = cut["detail"].as_str().unwrap();
    assert!(
        detail.contains("were left out") && detail.contains("ledger-checkpoint-"),
        "{detail}"
    );

    // The broker need not be named for what is kept to count.
    let home = stage.home("auditor");
    for (file, code) in [(&older, Some(5)), (&newer, Some(0))] {
        let words = ["audit", "verify", file, "--trusted-key", &key];
        let output = alcyone(&words, &[("ALCYONE_HOME", &home)]).await;
        assert_eq!(output.status.code(), code, "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            code == Some(0),
            said.contains("it goes on from the checkpoint of"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_damaged_export_is_told_from_one_that_cannot_be_read() {
    let (stage, _) = sealed().await;
    let file = exported(&stage, "export.jsonl").await;
    let key = stage.world.sealer.verifier_key();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("usage.charged", "usage.chargee", 1)).unwrap();
    let words = ["--json", "audit", "verify", &file, "--trusted-key", &key];
    let (code, damaged) = told(&alcyone(&words, &[]).await);
    assert_eq!(
        (code, &damaged["verified"], &damaged["code"]),
        (5, &Value::Bool(false), &"verification-failed".into())
    );
    assert!(damaged["detail"].as_str().unwrap().contains("root"));
    for missing in [stage.world.folder.path(), Path::new("/no/such/export")] {
        let missing = missing.to_str().unwrap();
        let words = ["--json", "audit", "verify", missing, "--trusted-key", &key];
        let (code, refused) = told(&alcyone(&words, &[]).await);
        assert_eq!((code, &refused["code"]), (2, &"usage".into()), "{refused}");
    }
}

#[tokio::test]
async fn each_exit_code_comes_with_one_json_object() {
    let (stage, id) = sealed().await;
    let (code, job) = json(&stage, "ada", &["show", &id]).await;
    assert_eq!((code, &job["job"]["id"]), (0, &id.clone().into()));

    let other = id.replace('0', "1");
    let (code, refused) = json(&stage, "ada", &["show", &other]).await;
    assert_eq!(
        (code, &refused["code"], &refused["status"]),
        (1, &"not-found".into(), &404.into())
    );
    assert_eq!(refused["detail"], format!("there is no such job: {other}"));
    assert!(
        refused["remedy"]
            .as_str()
            .unwrap()
            .contains("`alcyone jobs`")
    );
    assert!(refused["request_id"].is_string(), "{refused}");

    let (code, usage) = json(&stage, "ada", &["jobs", "--limit", "many"]).await;
    assert_eq!((code, &usage["code"]), (2, &"usage".into()));
    assert!(usage["detail"].as_str().unwrap().contains("--limit"));
    let (code, usage) = json(&stage, "ada", &["submit", "no-such-file.toml"]).await;
    assert_eq!((code, &usage["code"]), (2, &"usage".into()));
    assert!(usage["detail"].as_str().unwrap().contains("no-such-file"));

    let (code, nobody) = json(&stage, "stranger", &["whoami"]).await;
    assert_eq!((code, &nobody["code"]), (3, &"not-signed-in".into()));

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let home = stage.home("stranger");
    let words = ["--json", "--broker", &nowhere, "login"];
    let (code, silent) = told(&alcyone(&words, &[("ALCYONE_HOME", &home)]).await);
    assert_eq!((code, &silent["code"]), (4, &"unreachable".into()));

    let unsealed = stage.submitted("ada").await;
    let (code, unproven) = json(&stage, "ada", &["audit", "verify", "--job", &unsealed]).await;
    assert_eq!((code, &unproven["verified"]), (5, &Value::Bool(false)));
}

#[tokio::test]
async fn help_is_no_mistake_and_wrong_use_without_json_says_nothing_on_standard_output() {
    let help = alcyone(&["--json", "--help"], &[]).await;
    assert!(help.status.success());
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("Exit codes:")
    );
    let wrong = alcyone(&["shout"], &[]).await;
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stdout.is_empty());
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("shout"));
}

#[tokio::test]
async fn a_word_of_another_form_is_wrong_use_and_told_the_form_with_an_example() {
    let at = [
        ("ALCYONE_BROKER", Path::new("http://127.0.0.1:1")),
        ("ALCYONE_HOME", Path::new("/nowhere")),
    ];
    let drain = ["site", "drain", "lumi", "--reason", "x"];
    for (words, form) in [
        (&["usage", "--month", "11"][..], "as `2026-11`"),
        (&["site", "remove", "lumi", "foo"], "`vet_…`"),
        (
            &[&drain[..], &["--until", "tomorrow"]].concat(),
            "as `2026-11-21T10:00:00Z`",
        ),
        (
            &["site", "drain"],
            "Usage: alcyone site drain [OPTIONS] --reason <REASON> <SITE>\n",
        ),
    ] {
        let ran = alcyone(words, &at).await;
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{said}");
        assert!(said.contains(form), "{said}");
        assert!(!said.contains("--broker"), "{said}");
    }
    let help = alcyone(&["site", "drain", "--help"], &[]).await;
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(
        help.contains("--until <TIME>") && help.contains("as 2026-11-21T10:00:00Z"),
        "{help}"
    );
}
