use broker_app::setup::project_id;
use broker_app::{RevocationOrder, RoleRule, SignedIn};
use broker_auth::testing::TestProvider;
use broker_auth::{Authenticator, parse_entitlement};
use broker_model::{Clock as _, Principal, Role, SystemClock};
use broker_store::EntryRow;
use jiff::SignedDuration;
use serde_json::json;

use crate::browser::Browser;
use crate::house::{ENGINEER, Ground, House, STRANGER};

#[tokio::test]
async fn who_signs_in_comes_back_to_the_page_they_asked_for() {
    let house = House::build().await;
    let mut browser = house.browser();
    let asked = browser.get("/jobs?state=running").await;
    assert_eq!(asked.status, 303);
    let page = browser.sign_in_at("/jobs?state=running", ENGINEER).await;
    assert_eq!(page.url.path(), "/jobs");
    assert_eq!(page.url.query(), Some("state=running"));
    assert!(
        page.text.contains("Ada &#60;i&#62;Lovelace"),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn the_session_cookie_is_opaque_http_only_and_lax() {
    let house = House::build().await;
    let mut browser = house.browser();
    let back = browser.answer_issuer("/login", ENGINEER).await;
    let callback = back.location().unwrap();
    let path = format!("{}?{}", callback.path(), callback.query().unwrap());
    let answer = browser.get(&path).await;
    let cookies = answer.set_cookies();
    let session = cookies
        .iter()
        .find(|set| set.starts_with("alcyone="))
        .unwrap();
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=28800"] {
        assert!(session.contains(flag), "{flag}: {session}");
    }
    assert!(
        cookies
            .iter()
            .any(|set| set.starts_with("alcyone-login=; ") && set.contains("Max-Age=0"))
    );
    assert_eq!(browser.cookie("alcyone").unwrap().len(), 43);
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn behind_https_the_cookie_is_bound_to_the_host_and_secure() {
    let house = House::build_on(Ground {
        public_url: Some("https://portal.example.eu/"),
        ..Ground::default()
    })
    .await;
    let mut browser = house.browser();
    let start = browser.visit("/login").await;
    assert!(start.text.contains("Who are you?"));
    let begun = browser
        .get(&format!("/login/start?issuer={}", house.issuer.issuer()))
        .await;
    let [login] = begun.set_cookies()[..] else {
        panic!("{begun:?}")
    };
    assert!(login.starts_with("__Host-alcyone-login="), "{login}");
    assert!(login.ends_with("; Secure"), "{login}");
    assert!(!login.contains("verifier"), "{login}");
    assert_eq!(
        begun.header("strict-transport-security"),
        "max-age=31536000"
    );
}

#[tokio::test]
async fn no_link_leads_to_a_foreign_place_after_signing_in() {
    let house = House::build().await;
    for evil in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%09/evil.example",
    ] {
        let mut browser = house.browser();
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("return_to", evil)
            .finish();
        let page = browser
            .sign_in_at(&format!("/login?{query}"), ENGINEER)
            .await;
        assert_eq!(page.url.origin(), house.base.origin(), "{evil}");
        // And who is signed in already is not led away either.
        let again = browser.visit(&format!("/login?{query}")).await;
        assert_eq!(again.url.origin(), house.base.origin(), "{evil}");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_here_asked_for_signs_nobody_in() {
    let house = House::build().await;
    let mut victim = house.browser();
    let mut attacker = house.browser();
    let back = attacker
        .answer_issuer("/login", STRANGER)
        .await
        .location()
        .unwrap();
    let path = format!("{}?{}", back.path(), back.query().unwrap());
    let without_cookie = victim.get(&path).await;
    assert_eq!(without_cookie.status, 400);
    assert!(victim.cookie("alcyone").is_none());
    victim.visit("/login").await;
    let with_another_state = victim.get(&path).await;
    assert_eq!(with_another_state.status, 400);
    assert!(victim.cookie("alcyone").is_none());
}

#[tokio::test]
async fn who_refuses_at_the_issuer_is_told_so_and_not_signed_in() {
    let house = House::build().await;
    let mut browser = house.browser();
    let back = browser.answer_issuer("/login", "").await;
    let page = browser.follow(back).await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("access_denied"), "{}", page.text);
    assert!(browser.cookie("alcyone").is_none());
}

#[tokio::test]
async fn a_session_ends_after_eight_hours() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    house
        .clock
        .advance(SignedDuration::from_hours(8) - SignedDuration::from_secs(1));
    assert_eq!(browser.get("/jobs").await.status, 200);
    house.clock.advance(SignedDuration::from_secs(1));
    let ended = browser.get("/jobs").await;
    assert_eq!(
        (ended.status, ended.location().unwrap().path()),
        (303, "/login")
    );
}

#[tokio::test]
async fn a_cookie_that_was_made_up_opens_nothing() {
    let house = House::build().await;
    let mut browser = house.browser();
    for value in ["x", &"A".repeat(43), "subject%00", "../../etc/passwd"] {
        browser.put_cookie("alcyone", value);
        assert_eq!(browser.get("/jobs").await.status, 303, "{value}");
    }
}

#[tokio::test]
async fn signing_out_needs_the_form_ends_the_session_and_leads_to_the_issuer() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let token = browser.cookie("alcyone").unwrap().to_owned();
    assert_eq!(browser.post("/logout", &[]).await.status, 403);
    let page = browser.get("/").await;
    let answer = browser.submit(&page, "/logout", &[]).await;
    let to = answer.location().unwrap();
    assert_eq!(to.origin().ascii_serialization(), house.issuer.issuer());
    assert!(to.query().unwrap().contains("id_token_hint="));
    assert!(
        page.header("content-security-policy")
            .contains(house.issuer.issuer())
    );
    let back = browser.follow(answer).await;
    assert_eq!((back.url.origin(), back.status), (house.base.origin(), 200));
    assert!(back.text.contains("Sign in"));
    browser.put_cookie("alcyone", &token);
    assert_eq!(browser.get("/jobs").await.status, 303);
}

