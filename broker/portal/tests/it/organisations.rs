use crate::browser::{Browser, Shown};
use crate::house::{ENGINEER, FOUNDER, House, OPERATOR, REVIEWER};

pub(crate) const NEW: &str = "/organisations/new";

pub(crate) fn described() -> Vec<(&'static str, &'static str)> {
    vec![
        ("name", "Pleione <b>Labs</b>"),
        ("country", "fr"),
        ("kind", "company"),
        ("startup", "yes"),
        ("founded_on", "2024-02-29"),
        ("identifiers.vat", "FR 40 303265045"),
        ("size", "small"),
    ]
}

/// Registers an organisation and returns the address of its page.
pub(crate) async fn registered(browser: &mut Browser) -> String {
    let form = browser.get(NEW).await;
    let sent = browser.submit(&form, NEW, &described()).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    sent.location().unwrap().path().to_owned()
}

/// Hands in evidence and returns its id.
pub(crate) async fn handed_in(browser: &mut Browser, organisation: &str) -> String {
    let page = browser.get(organisation).await;
    let fields = [
        ("kind", "ai_act_self_assessment"),
        ("issued_on", "2026-10-01"),
        ("expires_on", "2027-09-30"),
        ("source", "form of 1 October"),
    ];
    let path = format!("{organisation}/evidence");
    let sent = browser.submit(&page, &path, &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    sent.location().unwrap().fragment().unwrap().to_owned()
}

pub(crate) fn contains_all(page: &Shown, expected: &[&str]) {
    for words in expected {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
}

pub(crate) fn with<'a>(
    mut fields: Vec<(&'a str, &'a str)>,
    others: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    fields.retain(|(name, _)| others.iter().all(|(other, _)| other != name));
    fields.extend(others);
    fields
}

#[tokio::test]
async fn an_organisation_is_described_once_and_whoever_did_so_speaks_for_it() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let page = registered(&mut founder).await;
    let shown = founder.get(&page).await;
    let expected = [
        "Pleione &#60;b&#62;Labs&#60;/b&#62;",
        "FR40303265045",
        "2024-02-29",
        "small",
        "2003/361/EC",
        "no accounts were given",
    ];
    contains_all(&shown, &expected);
    let list = founder.get("/organisations").await;
    contains_all(&list, &[&page, "speak for it"]);
    let home = founder.get("/").await;
    contains_all(&home, &["/organisations", "/applications", "/routes"]);
    assert!(!home.text.contains("/reviews"), "{}", home.text);
}

#[tokio::test]
async fn two_clicks_register_one_organisation() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let form = founder.get(NEW).await;
    let first = founder.submit(&form, NEW, &described()).await;
    let second = founder.submit(&form, NEW, &described()).await;
    assert_eq!(first.status, 303, "{}", first.text);
    assert_eq!(first.location(), second.location());
}

const OF_TWO_YEARS: [(&str, &str); 9] = [
    ("size", ""),
    ("size_facts.periods[0].last_day", "2025-12-31"),
    ("size_facts.periods[0].awu_hundredths", "49"),
    ("size_facts.periods[0].turnover_eur", "1000000"),
    ("size_facts.periods[0].balance_eur", "1000000"),
    ("size_facts.periods[1].last_day", "2024-12-31"),
    ("size_facts.periods[1].awu_hundredths", "49"),
    ("size_facts.periods[1].turnover_eur", "1000000"),
    ("size_facts.periods[1].balance_eur", "1000000"),
];

const A_PARTNER: [(&str, &str); 8] = [
    ("size_facts.partners[1].name", "Atlas <b>SA</b>"),
    ("size_facts.partners[1].percent_hundredths", "30"),
    ("size_facts.partners[1].periods[0].awu_hundredths", "10"),
    ("size_facts.partners[1].periods[0].turnover_eur", "0"),
    ("size_facts.partners[1].periods[0].balance_eur", "0"),
    ("size_facts.partners[1].periods[1].awu_hundredths", "10"),
    ("size_facts.partners[1].periods[1].turnover_eur", "0"),
    ("size_facts.partners[1].periods[1].balance_eur", "0"),
];

