use jiff::SignedDuration;

use crate::applications::applied;
use crate::browser::Browser;
use crate::house::{ENGINEER, FOUNDER, House, INSIDER, OPERATOR, REVIEWER};
use crate::organisations::{contains_all, handed_in, registered};

pub(crate) const ACCEPTED: [(&str, &str); 8] = [
    ("verdict", "accept"),
    ("reasons", "A sound <b>plan</b>."),
    ("grant.hours", "1250"),
    ("grant.unit", ""),
    ("grant.valid_from", "2026-11-23"),
    ("grant.valid_to", "2027-02-22"),
    ("grant.call_reference", "EHPC-AIF-2026PG01-1147"),
    ("grant.local_accounts", "p200981"),
];

/// The organisation hands in evidence and a reviewer accepts it.
pub(crate) async fn checked(house: &House, founder: &mut Browser, organisation: &str) {
    let id = handed_in(founder, organisation).await;
    let mut reviewer = house.signed_in(REVIEWER).await;
    let path = evidence_path(organisation, &id);
    let page = reviewer.get(&path).await;
    let finding = [("verdict", "accept"), ("words", "The form is whole.")];
    let sent = reviewer.submit(&page, &path, &finding).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
}

fn evidence_path(organisation: &str, id: &str) -> String {
    let of = organisation.rsplit('/').next().unwrap();
    format!("/reviews/evidence/{of}/{id}")
}

/// An application that waits, as its founder and as its reviewer see it.
pub(crate) async fn waiting(house: &House) -> (Browser, String, String) {
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    checked(house, &mut founder, &organisation).await;
    let path = applied(&mut founder, &organisation).await;
    let review = path.replace("/applications/", "/reviews/applications/");
    (founder, path, review)
}

#[tokio::test]
async fn evidence_waits_in_the_queue_and_the_organisation_reads_what_was_found() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    let id = handed_in(&mut founder, &organisation).await;
    let path = evidence_path(&organisation, &id);
    let mut reviewer = house.signed_in(REVIEWER).await;
    contains_all(&reviewer.get("/").await, &["href=\"/reviews\""]);
    let queue = reviewer.get("/reviews").await;
    contains_all(
        &queue,
        &[&path, "AI Act self-assessment", "Pleione &#60;b&#62;"],
    );
    let page = reviewer.get(&path).await;
    contains_all(&page, &["form of 1 October", "FR40303265045"]);
    let silent = [("verdict", "refuse"), ("words", " ")];
    let refused = reviewer.submit(&page, &path, &silent).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    contains_all(&refused, &["id=\"wrong-words\""]);
    let finding = [("verdict", "refuse"), ("words", "Page 2 is <missing>.")];
    let sent = reviewer.submit(&page, &path, &finding).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    assert!(!reviewer.get("/reviews").await.text.contains(&path));
    let told = founder.get(&organisation).await;
    contains_all(&told, &["refused", "Page 2 is &#60;missing&#62;."]);
    checked(&house, &mut founder, &organisation).await;
    contains_all(
        &founder.get(&organisation).await,
        &["counts until 2027-09-30"],
    );
}

#[tokio::test]
async fn an_accepted_application_is_a_project_to_compute_in() {
    let house = House::build().await;
    let (mut founder, path, review) = waiting(&house).await;
    let mut reviewer = house.signed_in(REVIEWER).await;
    let queue = reviewer.get("/reviews").await;
    contains_all(&queue, &[&review, "days left: 4"]);
    let page = reviewer.get(&review).await;
    let expected = [
        "FR40303265045",
        "The form is whole.",
        "What the rules found",
        "Decided by 2026-11-24",
        "See page 3.",
        "node-hour: one is up to 4 GPU-hours",
        "Union share, as the mode says",
        "<option value=\"national:FR\">national share of France (FR)</option>",
    ];
    contains_all(&page, &expected);
    let sent = reviewer.submit(&page, &review, &ACCEPTED).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    assert!(!reviewer.get("/reviews").await.text.contains(&review));
    let told = founder.get(&path).await;
    contains_all(&told, &["accepted", "A sound &#60;b&#62;plan&#60;/b&#62;."]);
    let given = [
        "1250 node-hour",
        "<dd>Union share</dd>",
        "<time datetime=\"2026-11-23\">",
        "<time datetime=\"2027-02-22\">",
        "Nothing is to be done before the first day",
    ];
    contains_all(&told, &given);
    assert!(!told.text.contains("/jobs/new?project="), "{}", told.text);
    let again = reviewer.submit(&page, &review, &ACCEPTED).await;
    assert_eq!(again.status, 409, "{}", again.text);
    contains_all(&again, &["it was accepted"]);
    house.clock.advance(SignedDuration::from_hours(4 * 24));
    let mut founder = house.signed_in(FOUNDER).await;
    let told = founder.get(&path).await;
    let link = told.text.split("href=\"/jobs/new?project=").nth(1).unwrap();
    let project = link.split('"').next().unwrap().to_owned();
    let form = founder.get(&format!("/jobs/new?project={project}")).await;
    contains_all(&form, &[&format!("project = &#34;{project}&#34;")]);
}

