use broker_auth::testing::{TestProvider, TestSettings};
use jiff::SignedDuration;
use serde_json::json;

use crate::support::{authenticator, movable_clock};

#[tokio::test]
async fn a_new_key_is_found_by_its_unknown_id_and_a_dropped_one_ends_with_the_old_set() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let clock = movable_clock();
    let auth = authenticator(provider.config(), clock.clone());
    let long = json!({ "claims": { "exp": 4_000_000_000_i64 } });
    let before = provider.sign(long.clone()).await;
    let unseen = provider.sign(long.clone()).await;
    auth.bearer(&before).await.unwrap();
    provider.rotate_keys(true).await;
    let after = provider.sign(long).await;
    auth.bearer(&after)
        .await
        .expect("found although the first keys have only just come");
    auth.bearer(&unseen).await.unwrap();

    provider.rotate_keys(false).await;
    clock.advance(SignedDuration::from_secs(601));
    assert_eq!(
        auth.bearer(&unseen).await.unwrap_err().code(),
        "unknown_key"
    );
    assert_eq!(
        auth.bearer(&before).await.unwrap_err().code(),
        "unknown_key"
    );
}

#[tokio::test]
async fn unknown_key_ids_ask_the_issuer_no_more_often_than_the_interval() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let clock = movable_clock();
    let auth = authenticator(provider.config(), clock.clone());
    auth.bearer(&provider.sign(json!({})).await).await.unwrap();
    assert_eq!(provider.hits("/jwks").await, 1);
    for round in 0..3_u64 {
        for number in 0..20 {
            let forged = json!({ "header": { "kid": format!("k-{round}-{number}") } });
            let token = provider.sign(forged).await;
            assert_eq!(auth.bearer(&token).await.unwrap_err().code(), "unknown_key");
        }
        assert_eq!(provider.hits("/jwks").await, 2 + round);
        clock.advance(SignedDuration::from_secs(10));
    }
}

#[tokio::test]
async fn many_callers_at_once_ask_for_keys_once() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let auth = std::sync::Arc::new(authenticator(provider.config(), movable_clock()));
    let mut callers = Vec::new();
    for _ in 0..20 {
        let (auth, token) = (auth.clone(), provider.sign(json!({})).await);
        callers.push(tokio::spawn(async move {
            auth.bearer(&token).await.map(|_| ())
        }));
    }
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(provider.hits("/jwks").await, 1);
    assert_eq!(provider.hits("/.well-known/openid-configuration").await, 1);
}

#[tokio::test]
async fn cached_keys_go_on_working_while_the_issuer_is_away() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let clock = movable_clock();
    let auth = authenticator(provider.config(), clock.clone());
    let long = |name: &str| json!({ "claims": { "exp": 4_000_000_000_i64, "jti": name } });
    auth.bearer(&provider.sign(long("a")).await).await.unwrap();
    let (new, later) = (
        provider.sign(long("b")).await,
        provider.sign(long("c")).await,
    );
    let unknown = provider.sign(json!({ "header": { "kid": "new" } })).await;
    let port = provider.port();
    provider.stop().await;

    auth.bearer(&new).await.unwrap();
    clock.advance(SignedDuration::from_hours(2));
    auth.bearer(&later).await.unwrap();
    auth.bearer(&new).await.unwrap();
    clock.advance(SignedDuration::from_secs(60));
    let error = auth.bearer(&unknown).await.unwrap_err();
    assert_eq!(error.code(), "issuer_unreachable");
    assert!(error.is_unavailable());

    // It comes back with other keys: the old set ends with the first answer.
    let settings = TestSettings {
        port,
        ..TestSettings::default()
    };
    let Some(_back) = TestProvider::start_with(&settings).await else {
        return;
    };
    clock.advance(SignedDuration::from_secs(60));
    assert_eq!(
        auth.bearer(&later).await.unwrap_err().code(),
        "bad_signature"
    );
}

#[tokio::test]
async fn a_broker_that_never_reached_its_issuer_says_so_and_recovers() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let clock = movable_clock();
    let auth = authenticator(provider.config(), clock.clone());
    let token = provider
        .sign(json!({ "claims": { "exp": 4_000_000_000_i64 } }))
        .await;
    let port = provider.port();
    provider.stop().await;
    assert_eq!(
        auth.bearer(&token).await.unwrap_err().code(),
        "issuer_unreachable"
    );

    let settings = TestSettings {
        port,
        ..TestSettings::default()
    };
    let Some(back) = TestProvider::start_with(&settings).await else {
        return;
    };
    clock.advance(SignedDuration::from_secs(10));
    auth.bearer(&back.sign(json!({})).await).await.unwrap();
}

#[tokio::test]
async fn a_verified_token_counts_without_its_profile_while_the_issuer_is_away() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let auth = authenticator(provider.config(), movable_clock());
    auth.bearer(&provider.sign(json!({})).await).await.unwrap();
    let token = provider
        .sign(json!({ "claims": { "sub": "bob", "scope": "openid email" } }))
        .await;
    provider.stop().await;
    let bob = auth.bearer(&token).await.unwrap();
    assert_eq!((bob.subject.as_str(), &bob.email), ("bob", &None));
    assert!(
        bob.entitlements.is_empty(),
        "less is known, so less is allowed"
    );
}
