//! What is wrong with what people give is said with its place, the reason and what to do.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use broker_cli::Cli;
use clap::Parser as _;

use crate::entitlement::{APPLICATION, FOUNDER, ORGANISATION, REVIEWER, id, registered, stage};
use crate::stage::{Ran, Stage};

const ADD: [&str; 8] = [
    "evidence",
    "add",
    "--kind",
    "ai_pact_pledge",
    "--issued-on",
    "2026-10-01",
    "--source",
    "no. 4",
];

#[track_caller]
fn wrong_use(ran: &Ran, parts: &[&str]) {
    assert_eq!(ran.code, 2, "{ran:?}");
    for part in parts {
        assert!(ran.error.contains(part), "{part}: {}", ran.error);
    }
}

#[tokio::test]
async fn who_speaks_for_none_or_several_is_told_what_to_do() {
    let stage = stage().await;
    for words in [&["evidence"][..], &["organisation", "show"], &["routes"]] {
        let ran = stage.run(FOUNDER, words).await;
        wrong_use(
            &ran,
            &["no organisation yet", "`alcyone organisation register`"],
        );
    }
    let first = registered(&stage).await;
    let more = [
        "organisation",
        "register",
        "--name",
        "Maia",
        "--country",
        "FR",
        "--kind",
        "research",
    ];
    let second = id(&stage.json(FOUNDER, &more).await);
    let ran = stage.run(FOUNDER, &["organisation", "size"]).await;
    let both = [format!("{first}  Pleione Labs"), format!("{second}  Maia")];
    wrong_use(&ran, &["which organisation?", &both[0], &both[1]]);
    let named = ["routes", "--organisation", &second, "--civilian"];
    let ran = stage.run(FOUNDER, &named).await;
    assert!(
        ran.error.is_empty() && ran.out.contains("aif_playground"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_with_its_line() {
    let stage = stage().await;
    let org = registered(&stage).await;
    let ran = stage
        .run(FOUNDER, &["organisation", "register", "/nowhere.toml"])
        .await;
    wrong_use(&ran, &["/nowhere.toml cannot be read: No such file"]);
    let register = async |text: &str| {
        let file = stage.file("wrong.toml", text);
        stage
            .run(FOUNDER, &["organisation", "register", &file])
            .await
    };
    let ran = register("name = \"Pleione").await;
    wrong_use(&ran, &["wrong.toml: TOML parse error at line 1"]);
    let ran = register(&ORGANISATION.replace("2024-02-29", "2024-02-30")).await;
    wrong_use(&ran, &["wrong.toml: TOML parse error at line 5"]);
    let ran = register(&ORGANISATION.replace("\"company\"", "\"club\"")).await;
    wrong_use(
        &ran,
        &["line 3", "unknown variant `club`", "`public_sector`"],
    );
    let ran = register(&ORGANISATION.replace("FR 40", "FR 41")).await;
    wrong_use(&ran, &["wrong.toml is not", "line 9: identifiers.vat: "]);
    let ran = register(&ORGANISATION.replace("\"FR\"", "\"France\"")).await;
    wrong_use(
        &ran,
        &["line 2: country: `France` is no country", "allowed: "],
    );

    let apply = async |text: &str| {
        let file = stage.file("wrong.toml", text);
        let words = ["apply", "aif_playground", "meluxina/meluxina", &file];
        stage.run(FOUNDER, &words).await
    };
    let ran = apply(&APPLICATION.replace("months = 3", "months = \"three\"")).await;
    wrong_use(
        &ran,
        &[
            "line 9",
            "a whole number",
            "`alcyone apply MODE SYSTEM --form`",
        ],
    );
    let ran = apply(&APPLICATION.replace("months = 3", "months = 300")).await;
    wrong_use(&ran, &["line 9: need.months: is 300; allowed: 1 to 60"]);
    let file = stage.file("a.toml", APPLICATION);
    let ran = stage
        .run(
            FOUNDER,
            &["apply", "playground", "meluxina/meluxina", &file],
        )
        .await;
    assert!(
        ran.code == 1 && ran.error.contains("`alcyone modes`"),
        "{ran:?}"
    );
    let unchanged = stage.json(FOUNDER, &["organisations"]).await;
    assert_eq!(unchanged[0]["id"].as_str(), Some(org.as_str()));
    assert_eq!(
        stage.json(FOUNDER, &["applications"]).await,
        serde_json::json!([])
    );
}

#[tokio::test]
async fn evidence_that_cannot_be_taken_is_refused_before_any_of_it_is_handed_in() {
    let stage = stage().await;
    registered(&stage).await;
    let good = stage.file("good.pdf", "%PDF-1.7\n");
    let with = async |file: &str| {
        let words = [&ADD[..], &["--file", &good, "--file", file]].concat();
        stage.run(FOUNDER, &words).await
    };
    wrong_use(
        &with("/nowhere.pdf").await,
        &["/nowhere.pdf cannot be read"],
    );
    let text = stage.file("scan.pdf", "words");
    let parts = [
        "scan.pdf is called application/pdf",
        "are text/plain",
        "allowed: PDF",
    ];
    wrong_use(&with(&text).await, &parts);
    let empty = stage.file("empty.txt", "");
    wrong_use(&with(&empty).await, &["empty.txt is empty"]);
    let mut kind = ADD;
    kind[3] = "good_will";
    wrong_use(
        &stage.run(FOUNDER, &kind).await,
        &["kind: ", "`good_will`", "seal_of_excellence"],
    );
    let mut day = ADD;
    day[5] = "2031-01-01";
    wrong_use(
        &stage.run(FOUNDER, &day).await,
        &["issued_on: 2031-01-01 is to come"],
    );
    assert_eq!(
        stage.json(FOUNDER, &["evidence"]).await,
        serde_json::json!([])
    );
}

/// Text files are taken by nobody on the way.
async fn no_text(request: Request, next: Next) -> Response {
    let kind = request.headers().get("content-type");
    if kind.is_some_and(|it| it == "text/plain") {
        return (StatusCode::FORBIDDEN, "not through here").into_response();
    }
    next.run(request).await
}

#[tokio::test]
async fn an_upload_that_fails_says_how_to_repeat_only_that() {
    let stage = Stage::open_behind(|router| router.layer(from_fn(no_text))).await;
    stage.sign_in(FOUNDER).await;
    let org = registered(&stage).await;
    let (pdf, text) = (
        stage.file("a.pdf", "%PDF-1.7\n"),
        stage.file("b c.txt", "words"),
    );
    let words = [&ADD[..], &["--file", &pdf, "--file", &text]].concat();
    let ran = stage.run(FOUNDER, &words).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let evidence = stage.json(FOUNDER, &["evidence"]).await;
    let evidence = id(&evidence[0]);
    let repeat = format!("`alcyone evidence file add {evidence} '{text}' --organisation {org}`");
    assert!(ran.error.contains(&repeat), "{repeat}: {}", ran.error);
    let better = stage.file("b.pdf", "%PDF-1.7\nwords");
    let add = [
        "evidence",
        "file",
        "add",
        &evidence,
        &better,
        "--organisation",
        &org,
    ];
    let ran = stage.run(FOUNDER, &add).await;
    assert!(ran.code == 0 && ran.out.contains("with 2 files"), "{ran:?}");
    let get = ["evidence", "file", "get", &evidence, "a.pdf"];
    assert_eq!(stage.run(FOUNDER, &get).await.out, "%PDF-1.7\n");
    let get = ["evidence", "file", "get", &evidence, "c.pdf"];
    wrong_use(
        &stage.run(FOUNDER, &get).await,
        &["which file?", "a.pdf", "b.pdf"],
    );
}

#[tokio::test]
async fn who_is_no_reviewer_or_reviews_their_own_is_refused() {
    let stage = stage().await;
    let ran = stage.run(FOUNDER, &["review"]).await;
    assert!(ran.code == 1 && ran.error.contains("`reviewer`"), "{ran:?}");
    let own = [
        "organisation",
        "register",
        "--name",
        "Maia",
        "--country",
        "FR",
        "--kind",
        "research",
    ];
    let org = id(&stage.json(REVIEWER, &own).await);
    let evidence = id(&stage.json(REVIEWER, &ADD).await);
    let check = [
        "review", "evidence", &org, &evidence, "--accept", "--words", "mine",
    ];
    let ran = stage.run(REVIEWER, &check).await;
    assert_eq!(ran.code, 1, "{ran:?}");
}

const REVIEW: [&str; 6] = [
    "review",
    "evidence",
    "org_0192f0c1d2e37abc8def0123456789ab",
    "evi_0192f0c1d2e37abc8def0123456789ab",
    "--words",
    "w",
];

#[test]
fn words_that_contradict_or_miss_each_other_are_wrong_use() {
    let app = "app_0192f0c1d2e37abc8def0123456789ab";
    let rule = ["review", "application", app, "--reasons", "r"];
    let register = ["organisation", "register", "--name", "P"];
    for (begin, more, part) in [
        (&rule[..], &[][..], "<--accept|--reject>"),
        (&REVIEW, &[], "<--accept|--refuse>"),
        (&["routes", "--gpu-hours", "-5"], &[], "-5 is not in 0.."),
        (&rule, &["--accept", "--hours", "5"], "--from"),
        (
            &rule,
            &["--reject", "--hours", "5"],
            "'--reject' cannot be used with '--hours",
        ),
        (&rule, &["--reject", "--accept"], "cannot be used with"),
        (&register, &["--country", "FR"], "--kind"),
        (
            &register,
            &["--country", "FR", "--kind", "club"],
            "public_sector",
        ),
        (&register, &["file.toml"], "cannot be used with"),
        (&ADD, &["--expires-on", "next year"], "`2026-11-21`"),
        (&["evidence", "org_1"], &[], "32 hexadecimal digits"),
        (&["apply", "m", "s/s"], &[], "<FILE>"),
        (&["routes", "--size", "small"], &[], "--country"),
    ] {
        let words = [&["alcyone"], begin, more].concat();
        let error = Cli::try_parse_from(&words).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{words:?}");
        let said = error.to_string();
        assert!(said.contains(part), "{part}: {said}");
    }
}