#[tokio::test]
async fn a_rejection_needs_reasons_and_an_acceptance_a_grant() {
    let house = House::build().await;
    let (mut founder, path, review) = waiting(&house).await;
    let mut reviewer = house.signed_in(REVIEWER).await;
    let page = reviewer.get(&review).await;
    let empty = [
        ("verdict", "accept"),
        ("reasons", "Fine."),
        ("grant.valid_to", "soon"),
    ];
    let refused = reviewer.submit(&page, &review, &empty).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    for field in ["grant.hours", "grant.valid_from", "grant.valid_to"] {
        contains_all(&refused, &[&format!("id=\"wrong-{field}\"")]);
    }
    let mut over = ACCEPTED;
    over[5].1 = "2026-11-19";
    over[4].1 = "2026-11-01";
    let refused = reviewer.submit(&page, &review, &over).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    contains_all(&refused, &["id=\"wrong-grant.valid_to\"", "A sound"]);
    let silent = reviewer
        .submit(&page, &review, &[("verdict", "reject")])
        .await;
    contains_all(&silent, &["id=\"wrong-reasons\""]);
    let odd = reviewer
        .submit(&page, &review, &[("verdict", "perhaps")])
        .await;
    assert_eq!(odd.status, 400);
    let fields = [
        ("verdict", "reject"),
        ("reasons", "Nothing of checkpoints."),
    ];
    let sent = reviewer.submit(&page, &review, &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    contains_all(
        &founder.get(&path).await,
        &["rejected", "Nothing of checkpoints."],
    );
}

#[tokio::test]
async fn a_conflict_of_interest_is_said_before_the_form_and_holds_after_it() {
    let house = House::build().await;
    let mut insider = house.signed_in(INSIDER).await;
    let organisation = registered(&mut insider).await;
    let id = handed_in(&mut insider, &organisation).await;
    let evidence = evidence_path(&organisation, &id);
    let queue = insider.get("/reviews").await;
    contains_all(&queue, &["your organisation"]);
    let page = insider.get(&evidence).await;
    contains_all(&page, &["another reviewer decides on it"]);
    assert!(!page.text.contains("name=\"verdict\""), "{}", page.text);
    let token = page.hidden("form_token").unwrap();
    let fields = [
        ("form_token", token.as_str()),
        ("verdict", "accept"),
        ("words", "Mine, and fine."),
    ];
    let forced = insider.post(&evidence, &fields).await;
    assert_eq!(forced.status, 403, "{}", forced.text);
    let path = applied(&mut insider, &organisation).await;
    let review = path.replace("/applications/", "/reviews/applications/");
    let page = insider.get(&review).await;
    contains_all(&page, &["another reviewer decides on it"]);
    assert!(!page.text.contains("name=\"verdict\""), "{}", page.text);
    let fields = [
        ("form_token", token.as_str()),
        ("verdict", "reject"),
        ("reasons", "Mine."),
    ];
    let forced = insider.post(&review, &fields).await;
    assert_eq!(forced.status, 403, "{}", forced.text);
}

#[tokio::test]
async fn for_who_does_not_review_there_are_no_such_pages() {
    let house = House::build().await;
    let (mut founder, _, review) = waiting(&house).await;
    for person in [ENGINEER, FOUNDER, OPERATOR] {
        let mut browser = house.signed_in(person).await;
        for path in ["/reviews", &review] {
            assert_eq!(browser.get(path).await.status, 404, "{person} {path}");
        }
    }
    let page = founder.get("/organisations/new").await;
    let token = page.hidden("form_token").unwrap();
    let fields = [("form_token", token.as_str()), ("verdict", "accept")];
    assert_eq!(founder.post(&review, &fields).await.status, 404);
    let mut reviewer = house.signed_in(REVIEWER).await;
    assert_eq!(
        reviewer
            .post(&review, &[("verdict", "reject")])
            .await
            .status,
        403
    );
    assert_eq!(
        reviewer.get("/reviews/applications/app_1").await.status,
        404
    );
}

#[tokio::test]
async fn who_decides_is_told_what_no_rule_was_asked_of() {
    let house = House::build().await;
    let (_, _, review) = waiting(&house).await;
    let mut reviewer = house.signed_in(REVIEWER).await;
    let page = reviewer.get(&review).await;
    let lacking = page.text.split("nobody gave:</h3>").nth(1).unwrap();
    let lacking = lacking.split("</ul>").next().unwrap();
    assert!(lacking.contains("whether the site refuses it"), "{lacking}");
    assert!(!lacking.contains("has already in this mode"), "{lacking}");
    reviewer.language = "fr";
    let page = reviewer.get(&review).await;
    contains_all(&page, &["Non demandé", "si le site le refuse"]);
}

/// A hint for whoever checks, and nothing more: the evidence waits as before.
#[tokio::test]
async fn beside_a_pledge_the_reviewer_reads_what_the_newest_list_of_signatories_says() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    let page = founder.get(&organisation).await;
    let fields = [
        ("kind", "ai_pact_pledge"),
        ("issued_on", "2026-10-01"),
        ("expires_on", ""),
        ("source", "letter of 1 October"),
    ];
    let sent = founder
        .submit(&page, &format!("{organisation}/evidence"), &fields)
        .await;
    let id = sent.location().unwrap().fragment().unwrap().to_owned();
    let path = evidence_path(&organisation, &id);
    let mut reviewer = house.signed_in(REVIEWER).await;
    let none = reviewer.get(&path).await;
    contains_all(&none, &["no list of signatories was imported"]);
    let shown = organisation.rsplit('/').next().unwrap().parse().unwrap();
    let registered = house.broker.store().find_organisation(shown).await;
    let name = registered.unwrap().unwrap().name.to_uppercase();
    for (day, name, words) in [
        (
            "2026-11-01",
            "Somebody Else",
            "no name on the list of 2026-11-01 (the page)",
        ),
        (
            "2026-11-02",
            &name,
            "which reads like this organisation: check that it is the same",
        ),
    ] {
        let list = format!("name,country,pledged_on\n\"{name} S.A.S.\",FR,2024-09-25\n");
        let table = broker_app::read_signatories(list.as_bytes());
        let source = (day.parse().unwrap(), "the page");
        let kept = house.broker.import_signatories(&table, source, false).await;
        kept.unwrap();
        let page = reviewer.get(&path).await;
        contains_all(&page, &[words, "name=\"verdict\""]);
    }
    reviewer.language = "fr";
    contains_all(
        &reviewer.get(&path).await,
        &["(FR) (engagement du 2024-09-25), qui se lit comme cette organisation"],
    );
    reviewer.language = "en";
    let other = handed_in(&mut founder, &organisation).await;
    let page = reviewer.get(&evidence_path(&organisation, &other)).await;
    assert!(!page.text.contains("AI Pact:"), "{}", page.text);
    let page = founder.get(&organisation).await;
    assert!(!page.text.contains("reads like"), "it is for reviewers");
}