#[tokio::test]
async fn a_second_sign_in_replaces_the_first_session() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let first = browser.cookie("alcyone").unwrap().to_owned();
    let start = format!("/login/start?issuer={}", house.issuer.issuer());
    browser.sign_in_at(&start, STRANGER).await;
    assert_ne!(browser.cookie("alcyone"), Some(first.as_str()));
    browser.put_cookie("alcyone", &first);
    assert_eq!(browser.get("/jobs").await.status, 303);
}

#[tokio::test]
async fn an_issuers_word_ends_the_sessions_it_names_and_no_later_one() {
    let house = House::build().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let mut elsewhere = house.signed_in(ENGINEER).await;
    let mut stranger = house.signed_in(STRANGER).await;
    let issuer = house.issuer.issuer();
    house
        .broker
        .close_sessions_of(issuer, Some(ENGINEER), None)
        .await
        .unwrap();
    assert_eq!(engineer.get("/jobs").await.status, 303);
    assert_eq!(elsewhere.get("/jobs").await.status, 303);
    assert_eq!(stranger.get("/jobs").await.status, 200);
    house.clock.advance(SignedDuration::from_secs(1));
    let mut again = house.signed_in(ENGINEER).await;
    assert_eq!(again.get("/jobs").await.status, 200);
    assert_eq!(engineer.get("/jobs").await.status, 303);
}

#[tokio::test]
async fn one_issuer_session_ends_without_the_others_of_its_subject() {
    let house = House::build().await;
    let mut first = house.signed_in(ENGINEER).await;
    let mut second = house.signed_in(ENGINEER).await;
    let token = first.cookie("alcyone").unwrap();
    let session = house.broker.session(token).await.unwrap().unwrap();
    let sealed = session.signed_in.sealed_id_token.unwrap();
    assert!(!sealed.contains('.'), "no JWT lies in the database");
    let sid = session.signed_in.issuer_session.unwrap();
    house
        .broker
        .close_sessions_of(house.issuer.issuer(), None, Some(&sid))
        .await
        .unwrap();
    assert_eq!(first.get("/jobs").await.status, 303);
    assert_eq!(second.get("/jobs").await.status, 200);
}

