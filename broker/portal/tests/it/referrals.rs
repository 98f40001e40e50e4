use jiff::SignedDuration;

use crate::browser::{Browser, Shown};
use crate::house::{AT_BSC, AT_LUMI, ENGINEER, FOUNDER, House, OPERATOR, STRANGER};
use crate::organisations::{contains_all, registered};

const NEW: &str = "/referrals/new";
const WANTED: &str = "We want to train on <b>many</b> nodes.";

impl House {
    /// With people at two centres.
    pub(crate) async fn staffed() -> Self {
        let house = Self::build().await;
        let grant = |(subject, centre)| {
            format!(
                "[[grants]]\nissuer = \"{}\"\nsubject = \"{subject}\"\n\
                 role = \"centre_staff\"\ncentre = \"{centre}\"\n",
                house.issuer.issuer()
            )
        };
        let grants: String = [(AT_LUMI, "lumi"), (AT_BSC, "bsc")].map(grant).concat();
        let grants = toml::from_str(&grants).unwrap();
        house.broker.import(&grants).await.unwrap();
        house
    }
}

/// The form of a referral to LUMI's centre, for who speaks for an organisation.
async fn form(founder: &mut Browser) -> Shown {
    let organisation = registered(founder).await;
    let id = organisation.rsplit('/').next().unwrap();
    let path = format!("{NEW}?centre=lumi&organisation={id}&need.services.training=yes");
    let form = founder.get(&path).await;
    assert_eq!(form.status, 200, "{}", form.text);
    let selected = format!("<option value=\"{id}\" selected>");
    contains_all(&form, &[&selected]);
    form
}

fn filled<'a>(form: &'a Shown, fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut options = form.text.split("<option value=\"").skip(1);
    let option = options.find(|it| it.starts_with("org_")).unwrap();
    let id = option.split('"').next().unwrap();
    let mut all = vec![("organisation", id), ("words", WANTED), ("consent", "yes")];
    all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
    all.extend(fields.iter().copied());
    all
}

/// Sends it, and returns its path.
async fn sent(founder: &mut Browser) -> String {
    let form = form(founder).await;
    let sent = founder.submit(&form, NEW, &filled(&form, &[])).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    sent.location().unwrap().path().to_owned()
}

/// Takes a step by its form on the referral's page.
async fn step(who: &mut Browser, path: &str, name: &str, fields: &[(&str, &str)]) -> Shown {
    let page = who.get(path).await;
    let sent = who.submit(&page, &format!("{path}/{name}"), fields).await;
    assert_eq!(sent.status, 303, "{name}: {}", sent.text);
    who.follow(sent).await
}

#[tokio::test]
async fn a_referral_goes_from_centre_to_centre_to_its_outcome() {
    let house = House::staffed().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let path = sent(&mut founder).await;
    let page = founder.get(&path).await;
    let expected = [
        "Referral of Pleione &#60;b&#62;Labs",
        "We want to train on &#60;b&#62;many&#60;/b&#62; nodes.",
        "To be acknowledged by 2026-11-27",
        "working days of Brussels left: 5",
        "Take the referral back",
    ];
    contains_all(&page, &expected);
    assert!(!page.text.contains("/acknowledge\""), "{}", page.text);

    let mut lumi = house.signed_in(AT_LUMI).await;
    let home = lumi.get("/").await;
    let expected = ["support centre LUMI AI Factory", "wait there: 1"];
    contains_all(&home, &expected);
    let list = lumi.get("/referrals").await;
    contains_all(&list, &[&format!("href=\"{path}\""), "Training", "sent"]);
    contains_all(&lumi.get(&path).await, &["Maia, founder@example.org"]);
    let page = step(&mut lumi, &path, "acknowledge", &[]).await;
    assert!(
        !page.text.contains("days of Brussels left"),
        "no clock runs"
    );
    assert!(!page.text.contains("Take the referral back"), "not theirs");
    house.clock.advance(SignedDuration::from_hours(1));
    let over = [
        ("hand_over.to", "bsc"),
        ("hand_over.reason", "They <i>train</i>."),
    ];
    let page = step(&mut lumi, &path, "hand_over", &over).await;
    contains_all(
        &page,
        &["handed over to BSC AI Factory", "They &#60;i&#62;"],
    );
    assert!(!page.text.contains("/accept\""), "it is theirs no more");
    assert!(!page.text.contains("founder@example.org"), "nor its sender");

    let mut bsc = house.signed_in(AT_BSC).await;
    step(&mut bsc, &path, "accept", &[]).await;
    let closing = [
        ("close.outcome", "led_to_application"),
        ("close.words", "Trained."),
    ];
    let page = step(&mut bsc, &path, "close", &closing).await;
    contains_all(&page, &["closed: led to an application", "Trained."]);
    assert!(
        !page
            .text
            .contains("<form method=\"post\" action=\"/referrals/")
    );
    let told = founder.get(&path).await;
    let expected = [
        "2026-11-20 12:00:00 UTC",
        "2026-11-20 13:00:00 UTC",
        "acknowledged",
        "accepted",
        "Trained.",
    ];
    contains_all(&told, &expected);
    let late = lumi.get("/referrals").await;
    assert!(!late.text.contains(&path), "nothing waits: {}", late.text);
    contains_all(&founder.get("/referrals").await, &[&path, "closed"]);
}