#[tokio::test]
async fn a_reviewer_records_a_screening_beside_the_application() {
    let house = House::build().await;
    let (_, _, review) = waiting(&house).await;
    let mut reviewer = house.signed_in(REVIEWER).await;
    let page = reviewer.get(&review).await;
    let path = format!("{review}/screening");
    let empty = [("whom", "applicant"), ("kind", "sanctions_screening")];
    let refused = reviewer.submit(&page, &path, &empty).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    contains_all(
        &refused,
        &["id=\"wrong-screened_on\"", "id=\"wrong-outcome\""],
    );
    let found = [
        ("whom", "applicant"),
        ("kind", "sanctions_screening"),
        ("list", "EU list of <19> November"),
        ("screened_on", "2026-11-20"),
        ("outcome", "unsettled"),
        ("words", "A namesake."),
    ];
    let sent = reviewer.submit(&page, &path, &found).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let page = reviewer.follow(sent).await;
    contains_all(
        &page,
        &[
            "EU list of &#60;19&#62; November",
            "A namesake.",
            "<code>per_",
        ],
    );
    let refused = reviewer.submit(&page, &review, &ACCEPTED).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    contains_all(&refused, &["screening"]);
}

#[tokio::test]
async fn an_organisation_neither_hands_a_screening_in_nor_takes_it_back() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    checked(&house, &mut founder, &organisation).await;
    let path = applied(&mut founder, &organisation).await;
    let review = path.replace("/applications/", "/reviews/applications/");
    let page = founder.get(&organisation).await;
    let before = page.text.matches("/withdraw\"").count();
    assert!(before > 0, "{}", page.text);
    let mut reviewer = house.signed_in(REVIEWER).await;
    let page = reviewer.get(&review).await;
    let clear = [
        ("whom", "organisation"),
        ("kind", "sanctions_screening"),
        ("list", "EU list of 19 November"),
        ("screened_on", "2026-11-20"),
        ("outcome", "clear"),
        ("words", "Nothing."),
    ];
    let sent = reviewer
        .submit(&page, &format!("{review}/screening"), &clear)
        .await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let page = founder.get(&organisation).await;
    contains_all(&page, &["EU list of 19 November"]);
    assert_eq!(page.text.matches("/withdraw\"").count(), before);
    assert!(
        !page.text.contains("value=\"export_screening\""),
        "{}",
        page.text
    );
    let own = [
        ("kind", "export_screening"),
        ("issued_on", "2026-10-01"),
        ("source", "self"),
    ];
    let refused = founder
        .submit(&page, &format!("{organisation}/evidence"), &own)
        .await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    contains_all(&refused, &["is recorded by a reviewer"]);
}
