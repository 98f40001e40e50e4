//! What a funder asks of a period, at the command line.

use crate::entitlement::{APPLICATION, EVIDENCE, FOUNDER, REVIEWER, id, registered, said, stage};

#[tokio::test]
async fn an_auditor_reads_what_was_used_and_how_long_access_took_and_an_operator_sets_objectives() {
    let stage = stage().await;
    for person in ["operator", "auditor"] {
        stage.sign_in(person).await;
    }
    let org = registered(&stage).await;
    let evidence = id(&stage.json(FOUNDER, &EVIDENCE).await);
    let check = [
        "review", "evidence", &org, &evidence, "--accept", "--words", "signed",
    ];
    said(&stage, REVIEWER, &check).await;
    let file = stage.file("folding.toml", APPLICATION);
    stage
        .json(
            FOUNDER,
            &["apply", "aif_playground", "meluxina/meluxina", &file],
        )
        .await;
    let period = ["--from", "2020-01-01", "--to", "2029-12-31"];
    let asked = [&["indicators"][..], &period].concat();
    let found = said(&stage, "auditor", &asked).await;
    for part in [
        "0.0000 GPU-hours by 0 organisations",
        "TO DECISION",
        "union",
        "-",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    let refused = stage.run(FOUNDER, &asked).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    let backwards = ["indicators", "--from", "2027-01-02", "--to", "2027-01-01"];
    let refused = stage.run("auditor", &backwards).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.error.contains("--to"), "{refused:?}");

    let add = [
        "objective",
        "add",
        "--owner",
        &org,
        "--indicator",
        "sme_permille",
        "--baseline",
        "200",
    ];
    let goes = [
        "--target",
        "400",
        "--from",
        "2099-01-01",
        "--to",
        "2099-12-31",
        "--key",
        "sme",
    ];
    let add = [&add[..], &goes].concat();
    let set = said(&stage, "operator", &add).await;
    assert!(set.contains("nothing changes it now"), "{set}");
    assert_eq!(
        said(&stage, "operator", &add).await,
        set,
        "the same key, the same objective"
    );
    let listed = said(&stage, "auditor", &["objectives"]).await;
    for part in [
        "sme_permille",
        "200 to 400",
        "2099-01-01 to 2099-12-31",
        "Pleione Labs",
    ] {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    assert!(listed.contains("nothing measured yet"), "{listed}");
    let refused = stage.run("auditor", &add).await;
    assert_eq!(refused.code, 1, "{refused:?}");
}
