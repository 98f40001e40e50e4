use std::sync::Arc;

use jiff::SignedDuration;

use crate::applications::applied;
use crate::house::{ENGINEER, FOUNDER, House, OPERATOR};
use crate::organisations::{contains_all, registered};
use crate::reviews::checked;

/// Audits what this names: all shares, or one.
async fn auditor(house: &House, subject: &str, share: Option<&str>) {
    let share = share.map_or_else(String::new, |it| format!("share = \"{it}\"\n"));
    let issuer = house.issuer.issuer();
    let grant = format!(
        "[[grants]]\nissuer = \"{issuer}\"\nsubject = \"{subject}\"\nrole = \"auditor\"\n{share}"
    );
    let grant = toml::from_str(&grant).unwrap();
    house.broker.import(&grant).await.unwrap();
}

#[tokio::test]
async fn a_funder_sees_indicators_objectives_and_the_organisations_of_their_share() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    checked(&house, &mut founder, &organisation).await;
    let application = applied(&mut founder, &organisation).await;
    let owner = organisation.rsplit('/').next().unwrap();
    let operator = broker_model::Principal::stranger(house.issuer.issuer(), OPERATOR);
    let operator = house.broker.caller(Arc::new(operator)).await.unwrap();
    let draft = serde_json::json!({ "owner": owner, "indicator": "sme_permille", "baseline": 200,
        "target": 400, "from": "2026-11-21", "to": "2027-12-31" });
    let draft: broker_model::ObjectiveDraft = serde_json::from_value(draft).unwrap();
    house.broker.set_objective(&operator, &draft).await.unwrap();
    house.clock.advance(SignedDuration::from_hours(48));

    auditor(&house, "nobody", None).await;
    let mut all = house.signed_in("nobody").await;
    let page = all.get("/funding").await;
    let expected = [
        "Indicators and objectives",
        "value=\"2026-01-01\"",
        "part of small and medium-sized enterprises",
        "20.0\u{202f}%",
        "40.0\u{202f}%",
        "nothing measured yet",
        "<th scope=\"row\">Union share</th>",
        "href=\"/funding\"",
    ];
    contains_all(&page, &expected);
    assert!(all.get("/organisations").await.text.contains(owner));
    for path in [&organisation, &application] {
        assert_eq!(all.get(path).await.status, 200, "{path}");
    }
    let wrong = all.get("/funding?from=2026-02-01&to=2026-01-01").await;
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.text.contains("does not end a period"),
        "{}",
        wrong.text
    );
    all.language = "fr";
    let page = all.get("/funding").await;
    let expected = [
        "Indicateurs et objectifs",
        "<th scope=\"row\">part de l&#39;Union</th>",
        ">toutes</td>",
    ];
    contains_all(&page, &expected);
    assert!(!page.text.contains(">union<"), "{}", page.text);
}

#[tokio::test]
async fn an_auditor_of_another_share_and_others_see_none_of_it() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    checked(&house, &mut founder, &organisation).await;
    let application = applied(&mut founder, &organisation).await;
    auditor(&house, "nobody", Some("national:FI")).await;
    let mut finnish = house.signed_in("nobody").await;
    let page = finnish.get("/funding").await;
    contains_all(&page, &["value=\"national:FI\"", "Nothing was set out."]);
    let refused = finnish.get("/funding?from=2026-01-01&to=2026-12-31").await;
    assert_eq!(refused.status, 403, "all shares are not theirs");
    for path in [&organisation, &application] {
        assert_eq!(finnish.get(path).await.status, 404, "{path}");
    }
    let mut engineer = house.signed_in(ENGINEER).await;
    assert_eq!(engineer.get("/funding").await.status, 403);
    assert!(!engineer.get("/").await.text.contains("/funding"));
}
