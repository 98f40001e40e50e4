use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::wire::LoginView;
use crate::{Error, Result, body};

/// What an issuer asks for beyond these is not heeded: nobody types a code in for so long, and an end
/// that no clock reaches cannot be computed.
const LONGEST_INTERVAL: Duration = Duration::from_mins(5);
const LONGEST_LIFETIME: Duration = Duration::from_hours(24);

/// The Device Authorization Grant (RFC 8628) at the issuer the broker names.
#[derive(Debug)]
pub struct DeviceLogin {
    http: reqwest::Client,
    login: LoginView,
    metadata: Metadata,
    started: Started,
}

/// Tokens of a login, as the client keeps them in its own file with mode 0600.
#[derive(Clone, Serialize, Deserialize)]
pub struct Tokens {
    pub access_token: String,
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// Seconds, from when it was given.
    #[serde(default)]
    pub expires_in: Option<u64>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Started {
    device_code: String,
    user_code: String,
    verification_uri: String,
    #[serde(default)]
    verification_uri_complete: Option<String>,
    expires_in: u64,
    #[serde(default = "five")]
    interval: u64,
}

impl std::fmt::Debug for Started {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Started")
            .field("verification_uri", &self.verification_uri)
            .finish_non_exhaustive()
    }
}

impl Started {
    fn interval(&self) -> Duration {
        Duration::from_secs(self.interval).min(LONGEST_INTERVAL)
    }

    fn lifetime(&self) -> Duration {
        Duration::from_secs(self.expires_in).min(LONGEST_LIFETIME)
    }
}

const fn five() -> u64 {
    5
}

#[derive(Debug, Deserialize)]
struct TokenError {
    error: String,
    #[serde(default)]
    error_description: Option<String>,
}

enum Polled {
    Tokens(Tokens),
    Pending,
    SlowDown,
}

impl DeviceLogin {
    /// Asks the issuer for a code that the person types in (or follows as a link).
    pub async fn start(http: reqwest::Client, login: LoginView) -> Result<Self> {
        let metadata = discover(&http, &login.issuer).await?;
        let endpoint = metadata
            .device_authorization_endpoint
            .clone()
            .ok_or_else(|| {
                Error::LoginRefused(format!(
                    "{} offers no device login (RFC 8628)",
                    login.issuer
                ))
            })?;
        let mut form = vec![
            ("client_id", login.client_id.clone()),
            ("scope", login.scopes.join(" ")),
        ];
        if login.scopes.iter().any(|scope| scope == "offline_access") {
            form.push(("prompt", "consent".to_owned()));
        }
        form.extend(
            login
                .resource
                .clone()
                .map(|resource| ("resource", resource)),
        );
        let started: Started = post_form(&http, &endpoint, &form).await?;
        Ok(Self {
            http,
            login,
            metadata,
            started,
        })
    }

    /// What the broker said about signing in.
    pub const fn login(&self) -> &LoginView {
        &self.login
    }

    /// What the person types in, or compares with the page.
    pub fn user_code(&self) -> &str {
        &self.started.user_code
    }

    /// Where the person goes.
    pub fn verification_uri(&self) -> &str {
        &self.started.verification_uri
    }

    /// The address with the code in it, where the issuer gives one.
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.started.verification_uri_complete.as_deref()
    }

    /// Waits until the person has confirmed, refused, or let the code run out.
    pub async fn wait(&self) -> Result<Tokens> {
        let mut interval = self.started.interval();
        let deadline = tokio::time::Instant::now() + self.started.lifetime();
        while tokio::time::Instant::now() < deadline {
            tokio::time::sleep(interval).await;
            match self.poll().await? {
                Polled::Tokens(tokens) => return Ok(tokens),
                Polled::Pending => {}
                Polled::SlowDown => interval += Duration::from_secs(5),
            }
        }
        Err(Error::LoginRefused(
            "nobody confirmed the code in time; run `alcyone login` again".to_owned(),
        ))
    }

    async fn poll(&self) -> Result<Polled> {
        let mut form = vec![
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:device_code".to_owned(),
            ),
            ("device_code", self.started.device_code.clone()),
            ("client_id", self.login.client_id.clone()),
        ];
        form.extend(
            self.login
                .resource
                .clone()
                .map(|resource| ("resource", resource)),
        );
        match token_request(&self.http, &self.metadata.token_endpoint, &form).await? {
            Ok(tokens) => Ok(Polled::Tokens(tokens)),
            Err(error) => match error.error.as_str() {
                "authorization_pending" => Ok(Polled::Pending),
                "slow_down" => Ok(Polled::SlowDown),
                _ => Err(refused(error)),
            },
        }
    }
}

