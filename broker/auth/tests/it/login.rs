use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::post;
use axum::{Form, Router};
use broker_auth::testing::{Browser, TestProvider, TestSettings};
use broker_auth::{AuthError, LoginAnswer, PendingLogin, RelyingParty};
use broker_model::{IdentityAssurance, SystemClock};
use jiff::SignedDuration;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;

use crate::support::{authenticator, movable_clock};

struct Portal {
    provider: TestProvider,
    party: RelyingParty,
}

impl Portal {
    async fn at(settings: TestSettings) -> Option<Self> {
        let provider = TestProvider::start_with(&settings).await?;
        let auth = authenticator(provider.config(), Arc::new(SystemClock));
        let party = auth
            .relying_party(provider.issuer(), provider.callback())
            .unwrap();
        Some(Self { provider, party })
    }

    async fn go(&self, login: &str) -> (Answer, PendingLogin) {
        let (url, pending) = self.party.begin("/jobs?mine=1").await.unwrap();
        (
            Answer::of(&Browser::new().sign_in(url, login).await),
            pending,
        )
    }

    async fn finish(
        &self,
        answer: &Answer,
        pending: &PendingLogin,
    ) -> Result<broker_auth::LoggedIn, AuthError> {
        self.party
            .finish(&answer.code, &answer.state, answer.iss.as_deref(), pending)
            .await
    }
}

#[derive(Clone)]
struct Answer {
    code: String,
    state: String,
    iss: Option<String>,
}

impl Answer {
    fn of(callback: &Url) -> Self {
        let value = |name: &str| {
            callback
                .query_pairs()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        Self {
            code: value("code").unwrap(),
            state: value("state").unwrap(),
            iss: value("iss"),
        }
    }
}

#[tokio::test]
async fn a_sign_in_by_code_and_pkce_names_person_session_and_way_back() {
    let Some(portal) = Portal::at(TestSettings::default()).await else {
        return;
    };
    let (answer, pending) = portal.go("alice").await;
    let logged_in = portal.finish(&answer, &pending).await.unwrap();
    assert_eq!(logged_in.principal.subject, "alice");
    assert_eq!(logged_in.principal.name.as_deref(), Some("Alice Example"));
    assert_eq!(
        logged_in.principal.assurance.identity,
        IdentityAssurance::Medium
    );
    assert!(
        logged_in.principal.assurance.multi_factor,
        "`acr` was asked for"
    );
    assert_eq!(logged_in.issuer_subject, "alice");
    assert!(logged_in.issuer_session.is_some());
    assert_eq!(logged_in.return_to, "/jobs?mine=1");
    let out = portal
        .party
        .logout_url(Some(&logged_in.id_token_hint), &portal.provider.callback())
        .await;
    assert_eq!(out.unwrap().unwrap().path(), "/session/end");
}

#[tokio::test]
async fn claims_that_only_userinfo_has_are_fetched() {
    let settings = TestSettings {
        conform: true,
        ..TestSettings::default()
    };
    let Some(portal) = Portal::at(settings).await else {
        return;
    };
    let (answer, pending) = portal.go("alice").await;
    let logged_in = portal.finish(&answer, &pending).await.unwrap();
    assert_eq!(
        logged_in.principal.email.as_deref(),
        Some("alice@uni-a.example")
    );
    assert_eq!(logged_in.principal.entitlements.len(), 1);
    assert_eq!(portal.provider.hits("/me").await, 1);
}

#[tokio::test]
async fn the_community_id_can_be_the_subject() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let mut config = provider.config();
    config.claims.subject = "voperson_id".to_owned();
    config.subject_scope = Some("aai.example".to_owned());
    let auth = authenticator(config, Arc::new(SystemClock));
    let party = auth
        .relying_party(provider.issuer(), provider.callback())
        .unwrap();
    let portal = Portal { provider, party };
    let (answer, pending) = portal.go("alice").await;
    let logged_in = portal.finish(&answer, &pending).await.unwrap();
    assert_eq!(logged_in.principal.subject, "alice0001@aai.example");
    assert_eq!(logged_in.issuer_subject, "alice");
}

#[tokio::test]
async fn an_answer_to_another_question_is_refused() {
    let Some(portal) = Portal::at(TestSettings::default()).await else {
        return;
    };
    let (answer, pending) = portal.go("alice").await;
    let (_, other) = portal.party.begin("/").await.unwrap();
    let code = |outcome: Result<_, AuthError>| outcome.map(|_| ()).unwrap_err().code();

    assert_eq!(code(portal.finish(&answer, &other).await), "state_mismatch");
    let stray = Answer {
        iss: Some("https://other.example".to_owned()),
        ..answer.clone()
    };
    assert_eq!(
        code(portal.finish(&stray, &pending).await),
        "issuer_mismatch"
    );
    let silent = Answer {
        iss: None,
        ..answer.clone()
    };
    assert_eq!(
        code(portal.finish(&silent, &pending).await),
        "issuer_mismatch"
    );
    let wrong = Answer {
        code: "wrong".to_owned(),
        ..answer.clone()
    };
    assert_eq!(code(portal.finish(&wrong, &pending).await), "login_refused");
    // The stolen code is worth nothing to another browser: its verifier is another.
    let stolen = Answer {
        state: pending_state(&other),
        ..answer.clone()
    };
    assert_eq!(code(portal.finish(&stolen, &other).await), "login_refused");
}

#[tokio::test]
async fn a_code_counts_once_and_an_id_token_only_for_its_own_nonce() {
    let Some(portal) = Portal::at(TestSettings::default()).await else {
        return;
    };
    let (answer, pending) = portal.go("alice").await;
    let mut forged = serde_json::to_value(&pending).unwrap();
    forged["nonce"] = json!("another");
    let forged: PendingLogin = serde_json::from_value(forged).unwrap();
    let code = |outcome: Result<_, AuthError>| outcome.map(|_| ()).unwrap_err().code();
    assert_eq!(
        code(portal.finish(&answer, &forged).await),
        "nonce_mismatch"
    );
    assert_eq!(
        code(portal.finish(&answer, &pending).await),
        "login_refused"
    );
}

