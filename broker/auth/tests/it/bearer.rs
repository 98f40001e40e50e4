use std::sync::Arc;

use broker_auth::testing::TestProvider;
use broker_auth::{AuthError, Authenticator, Revoked};
use broker_model::{Clock, IdentityAssurance, SystemClock};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{
    authenticator, dev_issuer, device_sign_in, manual_clock, text, with_claim, with_header,
};

async fn refused(authenticator: &Authenticator, token: &str) -> &'static str {
    authenticator.bearer(token).await.unwrap_err().code()
}

#[tokio::test]
async fn a_device_token_of_the_development_issuer_names_its_person() {
    let clock = manual_clock();
    let issuer = dev_issuer(clock.clone()).await;
    let auth = authenticator(issuer.issuer_config(), clock);
    let tokens = device_sign_in(&issuer, "ada").await;
    let principal = auth.bearer(text(&tokens, "access_token")).await.unwrap();
    assert_eq!(principal.issuer, issuer.issuer());
    assert_eq!(principal.subject, "ada");
    assert_eq!(
        principal.email.as_deref(),
        Some("ada@startup.example"),
        "from userinfo"
    );
    assert!(principal.email_verified);
    assert_eq!(principal.assurance.identity, IdentityAssurance::Medium);
    assert!(principal.assurance.multi_factor);
    assert_eq!(
        principal.entitlements.first().unwrap().role.as_deref(),
        Some("member")
    );
}

#[tokio::test]
async fn an_id_token_or_a_refresh_token_is_no_access_token() {
    let clock = manual_clock();
    let issuer = dev_issuer(clock.clone()).await;
    let auth = authenticator(issuer.issuer_config(), clock);
    let tokens = device_sign_in(&issuer, "ada").await;
    assert_eq!(
        refused(&auth, text(&tokens, "id_token")).await,
        "not_an_access_token"
    );
    assert_eq!(
        refused(&auth, text(&tokens, "refresh_token")).await,
        "opaque_not_accepted"
    );
}

#[tokio::test]
async fn a_token_counts_until_its_expiry_and_a_small_skew_and_not_longer_from_the_cache() {
    let clock = manual_clock();
    let issuer = dev_issuer(clock.clone()).await;
    let auth = authenticator(issuer.issuer_config(), clock.clone());
    let tokens = device_sign_in(&issuer, "ada").await;
    let token = text(&tokens, "access_token");
    auth.bearer(token).await.unwrap();
    clock.advance(SignedDuration::from_secs(900 + 29));
    auth.bearer(token).await.unwrap();
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(refused(&auth, token).await, "expired");
}

#[tokio::test]
async fn a_broker_whose_clock_is_behind_refuses_a_token_from_the_future() {
    let clock = manual_clock();
    let issuer = dev_issuer(clock.clone()).await;
    let behind = manual_clock();
    let auth = authenticator(issuer.issuer_config(), behind.clone());
    clock.advance(SignedDuration::from_secs(31));
    let tokens = device_sign_in(&issuer, "ada").await;
    assert_eq!(
        refused(&auth, text(&tokens, "access_token")).await,
        "not_yet_valid"
    );
    behind.advance(SignedDuration::from_secs(1));
    auth.bearer(text(&tokens, "access_token")).await.unwrap();
}

#[tokio::test]
async fn a_revoked_subject_is_out_at_once_and_comes_in_again_with_a_new_sign_in() {
    let clock = manual_clock();
    let issuer = dev_issuer(clock.clone()).await;
    let auth = authenticator(issuer.issuer_config(), clock.clone());
    let ada = device_sign_in(&issuer, "ada").await;
    let bo = device_sign_in(&issuer, "bo").await;
    auth.bearer(text(&ada, "access_token")).await.unwrap();
    let revoked = Revoked {
        issuer: issuer.issuer().to_owned(),
        subject: "ada".to_owned(),
        issued_until: clock.now(),
    };
    auth.put_revocations([revoked]);
    assert_eq!(refused(&auth, text(&ada, "access_token")).await, "revoked");
    auth.bearer(text(&bo, "access_token")).await.unwrap();
    clock.advance(SignedDuration::from_secs(31));
    let again = device_sign_in(&issuer, "ada").await;
    auth.bearer(text(&again, "access_token")).await.unwrap();
    assert_eq!(refused(&auth, text(&ada, "access_token")).await, "revoked");
    auth.put_revocations([]);
    auth.bearer(text(&ada, "access_token")).await.unwrap();
}

#[tokio::test]
async fn a_token_of_an_issuer_whose_clock_is_ahead_does_not_outlive_a_revocation() {
    let clock = manual_clock();
    let ahead = manual_clock();
    ahead.advance(SignedDuration::from_secs(30));
    let issuer = dev_issuer(ahead.clone()).await;
    let auth = authenticator(issuer.issuer_config(), clock.clone());
    let before = device_sign_in(&issuer, "ada").await;
    auth.bearer(text(&before, "access_token")).await.unwrap();
    let revoked = Revoked {
        issuer: issuer.issuer().to_owned(),
        subject: "ada".to_owned(),
        issued_until: clock.now(),
    };
    auth.put_revocations([revoked]);
    let token = text(&before, "access_token");
    assert_eq!(refused(&auth, token).await, "revoked");
    for clock in [&clock, &ahead] {
        clock.advance(SignedDuration::from_secs(1));
    }
    let after = device_sign_in(&issuer, "ada").await;
    auth.bearer(text(&after, "access_token")).await.unwrap();
    assert_eq!(refused(&auth, token).await, "revoked");
}

