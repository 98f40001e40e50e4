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

#[tokio::test]
async fn an_auditor_looks_at_organisations_and_compares_policies() {
    let stage = stage().await;
    stage.sign_in("auditor").await;
    let org = registered(&stage).await;
    let evidence = id(&stage.json(FOUNDER, &EVIDENCE).await);
    let check = [
        "review", "evidence", &org, &evidence, "--accept", "--words", "signed",
    ];
    said(&stage, REVIEWER, &check).await;
    let file = stage.file("folding.toml", APPLICATION);
    let apply = ["apply", "aif_playground", "meluxina/meluxina", &file];
    let application = id(&stage.json(FOUNDER, &apply).await);
    for (words, part) in [
        (&["organisations"][..], org.as_str()),
        (&["organisation", "show", &org], "Pleione Labs"),
        (&["evidence", &org], "ai_act_self_assessment"),
        (&["applications", &org], &application),
        (&["application", "show", &application], "[satisfied]"),
        (&["policy", "list"], "in force"),
    ] {
        let out = said(&stage, "auditor", words).await;
        assert!(out.contains(part), "{words:?}: {out}");
    }
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");
    let same = said(&stage, "auditor", &["policy", "compare", shipped]).await;
    assert!(same.starts_with("0 of "), "{same}");
    let listed = stage.json("auditor", &["policy", "list"]).await;
    let digest = listed[0]["policy_digest"].as_str().unwrap();
    let day = ["policy", "compare", digest, "--on", "2027-06-01"];
    let same = stage.json("auditor", &day).await;
    assert_eq!(same["policy_digest"], digest);
    let refused = stage.run(FOUNDER, &["policy", "list"]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    let empty = stage
        .run("auditor", &["policy", "compare", "/nowhere"])
        .await;
    assert_eq!(empty.code, 2, "{empty:?}");
    let unknown = ["policy", "compare", "sha256:00"];
    let unknown = stage.run("auditor", &unknown).await;
    assert!(
        unknown.error.contains("there is no such policy"),
        "{unknown:?}"
    );
}