#[tokio::test]
async fn a_sign_in_that_took_too_long_is_void() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let clock = movable_clock();
    let auth = authenticator(provider.config(), clock.clone());
    let party = auth
        .relying_party(provider.issuer(), provider.callback())
        .unwrap();
    let (_, pending) = party.begin("/").await.unwrap();
    clock.advance(SignedDuration::from_secs(601));
    let error = party
        .finish(
            "code",
            &pending_state(&pending),
            Some(provider.issuer()),
            &pending,
        )
        .await;
    assert_eq!(error.unwrap_err().code(), "login_too_old");
}

#[tokio::test]
async fn a_person_the_issuer_refuses_is_told_so_by_its_code() {
    let Some(portal) = Portal::at(TestSettings::default()).await else {
        return;
    };
    let (url, pending) = portal.party.begin("/").await.unwrap();
    let callback = Browser::new().sign_in(url, "nobody").await;
    let query: serde_json::Map<_, _> = callback
        .query_pairs()
        .map(|(k, v)| (k.into_owned(), json!(v)))
        .collect();
    let answer: LoginAnswer = serde_json::from_value(query.into()).unwrap();
    let error = portal.party.answer(&answer, &pending).await.unwrap_err();
    assert!(error.to_string().contains("`access_denied`"), "{error}");
}

#[tokio::test]
async fn a_rotated_key_does_not_stop_sign_ins() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let clock = movable_clock();
    let auth = authenticator(provider.config(), clock.clone());
    let party = auth
        .relying_party(provider.issuer(), provider.callback())
        .unwrap();
    let portal = Portal { provider, party };
    let (answer, pending) = portal.go("alice").await;
    portal.finish(&answer, &pending).await.unwrap();
    portal.provider.rotate_keys(false).await;
    clock.advance(SignedDuration::from_secs(10));
    let (answer, pending) = portal.go("alice").await;
    portal.finish(&answer, &pending).await.unwrap();
}

#[tokio::test]
async fn only_a_proper_logout_token_ends_sessions() {
    let Some(portal) = Portal::at(TestSettings::default()).await else {
        return;
    };
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let order = |header: serde_json::Value, claims: serde_json::Value| {
        let mut order = json!({
            "header": { "typ": "logout+jwt" },
            "claims": { "aud": "portal", "sid": "s1", "events": { event: {} } },
        });
        order["header"]
            .as_object_mut()
            .unwrap()
            .extend(header.as_object().unwrap().clone());
        order["claims"]
            .as_object_mut()
            .unwrap()
            .extend(claims.as_object().unwrap().clone());
        order
    };
    let good = portal.provider.sign(order(json!({}), json!({}))).await;
    let notice = portal.party.backchannel_logout(&good).await.unwrap();
    assert_eq!(notice.issuer_session.as_deref(), Some("s1"));
    assert_eq!(notice.issuer_subject.as_deref(), Some("alice"));
    for (header, claims, code) in [
        (json!({}), json!({ "nonce": "n" }), "bad_logout_token"),
        (json!({}), json!({ "events": {} }), "bad_logout_token"),
        (
            json!({}),
            json!({ "events": { event: "x" } }),
            "bad_logout_token",
        ),
        (
            json!({}),
            json!({ "sub": null, "sid": null }),
            "bad_logout_token",
        ),
        (json!({}), json!({ "iat": 1000 }), "bad_logout_token"),
        (json!({}), json!({ "aud": "cli" }), "wrong_audience"),
        (json!({}), json!({ "exp": 1000 }), "expired"),
        (json!({ "typ": "at+jwt" }), json!({}), "bad_logout_token"),
    ] {
        let token = portal.provider.sign(order(header, claims.clone())).await;
        let error = portal.party.backchannel_logout(&token).await.unwrap_err();
        assert_eq!(error.code(), code, "{claims}");
    }
}

#[tokio::test]
async fn signing_out_at_the_provider_reaches_the_portal_by_the_back_channel() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (sender, mut posted) = mpsc::channel::<String>(1);
    let home = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let take = post(async move |Form(form): Form<HashMap<String, String>>| {
        sender.send(form["logout_token"].clone()).await.unwrap();
    });
    let router = Router::new().route("/oidc/backchannel-logout", take);
    let server = tokio::spawn(axum::serve(listener, router).into_future());

    let settings = TestSettings {
        portal: Some(home.clone()),
        ..TestSettings::default()
    };
    let Some(portal) = Portal::at(settings).await else {
        return;
    };
    let (url, pending) = portal.party.begin("/").await.unwrap();
    let mut browser = Browser::new();
    let answer = Answer::of(&browser.sign_in(url, "alice").await);
    let logged_in = portal.finish(&answer, &pending).await.unwrap();
    let out = portal
        .party
        .logout_url(Some(&logged_in.id_token_hint), &home)
        .await
        .unwrap()
        .unwrap();
    let back = browser.sign_out(out).await;
    assert_eq!(back.origin(), home.origin());
    let token = timeout(Duration::from_secs(10), posted.recv())
        .await
        .unwrap()
        .unwrap();
    let notice = portal.party.backchannel_logout(&token).await.unwrap();
    assert_eq!(notice.issuer_session, logged_in.issuer_session);
    server.abort();
}

fn pending_state(pending: &PendingLogin) -> String {
    serde_json::to_value(pending).unwrap()["state"]
        .as_str()
        .unwrap()
        .to_owned()
}
