use std::sync::Arc;

use broker_auth::testing::{TestProvider, TestSettings};
use broker_model::SystemClock;
use jiff::SignedDuration;
use serde_json::json;

use crate::support::{authenticator, movable_clock};

#[tokio::test]
async fn an_opaque_token_is_asked_about_once_a_minute() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let clock = movable_clock();
    let auth = authenticator(provider.config(), clock.clone());
    let tokens = provider.device_tokens("alice", None).await;
    for _ in 0..5 {
        let principal = auth.bearer(&tokens.access_token).await.unwrap();
        assert_eq!(principal.subject, "alice");
        assert_eq!(
            principal.email.as_deref(),
            Some("alice@uni-a.example"),
            "from userinfo"
        );
        assert_eq!(
            principal.home_organisation.as_deref(),
            Some("uni-a.example")
        );
    }
    assert_eq!(provider.hits("/token/introspection").await, 1);
    assert_eq!(provider.hits("/me").await, 1);
    clock.advance(SignedDuration::from_secs(60));
    auth.bearer(&tokens.access_token).await.unwrap();
    assert_eq!(provider.hits("/token/introspection").await, 2);
    assert_eq!(
        provider.hits("/me").await,
        1,
        "userinfo is kept longer than a token"
    );
}

#[tokio::test]
async fn many_callers_with_one_opaque_token_ask_about_it_once() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let auth = Arc::new(authenticator(provider.config(), Arc::new(SystemClock)));
    let token = provider.device_tokens("alice", None).await.access_token;
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let (auth, token) = (auth.clone(), token.clone());
            tokio::spawn(async move { auth.bearer(&token).await.map(|_| ()) })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(provider.hits("/token/introspection").await, 1);
}

#[tokio::test]
async fn a_token_revoked_at_the_issuer_ends_with_the_cache() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let clock = movable_clock();
    let auth = authenticator(provider.config(), clock.clone());
    let tokens = provider.device_tokens("alice", None).await;
    auth.bearer(&tokens.access_token).await.unwrap();
    provider.revoke(&tokens.access_token).await;
    clock.advance(SignedDuration::from_secs(60));
    assert_eq!(
        auth.bearer(&tokens.access_token).await.unwrap_err().code(),
        "inactive"
    );
    // And the refusal is remembered, so that a flood of dead tokens is no flood at the issuer.
    let asked = provider.hits("/token/introspection").await;
    assert_eq!(
        auth.bearer(&tokens.access_token).await.unwrap_err().code(),
        "inactive"
    );
    assert_eq!(provider.hits("/token/introspection").await, asked);
}

#[tokio::test]
async fn a_token_of_a_strangers_client_is_for_another_audience() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let mut config = provider.config();
    config.device = None;
    let auth = authenticator(config, Arc::new(SystemClock));
    let tokens = provider.device_tokens("alice", None).await;
    for _ in 0..3 {
        let error = auth.bearer(&tokens.access_token).await.unwrap_err();
        assert_eq!(error.code(), "wrong_audience");
    }
    assert_eq!(provider.hits("/token/introspection").await, 1);
}

#[tokio::test]
async fn nonsense_and_refresh_tokens_do_not_pass_introspection() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let auth = authenticator(provider.config(), Arc::new(SystemClock));
    assert_eq!(
        auth.bearer("nonsense").await.unwrap_err().code(),
        "inactive"
    );
    let tokens = provider.device_tokens("alice", None).await;
    let refresh = tokens.refresh_token.unwrap();
    let error = auth.bearer(&refresh).await.unwrap_err();
    assert_eq!(error.code(), "not_an_access_token");
}

#[tokio::test]
async fn changed_claims_are_seen_after_the_userinfo_time_and_kept_while_the_issuer_is_away() {
    let settings = TestSettings {
        access_token_seconds: Some(3600),
        ..TestSettings::default()
    };
    let Some(provider) = TestProvider::start_with(&settings).await else {
        return;
    };
    let clock = movable_clock();
    let mut config = provider.config();
    config.limits.userinfo_seconds = 120;
    let auth = authenticator(config, clock.clone());
    let token = provider.device_tokens("bob", None).await.access_token;
    let email = async |of: &str| auth.bearer(of).await.unwrap().email.clone();
    assert_eq!(email(&token).await.as_deref(), Some("bob@uni-b.example"));
    provider
        .put_person("bob", &json!({ "name": "Bob", "email": "bob@new.example" }))
        .await;
    clock.advance(SignedDuration::from_secs(61));
    assert_eq!(email(&token).await.as_deref(), Some("bob@uni-b.example"));
    clock.advance(SignedDuration::from_secs(60));
    assert_eq!(email(&token).await.as_deref(), Some("bob@new.example"));
    provider.stop().await;
    assert_eq!(
        email(&token).await.as_deref(),
        Some("bob@new.example"),
        "still the verified token"
    );
    clock.advance(SignedDuration::from_secs(61));
    let error = auth.bearer(&token).await.unwrap_err();
    assert!(
        error.is_unavailable(),
        "only the issuer knows an opaque token"
    );
}
