//! Colleagues come in by a code, and leave.

use std::process::{Command, Stdio};

use broker_cli::Cli;
use clap::{CommandFactory as _, Parser as _};
use serde_json::Value;

use crate::entitlement::{FOUNDER, id, registered, stage};
use crate::stage::{Ran, Stage};
use crate::world::project;

const COLLEAGUE: &str = "bo";

async fn said(stage: &Stage, person: &str, words: &[&str]) -> String {
    let ran = stage.run(person, words).await;
    assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
    ran.out
}

#[track_caller]
fn refused(ran: &Ran, (code, word): (u8, &str)) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert!(ran.error.contains(word), "{word}: {}", ran.error);
}

/// Runs the program with a line on its standard input.
async fn with_line(stage: &Stage, person: &str, words: &[&str], line: &str) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alcyone"));
    command.env_clear().env("ALCYONE_HOME", stage.home(person));
    command.args(["--broker", stage.url.as_str()]).args(words);
    let file = stage.file("line", line);
    command.stdin(Stdio::from(std::fs::File::open(file).unwrap()));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(text).unwrap(),
    )
}

#[tokio::test]
async fn a_colleague_joins_a_project_by_a_line_that_is_handed_on_and_leaves_it() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    stage.sign_in(COLLEAGUE).await;
    let main = project("main").to_string();
    let invite = ["project", "invite", &main, "--for", "Bo of the night shift"];
    let code = said(&stage, "ada", &invite).await;
    assert!(
        code.starts_with("join_") && code.lines().count() == 1,
        "{code}"
    );
    let listed = said(&stage, "ada", &["invitations"]).await;
    for part in ["open", "member", "Bo of the night shift"] {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    assert!(!listed.contains(code.trim()), "{listed}");

    let (status, words) = with_line(&stage, COLLEAGUE, &["join"], &code).await;
    assert_eq!(status, 0, "{words}");
    assert!(words.starts_with("you are member of "), "{words}");
    let (status, _) = with_line(&stage, COLLEAGUE, &["join", "-"], &code).await;
    assert_eq!(status, 0, "again it is answered as done");
    let (status, words) = with_line(&stage, COLLEAGUE, &["join"], "\n").await;
    assert!(
        status == 2 && words.contains("no code was given"),
        "{words}"
    );

    let members = stage.json("ada", &["project", "members", &main]).await;
    let members = members.as_array().unwrap();
    let his = members.iter().find(|it| it["you"] == false).unwrap();
    assert_eq!(his["roles"], serde_json::json!(["member"]));
    let listed = said(&stage, COLLEAGUE, &["project", "members", &main]).await;
    assert!(
        listed.contains("(you)") && listed.contains("lead"),
        "{listed}"
    );
    let other = ["project", "invite", &main, "--for", "anybody"];
    refused(&stage.run(COLLEAGUE, &other).await, (1, "`lead`"));
    let left = ["project", "remove", "me", "--project", &main];
    let words = said(&stage, COLLEAGUE, &left).await;
    assert_eq!(words, "you are no longer member\n");
    refused(&stage.run("ada", &left).await, (1, "last lead"));
    let gone = his["person"].as_str().unwrap();
    let gone = ["project", "remove", gone, "--project", &main];
    refused(&stage.run("ada", &gone).await, (1, "no such member"));
}

#[tokio::test]
async fn an_organisation_is_joined_and_its_invitations_are_revoked_by_their_id_alone() {
    let stage = stage().await;
    stage.sign_in(COLLEAGUE).await;
    registered(&stage).await;
    let invite = [
        "organisation",
        "invite",
        "--for",
        "Maia",
        "--valid-days",
        "3",
    ];
    let first = stage.json(FOUNDER, &invite).await;
    let revoke = ["invitation", "revoke", &id(&first)];
    let words = said(&stage, FOUNDER, &revoke).await;
    assert!(
        words.contains("is revoked") && words.contains("Pleione Labs"),
        "{words}"
    );
    let code = first["code"].as_str().unwrap();
    refused(
        &stage.run(COLLEAGUE, &["join", code]).await,
        (1, "taken back"),
    );
    refused(&stage.run(COLLEAGUE, &revoke).await, (2, "none of yours"));

    let keyed = [&invite[..], &["--key", "one"]].concat();
    let second = stage.json(FOUNDER, &keyed).await;
    let repeat = stage.run(FOUNDER, &keyed).await;
    assert_eq!(repeat.code, 1, "{repeat:?}");
    assert!(
        repeat.out.contains(&id(&second)) && !repeat.out.contains("join_"),
        "{repeat:?}"
    );
    let words = said(
        &stage,
        COLLEAGUE,
        &["join", second["code"].as_str().unwrap()],
    )
    .await;
    assert_eq!(words, "you are representative of Pleione Labs\n");
    let members = stage.json(COLLEAGUE, &["organisation", "members"]).await;
    let founder = { members.as_array().unwrap().iter() }.find(|it| it["you"] == false);
    let founder = founder.unwrap()["person"].as_str().unwrap().to_owned();
    let remove = ["organisation", "remove", &founder];
    let words = said(&stage, COLLEAGUE, &remove).await;
    assert!(words.ends_with("is no longer representative\n"), "{words}");
    let out = stage.run(FOUNDER, &["organisation", "members"]).await;
    refused(&out, (2, "no organisation yet"));
}

#[tokio::test]
async fn what_is_wrong_with_an_invitation_is_told_by_field() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let main = project("main").to_string();
    let long = [
        "project",
        "invite",
        &main,
        "--for",
        " ",
        "--valid-days",
        "90",
    ];
    let ran = stage.run("ada", &long).await;
    refused(&ran, (2, "valid_days"));
    assert!(
        ran.error.contains("1 to 60") && ran.error.contains("meant_for"),
        "{ran:?}"
    );
    let wrong = stage.run("ada", &["join", "join_nothing"]).await;
    refused(&wrong, (1, "no invitation with this code"));
    let document: Value = stage.json("ada", &["project", "members", &main]).await;
    assert_eq!(document.as_array().unwrap().len(), 1);
}

#[test]
fn help_names_what_a_code_is_given_to_and_wrong_people_are_told_the_form() {
    let mut command = Cli::command();
    let join = command.find_subcommand_mut("join").unwrap();
    let help = join.render_long_help().to_string();
    assert!(help.contains("standard input"), "{help}");
    let words = ["alcyone", "project", "remove", "Maia"];
    let error = Cli::try_parse_from(words).unwrap_err().to_string();
    assert!(error.contains("`me`") && error.contains("per_"), "{error}");
    let words = [
        "alcyone",
        "project",
        "invite",
        "--for",
        "x",
        "--role",
        "representative",
    ];
    let error = Cli::try_parse_from(words).unwrap_err().to_string();
    assert!(error.contains("member, lead"), "{error}");
    let words = ["alcyone", "project", "invite"];
    let error = Cli::try_parse_from(words).unwrap_err().to_string();
    assert!(error.contains("--for <WHO>"), "{error}");
}