impl Tokens {
    /// Gets new tokens for a refresh token (RFC 6749, 6); the old one may be spent by this.
    pub async fn refresh(&self, http: &reqwest::Client, login: &LoginView) -> Result<Self> {
        let Some(refresh_token) = self.refresh_token.clone() else {
            return Err(Error::NotSignedIn(
                "the login is over; run `alcyone login`".to_owned(),
            ));
        };
        let metadata = discover(http, &login.issuer).await;
        let metadata = metadata.map_err(|error| ran_out(login, error))?;
        let mut form = vec![
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", refresh_token.clone()),
            ("client_id", login.client_id.clone()),
        ];
        form.extend(
            login
                .resource
                .clone()
                .map(|resource| ("resource", resource)),
        );
        let answer = token_request(http, &metadata.token_endpoint, &form).await;
        let mut tokens: Self = answer
            .map_err(|error| ran_out(login, error))?
            .map_err(|_| Error::NotSignedIn("the login is over; run `alcyone login`".to_owned()))?;
        if tokens.refresh_token.is_none() {
            tokens.refresh_token = Some(refresh_token);
        }
        Ok(tokens)
    }
}

async fn discover(http: &reqwest::Client, issuer: &str) -> Result<Metadata> {
    let address = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let metadata: Metadata = json(http.get(&address).send().await, &address).await?;
    if metadata.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
        return Err(Error::LoginRefused(format!(
            "{address} speaks for {}, not for {issuer}",
            metadata.issuer
        )));
    }
    Ok(metadata)
}

async fn post_form<T: DeserializeOwned>(
    http: &reqwest::Client,
    address: &str,
    form: &[(&str, String)],
) -> Result<T> {
    match token_request(http, address, form).await? {
        Ok(answer) => Ok(answer),
        Err(error) => Err(refused(error)),
    }
}

async fn token_request<T: DeserializeOwned>(
    http: &reqwest::Client,
    address: &str,
    form: &[(&str, String)],
) -> Result<std::result::Result<T, TokenError>> {
    let sent = http.post(address).form(form).send().await;
    let is_refusal = matches!(&sent, Ok(response) if !response.status().is_success());
    if is_refusal {
        return Ok(Err(json(sent, address).await?));
    }
    Ok(Ok(json(sent, address).await?))
}

/// An answer of the issuer, which is not the broker when it is away.
async fn json<T: DeserializeOwned>(
    sent: reqwest::Result<reqwest::Response>,
    address: &str,
) -> Result<T> {
    let away = |source| Error::IssuerUnreachable {
        address: address.to_owned(),
        source,
    };
    match body::json(sent.map_err(away)?, address).await {
        Err(Error::Unreachable { source, .. }) => Err(away(source)),
        read => read,
    }
}

/// What is said of a login that is to be renewed and cannot be now; a proxy before the issuer may answer
/// in its place.
fn ran_out(login: &LoginView, error: Error) -> Error {
    match error {
        Error::IssuerUnreachable { .. } | Error::Answer { .. } => Error::RanOut {
            issuer: login.issuer.clone(),
            source: Box::new(error),
        },
        other => other,
    }
}

fn refused(error: TokenError) -> Error {
    Error::LoginRefused(match error.error_description {
        Some(words) => format!("{}: {words}", error.error),
        None => error.error,
    })
}

/// For the fuzzer: an answer of an issuer.
pub(crate) fn read(bytes: &[u8]) {
    let _ = serde_json::from_slice::<Metadata>(bytes);
    let _ = serde_json::from_slice::<Tokens>(bytes);
    if let Ok(started) = serde_json::from_slice::<Started>(bytes) {
        let _ = tokio::time::Instant::now() + started.lifetime() + started.interval();
    }
    if let Ok(error) = serde_json::from_slice::<TokenError>(bytes) {
        let _ = refused(error).to_string();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_that_asks_for_ever_is_waited_for_a_day() {
        let started: Started = serde_json::from_value(serde_json::json!({
            "device_code": "a", "user_code": "b", "verification_uri": "https://idp.example.eu/d",
            "expires_in": u64::MAX, "interval": u64::MAX,
        }))
        .unwrap();
        assert_eq!(started.lifetime(), LONGEST_LIFETIME);
        assert_eq!(started.interval(), LONGEST_INTERVAL);
    }
}