/// Judged by the independent provider of `integration-tests/services/oidc`.
#[tokio::test]
async fn a_signed_logout_notice_ends_the_session_it_names() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let second_issuer = Some(provider.config());
    let now = Some(SystemClock.now());
    let house = House::build_on(Ground {
        second_issuer,
        now,
        ..Ground::default()
    })
    .await;
    let mut named = opened(&house, &provider, "s1").await;
    let mut other = opened(&house, &provider, "s2").await;
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let order = json!({
        "header": { "typ": "logout+jwt" },
        "claims": { "aud": "portal", "sid": "s1", "events": { event: {} } },
    });
    let token = provider.sign(order).await;
    let answer = named
        .post("/oidc/backchannel-logout", &[("logout_token", &token)])
        .await;
    assert_eq!(
        (answer.status, answer.header("cache-control")),
        (200, "no-store")
    );
    assert_eq!(named.get("/jobs").await.status, 303);
    assert_eq!(other.get("/jobs").await.status, 200);
    let choice = house.browser().get("/login").await;
    assert_eq!(choice.heading(), "Sign in");
    for issuer in [house.issuer.issuer(), provider.issuer()] {
        let host = issuer.rsplit('/').next().unwrap().replace(':', "%3A");
        assert!(choice.text.contains(&host), "{host}: {}", choice.text);
    }
}

/// A browser with a session as the provider's callback would have opened it.
async fn opened(house: &House, provider: &TestProvider, sid: &str) -> Browser {
    let principal = json!({ "issuer": provider.issuer(), "subject": "alice" });
    let signed_in = SignedIn {
        principal: serde_json::from_value::<Principal>(principal).unwrap(),
        issuer_subject: "alice".to_owned(),
        issuer_session: Some(sid.to_owned()),
        sealed_id_token: None,
    };
    let token = sid.repeat(22)[..43].to_owned();
    house.broker.open_session(&token, &signed_in).await.unwrap();
    let mut browser = house.browser();
    browser.put_cookie("alcyone", &token);
    assert_eq!(browser.get("/jobs").await.status, 200);
    browser
}

#[tokio::test]
async fn a_logout_notice_without_a_signature_ends_nothing() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    // {"alg":"none"} . {"iss":…,"sub":"engineer"}
    for token in ["", "x", "eyJhbGciOiJub25lIn0.e30."] {
        let answer = browser
            .post("/oidc/backchannel-logout", &[("logout_token", token)])
            .await;
        assert_eq!(answer.status, 400, "{token}");
        assert_eq!(answer.text, r#"{"error":"invalid_request"}"#);
    }
    assert_eq!(browser.get("/jobs").await.status, 200);
}

#[tokio::test]
async fn a_failed_sign_in_is_in_the_ledger_without_a_name() {
    let house = House::build().await;
    let mut browser = house.browser();
    let back = browser.answer_issuer("/login", "").await;
    browser.follow(back).await;
    let entries = house.broker.store().entries(0, 200).await.unwrap();
    let failed: Vec<_> = entries
        .iter()
        .filter(|row| row.text.contains("login.failed"))
        .collect();
    assert_eq!(failed.len(), 1);
    assert!(
        failed[0].text.contains("login_refused"),
        "{}",
        failed[0].text
    );
}

