//! What is kept of the person who asks.

use crate::stage::{Stage, mode};

#[tokio::test]
async fn a_person_fetches_what_is_kept_of_them_into_a_file_of_their_own() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let job = stage.submitted("ada").await;
    let file = stage.world.folder.path().join("me.json");
    let name = file.to_str().unwrap();
    let ran = stage.run("ada", &["me", "export", "--output", name]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(mode(&file), 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["jobs"][0]["job"]["id"], job.as_str());
    let again = stage.run("ada", &["me", "export", "--output", name]).await;
    assert_ne!(again.code, 0, "a file that is there is not written over");
    let printed = stage.json("ada", &["me", "export"]).await;
    assert_eq!(printed["person"], told["person"]);
}

#[tokio::test]
async fn a_person_asks_to_be_erased_and_has_to_mean_it() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let first = stage.json("ada", &["me", "erase", "--yes"]).await;
    let again = stage.run("ada", &["me", "erase", "--yes"]).await;
    assert_eq!(again.code, 0, "{again:?}");
    let since = first["asked_at"].as_str().unwrap();
    assert!(again.out.contains(since), "{}", again.out);
    let open = stage.world.broker.erasure_requests().await.unwrap();
    assert_eq!(open.len(), 1);
    let withdraw = ["me", "erase", "--withdraw"];
    let kept = stage.run("ada", &withdraw).await;
    assert_eq!(kept.code, 0, "{kept:?}");
    let open = stage.world.broker.erasure_requests().await.unwrap();
    assert!(open.is_empty(), "{open:?}");
    let again = stage.run("ada", &withdraw).await;
    assert_ne!(again.code, 0, "{again:?}");
    let doubtful = ["alcyone", "me", "erase"];
    assert!(<broker_cli::Cli as clap::Parser>::try_parse_from(doubtful).is_err());
}
