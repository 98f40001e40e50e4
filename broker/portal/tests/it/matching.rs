use crate::browser::{Browser, Shown};
use crate::house::{ENGINEER, FOUNDER, House, STRANGER};
use crate::organisations::{NEW, contains_all, described, registered, with};

const OURS: [(&str, &str); 6] = [
    ("side", "startup"),
    ("sectors.health", "yes"),
    ("sectors.biotech", "yes"),
    ("seeks", "A partner for <b>trials</b>."),
    ("offers", "Models of proteins."),
    ("contact", "ada@pleione.example"),
];

const THEIRS: [(&str, &str); 5] = [
    ("side", "established"),
    ("sectors.health", "yes"),
    ("seeks", "Models that find what we miss."),
    ("offers", "Data of ten hospitals."),
    ("contact", "lab@atlas.example"),
];

/// Founder and engineer, each with an organisation of one side, and the ids of those.
async fn two_sides(house: &House) -> ((Browser, String), (Browser, String)) {
    let mut founder = house.signed_in(FOUNDER).await;
    let ours = registered(&mut founder).await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let form = engineer.get(NEW).await;
    let atlas = with(
        described(),
        &[
            ("name", "Atlas Clinics"),
            ("startup", "no"),
            ("identifiers.vat", ""),
            ("size", "large"),
        ],
    );
    let made = engineer.submit(&form, NEW, &atlas).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let theirs = made.location().unwrap().path().to_owned();
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    ((founder, id(&ours)), (engineer, id(&theirs)))
}