#[tokio::test]
async fn one_begun_sign_in_fails_once_and_many_are_one_entry_a_minute() {
    let house = House::build().await;
    let failed = async || {
        let entries = house.broker.store().entries(0, 200).await.unwrap();
        let texts = entries.into_iter().map(|row| row.text);
        texts
            .filter(|text| text.contains("login.failed"))
            .collect::<Vec<_>>()
    };
    for round in 0..3 {
        let mut browser = house.browser();
        let back = browser
            .answer_issuer("/login", "")
            .await
            .location()
            .unwrap();
        let path = format!("{}?{}", back.path(), back.query().unwrap());
        let cookie = browser.cookie("alcyone-login").unwrap().to_owned();
        assert_eq!(browser.get(&path).await.status, 403);
        for _ in 0..5 {
            browser.put_cookie("alcyone-login", &cookie);
            let again = browser.get(&path).await;
            assert_eq!(again.status, 400, "answered already, round {round}");
        }
    }
    assert_eq!(failed().await.len(), 1);
    house.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(house.broker.enter_failed_logins_once().await.unwrap(), 1);
    let failed = failed().await;
    assert_eq!(failed.len(), 2);
    assert!(failed[1].contains(r#""count":2"#), "{}", failed[1]);
}

#[tokio::test]
async fn a_revoked_persons_sessions_end_and_a_new_sign_in_counts_unless_it_is_too_early() {
    let house = House::build().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let mut stranger = house.signed_in(STRANGER).await;
    let order = |until| RevocationOrder {
        issuer: house.issuer.issuer().to_owned(),
        subject: ENGINEER.to_owned(),
        reason: "lost a laptop, says Ada".to_owned(),
        until,
    };
    house.broker.revoke(order(None)).await.unwrap();
    assert_eq!(engineer.get("/jobs").await.status, 303);
    assert_eq!(stranger.get("/jobs").await.status, 200);
    house.clock.advance(SignedDuration::from_secs(1));
    let mut again = house.signed_in(ENGINEER).await;
    assert_eq!(again.get("/jobs").await.status, 200);

    let until = house.clock.now() + SignedDuration::from_hours(1);
    house.broker.revoke(order(Some(until))).await.unwrap();
    let page = house.browser().sign_in_at("/jobs", ENGINEER).await;
    assert_eq!(page.status, 403, "told so, instead of sent round and round");
    let issuer = house.issuer.issuer();
    assert!(house.broker.restore(issuer, ENGINEER).await.unwrap());
    assert!(!house.broker.restore(issuer, ENGINEER).await.unwrap());
    assert_eq!(again.get("/jobs").await.status, 200, "lifted");

    let entries = house.broker.store().entries(0, 200).await.unwrap();
    let of = |kind: &str| entries.iter().filter(|row| row.text.contains(kind)).count();
    assert_eq!((of("access.revoked"), of("access.restored")), (2, 1));
    let failed = entries.iter().find(|row| row.text.contains("login.failed"));
    let failed = failed.map(|row| row.text.as_str()).unwrap();
    assert!(failed.contains(r#""reason":"revoked""#), "{failed}");
    let personal = |row: &&EntryRow| row.text.contains("Ada") || row.text.contains(ENGINEER);
    assert_eq!(entries.iter().find(personal), None);
}

/// Entitlements as the independent provider of `integration-tests/services/oidc` sends them.
#[tokio::test]
async fn an_entitlement_of_the_real_provider_makes_a_member_of_a_project() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let now = Some(SystemClock.now());
    let house = House::build_on(Ground {
        now,
        ..Ground::default()
    })
    .await;
    let auth = Authenticator::new(vec![provider.config()], house.clock.clone()).unwrap();
    let tokens = provider
        .device_tokens("alice", Some(provider.audience()))
        .await;
    let principal = auth.bearer(&tokens.access_token).await.unwrap();
    let project = project_id("sample");
    let rule = |entitlement: &str| RoleRule {
        issuer: provider.issuer().to_owned(),
        entitlement: parse_entitlement(entitlement).unwrap(),
        role: Role::Member { project },
    };
    house
        .broker
        .put_role_rules(vec![rule("urn:geant:example.org:group:hpc#elsewhere")]);
    let caller = house.broker.caller(principal.clone()).await.unwrap();
    assert!(!caller.may_use(project), "another authority");
    house
        .broker
        .put_role_rules(vec![rule("urn:geant:example.org:group:hpc#aai.example")]);
    let caller = house.broker.caller(principal).await.unwrap();
    assert!(caller.may_use(project));
    let held = house.broker.held_roles(&caller);
    let entitlement = held[0].entitlement.as_ref().unwrap().to_string();
    assert_eq!(
        entitlement,
        "urn:geant:example.org:group:hpc:role=member#aai.example"
    );
}
