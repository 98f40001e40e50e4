use crate::house::{ENGINEER, House, OPERATOR, STRANGER};

#[tokio::test]
async fn the_start_page_says_what_this_is() {
    let house = House::build().await;
    insta::assert_snapshot!(house.browser().get("/").await.main());
}

#[tokio::test]
async fn the_projects_show_hours_and_every_rule_with_its_source() {
    let house = House::build().await;
    let page = house.signed_in(ENGINEER).await.get("/").await;
    assert!(!page.text.contains("<script>alert"), "{}", page.text);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn who_has_no_project_is_told_what_to_do() {
    let house = House::build().await;
    let page = house.signed_in("nobody").await.get("/").await;
    assert!(
        page.text.contains("not yet a member of any project"),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn all_seven_sites_are_on_one_page() {
    let house = House::build().await;
    let page = house.signed_in(ENGINEER).await.get("/sites").await;
    assert!(
        page.text.contains("1 of 7 sites are ready for jobs"),
        "{}",
        page.text
    );
    assert!(page.text.contains("12\u{a0}/\u{a0}200"), "{}", page.text);
    insta::assert_snapshot!(page.main());
}

#[tokio::test]
async fn what_a_site_is_unsure_of_is_marked_where_it_stands_and_listed_whole() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let page = browser.get("/sites").await;
    let mark = "<span class=\"badge wait\">uncertain</span>";
    for text in [
        &format!("4\u{a0}×\u{a0}NVIDIA H100 64GB (Hopper, custom) {mark}</td>"),
        "<td data-label=\"Per node\">4\u{a0}×\u{a0}NVIDIA A100 40GB</td>",
        "<li>arrhenius/main: <code>nodes</code></li>",
    ] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    browser.language = "fr";
    let page = browser.get("/sites").await;
    for text in [
        "<span class=\"badge wait\">incertain</span>",
        "fut lu de seconde main ou il y a longtemps",
        "Le site dans son ensemble",
    ] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
}

#[tokio::test]
async fn the_ledger_page_names_the_key_and_how_to_verify() {
    let house = House::build().await;
    insta::assert_snapshot!(house.signed_in(STRANGER).await.get("/ledger").await.main());
}

#[tokio::test]
async fn pages_speak_the_browsers_language() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    browser.language = "fr-BE, en;q=0.5";
    let page = browser.get("/jobs").await;
    assert!(page.text.contains("<html lang=\"fr\">"));
    assert_eq!(page.heading(), "Travaux");
    assert_eq!(page.header("content-language"), "fr");
}

#[tokio::test]
async fn every_page_carries_the_headers_that_keep_it_to_itself() {
    let house = House::build().await;
    let mut browser = house.signed_in(OPERATOR).await;
    for path in [
        "/",
        "/jobs",
        "/jobs/new",
        "/sites",
        "/ledger",
        "/organisations",
        "/organisations/new",
        "/routes",
        "/applications",
        "/contact",
        "/referrals",
        "/matching",
        "/nowhere",
        "/assets/portal.css",
    ] {
        let page = browser.get(path).await;
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "{path}");
        assert!(!page.header("x-request-id").is_empty(), "{path}");
        for inline in ["<style", " style=", " onclick=", "javascript:", "<script>"] {
            assert!(!page.text.contains(inline), "{path}: {inline}");
        }
    }
}

#[tokio::test]
async fn an_unknown_page_is_a_page_and_an_unknown_api_path_is_a_problem() {
    let house = House::build().await;
    let mut browser = house.browser();
    let page = browser.get("/nowhere").await;
    assert_eq!(page.status, 404);
    insta::assert_snapshot!(page.main());
    let problem = browser.get("/api/v1/nowhere").await;
    assert_eq!(
        (problem.status, problem.header("content-type")),
        (404, "application/problem+json")
    );
    assert_eq!(browser.post("/sites", &[]).await.status, 405);
}

#[tokio::test]
async fn assets_are_kept_by_their_version_and_checked_by_their_tag() {
    let house = House::build().await;
    let mut browser = house.browser();
    let page = browser.get("/").await;
    let path = page.text.split("href=\"/assets/portal.css").nth(1).unwrap();
    let path = format!("/assets/portal.css{}", path.split('"').next().unwrap());
    let style = browser.get(&path).await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert!(style.header("cache-control").contains("immutable"));
    let tag = style.header("etag").to_owned();
    let again = browser
        .get_with("/assets/portal.css", "if-none-match", &tag)
        .await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    assert_eq!(again.header("cache-control"), "public, no-cache");
    assert_eq!(browser.get("/assets/../Cargo.toml").await.status, 404);
}