#[tokio::test]
async fn a_company_just_under_a_ceiling_alone_is_over_it_with_its_partner() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let form = founder.get(NEW).await;
    let alone = with(described(), &OF_TWO_YEARS);
    let sent = founder.submit(&form, NEW, &alone).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let shown = founder.follow(sent).await;
    contains_all(&shown, &["\">small</span>"]);
    let page = shown
        .text
        .split("href=\"/organisations/org_")
        .nth(1)
        .unwrap();
    let edit = format!(
        "/organisations/org_{}/edit",
        page.split(['/', '"']).next().unwrap()
    );
    let form = founder.get(&edit).await;
    contains_all(
        &form,
        &[
            "Add a partner enterprise",
            "name=\"size_facts.partners[0].name\"",
        ],
    );
    assert!(!form.text.contains("size_facts.partners[1].name"));
    // Without a script: the button sends what was typed and gives the form back with one row more.
    let made_on = form.text.split("name=\"made_on\" value=\"").nth(1).unwrap();
    let made_on = made_on.split('"').next().unwrap().to_owned();
    let on = ("made_on", made_on.as_str());
    let more = with(
        alone.clone(),
        &[("more", "partners"), ("rows.partners", "1"), on],
    );
    let longer = founder.submit(&form, &edit, &more).await;
    assert_eq!(longer.status, 200, "{}", longer.text);
    contains_all(
        &longer,
        &[
            "name=\"size_facts.partners[1].name\"",
            "value=\"2025-12-31\"",
        ],
    );
    let mut partner = with(alone, &A_PARTNER);
    partner.push(on);
    let mut half = partner.clone();
    half.retain(|(name, _)| *name != "size_facts.partners[1].periods[1].turnover_eur");
    let refused = founder.submit(&longer, &edit, &half).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    let missing = "id=\"wrong-size_facts.partners[1].periods[1].turnover_eur\"";
    contains_all(&refused, &[missing, "Atlas &#60;b&#62;SA"]);
    let sent = founder.submit(&refused, &edit, &partner).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    // 49 and 30 % of 10 are 52: not fewer than 50 any more.
    let shown = founder.follow(sent).await;
    contains_all(&shown, &["\">medium</span>"]);
}

#[tokio::test]
async fn the_size_is_found_from_accounts_with_reasons_and_figures() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let form = founder.get(NEW).await;
    let accounts = [
        ("size", ""),
        ("size_facts.periods[0].last_day", "2025-12-31"),
        ("size_facts.periods[0].awu_hundredths", "12,5"),
        ("size_facts.periods[0].turnover_eur", "1 250 000"),
        ("size_facts.periods[0].balance_eur", "800000"),
        ("size_facts.periods[2].last_day", "2024-12-31"),
        ("size_facts.periods[2].awu_hundredths", "11"),
        ("size_facts.periods[2].turnover_eur", "900000"),
        ("size_facts.periods[2].balance_eur", "700000"),
    ];
    let sent = founder
        .submit(&form, NEW, &with(described(), &accounts))
        .await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let shown = founder.follow(sent).await;
    contains_all(
        &shown,
        &["12.5", "1\u{202f}250\u{202f}000", "2025-12-31", "small"],
    );
    let edit = founder.get(&format!("{}/edit", shown.url.path())).await;
    contains_all(
        &edit,
        &[
            "value=\"12.5\"",
            "value=\"1250000\"",
            "value=\"2024-12-31\"",
        ],
    );
}

