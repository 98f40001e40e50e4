//! Terms at the command line, from a refused job to an accepted one.

use broker_app::TermsSet;

use crate::stage::{JOB, Stage};

const PERSON: &str = "ada";

fn file(scope: &str, id: &str) -> (String, String) {
    let text = format!(
        r#"
        id = "{id}"
        scope = {scope}
        version = "2026-01"
        effective = "2026-01-01"
        source = "made for a test"
        [text.en]
        title = "Terms of {id}"
        body = "Be kind."
        [text.fr]
        title = "Conditions de {id}"
        body = "Soyez aimable."
        "#
    );
    (format!("{id}.toml"), text)
}

async fn stage() -> Stage {
    let stage = Stage::open().await;
    stage.sign_in(PERSON).await;
    let files = [
        file("\"platform\"", "platform"),
        file("{ site = \"meluxina\" }", "site-meluxina"),
    ];
    let terms = TermsSet::read(&files).unwrap();
    stage.world.broker.put_terms(terms);
    stage
}

#[tokio::test]
async fn a_refused_job_names_the_command_that_accepts_and_runs_once_it_was_given() {
    let stage = stage().await;
    let job = stage.file("job.toml", JOB);
    let project = crate::world::project("main").to_string();
    let check = stage.run(PERSON, &["check", "--project", &project]).await;
    assert_eq!(check.code, 1, "{check:?}");
    for words in [
        "still missing:",
        "[terms] Terms of platform, version 2026-01, is not accepted",
        "by you: alcyone terms accept platform",
        "[terms] (for jobs at meluxina) Terms of site-meluxina",
    ] {
        assert!(check.out.contains(words), "{words}: {}", check.out);
    }
    for id in ["platform", "site-meluxina"] {
        let refused = stage.run(PERSON, &["submit", &job]).await;
        assert_eq!(refused.code, 1, "{refused:?}");
        let command = format!("alcyone terms accept {id}");
        assert!(refused.out.contains(&command), "{refused:?}");
        let quote = stage.run(PERSON, &["quote", &job]).await;
        assert_eq!(quote.code, 1, "{quote:?}");
        assert!(quote.out.contains(&command), "{quote:?}");
        let words: Vec<&str> = command.split(' ').skip(1).chain(["--yes"]).collect();
        let accepted = stage.run(PERSON, &words).await;
        assert_eq!(accepted.code, 0, "{accepted:?}");
        assert!(
            accepted
                .out
                .starts_with(&format!("{id}, version 2026-01: accepted "))
        );
    }
    let check = stage.run(PERSON, &["check", "--project", &project]).await;
    assert_eq!(check.code, 0, "{check:?}");
    assert!(!check.out.contains("still missing"), "{check:?}");
    stage.submitted(PERSON).await;
}

#[tokio::test]
async fn terms_are_listed_and_shown_in_the_language_that_is_asked_for() {
    let stage = stage().await;
    let listed = stage.run(PERSON, &["terms"]).await;
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(listed.out.contains("Terms of platform"), "{listed:?}");
    let shown = stage
        .run(PERSON, &["terms", "show", "platform", "--language", "fr"])
        .await;
    assert!(shown.out.contains("Soyez aimable."), "{shown:?}");
    assert!(shown.out.contains("pas acceptées"), "{shown:?}");
    let unknown = stage.run(PERSON, &["terms", "show", "site-lumi"]).await;
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.error.contains("`alcyone terms`"), "{unknown:?}");
    let accept = ["terms", "accept", "platform", "--language", "fr", "--yes"];
    let accepted = stage.json(PERSON, &accept).await;
    let all = stage.json(PERSON, &["terms", "--language", "fr"]).await;
    assert_eq!(accepted["digest"], all[0]["digest"]);
    assert_eq!(accepted["accepted_at"], all[0]["accepted_at"]);
}

/// The tests' standard input is no terminal.
#[tokio::test]
async fn without_a_terminal_nobody_accepts_by_accident() {
    let stage = stage().await;
    for more in [&[][..], &["--json"]] {
        let words = [&["terms", "accept", "platform"][..], more].concat();
        let refused = stage.run(PERSON, &words).await;
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.error.contains("--yes"), "{refused:?}");
    }
    let all = stage.json(PERSON, &["terms"]).await;
    assert_eq!(all[0]["accepted_at"], serde_json::Value::Null);
}
