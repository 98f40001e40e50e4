use crate::house::{ENGINEER, FOUNDER, House};
use crate::organisations::{contains_all, registered};

const AD_HOC: &str = "/routes?ask=1&organisation=&country=fr&kind=company&size=small&startup=yes\
    &need.gpu_hours=5000&need.months=3&project.civilian=yes&project.sectors=health";

#[tokio::test]
async fn anybody_signed_in_may_ask_what_an_organisation_could_have() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let form = browser.get("/routes").await;
    assert_eq!(form.status, 200, "{}", form.text);
    assert!(!form.text.contains("id=\"answer\""), "{}", form.text);
    let page = browser.get(AD_HOC).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let expected = [
        "AI Factory Playground access",
        "<code>meluxina/meluxina</code>",
        "Not yet: evidence is missing",
        "uncertain",
        "Final report, 3 months after the end",
        "typically 5000 GPU-hours",
        "evidence that a reviewer has checked: Seal of Excellence",
        "2026-11-24",
        "Regulation (EU) 2021/1173",
        "value=\"5000\"",
        "id=\"not-offered\"",
        "not offered at: ",
        "since when is not known",
        "since 2025-04-01",
        "no cut-off after 2026-10-26 is known",
        "not for this applicant",
    ];
    contains_all(&page, &expected);
    assert!(
        !page.text.contains("/applications/new"),
        "nobody to apply for: {}",
        page.text
    );
}

#[tokio::test]
async fn what_would_do_is_told_in_one_line_and_notes_in_the_language_of_the_page() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    browser.language = "fr";
    let asked = AD_HOC.replace("gpu_hours=5000", "gpu_hours=50001");
    let page = browser.get(&asked).await;
    contains_all(
        &page,
        &[
            "heures GPU et une preuve vérifiée par un évaluateur : Engagement au titre du \
             pacte sur l&#39;IA ou Autoévaluation",
            "<span lang=\"fr\">Dans les publications qui reposent sur l&#39;allocation.</span>",
        ],
    );
}

#[tokio::test]
async fn a_registered_organisation_is_led_to_the_form_where_it_may_apply() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    crate::reviews::checked(&house, &mut founder, &organisation).await;
    let id = organisation.rsplit('/').next().unwrap();
    let asked = AD_HOC.replace("organisation=&", &format!("organisation={id}&"));
    let page = founder.get(&asked).await;
    let apply = format!("/applications/new?organisation={id}&#38;mode=aif_playground");
    contains_all(
        &page,
        &[
            &apply,
            "need.gpu_hours=5000",
            "selected>Pleione &#60;b&#62;",
        ],
    );
    let mut engineer = house.signed_in(ENGINEER).await;
    assert_eq!(
        engineer.get(&asked).await.status,
        404,
        "it is not theirs to ask for"
    );
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_told_at_its_fields() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let path = "/routes?ask=1&country=%3Cb%3E&need.gpu_hours=many&need.months=-1&organisation=x";
    let page = browser.get(path).await;
    assert_eq!(page.status, 400, "{}", page.text);
    for field in ["need.gpu_hours", "need.months", "organisation"] {
        contains_all(&page, &[&format!("id=\"wrong-{field}\"")]);
    }
    let page = browser.get("/routes?ask=1").await;
    contains_all(&page, &["<a href=\"#country\">Country</a>: ", "is missing"]);
    browser.language = "fr";
    let page = browser.get("/routes?ask=1").await;
    contains_all(
        &page,
        &[
            "<a href=\"#country\">Pays</a> : ",
            "<span lang=\"fr\">manque</span>",
        ],
    );
    browser.language = "en";
    let page = browser.get("/routes?ask=1&country=%3Cb%3E").await;
    contains_all(&page, &["id=\"wrong-country\"", "value=\"&#60;b&#62;\""]);
    assert!(!page.text.contains("<b>"), "{}", page.text);
}

#[tokio::test]
async fn the_answer_speaks_french() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    browser.language = "fr";
    let page = browser.get(AD_HOC).await;
    contains_all(
        &page,
        &[
            "Accès Playground aux fabriques",
            "Rapport final",
            "incertain",
            "non proposé sur : ",
            "depuis une date qui n&#39;est pas connue",
            "<span class=\"note\" lang=\"fr\">fermé en raison de l&#39;afflux de demandes</span>",
        ],
    );
}

#[tokio::test]
async fn every_mode_is_one_row_that_says_why_and_what_is_refused_can_be_left_out() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let page = browser.get(AD_HOC).await;
    let row = "<th scope=\"row\">AI Factory Playground access";
    assert_eq!(page.text.matches(row).count(), 1, "{}", page.text);
    let answer = page.text.split(row).nth(1).unwrap();
    let answer = answer.split("<details>").next().unwrap();
    assert!(answer.matches("<code>").count() > 1, "{answer}");
    assert!(
        answer.contains("<span class=\"note\" lang=\"en\">"),
        "{answer}"
    );
    let refused = "<span class=\"badge bad\">No</span>";
    assert!(page.text.contains(refused), "{}", page.text);
    let open = browser.get(&format!("{AD_HOC}&only_open=yes")).await;
    contains_all(&open, &[row, "name=\"only_open\" value=\"yes\" checked"]);
    assert!(!open.text.contains(refused), "{}", open.text);
}

#[tokio::test]
async fn sectors_are_ticked_in_the_language_of_the_page_and_older_links_still_do() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    browser.language = "fr";
    let ticked = "name=\"project.sectors.health\" value=\"yes\" checked> Santé";
    let boxes = AD_HOC.replace("project.sectors=health", "project.sectors.health=yes");
    for path in [AD_HOC, &boxes] {
        contains_all(&browser.get(path).await, &[ticked]);
    }
}

#[tokio::test]
async fn what_aid_there_was_is_asked_where_the_answer_hangs_on_it() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let finnish = AD_HOC.replace("country=fr", "country=FI");
    let page = browser.get(&finnish).await;
    contains_all(
        &page,
        &[
            "the aid received in three years is not known",
            "saying that there was no de minimis aid but what is registered here and hours that are worth 300",
        ],
    );
    let told = format!("{finnish}&aid.received_eur=299000&aid.worth_eur=1001");
    let page = browser.get(&told).await;
    contains_all(
        &page,
        &[
            "<details open><summary>De minimis aid</summary>",
            "name=\"aid.received_eur\" type=\"number\" value=\"299000\"",
            "299000 EUR of aid received in three years and 1001 EUR asked for are more than 300000 EUR",
            "hours that are worth 1000 EUR at most",
        ],
    );
    browser.language = "fr";
    let page = browser.get(&told).await;
    contains_all(&page, &["des heures d&#39;une valeur de 1000 EUR au plus"]);
    let page = browser.get(&format!("{finnish}&aid.worth_eur=1")).await;
    assert_eq!(page.status, 400, "{}", page.text);
    contains_all(&page, &["id=\"wrong-aid.received_eur\""]);
}