#[tokio::test]
async fn what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let form = founder.get(NEW).await;
    let wrong = [
        ("country", "QQ"),
        ("identifiers.vat", "FR00000000000"),
        ("identifiers.lei", "<script>"),
        ("size", ""),
        ("size_facts.periods[1].last_day", "2031-12-31"),
        ("size_facts.periods[1].awu_hundredths", "3"),
        ("size_facts.periods[1].turnover_eur", "1"),
        ("size_facts.periods[1].balance_eur", "1"),
    ];
    let page = founder.submit(&form, NEW, &with(described(), &wrong)).await;
    assert_eq!(page.status, 400, "{}", page.text);
    for field in [
        "country",
        "identifiers.vat",
        "identifiers.lei",
        "size_facts.periods[1].last_day",
    ] {
        let at = format!("aria-describedby=\"wrong-{field}\"");
        contains_all(&page, &[&at, &format!("href=\"#{field}\"")]);
    }
    contains_all(&page, &["Pleione &#60;b&#62;", "value=\"2031-12-31\""]);
    assert!(!page.text.contains("<script>\""), "{}", page.text);
    assert!(
        founder
            .get("/organisations")
            .await
            .text
            .contains("no organisation yet")
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_said_before_anything_is_asked() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let form = founder.get(NEW).await;
    let wrong = [
        ("kind", "horoscope"),
        ("founded_on", "yesterday"),
        ("size_facts.periods[0].awu_hundredths", "many"),
    ];
    let page = founder.submit(&form, NEW, &with(described(), &wrong)).await;
    assert_eq!(page.status, 400, "{}", page.text);
    for field in ["kind", "founded_on", "size_facts.periods[0].turnover_eur"] {
        contains_all(&page, &[&format!("id=\"wrong-{field}\"")]);
    }
}

#[tokio::test]
async fn a_number_that_another_organisation_has_is_told_without_naming_that() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    registered(&mut founder).await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let form = engineer.get(NEW).await;
    let other = with(described(), &[("name", "Another")]);
    let page = engineer.submit(&form, NEW, &other).await;
    assert_eq!(page.status, 409, "{}", page.text);
    contains_all(&page, &["is registered already", "value=\"Another\""]);
    assert!(!page.text.contains("Pleione"), "{}", page.text);
}

#[tokio::test]
async fn a_lost_update_is_told_and_what_was_typed_stays() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let path = format!("{}/edit", registered(&mut founder).await);
    let opened_twice = founder.get(&path).await;
    let first = with(described(), &[("name", "Pleione One")]);
    let sent = founder.submit(&opened_twice, &path, &first).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let second = with(described(), &[("name", "Pleione Two")]);
    let told = founder.submit(&opened_twice, &path, &second).await;
    assert_eq!(told.status, 409, "{}", told.text);
    contains_all(
        &told,
        &["Somebody has changed this description", "Pleione Two"],
    );
    assert_eq!(
        founder.get(&path.replace("/edit", "")).await.heading(),
        "Pleione One"
    );
    let meant = founder.submit(&told, &path, &second).await;
    assert_eq!(meant.status, 303, "{}", meant.text);
    assert_eq!(
        founder.get(&path.replace("/edit", "")).await.heading(),
        "Pleione Two"
    );
}