async fn published(who: &mut Browser, of: &str, fields: &[(&str, &str)]) -> Shown {
    let page = who.get("/matching").await;
    let path = format!("/matching/{of}/profile");
    let sent = who.submit(&page, &path, fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    who.follow(sent).await
}

/// Answers the only match of a page by its button, and shows what came of it.
async fn answer(who: &mut Browser, of: &str, what: &str) -> Shown {
    let page = who.get("/matching").await;
    let begin = format!("action=\"/matching/{of}/");
    let mut actions = page.text.split(&begin).skip(1);
    let end = format!("/{what}");
    let found = actions.find_map(|it| it.split('"').next().filter(|it| it.ends_with(&end)));
    let path = format!("/matching/{of}/{}", found.expect("a button for that"));
    let sent = who.submit(&page, &path, &[]).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    who.follow(sent).await
}

#[tokio::test]
async fn nobody_is_named_before_both_agreed_nor_after_one_takes_it_back() {
    let house = House::build().await;
    let ((mut founder, ours), (mut engineer, theirs)) = two_sides(&house).await;
    let alone = published(&mut founder, &ours, &OURS).await;
    contains_all(&alone, &["published", "Nobody of the other side"]);
    let seen = published(&mut engineer, &theirs, &THEIRS).await;
    contains_all(
        &seen,
        &[
            "A partner for &#60;b&#62;trials",
            "Health",
            "nobody has asked",
        ],
    );
    let is_nameless = |page: &Shown| {
        for name in ["Pleione", "ada@pleione.example"] {
            assert!(!page.text.contains(name), "{name}: {}", page.text);
        }
    };
    is_nameless(&seen);
    let proposed = answer(&mut founder, &ours, "meet").await;
    contains_all(
        &proposed,
        &["they have not answered", "Take the proposal back"],
    );
    assert!(!proposed.text.contains("Atlas"), "{}", proposed.text);
    let asked = engineer.get("/matching").await;
    contains_all(
        &asked,
        &["they would meet you", "If you decline, do nothing"],
    );
    is_nameless(&asked);
    let agreed = answer(&mut engineer, &theirs, "meet").await;
    let expected = [
        "both agreed",
        "Pleione &#60;b&#62;Labs",
        "ada@pleione.example",
    ];
    contains_all(&agreed, &expected);
    let told = founder.get("/matching").await;
    contains_all(&told, &["Atlas Clinics", "lab@atlas.example"]);
    let parted = answer(&mut engineer, &theirs, "no_more").await;
    is_nameless(&parted);
    let told = founder.get("/matching").await;
    assert!(!told.text.contains("Atlas Clinics"), "{}", told.text);
}

#[tokio::test]
async fn a_profile_is_said_anew_and_withdrawn_with_its_texts() {
    let house = House::build().await;
    let ((mut founder, ours), (mut engineer, theirs)) = two_sides(&house).await;
    published(&mut founder, &ours, &OURS).await;
    published(&mut engineer, &theirs, &THEIRS).await;
    let page = founder.get("/matching").await;
    let expected = [
        "<option value=\"startup\" selected>",
        "name=\"sectors.health\" value=\"yes\" checked",
        "A partner for &#60;b&#62;trials",
        "Publish it anew",
    ];
    contains_all(&page, &expected);
    let mut anew = OURS;
    anew[3].1 = "A partner in Lyon.";
    published(&mut founder, &ours, &anew).await;
    contains_all(&engineer.get("/matching").await, &["A partner in Lyon."]);
    let page = founder.get("/matching").await;
    let withdraw = format!("/matching/{ours}/withdraw");
    for _ in 0..2 {
        let sent = founder.submit(&page, &withdraw, &[]).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
    }
    let page = founder.get("/matching").await;
    contains_all(&page, &["not published"]);
    assert!(!page.text.contains("Lyon"), "{}", page.text);
    let gone = engineer.get("/matching").await;
    contains_all(&gone, &["Nobody of the other side"]);
}

#[tokio::test]
async fn what_would_name_the_organisation_is_told_at_its_field_and_nothing_typed_is_lost() {
    let house = House::build().await;
    let ((mut founder, ours), _) = two_sides(&house).await;
    let page = founder.get("/matching").await;
    contains_all(&page, &["<option value=\"startup\" selected>"]);
    let path = format!("/matching/{ours}/profile");
    let mut wrong = OURS;
    (wrong[1].1, wrong[2].1) = ("", "");
    wrong[4].1 = "Write to ada@pleione.example";
    wrong[5].1 = " ";
    let refused = founder.submit(&page, &path, &wrong).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    for field in ["sectors", "offers", "contact"] {
        contains_all(&refused, &[&format!("aria-describedby=\"wrong-{field}\"")]);
    }
    let kept = ["A partner for &#60;b&#62;trials", "Write to ada@"];
    contains_all(&refused, &kept);
    let sideless = with(OURS.to_vec(), &[("side", "")]);
    let refused = founder.submit(&page, &path, &sideless).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    contains_all(&refused, &["id=\"wrong-side\""]);
    published(&mut founder, &ours, &OURS).await;
    let page = founder.get("/matching").await;
    let other = with(OURS.to_vec(), &[("side", "established")]);
    let refused = founder.submit(&page, &path, &other).await;
    assert_eq!(refused.status, 400, "it said otherwise: {}", refused.text);
}

#[tokio::test]
async fn for_who_speaks_for_nobody_there_is_nothing_to_publish_or_answer() {
    let house = House::build().await;
    let ((mut founder, ours), (mut engineer, theirs)) = two_sides(&house).await;
    published(&mut founder, &ours, &OURS).await;
    let seen = published(&mut engineer, &theirs, &THEIRS).await;
    let begin = format!("action=\"/matching/{theirs}/");
    let profile = seen.text.split(&begin).find(|it| it.starts_with("prf"));
    let profile = profile.unwrap().split('/').next().unwrap();
    let mut stranger = house.signed_in(STRANGER).await;
    contains_all(&stranger.get("/matching").await, &["no organisation yet"]);
    let page = stranger.get("/jobs/new").await;
    let token = page.hidden("form_token").unwrap();
    let fields = [("form_token", token.as_str()), ("side", "startup")];
    let other = format!("/matching?organisation={theirs}");
    assert_eq!(stranger.get(&other).await.status, 404);
    for path in ["profile", "withdraw", &format!("{profile}/meet")] {
        let path = format!("/matching/{theirs}/{path}");
        let forced = stranger.post(&path, &fields).await;
        assert_eq!(forced.status, 404, "{path}: {}", forced.text);
        let tokenless = engineer.post(&path, &[]).await;
        assert_eq!(tokenless.status, 403, "{path}");
    }
    let nobodys = format!("/matching/{ours}/{profile}/meet");
    let page = founder.get("/matching").await;
    let token = page.hidden("form_token").unwrap();
    let fields = [("form_token", token.as_str())];
    let own = founder.post(&nobodys, &fields).await;
    assert_eq!(own.status, 404, "nobody meets themselves: {}", own.text);
}

#[tokio::test]
async fn the_pages_of_matching_speak_french() {
    let house = House::build().await;
    let ((mut founder, ours), (mut engineer, theirs)) = two_sides(&house).await;
    published(&mut founder, &ours, &OURS).await;
    published(&mut engineer, &theirs, &THEIRS).await;
    founder.language = "fr";
    let page = founder.get("/matching").await;
    let expected = [
        "Rencontrer un partenaire",
        "Jeune pousse",
        "Entreprise établie",
        "Santé",
        "Proposer une rencontre",
    ];
    contains_all(&page, &expected);
    for english in ["Health", "Start-up<", "Propose to"] {
        assert!(!page.text.contains(english), "{english}: {}", page.text);
    }
}
