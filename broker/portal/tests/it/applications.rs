use jiff::SignedDuration;

use crate::browser::Browser;
use crate::house::{ENGINEER, FOUNDER, House, OPERATOR};
use crate::organisations::{contains_all, registered};
use crate::reviews::checked;

const NEW: &str = "/applications/new";

pub(crate) fn answers() -> Vec<(&'static str, &'static str)> {
    vec![
        ("project.name", "Folding <i>"),
        ("project.purpose", "Structures of proteins for vaccines."),
        ("project.sectors", "health, climate_environment"),
        ("project.civilian", "yes"),
        ("need.gpu_hours", "5000"),
        ("need.months", "3"),
        ("answers.data_and_licence_statement", "See page 3."),
        ("answers.civilian_and_ai_act_plan", "See page 4."),
    ]
}

fn form_of(organisation: &str) -> String {
    let id = organisation.rsplit('/').next().unwrap();
    format!("{NEW}?organisation={id}&mode=aif_playground&system=meluxina/meluxina")
}

/// Hands an application in and returns its address.
pub(crate) async fn applied(browser: &mut Browser, organisation: &str) -> String {
    let form = browser.get(&form_of(organisation)).await;
    assert_eq!(form.status, 200, "{}", form.text);
    let sent = browser.submit(&form, NEW, &answers()).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    sent.location().unwrap().path().to_owned()
}

#[tokio::test]
async fn an_application_shows_its_clock_and_can_be_withdrawn() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    checked(&house, &mut founder, &organisation).await;
    let path = applied(&mut founder, &organisation).await;
    let page = founder.get(&path).await;
    let expected = [
        "Folding &#60;i&#62;",
        "Decided by 2026-11-24 at the latest, 2 working days of Brussels",
        "days left: 4",
        "with the reviewers",
        "See page 3.",
        "<dd>Climate and environment, Health</dd>",
        "<dt>Civilian purpose only</dt>",
        "What the rules found",
    ];
    contains_all(&page, &expected);
    house.clock.advance(SignedDuration::from_hours(7 * 24));
    let mut founder = house.signed_in(FOUNDER).await;
    let late = founder.get("/applications").await;
    contains_all(&late, &["overdue by days: 3", &path]);
    let page = founder.get(&path).await;
    let withdraw = format!("{path}/withdraw");
    let gone = founder.submit(&page, &withdraw, &[]).await;
    assert_eq!(gone.status, 303, "{}", gone.text);
    let page = founder.get(&path).await;
    assert!(page.text.contains("withdrawn"), "{}", page.text);
    assert!(!page.text.contains("overdue by days"), "{}", page.text);
    assert!(!page.text.contains(&withdraw), "{}", page.text);
}

#[tokio::test]
async fn two_clicks_make_one_application_and_another_form_is_told_of_it() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    checked(&house, &mut founder, &organisation).await;
    let form = founder.get(&form_of(&organisation)).await;
    let first = founder.submit(&form, NEW, &answers()).await;
    let second = founder.submit(&form, NEW, &answers()).await;
    assert_eq!(first.status, 303, "{}", first.text);
    assert_eq!(first.location(), second.location());
    let other = founder.get(&form_of(&organisation)).await;
    let again = founder.submit(&other, NEW, &answers()).await;
    assert_eq!(again.status, 409, "{}", again.text);
    contains_all(
        &again,
        &["waits for a decision", "value=\"Folding &#60;i&#62;\""],
    );
}

#[tokio::test]
async fn the_form_asks_what_the_mode_asks_and_shows_what_is_known() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    let path = format!("{}&need.gpu_hours=1250", form_of(&organisation));
    let form = founder.get(&path).await;
    let expected = [
        "AI Factory Playground access",
        "name=\"answers.civilian_and_ai_act_plan\"",
        "name=\"need.months\"",
        "<dd>company</dd>",
        "<dd>small</dd>",
        "value=\"1250\"",
        "Regulation (EU) 2021/1173, Art. 16(1)",
    ];
    contains_all(&form, &expected);
    let of_models = form.text.matches("id=\"project.ai_act.gpai\"").count();
    assert_eq!(of_models, 1, "{}", form.text);
    assert!(
        !form.text.contains("answers.benchmark_evidence"),
        "{}",
        form.text
    );
    let bad = [
        ("need.gpu_hours", "lots"),
        ("need.months", "61"),
        ("project.name", ""),
    ];
    let unread = founder.submit(&form, NEW, &bad).await;
    assert_eq!(unread.status, 400, "{}", unread.text);
    contains_all(&unread, &["id=\"wrong-need.gpu_hours\"", "value=\"lots\""]);
    let wrong = founder.submit(&form, NEW, &bad[1..]).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    for field in [
        "need.months",
        "project.name",
        "project.purpose",
        "answers.data_and_licence_statement",
    ] {
        contains_all(&wrong, &[&format!("id=\"wrong-{field}\"")]);
    }
    founder.language = "fr";
    let wrong = founder.submit(&form, NEW, &[("project.name", "")]).await;
    let told = wrong.text.split("role=\"alert\"").nth(1).unwrap();
    let told = told.split("</div>").next().unwrap();
    for said in [
        "Ce qui sera calculé",
        "<span lang=\"fr\">manque</span>",
        "caractères de texte",
        "demande",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    assert!(!told.contains("<code>"), "{told}");
    assert!(!told.contains("lang=\"en\""), "{told}");
}

