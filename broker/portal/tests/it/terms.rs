//! Terms in the portal: shown, accepted by a button, and told where a job is handed in.

use broker_app::TermsSet;

use crate::house::{ENGINEER, House, job_file};
use crate::organisations::contains_all;

fn file(scope: &str, id: &str, version: &str) -> (String, String) {
    let text = format!(
        r#"
        id = "{id}"
        scope = {scope}
        version = "{version}"
        effective = "2026-01-01"
        source = "made <b>for</b> a test"
        [text.en]
        title = "Terms of {id}"
        body = "Be kind & honest, says {version}."
        [text.fr]
        title = "Conditions de {id}"
        link = "https://terms.example/fr"
        sha256 = "{}"
        "#,
        "a".repeat(64)
    );
    (format!("{id}.toml"), text)
}

fn put(house: &House, version: &str) {
    let files = [
        file("\"platform\"", "platform", version),
        file("{ site = \"meluxina\" }", "site-meluxina", version),
    ];
    house.broker.put_terms(TermsSet::read(&files).unwrap());
}

#[tokio::test]
async fn terms_are_accepted_on_their_page_before_a_job_is_handed_in() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let home = browser.get("/").await;
    assert!(!home.text.contains("/terms"), "{}", home.text);
    put(&house, "2026-01");
    let home = browser.get("/").await;
    let expected = [
        "What is still missing",
        "The terms of the platform, version 2026-01, are not accepted",
        "The terms of the site meluxina, version 2026-01",
        "<a href=\"/terms\">do it here</a>",
    ];
    contains_all(&home, &expected);
    let form = browser.get("/jobs/new").await;
    contains_all(&form, &["Before this job can run", expected[1]]);
    let quoting = [("job", job_file()), ("action", "quote".to_owned())];
    let quoting = quoting.each_ref().map(|(name, it)| (*name, it.as_str()));
    let quote = browser.submit(&form, "/jobs/new", &quoting).await;
    contains_all(&quote, &["Before this job can run", expected[1]]);
    assert!(!quote.text.contains("value=\"submit\""), "{}", quote.text);

    for id in ["platform", "site-meluxina"] {
        let page = browser.get("/terms").await;
        let expected = [
            "Be kind &#38; honest, says 2026-01.",
            "made &#60;b&#62;for&#60;/b&#62; a test",
            "not accepted",
        ];
        contains_all(&page, &expected);
        let path = format!("/terms/{id}");
        let sent = browser.submit(&page, &path, &[]).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
    }
    let page = browser.get("/terms").await;
    assert!(!page.text.contains("not accepted"), "{}", page.text);
    let home = browser.get("/").await;
    assert!(
        !home.text.contains("What is still missing"),
        "{}",
        home.text
    );
    let quote = browser.submit(&form, "/jobs/new", &quoting).await;
    let sending = [quoting[0], ("action", "submit")];
    let sent = browser.submit(&quote, "/jobs/new", &sending).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
}

#[tokio::test]
async fn terms_are_read_in_french_and_what_came_into_force_meanwhile_is_shown_anew() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    browser.language = "fr";
    put(&house, "2026-01");
    let page = browser.get("/terms").await;
    let expected = [
        "Conditions de platform",
        "https://terms.example/fr",
        "J&#39;ai lu ce texte et je l&#39;accepte",
    ];
    contains_all(&page, &expected);
    let form = browser.get("/jobs/new").await;
    contains_all(&form, &["Les conditions de la plateforme, version 2026-01"]);
    put(&house, "2026-02");
    let late = browser.submit(&page, "/terms/platform", &[]).await;
    assert_eq!(late.status, 409, "{}", late.text);
    contains_all(&late, &["rien n&#39;a été accepté", "2026-02"]);
    let accepted = browser.submit(&late, "/terms/platform", &[]).await;
    assert_eq!(accepted.status, 303, "{}", accepted.text);
    let alone = [file("\"platform\"", "platform", "2026-02")];
    house.broker.put_terms(TermsSet::read(&alone).unwrap());
    let gone = browser.submit(&late, "/terms/site-meluxina", &[]).await;
    assert_eq!(gone.status, 404, "{}", gone.text);
}
