use async_trait::async_trait;
use broker_auth::testing::{TestProvider, TestSettings};
use broker_auth::{IssuerConfig, MFA_PROFILE};
use broker_client::{Client, Error, TokenSource};
use serde_json::json;
use url::Url;

/// Works in the sample project.
pub const ENGINEER: &str = "alice";
/// May read the whole ledger.
pub const AUDITOR: &str = "olga";

/// The people of a test, and the independent OpenID provider that vouches for them.
#[derive(Debug)]
pub struct People {
    pub provider: TestProvider,
}

impl People {
    /// `None` where node is missing, which has been said.
    pub async fn arrive() -> Option<Self> {
        Self::with_tokens_for(3600).await
    }

    /// People whose access tokens end after so many seconds.
    pub async fn with_tokens_for(seconds: u32) -> Option<Self> {
        let settings = TestSettings {
            access_token_seconds: Some(seconds),
            ..TestSettings::default()
        };
        let provider = TestProvider::start_with(&settings).await?;
        let medium = "https://refeds.org/assurance/IAP/medium";
        for (login, name) in [(ENGINEER, "Alice Example"), (AUDITOR, "Olga Example")] {
            let assured = json!({ "acr": MFA_PROFILE, "eduperson_assurance": [medium] });
            let claims = json!({
                "name": name,
                "email": format!("{login}@startup.example"),
                "email_verified": true,
                "schac_home_organization": "startup.example",
                "eduperson_assurance": [medium],
                "acr": MFA_PROFILE,
                "token_claims": assured,
            });
            provider.put_person(login, &claims).await;
        }
        Some(Self { provider })
    }

    pub fn issuer(&self) -> IssuerConfig {
        self.provider.config()
    }

    /// Somebody's client, signed in for as long as a token lasts.
    pub async fn client(&self, broker: &Url, person: &str) -> Client {
        let audience = self.provider.audience();
        let token = self
            .provider
            .device_tokens(person, Some(audience))
            .await
            .access_token;
        Client::new(broker, Box::new(OneToken(token))).expect("a client")
    }

    /// An access token for the broker.
    pub async fn token(&self, person: &str) -> String {
        self.provider
            .device_tokens(person, Some(self.provider.audience()))
            .await
            .access_token
    }
}

struct OneToken(String);

impl std::fmt::Debug for OneToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneToken(…)")
    }
}

#[async_trait]
impl TokenSource for OneToken {
    async fn token(&self, refused: Option<&str>) -> Result<String, Error> {
        match refused {
            None => Ok(self.0.clone()),
            Some(_) => Err(Error::NotSignedIn(
                "the test's token was refused".to_owned(),
            )),
        }
    }
}
