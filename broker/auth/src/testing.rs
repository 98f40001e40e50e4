//! Starts the independent OpenID provider of `integration-tests/services/oidc` (npm
//! `oidc-provider` in a node process on loopback) and plays the browser in front of it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails by panicking"
)]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

use crate::{DeviceClient, IntrospectionClient, IssuerConfig, PortalClient};

mod browser;

pub use browser::Browser;

const AUDIENCE: &str = "urn:broker:api";
const START_LIMIT: Duration = Duration::from_mins(1);

/// How the provider is to behave.
#[derive(Clone, Debug, Default)]
pub struct TestSettings {
    /// Claims only in userinfo, as the standard has it, and not in the ID token.
    pub conform: bool,
    pub access_token_seconds: Option<u32>,
    /// Where the portal under test lives; its callback is `/callback` below.
    pub portal: Option<Url>,
    /// Another port than a free one, to come back after having been away.
    pub port: Option<u16>,
}

/// A running provider; dropping it ends the process.
#[derive(Debug)]
pub struct TestProvider {
    issuer: String,
    portal: Url,
    child: Child,
    http: Client,
    secrets: TempDir,
}

/// What the token endpoint gave.
#[derive(Deserialize)]
pub struct TestTokens {
    pub access_token: String,
    #[serde(default)]
    pub refresh_token: Option<String>,
    #[serde(default)]
    pub id_token: Option<String>,
}

impl TestProvider {
    pub async fn start() -> Option<Self> {
        Self::start_with(&TestSettings::default()).await
    }

    /// `None` where node or npm is missing, with a word about it on stderr; with
    /// `ALCYONE_REQUIRE_SERVICES=1` that is a failure.
    pub async fn start_with(settings: &TestSettings) -> Option<Self> {
        if let Err(missing) = installed() {
            assert!(
                std::env::var("ALCYONE_REQUIRE_SERVICES").as_deref() != Ok("1"),
                "{missing}, and ALCYONE_REQUIRE_SERVICES=1 allows no skip"
            );
            #[expect(clippy::print_stderr, reason = "a skipped test says so")]
            {
                eprintln!("skipped: {missing}");
            }
            return None;
        }
        Some(Self::spawn(settings).await)
    }

    async fn spawn(settings: &TestSettings) -> Self {
        let portal = settings.portal.clone();
        let portal = portal.unwrap_or_else(|| Url::parse("http://localhost:8080").expect("a URL"));
        let mut command = Command::new("node");
        command
            .arg("op.mjs")
            .current_dir(folder())
            .env("PORT", settings.port.unwrap_or(0).to_string())
            .env("RP", portal.as_str().trim_end_matches('/'))
            .env("CONFORM", if settings.conform { "1" } else { "0" })
            // Outlives not even a test process that was killed.
            .env("UNTIL_STDIN_CLOSES", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        if let Some(seconds) = settings.access_token_seconds {
            command.env("AT_TTL", seconds.to_string());
        }
        let mut child = command.spawn().expect("node starts");
        let issuer = timeout(START_LIMIT, first_line(&mut child))
            .await
            .expect("it starts in time");
        let secrets = tempfile::tempdir().expect("a folder for secrets");
        for client in ["portal", "api"] {
            fs::write(secrets.path().join(client), format!("{client}-secret"))
                .expect("a secret file");
        }
        Self {
            issuer,
            portal,
            child,
            http: Client::new(),
            secrets,
        }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn audience(&self) -> &'static str {
        AUDIENCE
    }

    /// The address of the portal's callback, as registered there.
    pub fn callback(&self) -> Url {
        self.portal.join("/callback").expect("a path")
    }

    pub fn port(&self) -> Option<u16> {
        Url::parse(&self.issuer).ok()?.port()
    }

    /// How a broker is told of this provider: portal, device client, introspection.
    pub fn config(&self) -> IssuerConfig {
        let mut config = IssuerConfig::new(self.issuer.clone(), AUDIENCE);
        config.resource = Some(AUDIENCE.to_owned());
        let mut portal = PortalClient::public("portal");
        portal.client_secret_file = Some(self.secrets.path().join("portal"));
        portal.acr_values = vec![crate::MFA_PROFILE.to_owned()];
        config.portal = Some(portal);
        config.device = Some(DeviceClient::new("cli"));
        config.introspection = Some(IntrospectionClient {
            client_id: "api".to_owned(),
            client_secret_file: Some(self.secrets.path().join("api")),
            client_secret_env: None,
            accepted_clients: Vec::new(),
            require_token_type: true,
        });
        config
    }

    /// Signs in by the device flow. With a resource the token is a JWT for it, without it is opaque.
    pub async fn device_tokens(&self, login: &str, resource: Option<&str>) -> TestTokens {
        let mut form = vec![
            ("client_id", "cli"),
            (
                "scope",
                "openid profile email aarc offline_access jobs:read",
            ),
            ("prompt", "consent"),
        ];
        form.extend(resource.map(|resource| ("resource", resource)));
        let begun = self.form("/device/auth", &form).await;
        let text = |name: &str| begun.get(name).and_then(Value::as_str).map(str::to_owned);
        let page = text("verification_uri_complete").expect("a page to go to");
        let code = text("device_code").expect("a device code");
        let page = Url::parse(&page).expect("a URL");
        Browser::new().approve_device(page, login).await;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", "cli"),
            ("device_code", code.as_str()),
        ];
        serde_json::from_value(self.form("/token", &form).await).expect("tokens")
    }

