use broker_model::{Severity, SiteId};

use crate::house::{ENGINEER, House, OPERATOR};

const PAGE: &str = "/sites/meluxina/admin";

fn meluxina() -> SiteId {
    "meluxina".parse().unwrap()
}

#[tokio::test]
async fn an_administrator_sets_and_ends_things_by_forms_and_users_see_them() {
    let house = House::build().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let job = house.hand_in(&mut engineer).await;
    let mut operator = house.signed_in(OPERATOR).await;
    let page = operator.get(PAGE).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(
        page.text.contains(job.strip_prefix("/jobs/").unwrap()),
        "{}",
        page.text
    );

    let drain = format!("{PAGE}/drain");
    let fields = [
        ("scope", "meluxina/gpu"),
        ("reason", "a <b>new</b> file system"),
        ("to", "2026-12-01T08:00"),
    ];
    let sent = operator.submit(&page, &drain, &fields).await;
    assert_eq!(
        (sent.status, sent.location().unwrap().path()),
        (303, PAGE),
        "{}",
        sent.text
    );
    let incident = format!("{PAGE}/incident");
    let fields = [
        ("kind", "maintenance"),
        ("severity", "outage"),
        ("title", "Cooling"),
        ("words", "Pumps are exchanged."),
        ("from", "2026-12-01T08:00"),
    ];
    operator.submit(&page, &incident, &fields).await;
    let window = format!("{PAGE}/window");
    let fields = [
        ("share", "commercial"),
        ("from", "2026-11-20T00:00"),
        ("to", "2027-01-01T00:00"),
        ("gpu_hours", "1000"),
    ];
    operator.submit(&page, &window, &fields).await;

    let told = engineer.get("/sites").await;
    assert!(
        told.text
            .contains("a &#60;b&#62;new&#60;/b&#62; file system"),
        "{}",
        told.text
    );
    assert!(told.text.contains("Pumps are exchanged."), "{}", told.text);
    assert!(
        !told.text.contains("/admin"),
        "only its administrators are led there"
    );
    let mine = engineer.get(&job).await;
    assert!(mine.text.contains("Pumps are exchanged."), "{}", mine.text);

    let now_there = operator.get(PAGE).await;
    for words in [
        "commercial",
        "1000",
        "meluxina/gpu",
        "2026-12-01 08:00:00 UTC",
    ] {
        assert!(
            now_there.text.contains(words),
            "{words}: {}",
            now_there.text
        );
    }
    let ended = operator
        .submit(&now_there, &format!("{PAGE}/undrain"), &[])
        .await;
    assert_eq!(ended.status, 303, "{}", ended.text);
    let view = house.broker.site(&meluxina()).unwrap();
    assert!(view.drains.is_empty());
    assert_eq!(view.incidents.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_form_is_said_on_the_page() {
    let house = House::build().await;
    let mut operator = house.signed_in(OPERATOR).await;
    let page = operator.get(PAGE).await;
    let fields = [
        ("share", "everybody"),
        ("from", "x"),
        ("to", ""),
        ("gpu_hours", "1"),
    ];
    let refused = operator
        .submit(&page, &format!("{PAGE}/window"), &fields)
        .await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("role=\"alert\""), "{}", refused.text);
    assert!(refused.text.contains("share"), "{}", refused.text);
}

#[tokio::test]
async fn limits_news_and_a_refusal_at_one_system_are_set_by_forms() {
    let house = House::build().await;
    let mut operator = house.signed_in(OPERATOR).await;
    let page = operator.get(PAGE).await;
    let organisation = broker_app::setup::organisation_id("start-up").to_string();
    let fields = [("organisation", organisation.as_str()), ("at_once", "3")];
    let sent = operator
        .submit(&page, &format!("{PAGE}/limit"), &fields)
        .await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let incident = [
        ("kind", "incident"),
        ("severity", "info"),
        ("title", "Slow"),
        ("words", "It is slow."),
    ];
    operator
        .submit(&page, &format!("{PAGE}/incident"), &incident)
        .await;
    let page = operator.get(PAGE).await;
    assert!(page.text.contains(&organisation), "{}", page.text);
    let told = house.broker.site(&meluxina()).unwrap();
    let id = told.incidents[0].id.to_string();
    let news = [("item", id.as_str()), ("words", "It takes longer.")];
    let sent = operator
        .submit(&page, &format!("{PAGE}/incident-news"), &news)
        .await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let told = house.broker.site(&meluxina()).unwrap();
    assert_eq!(told.incidents[0].updates[0].words, "It takes longer.");
    assert_eq!(told.incidents[0].severity, Severity::Info);
    let worse = [&news[..], &[("severity", "outage")]].concat();
    let sent = operator
        .submit(&page, &format!("{PAGE}/incident-news"), &worse)
        .await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let told = house.broker.site(&meluxina()).unwrap();
    assert_eq!(told.incidents[0].severity, Severity::Outage);

    let unknown = [
        ("allocation", "alc_0192f0c1d2e37abc8def0123456789ab"),
        ("scope", "meluxina-ai"),
        ("reason", "export control"),
    ];
    let veto = format!("{PAGE}/veto");
    let refused = operator.submit(&page, &veto, &unknown).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("role=\"alert\""), "{}", refused.text);
    let mut known = unknown;
    let allocation = broker_app::setup::allocation_id("sample", "playground").to_string();
    known[0].1 = &allocation;
    let sent = operator.submit(&page, &veto, &known).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let again = operator.submit(&page, &veto, &known).await;
    assert_eq!(again.status, 400);
    assert!(again.text.contains("already"), "{}", again.text);
    known[1].1 = "meluxina/gpu";
    let part = operator.submit(&page, &veto, &known).await;
    assert_eq!(part.status, 400, "a refusal is of no smaller part");
    let shown = operator.get(PAGE).await;
    assert!(shown.text.contains("meluxina-ai"), "{}", shown.text);
}

