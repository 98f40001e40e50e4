//! A site's agents at the command line: invites, who is in, and who is put out.

use agent_link::InviteText;
use serde_json::{Value, json};

use crate::stage::Stage;
use crate::world::agent_of;

async fn opened() -> Stage {
    let stage = Stage::open().await;
    stage.sign_in("lena").await;
    stage
}

#[tokio::test]
async fn an_invite_is_one_line_on_standard_output_and_shown_this_once() {
    let stage = opened().await;
    let words = [
        "site",
        "invite",
        "lumi",
        "--note",
        "login1",
        "--valid-hours",
        "2",
    ];
    let ran = stage.run("lena", &words).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let invite: InviteText = ran.out.trim_end().parse().unwrap();
    assert_eq!(
        ran.out.lines().count(),
        1,
        "a pipe may take it: {}",
        ran.out
    );
    assert_eq!(invite.site.as_str(), "lumi");

    let id = invite.id.to_string();
    let listed = stage.json("lena", &["site", "invites", "lumi"]).await;
    assert_eq!(listed[0]["id"], json!(id));
    assert_eq!(listed[0]["state"], "open");
    assert_eq!(listed[0]["note"], "login1");
    assert_eq!(listed[0]["expires_at"], "2026-11-20T14:00:00Z");
    assert_eq!(
        listed[0]["text"],
        Value::Null,
        "the line is nowhere any more"
    );
    let table = stage.run("lena", &["site", "invites", "lumi"]).await.out;
    assert!(table.starts_with("INVITE "), "{table}");
    assert!(table.contains(&id) && table.contains("login1"), "{table}");

    let made = stage.json("lena", &["site", "invite", "lumi"]).await;
    assert!(made["text"].as_str().unwrap().parse::<InviteText>().is_ok());
    let too_long = ["site", "invite", "lumi", "--valid-hours", "169"];
    let refused = stage.run("lena", &too_long).await;
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[tokio::test]
async fn an_invite_that_nobody_has_used_is_taken_back() {
    let stage = opened().await;
    let made = stage.json("lena", &["site", "invite", "lumi"]).await;
    let id = made["id"].as_str().unwrap();
    let withdraw = ["site", "withdraw-invite", "lumi", id];
    let ran = stage.run("lena", &withdraw).await;
    assert_eq!((ran.code, ran.out), (0, format!("{id}: withdrawn\n")));
    let again = stage.json("lena", &withdraw).await;
    assert_eq!(again["state"], "withdrawn", "and once more is as it was");
}

#[tokio::test]
async fn agents_are_listed_and_one_is_put_out_with_a_reason() {
    let stage = opened().await;
    let agent = agent_of("lumi").to_string();
    let listed = stage.json("lena", &["site", "agents", "lumi"]).await;
    assert_eq!(listed[0]["id"], json!(agent));
    assert_eq!(listed[0]["status"], "active");
    let silent = stage.run("lena", &["site", "agents", "lumi"]).await.out;
    assert!(silent.starts_with("AGENT "), "{silent}");

    let words = [
        "site",
        "revoke-agent",
        "lumi",
        &agent,
        "--reason",
        "its machine is gone",
    ];
    let revoked = stage.json("lena", &words).await;
    assert_eq!(revoked["status"], "revoked");
    let shown = stage.run("lena", &["site", "agents", "lumi"]).await.out;
    assert!(
        shown.contains(&format!("{agent}: its machine is gone")),
        "{shown}"
    );
    let unexplained = crate::site::parse(&stage, &["site", "revoke-agent", "lumi", &agent]);
    assert!(unexplained.unwrap_err().contains("--reason"));
}

#[tokio::test]
async fn who_does_not_administer_the_site_gets_none_of_it() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let agent = agent_of("lumi").to_string();
    for words in [
        &["site", "invite", "lumi"][..],
        &["site", "invites", "lumi"],
        &["site", "agents", "lumi"],
        &["site", "revoke-agent", "lumi", &agent, "--reason", "x"],
    ] {
        let ran = stage.run("ada", words).await;
        assert_eq!((ran.code, &*ran.out), (1, ""), "{words:?}: {ran:?}");
    }
}