    /// Any JWT, signed or missigned as `order` says (see `op.mjs`, `/_test/sign`).
    pub async fn sign(&self, order: Value) -> String {
        let answer = self.control("sign", &order).await;
        let token = answer.get("token").and_then(Value::as_str);
        token.expect("a token").to_owned()
    }

    /// New signing keys; the old ones stay published if `keep`.
    pub async fn rotate_keys(&self, keep: bool) {
        self.control("rotate", &json!({ "keep": keep })).await;
    }

    /// How often a path was asked for.
    pub async fn hits(&self, path: &str) -> u64 {
        let request = self.http.get(format!("{}/_test/hits", self.issuer));
        let hits: Value = request
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        hits.get(path).and_then(Value::as_u64).unwrap_or(0)
    }

    pub async fn put_person(&self, subject: &str, claims: &Value) {
        let url = format!("{}/_test/users/{subject}", self.issuer);
        let answer = self
            .http
            .put(url)
            .json(claims)
            .send()
            .await
            .expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// Revokes a token as its client would (RFC 7009).
    pub async fn revoke(&self, token: &str) {
        let request = self.http.post(format!("{}/token/revocation", self.issuer));
        let answer = request
            .form(&[("client_id", "cli"), ("token", token)])
            .send()
            .await;
        assert!(answer.expect("an answer").status().is_success());
    }

    /// Ends the process and waits until its port is free.
    pub async fn stop(mut self) {
        self.child.kill().await.expect("the process ends");
    }

    async fn form(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = self.http.post(format!("{}{path}", self.issuer)).form(form);
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let body = answer.json().await.expect("JSON");
        assert!(status.is_success(), "{path} answered {status}");
        body
    }

    async fn control(&self, verb: &str, order: &Value) -> Value {
        let request = self
            .http
            .post(format!("{}/_test/{verb}", self.issuer))
            .json(order);
        let answer = request.send().await.expect("an answer");
        assert!(
            answer.status().is_success(),
            "{verb} answered {}",
            answer.status()
        );
        answer.json().await.expect("JSON")
    }
}

impl std::fmt::Debug for TestTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestTokens(…)")
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../integration-tests/services/oidc")
}

async fn first_line(child: &mut Child) -> String {
    #[derive(Deserialize)]
    struct Started {
        issuer: String,
    }
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut lines = BufReader::new(stdout).lines();
    let line = lines.next_line().await.expect("stdout can be read");
    let line = line.unwrap_or_else(|| panic!("op.mjs ended before it named its issuer"));
    serde_json::from_str::<Started>(&line)
        .expect("the issuer as JSON")
        .issuer
}

/// Installs the npm packages once, whichever test binary comes first.
fn installed() -> Result<(), String> {
    for program in ["node", "npm"] {
        let found = std::process::Command::new(program)
            .arg("--version")
            .output();
        found.map_err(|_| format!("`{program}` is not installed"))?;
    }
    let lock = File::create(std::env::temp_dir().join("alcyone-oidc-npm.lock"));
    let lock = lock.map_err(|error| format!("no lock for npm: {error}"))?;
    lock.lock()
        .map_err(|error| format!("no lock for npm: {error}"))?;
    if folder()
        .join("node_modules/oidc-provider/package.json")
        .exists()
    {
        return Ok(());
    }
    let mut npm = std::process::Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"])
        .current_dir(folder());
    let outcome = npm.output().map_err(|error| format!("npm: {error}"))?;
    let said = || String::from_utf8_lossy(&outcome.stderr).into_owned();
    outcome
        .status
        .success()
        .then_some(())
        .ok_or_else(|| format!("npm ci failed: {}", said()))
}
