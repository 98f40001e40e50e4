use broker_model::Clock as _;
use jiff::Timestamp;

use crate::browser::Browser;
use crate::house::{FOUNDER, House, REVIEWER, STRANGER};
use crate::organisations::contains_all;
use crate::reviews::{ACCEPTED, waiting};

/// A founder whose organisation has hours until 22 February 2027.
async fn granted(house: &House) -> Browser {
    let (founder, _, review) = waiting(house).await;
    let mut reviewer = house.signed_in(REVIEWER).await;
    let page = reviewer.get(&review).await;
    let sent = reviewer.submit(&page, &review, &ACCEPTED).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    founder
}

/// Sessions have ended by then.
async fn until(house: &House, time: &str) {
    let time: Timestamp = time.parse().unwrap();
    house.clock.advance(time.duration_since(house.clock.now()));
    house.broker.remind_once().await.unwrap();
}

/// The address of the final report, from the list.
async fn final_report(founder: &mut Browser) -> String {
    let list = founder.get("/follow-ups").await;
    let before = list.text.split(">Final report</a>").next().unwrap();
    let link = before.rsplit("href=\"").next().unwrap();
    link.trim_end_matches('"').to_owned()
}

#[tokio::test]
async fn what_is_owed_is_listed_handed_in_and_asked_for_again() {
    let house = House::build().await;
    let mut founder = granted(&house).await;
    let list = founder.get("/follow-ups").await;
    let expected = [
        "Final report",
        "2027-05-22",
        "no day of its own",
        "Survey of outcomes",
    ];
    contains_all(&list, &expected);
    let path = final_report(&mut founder).await;
    let page = founder.get(&path).await;
    assert!(
        !page.text.contains("/waive\""),
        "its own people do not judge"
    );
    let strange = [("words", " "), ("link", "javascript:alert(1)")];
    let fulfil = format!("{path}/fulfil");
    let refused = founder.submit(&page, &fulfil, &strange).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    contains_all(&refused, &["id=\"wrong-words\"", "id=\"wrong-link\""]);
    let report = [
        ("words", "Four <b>structures</b>."),
        ("link", "https://reports.example.eu/1"),
    ];
    let sent = founder.submit(&page, &fulfil, &report).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let mut reviewer = house.signed_in(REVIEWER).await;
    let page = reviewer.get(&path).await;
    contains_all(
        &page,
        &[
            "handed in",
            "Four &#60;b&#62;structures",
            "href=\"https://reports.example.eu/1\"",
        ],
    );
    let soon = [("words", "Nothing of the hours."), ("due_on", "soon")];
    let reopen = format!("{path}/reopen");
    let refused = reviewer.submit(&page, &reopen, &soon).await;
    contains_all(&refused, &["id=\"wrong-due_on\"", "Nothing of the hours."]);
    let asked = [("words", "Nothing of the hours."), ("due_on", "2027-06-30")];
    let sent = reviewer.submit(&page, &reopen, &asked).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let told = founder.get(&path).await;
    contains_all(
        &told,
        &["Nothing of the hours.", "2027-06-30", "asked for again"],
    );
    let page = reviewer.get(&path).await;
    let late = reviewer
        .submit(&page, &format!("{path}/waive"), &[("reason", "Gone.")])
        .await;
    assert_eq!(late.status, 303, "{}", late.text);
    let again = reviewer
        .submit(&page, &format!("{path}/waive"), &[("reason", "Gone.")])
        .await;
    assert_eq!(again.status, 409, "{}", again.text);
    contains_all(&again, &["it is waived since"]);
    let mut stranger = house.signed_in(STRANGER).await;
    assert_eq!(stranger.get(&path).await.status, 404);
}

#[tokio::test]
async fn what_is_due_soon_stands_on_the_first_page_and_what_is_overdue_with_the_reviewers() {
    let house = House::build().await;
    let mut founder = granted(&house).await;
    assert!(!founder.get("/").await.text.contains("Due soon"));
    until(&house, "2027-05-16T12:00:00Z").await;
    let mut founder = house.signed_in(FOUNDER).await;
    let path = final_report(&mut founder).await;
    let home = founder.get("/").await;
    contains_all(&home, &["Due soon, or overdue", &path, "due soon"]);
    until(&house, "2027-05-23T12:00:00Z").await;
    let blocks = "stands in the way of the next application";
    let mut founder = house.signed_in(FOUNDER).await;
    contains_all(&founder.get("/").await, &[&path, blocks]);
    let mut reviewer = house.signed_in(REVIEWER).await;
    contains_all(&reviewer.get("/reviews").await, &[&path, blocks, "Pleione"]);
    let page = founder.get(&path).await;
    let done = [("words", "Done.")];
    let sent = founder
        .submit(&page, &format!("{path}/fulfil"), &done)
        .await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    assert!(!reviewer.get("/reviews").await.text.contains(&path));
    assert!(!founder.get("/").await.text.contains(&path));
}