#[tokio::test]
async fn forged_tokens_are_refused_each_for_its_own_reason() {
    let clock = manual_clock();
    let issuer = dev_issuer(clock.clone()).await;
    let auth = authenticator(issuer.issuer_config(), clock);
    let tokens = device_sign_in(&issuer, "ada").await;
    let token = text(&tokens, "access_token");
    let header = |alg: &str| json!({ "alg": alg, "typ": "at+jwt" });
    let unsigned = with_header(token, &header("none"));
    let unsigned = unsigned.rsplit_once('.').unwrap().0;
    for (forged, code) in [
        (with_claim(token, "sub", json!("bo")), "bad_signature"),
        (
            with_claim(token, "iss", json!("https://evil.example")),
            "unknown_issuer",
        ),
        (
            with_header(token, &header("RS256")),
            "algorithm_not_allowed",
        ),
        (
            with_header(token, &header("HS256")),
            "algorithm_not_allowed",
        ),
        (format!("{unsigned}."), "algorithm_not_allowed"),
        (
            with_header(
                token,
                &json!({ "alg": "ES256", "typ": "at+jwt", "crit": ["x"] }),
            ),
            "malformed",
        ),
        (
            with_header(
                token,
                &json!({ "alg": "ES256", "typ": "at+jwt", "kid": "other" }),
            ),
            "unknown_key",
        ),
        (format!("{token} "), "malformed"),
        (String::new(), "malformed"),
        ("a".repeat(20_000), "malformed"),
        ("not-a-jwt".to_owned(), "opaque_not_accepted"),
    ] {
        assert_eq!(refused(&auth, &forged).await, code);
    }
    auth.bearer(token).await.unwrap();
}

#[tokio::test]
async fn every_flaw_of_a_token_of_the_real_provider_is_found() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let auth = authenticator(provider.config(), Arc::new(SystemClock));
    let now = SystemClock.now().as_second();
    let cases: [(Value, &str); 12] = [
        (json!({ "claims": { "exp": now - 60 } }), "expired"),
        (json!({ "claims": { "exp": null } }), "malformed"),
        (json!({ "claims": { "nbf": now + 120 } }), "not_yet_valid"),
        (
            json!({ "claims": { "aud": "urn:other:api" } }),
            "wrong_audience",
        ),
        (json!({ "claims": { "aud": null } }), "wrong_audience"),
        (
            json!({ "claims": { "iss": "https://idp.example.org" } }),
            "unknown_issuer",
        ),
        (
            json!({ "claims": { "cnf": { "jkt": "x" } } }),
            "sender_constrained",
        ),
        (json!({ "with": "nothing" }), "algorithm_not_allowed"),
        (json!({ "with": "public-key" }), "algorithm_not_allowed"),
        (json!({ "with": "stranger" }), "bad_signature"),
        (json!({ "header": { "typ": "JWT" } }), "not_an_access_token"),
        (
            json!({ "header": { "alg": "ES256", "kid": "op-rs" } }),
            "algorithm_not_allowed",
        ),
    ];
    for (order, code) in cases {
        let token = provider.sign(order.clone()).await;
        assert_eq!(refused(&auth, &token).await, code, "{order}");
    }
    for order in [
        json!({}),
        json!({ "header": { "alg": "RS256" } }),
        json!({ "claims": { "aud": ["urn:x", provider.audience()] } }),
        json!({ "claims": { "exp": now - 10 } }),
        json!({ "header": { "typ": "application/AT+JWT" } }),
        json!({ "header": { "kid": null } }),
    ] {
        let token = provider.sign(order.clone()).await;
        let subject = auth
            .bearer(&token)
            .await
            .map(|principal| principal.subject.clone());
        assert_eq!(subject.unwrap(), "alice", "{order}");
    }
}

#[tokio::test]
async fn a_device_token_of_the_real_provider_is_checked_offline() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let auth = authenticator(provider.config(), Arc::new(SystemClock));
    let tokens = provider
        .device_tokens("alice", Some(provider.audience()))
        .await;
    let principal = auth.bearer(&tokens.access_token).await.unwrap();
    assert_eq!(principal.subject, "alice");
    assert_eq!(principal.entitlements.first().unwrap().group, ["hpc"]);
    assert_eq!(provider.hits("/token/introspection").await, 0);
}

#[test]
fn an_issuer_that_is_away_is_no_fault_of_the_token() {
    let away = AuthError::IssuerRefused {
        issuer: "https://x.eu".to_owned(),
        endpoint: broker_auth::Endpoint::Keys,
        status: 502,
    };
    assert!(away.is_unavailable());
    assert!(!AuthError::Expired.is_unavailable());
    assert_eq!(AuthError::Expired.challenge(), "invalid_token");
}