#[tokio::test]
async fn a_stranger_finds_no_referral_and_an_operator_sees_what_is_overdue() {
    let house = House::staffed().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let path = sent(&mut founder).await;
    for person in [STRANGER, ENGINEER, AT_BSC] {
        let mut browser = house.signed_in(person).await;
        let token = browser.get("/jobs/new").await.hidden("form_token").unwrap();
        let fields = [("form_token", token.as_str())];
        assert_eq!(browser.get(&path).await.status, 404, "{person}");
        let accept = format!("{path}/accept");
        let forced = browser.post(&accept, &fields).await;
        assert_eq!(forced.status, 404, "{person}: {}", forced.text);
        let list = browser.get("/referrals").await;
        assert!(!list.text.contains(&path), "{person}: {}", list.text);
    }
    let forged = founder.post(&format!("{path}/withdraw"), &[]).await;
    assert_eq!(forged.status, 403, "{}", forged.text);
    let token = founder.get(&path).await.hidden("form_token").unwrap();
    let fields = [("form_token", token.as_str())];
    let not_theirs = founder.post(&format!("{path}/accept"), &fields).await;
    assert_eq!(not_theirs.status, 403, "{}", not_theirs.text);
    let unknown = founder.post(&format!("{path}/dance"), &fields).await;
    assert_eq!(unknown.status, 404, "{}", unknown.text);
    assert_eq!(founder.get("/referrals/ref_1").await.status, 404);

    let mut operator = house.signed_in(OPERATOR).await;
    let none = operator.get("/referrals").await;
    assert!(!none.text.contains(&path), "it is in time: {}", none.text);
    house.clock.advance(SignedDuration::from_hours(24 * 10));
    // Sessions end in the meantime.
    let mut operator = house.signed_in(OPERATOR).await;
    let overdue = operator.get("/referrals").await;
    let expected = [path.as_str(), "overdue by working days: 1"];
    contains_all(&overdue, &expected);
    let mut lumi = house.signed_in(AT_LUMI).await;
    contains_all(&lumi.get("/").await, &["overdue: 1"]);
}

#[tokio::test]
async fn a_referral_needs_words_and_consent_and_keeps_what_was_typed() {
    let house = House::staffed().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let form = form(&mut founder).await;
    let fields = filled(&form, &[("consent", "")]);
    let page = founder.submit(&form, NEW, &fields).await;
    assert_eq!(page.status, 400, "{}", page.text);
    let expected = [
        "aria-describedby=\"wrong-consent\"",
        "We want to train on &#60;b&#62;many",
        "name=\"need.services.training\" value=\"yes\"",
    ];
    contains_all(&page, &expected);
    let fields = filled(&form, &[("words", "  ")]);
    let page = founder.submit(&form, NEW, &fields).await;
    assert_eq!(page.status, 400, "{}", page.text);
    let expected = [
        "id=\"wrong-words\"",
        "name=\"consent\" type=\"checkbox\" value=\"yes\" checked",
    ];
    contains_all(&page, &expected);
    contains_all(&founder.get("/referrals").await, &["Nothing was sent yet."]);
    let none = founder.get(&format!("{NEW}?centre=lumi")).await;
    assert_eq!(none.location().unwrap().path(), "/contact");
    for centre in ["atlantis", "", "%00"] {
        let path = format!("{NEW}?centre={centre}&need.services.training=yes");
        assert_eq!(founder.get(&path).await.status, 404, "{centre}");
    }
    let mut nobody = house.signed_in("nobody").await;
    let path = format!("{NEW}?centre=lumi&need.services.training=yes");
    let hint = nobody.get(&path).await;
    contains_all(&hint, &["You speak for no organisation yet"]);
    assert!(!hint.text.contains("name=\"consent\""), "{}", hint.text);
}

