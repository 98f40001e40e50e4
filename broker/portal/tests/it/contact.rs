use broker_model::OutcomeKind;

use crate::browser::Browser;
use crate::house::{AT_BSC, AT_LUMI, ENGINEER, FOUNDER, House, OPERATOR, STRANGER};
use crate::organisations::{contains_all, registered};

pub(crate) const ASKED: &str = "ask=1&need.services.training=yes&need.language=en";
const SEND: &str = "/referrals/new";

/// Hands a job in, and lets it run out of memory with a log that says too much.
async fn failed_job(house: &House, browser: &mut Browser) -> String {
    let job = house.hand_in(browser).await;
    let leased = house.lease().await;
    house.start(&leased).await;
    let log = b"HF_TOKEN=hf_abcdefghijklmnop\nmail ada@example.eu\nCUDA <b>out</b> of memory\n";
    house.log(&leased, 0, log).await;
    let how = (OutcomeKind::OutOfMemory, 137);
    house.end_as(&leased, how, "OUT_OF_MEMORY").await;
    job.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn centres_are_ranked_with_reasons_how_sure_they_are_and_their_sources() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let empty = founder.get("/contact").await;
    assert_eq!(empty.heading(), "Ask a support centre");
    assert!(!empty.text.contains("id=\"answer\""), "{}", empty.text);
    let page = founder
        .get(&format!(
            "/contact?{ASKED}&need.country=fi&need.sector=language_llm"
        ))
        .await;
    assert_eq!(page.status, 200, "{}", page.text);
    let expected = [
        "<input type=\"checkbox\" name=\"need.services.training\" value=\"yes\" checked>",
        "id=\"centre-lumi\"",
        "It is in your country, Finland.",
        "It offers: Training.",
        "https://lumi-ai-factory.eu/",
        "biblioteca.cibeles.net/?p=23262",
        "<span class=\"badge good\">certain</span>",
        "<span class=\"badge wait\">uncertain</span>",
        "The size of your organisation counts for nothing in this order.",
        "EIC Accelerator",
        "InvestEU",
        "You speak for no organisation yet",
    ];
    contains_all(&page, &expected);
    assert!(!page.text.contains("/referrals/new"), "{}", page.text);
    let ranks: Vec<usize> = ["lumi", "bsc"]
        .iter()
        .map(|it| page.text.find(&format!("id=\"centre-{it}\"")).unwrap())
        .collect();
    assert!(ranks[0] < ranks[1], "the sector, the country: LUMI first");
}

#[tokio::test]
async fn who_speaks_for_an_organisation_need_not_describe_it_and_may_send_a_referral() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    let id = organisation.rsplit('/').next().unwrap();
    let page = founder
        .get(&format!(
            "/contact?{ASKED}&organisation={id}&need.country=fi"
        ))
        .await;
    contains_all(&page, &["It is in your country, France."]);
    let carried = format!(
        "/referrals/new?centre=lumi&#38;organisation={id}&#38;need.country=fi&#38;\
         need.language=en&#38;need.services.training=yes"
    );
    contains_all(&page, &[&carried]);
    let form = founder.get(&carried.replace("&#38;", "&")).await;
    contains_all(&form, &["LUMI AI Factory", "Training", "English", "Maia"]);
    assert!(!form.text.contains("Finland"), "its country is its own");
    let foreign = house
        .signed_in(STRANGER)
        .await
        .get(&format!("/contact?{ASKED}&organisation={id}"))
        .await;
    assert_eq!(foreign.status, 404, "{}", foreign.text);
}