#[tokio::test]
async fn an_organisation_is_refused_on_the_page_of_the_site_and_served_again() {
    let house = House::build().await;
    let mut operator = house.signed_in(OPERATOR).await;
    let page = operator.get(PAGE).await;
    let organisation = broker_app::setup::organisation_id("start-up").to_string();
    let fields = [
        ("organisation", organisation.as_str()),
        ("scope", "meluxina-ai"),
        ("reason", "unpaid <bills>"),
        ("to", "2027-01-31T12:00"),
    ];
    let path = format!("{PAGE}/veto-organisation");
    let sent = operator.submit(&page, &path, &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let shown = operator.get(PAGE).await;
    let expected = ["unpaid &#60;bills&#62;", "2027-01-31"];
    assert!(
        expected.iter().all(|it| shown.text.contains(it)),
        "{}",
        shown.text
    );
    let veto = shown.text.split("value=\"vet_").nth(1).unwrap();
    let veto = format!("vet_{}", veto.split('"').next().unwrap());
    let lift = format!("{PAGE}/lift-organisation");
    let sent = operator.submit(&shown, &lift, &[("item", &veto)]).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let shown = operator.get(PAGE).await;
    assert!(!shown.text.contains("unpaid"), "{}", shown.text);
}

#[tokio::test]
async fn for_others_there_is_no_such_page_and_a_form_of_elsewhere_does_nothing() {
    let house = House::build().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    assert_eq!(engineer.get(PAGE).await.status, 404);
    let mut operator = house.signed_in(OPERATOR).await;
    assert_eq!(operator.get("/sites/nowhere/admin").await.status, 404);
    let forged = operator
        .post(&format!("{PAGE}/drain"), &[("reason", "x")])
        .await;
    assert_eq!(forged.status, 403);
    assert!(house.broker.site(&meluxina()).unwrap().drains.is_empty());
}

#[tokio::test]
async fn the_page_speaks_the_browsers_language() {
    let house = House::build().await;
    let mut operator = house.signed_in(OPERATOR).await;
    operator.language = "fr";
    let page = operator.get(PAGE).await;
    assert!(page.text.contains("Fenêtres de capacité"), "{}", page.text);
}

#[tokio::test]
async fn an_incident_of_a_kind_or_a_weight_that_is_none_is_refused_by_the_fields_name() {
    let house = House::build().await;
    let mut operator = house.signed_in(OPERATOR).await;
    let page = operator.get(PAGE).await;
    for (field, value) in [("kind", "rumour"), ("severity", "dreadful"), ("kind", "")] {
        let mut fields = vec![
            ("kind", "incident"),
            ("severity", "info"),
            ("title", "Slow"),
            ("words", "It is slow."),
        ];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let path = format!("{PAGE}/incident");
        let refused = operator.submit(&page, &path, &fields).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(refused.text.contains("role=\"alert\""), "{}", refused.text);
        assert!(refused.text.contains(field), "{field}: {}", refused.text);
    }
    assert!(house.broker.site(&meluxina()).unwrap().incidents.is_empty());
}

#[tokio::test]
async fn what_was_set_by_mistake_is_taken_back_by_a_button_of_its_own() {
    let house = House::build().await;
    let mut operator = house.signed_in(OPERATOR).await;
    let page = operator.get(PAGE).await;
    let organisation = broker_app::setup::organisation_id("start-up").to_string();
    let forms: [(&str, &[(&str, &str)]); 4] = [
        (
            "window",
            &[
                ("share", "commercial"),
                ("from", "2026-11-20T00:00"),
                ("to", "2027-01-01T00:00"),
                ("gpu_hours", "1000"),
            ],
        ),
        ("drain", &[("reason", "a file system")]),
        (
            "incident",
            &[
                ("kind", "incident"),
                ("severity", "info"),
                ("title", "Slow"),
                ("words", "It is slow."),
            ],
        ),
        (
            "limit",
            &[("organisation", &organisation), ("at_once", "3")],
        ),
    ];
    for (what, fields) in forms {
        let path = format!("{PAGE}/{what}");
        let sent = operator.submit(&page, &path, fields).await;
        assert_eq!(sent.status, 303, "{what}: {}", sent.text);
    }
    let remove = format!("{PAGE}/remove");
    let form = format!("action=\"{remove}\"");
    let mut left = forms.len();
    loop {
        let page = operator.get(PAGE).await;
        assert_eq!(page.text.matches(&form).count(), left, "{}", page.text);
        let Some(fewer) = left.checked_sub(1) else {
            break;
        };
        let sent = operator.submit(&page, &remove, &[]).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        left = fewer;
    }
}