#[tokio::test]
async fn the_form_of_a_closed_mode_says_that_it_is_closed_and_why() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    let open = founder.get(&form_of(&organisation)).await;
    assert!(!open.text.contains("id=\"closed\""), "{}", open.text);
    let id = organisation.rsplit('/').next().unwrap();
    let path = format!("{NEW}?organisation={id}&mode=aif_fast_lane&system=bsc/marenostrum5");
    let closed = founder.get(&path).await;
    contains_all(&closed, &["Closed now", "<p>closed for demand</p>"]);
    founder.language = "fr";
    let closed = founder.get(&path).await;
    contains_all(
        &closed,
        &[
            "Fermé pour l",
            "<p>fermé en raison de l&#39;afflux de demandes</p>",
        ],
    );
}

#[tokio::test]
async fn what_the_rules_refuse_is_told_with_every_rule() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    let form = founder.get(&form_of(&organisation)).await;
    let refused = founder.submit(&form, NEW, &answers()).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let expected = [
        "do not let this be handed in",
        "Not yet: evidence is missing",
        "What would change it:",
        "value=\"Folding &#60;i&#62;\"",
    ];
    contains_all(&refused, &expected);
    assert!(
        founder
            .get("/applications")
            .await
            .text
            .contains("Nothing was applied for")
    );
}

#[tokio::test]
async fn nobody_applies_for_others_or_for_what_is_not_offered() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    checked(&house, &mut founder, &organisation).await;
    let path = applied(&mut founder, &organisation).await;
    let form = form_of(&organisation);
    for bad in [
        form.replace("aif_playground", "aif_holiday"),
        form.replace("/meluxina", "/mars"),
    ] {
        assert_eq!(founder.get(&bad).await.status, 404, "{bad}");
    }
    assert_eq!(founder.get(NEW).await.location().unwrap().path(), "/routes");
    for person in [ENGINEER, OPERATOR] {
        let mut browser = house.signed_in(person).await;
        assert_eq!(browser.get(&form).await.status, 404, "{person}");
        let seen = if person == OPERATOR { 200 } else { 404 };
        let page = browser.get(&path).await;
        assert_eq!(page.status, seen, "{person}");
        assert!(!page.text.contains("/withdraw"), "{}", page.text);
    }
    let forged = founder.post(&format!("{path}/withdraw"), &[]).await;
    assert_eq!(forged.status, 403);
}

#[tokio::test]
async fn a_decision_has_a_page_of_its_own_where_it_is_made_again() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    checked(&house, &mut founder, &organisation).await;
    let path = applied(&mut founder, &organisation).await;
    let page = founder.get(&path).await;
    let link = page.text.split("href=\"/decisions/").nth(1).unwrap();
    let decision = format!("/decisions/{}", link.split('"').next().unwrap());
    let page = founder.get(&decision).await;
    let expected = [
        "Decision of the rules",
        "sha256:",
        "Make it again",
        "<span class=\"badge good\">Yes</span>",
    ];
    contains_all(&page, &expected);
    assert!(!page.text.contains("Made again,"), "{}", page.text);
    let again = founder.get(&format!("{decision}/replay")).await;
    contains_all(&again, &["Made again, it is the same, byte for byte."]);
    founder.language = "fr";
    let french = founder.get(&format!("{decision}/replay")).await;
    contains_all(&french, &["Refaite, elle est la même"]);
    let mut engineer = house.signed_in(ENGINEER).await;
    for path in [decision.as_str(), "/decisions/dec_nothing"] {
        assert_eq!(engineer.get(path).await.status, 404, "{path}");
    }
}