#[tokio::test]
async fn two_clicks_send_one_referral_and_take_one_step() {
    let house = House::staffed().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let form = form(&mut founder).await;
    let fields = filled(&form, &[]);
    let first = founder.submit(&form, NEW, &fields).await;
    let second = founder.submit(&form, NEW, &fields).await;
    assert_eq!(first.status, 303, "{}", first.text);
    assert_eq!(first.location(), second.location());
    let path = first.location().unwrap().path().to_owned();
    let mut lumi = house.signed_in(AT_LUMI).await;
    let page = lumi.get(&path).await;
    let over = [("hand_over.to", "bsc"), ("hand_over.reason", "They train.")];
    let hand_over = format!("{path}/hand_over");
    for _ in 0..2 {
        let sent = lumi.submit(&page, &hand_over, &over).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
    }
    let other = [("hand_over.to", "lumi"), ("hand_over.reason", "Ours.")];
    let late = lumi.submit(&page, &hand_over, &other).await;
    assert_eq!(late.status, 403, "BSC has it now: {}", late.text);
}

#[tokio::test]
async fn a_step_that_cannot_be_taken_is_told_at_its_own_field() {
    let house = House::staffed().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let path = sent(&mut founder).await;
    let mut lumi = house.signed_in(AT_LUMI).await;
    let page = lumi.get(&path).await;
    for (name, fields, wrong) in [
        ("decline", vec![("decline.reason", " ")], "decline.reason"),
        (
            "hand_over",
            vec![("hand_over.to", "lumi"), ("hand_over.reason", "No <i>")],
            "hand_over.to",
        ),
        (
            "hand_over",
            vec![("hand_over.reason", "No")],
            "hand_over.to",
        ),
    ] {
        let refused = lumi.submit(&page, &format!("{path}/{name}"), &fields).await;
        assert_eq!(refused.status, 400, "{name}: {}", refused.text);
        let at = format!("aria-describedby=\"wrong-{wrong}\"");
        contains_all(&refused, &[&at, &format!("href=\"#{wrong}\"")]);
        if let Some((_, typed)) = fields.get(1) {
            contains_all(
                &refused,
                &[&typed.replace('<', "&#60;").replace('>', "&#62;")],
            );
        }
    }
    step(&mut lumi, &path, "accept", &[]).await;
    let page = lumi.get(&path).await;
    let close = format!("{path}/close");
    for outcome in ["", "withdrawn", "glory"] {
        let fields = [("close.outcome", outcome), ("close.words", "Done.")];
        let refused = lumi.submit(&page, &close, &fields).await;
        assert_eq!(refused.status, 400, "{outcome}: {}", refused.text);
        contains_all(&refused, &["id=\"wrong-close.outcome\"", "Done."]);
    }
    let token = page.hidden("form_token").unwrap();
    let late = [("form_token", token.as_str()), ("decline.reason", "No.")];
    let refused = lumi.post(&format!("{path}/decline"), &late).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    contains_all(&refused, &["role=\"alert\"", "is accepted since"]);
}

#[tokio::test]
async fn the_organisation_takes_it_back_and_the_pages_speak_french() {
    let house = House::staffed().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let path = sent(&mut founder).await;
    founder.language = "fr";
    let page = founder.get(&path).await;
    let expected = [
        "Demande d&#39;accompagnement de Pleione",
        "Accusé de réception dû le 2026-11-27",
        "jours ouvrables de Bruxelles restants",
        "Formation",
        "données ouvertes",
    ];
    contains_all(&page, &expected);
    let page = step(&mut founder, &path, "withdraw", &[]).await;
    contains_all(&page, &["close : retirée"]);
    assert!(!page.text.contains("/withdraw\""), "{}", page.text);
    contains_all(&founder.get("/referrals").await, &["Demandes", "close"]);
}

#[tokio::test]
async fn a_form_sent_after_the_session_ended_leads_back_to_where_it_began() {
    let house = House::staffed().await;
    let mut nobody = house.browser();
    for (path, back) in [
        (NEW, "/contact"),
        ("/referrals/ref_1/accept", "/referrals/ref_1"),
        ("/matching/org_1/profile", "/matching"),
    ] {
        let sent = nobody.post(path, &[]).await.location().unwrap();
        assert_eq!(sent.query_pairs().next().unwrap().1, back, "{path}");
    }
}
