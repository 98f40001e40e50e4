use std::sync::Arc;

use async_trait::async_trait;
use broker_api::{AuthFailure, Authenticate};
use broker_auth::Authenticator;
use broker_model::Principal;

/// The API's question about a token, answered by `broker-auth`.
#[derive(Debug)]
pub struct TokenAuth(pub Arc<Authenticator>);

#[async_trait]
impl Authenticate for TokenAuth {
    async fn bearer(&self, token: &str) -> Result<Arc<Principal>, AuthFailure> {
        self.0.bearer(token).await.map_err(|error| {
            tracing::info!(reason = error.code(), "a token was not accepted");
            AuthFailure {
                challenge: error.challenge(),
                reason: error.code(),
                issuer: self.0.issuer_named_in(token).map(str::to_owned),
                words: error.to_string(),
                unavailable: error.is_unavailable(),
            }
        })
    }
}
