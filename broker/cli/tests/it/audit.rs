use std::fs;

use broker_ledger::Signer;
use clap::Parser as _;

use crate::stage::Stage;
use crate::world::LEDGER;

pub(crate) async fn sealed() -> (Stage, String) {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    stage.sign_in("auditor").await;
    let id = stage.submitted("ada").await;
    stage.ran().await;
    stage.world.seal().await;
    (stage, id)
}

fn kept(stage: &Stage, what: &str) -> std::path::PathBuf {
    stage.home("ada").join(format!(
        "ledger-{what}-127.0.0.1-{}.txt",
        stage.url.port().unwrap()
    ))
}

#[tokio::test]
async fn every_entry_of_a_job_is_verified_against_the_signed_tree() {
    let (stage, id) = sealed().await;
    let ran = stage.run("ada", &["audit", "verify", "--job", &id]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    for kind in [
        "job.accepted",
        "job.placed",
        "attempt.leased",
        "usage.charged",
    ] {
        assert!(ran.out.contains(kind), "{kind}: {}", ran.out);
    }
    assert!(ran.out.contains("verified: "));
    let json = stage.json("ada", &["audit", "verify", "--job", &id]).await;
    assert_eq!(
        (json["verified"].as_bool(), json["job"].as_str()),
        (Some(true), Some(&*id))
    );
}

#[tokio::test]
async fn a_job_without_a_sealed_entry_is_not_called_verified() {
    let (stage, _) = sealed().await;
    let id = stage.submitted("ada").await;
    let ran = stage.run("ada", &["audit", "verify", "--job", &id]).await;
    assert_eq!(ran.code, 5);
    assert!(
        ran.error
            .contains("no entry of this job is under a checkpoint yet"),
        "{}",
        ran.error
    );
}

#[tokio::test]
async fn an_export_verifies_offline_and_one_flipped_bit_is_found() {
    let (stage, _) = sealed().await;
    let file = stage.file("export.jsonl", "");
    fs::remove_file(&file).unwrap();
    let ran = stage.run("auditor", &["audit", "export", &file]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("alcyone audit verify"));
    let again = stage.run("auditor", &["audit", "export", &file]).await;
    assert_eq!(again.code, 2);
    assert!(
        again.error.contains("never written over"),
        "{}",
        again.error
    );

    let verify = ["audit", "verify", &*file];
    let ran = stage.run("auditor", &verify).await;
    assert!(
        ran.code == 0 && ran.out.ends_with("every entry is under a signed root\n"),
        "{ran:?}"
    );
    let json = stage.json("auditor", &verify).await;
    assert_eq!(json["origin"], LEDGER);
    let good = fs::read(&file).unwrap();
    for at in (0..good.len()).step_by(97) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&file, &bad).unwrap();
        let ran = stage.run("auditor", &verify).await;
        assert_eq!(ran.code, 5, "byte {at}: {ran:?}");
        assert!(
            ran.error.starts_with("verification failed: "),
            "{}",
            ran.error
        );
    }
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    assert_eq!(stage.run("auditor", &verify).await.code, 5);
}

#[tokio::test]
async fn an_offline_check_sends_nothing_so_it_does_not_mind_plain_http() {
    let (stage, _) = sealed().await;
    let file = stage.world.folder.path().join("export.jsonl");
    let file = file.to_str().unwrap();
    stage.run("auditor", &["audit", "export", file]).await;
    let home = stage.home("auditor");
    let key = stage.world.sealer.verifier_key();
    fs::write(home.join("ledger-key-broker.example-8080.txt"), key).unwrap();
    let place = [
        "alcyone",
        "--broker",
        "http://broker.example:8080",
        "--home",
        home.to_str().unwrap(),
    ];
    let run = async |words: &[&str]| {
        let cli = broker_cli::Cli::try_parse_from(place.iter().chain(words)).unwrap();
        broker_cli::run(cli, &mut Vec::new()).await
    };
    assert_eq!(run(&["audit", "verify", file]).await.unwrap(), 0);
    let refused = run(&["whoami"]).await.unwrap_err().to_string();
    assert!(refused.contains("--allow-http"), "{refused}");
}

#[tokio::test]
async fn an_export_signed_by_another_key_than_the_trusted_one_is_refused() {
    let (stage, _) = sealed().await;
    let file = stage.world.folder.path().join("export.jsonl");
    let file = file.to_str().unwrap();
    stage.run("auditor", &["audit", "export", file]).await;
    let right = stage.world.sealer.verifier_key();
    let wrong = Signer::from_seed(LEDGER, &[8; 32])
        .unwrap()
        .verifier()
        .to_string();
    for (key, code) in [(&right, 0), (&wrong, 5)] {
        let ran = stage
            .run("nobody", &["audit", "verify", file, "--trusted-key", key])
            .await;
        assert_eq!(ran.code, code, "{ran:?}");
    }
}

#[tokio::test]
async fn the_export_is_for_auditors() {
    let (stage, _) = sealed().await;
    let file = stage.world.folder.path().join("export.jsonl");
    let ran = stage
        .run("ada", &["audit", "export", file.to_str().unwrap()])
        .await;
    assert_eq!(
        (ran.code, ran.error.as_str()),
        (1, "this needs the role auditor")
    );
    assert!(!file.exists());
}

#[tokio::test]
async fn a_broker_that_shows_another_key_than_before_is_not_believed() {
    let (stage, id) = sealed().await;
    let verify = ["audit", "verify", "--job", &*id];
    assert_eq!(stage.run("ada", &verify).await.code, 0);
    let other = Signer::from_seed(LEDGER, &[8; 32])
        .unwrap()
        .verifier()
        .to_string();
    fs::write(kept(&stage, "key"), &other).unwrap();
    let ran = stage.run("ada", &verify).await;
    assert_eq!(ran.code, 5);
    assert!(
        ran.error
            .contains("another ledger key than the one kept in"),
        "{}",
        ran.error
    );
    let ran = stage
        .run(
            "ada",
            &["audit", "verify", "--job", &id, "--trusted-key", &other],
        )
        .await;
    assert_eq!(ran.code, 5, "its checkpoints are not signed by that one");
}

#[tokio::test]
async fn a_broker_that_rewrote_its_past_is_found_out_by_the_checkpoint_kept_from_before() {
    let (stage, id) = sealed().await;
    let verify = ["audit", "verify", "--job", &*id];
    assert_eq!(stage.run("ada", &verify).await.code, 0);
    stage.submitted("ada").await;
    stage.world.seal().await;
    assert_eq!(
        stage.run("ada", &verify).await.code,
        0,
        "a ledger that has only grown"
    );

    // The same key signed another history.
    let (other, _) = sealed().await;
    let note = |stage: &Stage| fs::read_to_string(kept(stage, "checkpoint")).unwrap();
    let head = broker_store::Ledger::latest_checkpoint(&other.world.store)
        .await
        .unwrap()
        .unwrap();
    let genuine = note(&stage);
    fs::write(kept(&stage, "checkpoint"), &head.note).unwrap();
    let ran = stage.run("ada", &verify).await;
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(
        ran.error.contains("the ledger was rewritten"),
        "{}",
        ran.error
    );
    let given = stage.file("earlier.txt", &head.note);
    fs::write(kept(&stage, "checkpoint"), genuine).unwrap();
    let ran = stage
        .run(
            "ada",
            &["audit", "verify", "--job", &id, "--checkpoint", &given],
        )
        .await;
    assert_eq!(ran.code, 5, "{ran:?}");
}
