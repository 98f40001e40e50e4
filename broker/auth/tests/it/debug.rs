use broker_auth::testing::{Browser, TestProvider};
use broker_auth::{LoginAnswer, Secret};
use serde_json::json;

use crate::support::{
    authenticator, dev_issuer, device_sign_in, manual_clock, movable_clock, text, with_claim,
};

/// Every part of a token, so that a cut one is found too.
fn assert_silent(shown: &str, secrets: &[&str]) {
    for secret in secrets {
        for part in secret.split('.').filter(|part| part.len() > 8) {
            assert!(!shown.contains(part), "shown: {shown}");
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    let said: Vec<String> = all.map(|error| format!("{error:?} {error}")).collect();
    said.join("\n")
}

#[tokio::test]
async fn nothing_prints_a_token_whatever_became_of_it() {
    let clock = manual_clock();
    let issuer = dev_issuer(clock.clone()).await;
    let auth = authenticator(issuer.issuer_config(), clock.clone());
    let tokens = device_sign_in(&issuer, "ada").await;
    let token = text(&tokens, "access_token");
    let principal = auth.bearer(token).await.unwrap();
    assert_silent(&format!("{auth:?} {principal:?} {issuer:?}"), &[token]);

    let forged = with_claim(token, "sub", json!("bo"));
    let cut = token.rsplit_once('.').unwrap().0.to_owned() + ".AAAA";
    for bad in [
        &forged,
        &cut,
        &format!("{token}x"),
        &token.replace('.', "-"),
    ] {
        let error = auth.bearer(bad).await.unwrap_err();
        assert_silent(&chain(&error), &[token, bad]);
    }
    clock.advance(jiff::SignedDuration::from_hours(2));
    assert_silent(&chain(&auth.bearer(token).await.unwrap_err()), &[token]);
    drop(issuer);
}

#[tokio::test]
async fn nothing_prints_a_code_a_verifier_or_a_client_secret() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let auth = authenticator(provider.config(), movable_clock());
    let party = auth
        .relying_party(provider.issuer(), provider.callback())
        .unwrap();
    let (url, pending) = party.begin("/").await.unwrap();
    let kept = serde_json::to_value(&pending).unwrap();
    let secrets = ["state", "nonce", "verifier"].map(|name| text(&kept, name).to_owned());
    let secrets = secrets.each_ref().map(String::as_str);
    assert_silent(
        &format!("{party:?} {pending:?} {:?}", provider.config()),
        &secrets,
    );
    assert_silent(
        &format!("{auth:?} {party:?}"),
        &["portal-secret", "api-secret"],
    );

    let callback = Browser::new().sign_in(url, "alice").await;
    let query: serde_json::Map<_, _> = callback
        .query_pairs()
        .map(|(k, v)| (k.into_owned(), json!(v)))
        .collect();
    let code = query["code"].as_str().unwrap().to_owned();
    let answer: LoginAnswer = serde_json::from_value(query.into()).unwrap();
    assert_silent(&format!("{answer:?}"), &[&code]);
    let logged_in = party.answer(&answer, &pending).await.unwrap();
    assert_silent(
        &format!("{logged_in:?}"),
        &[logged_in.id_token_hint.reveal(), "alice@uni-a.example"],
    );
    let replay = party.answer(&answer, &pending).await.unwrap_err();
    assert_silent(&chain(&replay), &[&code]);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_named_without_the_token() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let auth = authenticator(provider.config(), movable_clock());
    let jwt = provider.sign(json!({})).await;
    let opaque = provider.device_tokens("alice", None).await.access_token;
    let issuer = provider.issuer().to_owned();
    provider.stop().await;
    for token in [jwt, opaque] {
        let error = auth.bearer(&token).await.unwrap_err();
        assert_eq!(error.code(), "issuer_unreachable");
        assert!(error.to_string().contains(&issuer), "{error}");
        assert_silent(&chain(&error), &[&token]);
    }
    assert_eq!(format!("{:?}", Secret::new("abc")), "Secret(…)");
}
