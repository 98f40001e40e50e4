//! An issuer that accepts and never answers must not make everybody wait in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::extract::{Form, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use broker_auth::testing::TestProvider;
use broker_auth::{Authenticator, IntrospectionClient, IssuerConfig};
use broker_model::{Clock, ManualClock};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{AUDIENCE, authenticator, movable_clock};

/// An issuer whose userinfo and introspection can be made to hang.
struct Issuer {
    url: String,
    jwks: String,
    clock: Arc<ManualClock>,
    hangs: AtomicBool,
    asked: AtomicU64,
    secrets: TempDir,
}

type Shared = State<Arc<Issuer>>;

impl Issuer {
    async fn start(jwks: &str) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            jwks: jwks.to_owned(),
            clock: movable_clock(),
            hangs: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            secrets: tempfile::tempdir().unwrap(),
        });
        std::fs::write(issuer.secrets.path().join("api"), "api-secret").unwrap();
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/userinfo", get(userinfo))
            .route("/introspect", post(introspect))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    fn authenticator(&self) -> Authenticator {
        let mut config = IssuerConfig::new(self.url.clone(), AUDIENCE);
        config.introspection = Some(IntrospectionClient {
            client_id: "api".to_owned(),
            client_secret_file: Some(self.secrets.path().join("api")),
            client_secret_env: None,
            accepted_clients: vec!["cli".to_owned()],
            require_token_type: true,
        });
        config.limits.connect_timeout_seconds = 1;
        config.limits.request_timeout_seconds = 1;
        authenticator(config, self.clock.clone())
    }

    fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    async fn answered(&self, answer: Value) -> Json<Value> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Json(answer)
    }
}

async fn discovery(State(issuer): Shared) -> Json<Value> {
    let url = &issuer.url;
    Json(json!({
        "issuer": url, "jwks_uri": issuer.jwks,
        "authorization_endpoint": format!("{url}/auth"), "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "introspection_endpoint": format!("{url}/introspect"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

/// The subject is what the token says in its middle part.
async fn userinfo(State(issuer): Shared, headers: axum::http::HeaderMap) -> Json<Value> {
    let token = headers["authorization"].to_str().unwrap();
    let subject = subject_of(token.trim_start_matches("Bearer "));
    let email = format!("{subject}@people.example");
    issuer
        .answered(json!({ "sub": subject, "email": email }))
        .await
}

async fn introspect(
    State(issuer): Shared,
    Form(form): Form<std::collections::HashMap<String, String>>,
) -> Json<Value> {
    let until = issuer.clock.now().as_second() + 60;
    // Complete, so that userinfo has nothing to add.
    let answer = json!({
        "active": !form["token"].starts_with("made-up"), "token_type": "Bearer",
        "sub": "alice", "client_id": "cli", "exp": until, "name": "Alice", "email": "a@x.eu",
        "eduperson_assurance": [], "entitlements": [],
    });
    issuer.answered(answer).await
}

fn subject_of(token: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let claims = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1).unwrap())
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["sub"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn verified_tokens_keep_their_profile_and_wait_once_while_userinfo_hangs() {
    let Some(provider) = TestProvider::start().await else {
        return;
    };
    let issuer = Issuer::start(&format!("{}/jwks", provider.issuer())).await;
    let auth = issuer.authenticator();
    let mut tokens = Vec::new();
    for number in 0..8 {
        let claims = json!({
            "iss": issuer.url, "aud": AUDIENCE, "sub": format!("person-{number}"),
            "exp": 4_000_000_000_i64,
        });
        tokens.push(provider.sign(json!({ "claims": claims })).await);
    }
    for token in &tokens {
        auth.bearer(token).await.unwrap();
    }
    assert_eq!(issuer.asked(), 8);

    issuer.hang(true);
    issuer.pass(301);
    for token in &tokens {
        let principal = auth.bearer(token).await.unwrap();
        let email = format!("{}@people.example", principal.subject);
        assert_eq!(principal.email, Some(email), "the older answer counts");
    }
    assert_eq!(issuer.asked(), 9, "one waited, the others did not");
    let unseen = json!({
        "iss": issuer.url, "aud": AUDIENCE, "sub": "unseen", "exp": 4_000_000_000_i64,
    });
    let unseen = provider.sign(json!({ "claims": unseen })).await;
    assert_eq!(auth.bearer(&unseen).await.unwrap().email, None);
    assert_eq!(issuer.asked(), 9, "and who is new goes without at once");

    issuer.hang(false);
    issuer.pass(61);
    assert!(auth.bearer(&unseen).await.unwrap().email.is_some());
    assert_eq!(issuer.asked(), 10);
}

#[tokio::test]
async fn those_who_wait_for_one_opaque_token_share_the_failure() {
    let issuer = Issuer::start("http://127.0.0.1:9/jwks").await;
    let auth = Arc::new(issuer.authenticator());
    issuer.hang(true);
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let auth = auth.clone();
            tokio::spawn(async move { auth.bearer("opaque").await.map(|_| ()) })
        })
        .collect();
    for caller in callers {
        assert!(caller.await.unwrap().unwrap_err().is_unavailable());
    }
    assert_eq!(issuer.asked(), 1);
    assert!(auth.bearer("another").await.unwrap_err().is_unavailable());
    assert_eq!(issuer.asked(), 1, "no other token waits for it either");

    issuer.hang(false);
    issuer.pass(5);
    assert_eq!(auth.bearer("opaque").await.unwrap().subject, "alice");
}

#[tokio::test]
async fn an_opaque_token_past_its_expiry_has_ended_although_its_issuer_is_away() {
    let issuer = Issuer::start("http://127.0.0.1:9/jwks").await;
    let auth = issuer.authenticator();
    auth.bearer("opaque").await.unwrap();
    issuer.hang(true);
    issuer.pass(61);
    let error = auth.bearer("opaque").await.unwrap_err();
    assert!(error.is_unavailable(), "within the leeway nobody knows");
    issuer.pass(30);
    assert_eq!(auth.bearer("opaque").await.unwrap_err().code(), "expired");
}

#[tokio::test]
async fn a_flood_of_made_up_tokens_reaches_the_issuer_as_a_trickle() {
    let issuer = Issuer::start("http://127.0.0.1:9/jwks").await;
    let auth = Arc::new(issuer.authenticator());
    for _ in 0..3 {
        assert_eq!(auth.bearer("made-up").await.unwrap_err().code(), "inactive");
    }
    assert_eq!(issuer.asked(), 1, "the refusal is remembered");
    issuer.hang(true);
    let flood: Vec<_> = (0..60)
        .map(|number| {
            let auth = auth.clone();
            tokio::spawn(async move { auth.bearer(&format!("made-up-{number}")).await.map(|_| ()) })
        })
        .collect();
    for caller in flood {
        assert!(caller.await.unwrap().unwrap_err().is_unavailable());
    }
    assert!(issuer.asked() <= 1 + 16, "{}", issuer.asked());
}