#[tokio::test]
async fn evidence_is_handed_in_with_files_and_taken_back() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    let id = handed_in(&mut founder, &organisation).await;
    let page = founder.get(&organisation).await;
    contains_all(
        &page,
        &[
            "waits for a reviewer",
            "form of 1 October",
            "alcyone evidence file add",
        ],
    );
    let token = page.hidden("form_token").unwrap();
    let files = format!("{organisation}/evidence/{id}/files");
    let named = format!("{files}?name=pledge%20%22signed%22.pdf");
    let pdf = || ("application/pdf", b"%PDF-1.7\nhello".to_vec());
    let foreign = founder.send_file(&named, "", pdf()).await;
    assert_eq!(foreign.status, 403, "{}", foreign.text);
    let sent = founder.send_file(&named, &token, pdf()).await;
    assert_eq!(sent.status, 204, "{}", sent.text);
    let not_that = ("application/pdf", b"plain".to_vec());
    let refused = founder.send_file(&named, &token, not_that).await;
    assert_eq!(
        (refused.status, refused.header("content-type")),
        (400, "text/plain; charset=utf-8")
    );
    assert!(
        refused.text.contains("its bytes are text/plain"),
        "{}",
        refused.text
    );
    let page = founder.get(&organisation).await;
    contains_all(&page, &["pledge &#34;signed&#34;.pdf"]);
    let link = page.text.split(&format!("{files}/")).nth(1).unwrap();
    let file = format!("{files}/{}", link.split('"').next().unwrap());
    let fetched = founder.get(&file).await;
    assert_eq!(fetched.text, "%PDF-1.7\nhello");
    let told = fetched.header("content-disposition");
    assert_eq!(
        told,
        "attachment; filename*=UTF-8''pledge%20%22signed%22.pdf"
    );
    assert_eq!(house.signed_in(ENGINEER).await.get(&file).await.status, 404);
    let withdraw = format!("{organisation}/evidence/{id}/withdraw");
    let taken_back = founder.submit(&page, &withdraw, &[]).await;
    assert_eq!(taken_back.status, 303, "{}", taken_back.text);
    let page = founder.get(&organisation).await;
    assert!(page.text.contains("withdrawn"), "{}", page.text);
    assert!(
        !page.text.contains("/files\""),
        "nothing is added any more: {}",
        page.text
    );
}

#[tokio::test]
async fn evidence_that_cannot_be_is_refused_at_its_fields() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    let page = founder.get(&organisation).await;
    let path = format!("{organisation}/evidence");
    let fields = [("kind", ""), ("issued_on", "2026-12-01"), ("source", " ")];
    let refused = founder.submit(&page, &path, &fields).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    for field in ["kind", "issued_on", "source"] {
        contains_all(&refused, &[&format!("id=\"wrong-{field}\"")]);
    }
    let unread = founder.submit(&page, &path, &[("issued_on", "x")]).await;
    assert_eq!(unread.status, 400, "{}", unread.text);
    assert!(
        refused.text.contains("value=\"2026-12-01\""),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn others_find_no_organisation_and_reviewers_and_operators_may_only_look() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    let edit = format!("{organisation}/edit");
    let mut engineer = house.signed_in(ENGINEER).await;
    for path in [organisation.as_str(), &edit, "/organisations/org_1"] {
        assert_eq!(engineer.get(path).await.status, 404, "{path}");
    }
    for person in [REVIEWER, OPERATOR] {
        let mut browser = house.signed_in(person).await;
        let page = browser.get(&organisation).await;
        assert_eq!(page.status, 200, "{person}");
        assert!(
            !page.text.contains("/evidence\""),
            "{person}: {}",
            page.text
        );
        assert_eq!(browser.get(&edit).await.status, 404, "{person}");
    }
    let forged = founder.post(NEW, &described()).await;
    assert_eq!(forged.status, 403);
    let unknown = house.browser().get("/organisations").await;
    assert_eq!(
        (unknown.status, unknown.location().unwrap().path()),
        (303, "/login")
    );
}

#[tokio::test]
async fn a_form_sent_after_the_session_ended_leads_back_to_its_page() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    let mut nobody = house.browser();
    for (path, back) in [
        ("/organisations/new", "/organisations/new"),
        (&format!("{organisation}/edit"), &organisation),
        (&format!("{organisation}/evidence"), &organisation),
        ("/reviews/applications/app_1", "/reviews"),
        ("/applications/new", "/applications"),
    ] {
        let sent = nobody.post(path, &[]).await.location().unwrap();
        let mut query = sent.query_pairs();
        assert_eq!(query.next().unwrap().1, back, "{path}");
    }
}

#[tokio::test]
async fn the_pages_of_organisations_speak_french() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    handed_in(&mut founder, &organisation).await;
    founder.language = "fr";
    contains_all(
        &founder.get(&organisation).await,
        &["petite", "attend un évaluateur"],
    );
    contains_all(
        &founder.get(NEW).await,
        &["Décrire une organisation", "jeune pousse"],
    );
}