#[tokio::test]
async fn a_wrong_answer_is_told_at_its_field_and_the_others_stay() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let page = founder
        .get("/contact?ask=1&need.country=qq&need.sector=health&need.language=xx")
        .await;
    assert_eq!(page.status, 400, "{}", page.text);
    let expected = [
        "id=\"wrong-need.services\"",
        "aria-describedby=\"wrong-need.services\"",
        "id=\"wrong-need.country\"",
        "id=\"wrong-need.language\"",
        "value=\"qq\"",
        "<option value=\"health\" selected>",
    ];
    contains_all(&page, &expected);
    let odd = format!("/contact?{ASKED}&need.timing=yesterday&need.data_class=%3Cb%3E");
    let page = founder.get(&odd).await;
    assert_eq!(page.status, 400, "{}", page.text);
    let expected = ["id=\"wrong-need.timing\"", "id=\"wrong-need.data_class\""];
    contains_all(&page, &expected);
    let nobody = house.browser().get("/contact?ask=1").await;
    assert_eq!(nobody.location().unwrap().path(), "/login");
}

#[tokio::test]
async fn the_short_form_speaks_french_down_to_its_reasons() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    registered(&mut founder).await;
    founder.language = "fr";
    let page = founder
        .get(&format!("/contact?{ASKED}&need.country=fi"))
        .await;
    let expected = [
        "Demander de l&#39;aide à un centre",
        "Formation",
        "anglais",
        "Finlande",
        "incertain",
        "pas encore prévu",
        "Envoyer une demande d&#39;accompagnement",
        "Accélérateur de l&#39;EIC",
    ];
    contains_all(&page, &expected);
    for english in ["It offers", "It is in your country", "not planned yet"] {
        assert!(!page.text.contains(english), "{english}: {}", page.text);
    }
}

#[tokio::test]
async fn a_job_that_failed_leads_to_a_centre_and_what_goes_along_is_seen_first() {
    let house = House::staffed().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let job = failed_job(&house, &mut engineer).await;
    let page = engineer.get(&format!("/jobs/{job}")).await;
    let link = format!("/contact?job={job}");
    contains_all(&page, &[&format!("href=\"{link}\"")]);
    contains_all(&engineer.get(&link).await, &["train-1", "Start-up"]);
    let ranked = engineer.get(&format!("/contact?{ASKED}&job={job}")).await;
    contains_all(&ranked, &["It is in your country, France."]);
    let refer = format!("/referrals/new?centre=lumi&job={job}&need.services.training=yes");
    contains_all(&ranked, &[&format!("centre=lumi&#38;job={job}")]);
    let form = engineer.get(&refer).await;
    let expected = [
        "[redacted]",
        "CUDA &#60;b&#62;out&#60;/b&#62; of memory",
        "out of memory",
        "137",
        "OUT_OF_MEMORY",
        "meluxina/meluxina/gpu",
    ];
    contains_all(&form, &expected);
    for secret in ["hf_abcdefghijklmnop", "ada@example.eu"] {
        assert!(!form.text.contains(secret), "{secret}");
    }
    let words = [("words", "It ran out of memory."), ("consent", "yes")];
    let sent = engineer.submit(&form, SEND, &words).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let path = sent.location().unwrap().path().to_owned();
    let mut lumi = house.signed_in(AT_LUMI).await;
    let seen = lumi.get(&path).await;
    contains_all(&seen, &["CUDA &#60;b&#62;out", "[redacted]", &job]);
    assert!(!seen.text.contains("hf_abcdefghijklmnop"), "{}", seen.text);
    let mut bsc = house.signed_in(AT_BSC).await;
    assert_eq!(bsc.get(&path).await.status, 404);
    let shown = engineer.follow(sent).await;
    contains_all(&shown, &["Start-up", "CUDA &#60;b&#62;out", "It ran out"]);
    for person in [STRANGER, OPERATOR] {
        let mut browser = house.signed_in(person).await;
        for path in [&link, &refer] {
            assert_eq!(browser.get(path).await.status, 404, "{person} {path}");
        }
    }
    let running = house.hand_in(&mut engineer).await;
    let page = engineer.get(&running).await;
    assert!(!page.text.contains("/contact?job="), "{}", page.text);
    let id = running.rsplit('/').next().unwrap();
    let none = engineer.get(&format!("/contact?job={id}")).await;
    assert_eq!(none.status, 404, "{}", none.text);
}
