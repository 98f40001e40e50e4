use std::pin::Pin;
use std::sync::Arc;

use openidconnect::core::{CoreClient, CoreErrorResponseType, CoreJsonWebKeySet};
use openidconnect::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IssuerUrl, OAuth2TokenResponse, PkceCodeVerifier, RedirectUrl, RequestTokenError,
    StandardErrorResponse, TokenResponse, TokenUrl,
};
use url::Url;

use super::{RelyingParty, plain_code};
use crate::claims::Claims;
use crate::http::Http;
use crate::{AuthError, Endpoint, IssuerMetadata, Secret};

type CodeClient = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

type ExchangeError = RequestTokenError<AuthError, StandardErrorResponse<CoreErrorResponseType>>;

type Sent = Pin<Box<dyn Future<Output = Result<HttpResponse, AuthError>> + Send>>;

/// Borrows nothing and is boxed: only so does the compiler see that a sign-in may move between
/// threads, which every web server asks of its handlers.
fn sender(http: Http) -> impl Fn(HttpRequest) -> Sent {
    move |request| {
        let http = http.clone();
        Box::pin(async move { http.exchange(request).await })
    }
}

/// What the token endpoint gave for the code.
pub(super) struct Tokens {
    pub(super) id_token: Secret,
    access_token: Secret,
}

impl RelyingParty {
    /// Without keys: the ID token is checked with those of the cache, which rotate.
    pub(super) fn code_client(&self, metadata: &IssuerMetadata) -> Result<CodeClient, AuthError> {
        let endpoint = |url: &Option<Url>| {
            url.clone()
                .ok_or_else(|| self.issuer.not_offered(Endpoint::Token))
        };
        let client_id = ClientId::new(self.client()?.client_id.clone());
        let client = CoreClient::new(client_id, self.issuer_url()?, CoreJsonWebKeySet::default())
            .set_auth_uri(AuthUrl::from_url(endpoint(
                &metadata.authorization_endpoint,
            )?))
            .set_token_uri(TokenUrl::from_url(endpoint(&metadata.token_endpoint)?))
            .set_redirect_uri(RedirectUrl::from_url(self.callback.clone()));
        Ok(match self.client_secret() {
            Some(secret) => client.set_client_secret(secret),
            None => client,
        })
    }

    pub(super) async fn exchange(
        &self,
        metadata: &Arc<IssuerMetadata>,
        code: AuthorizationCode,
        verifier: PkceCodeVerifier,
    ) -> Result<Tokens, AuthError> {
        let http = &self.issuer.http;
        let send = sender(http.clone());
        let client = self.code_client(metadata)?;
        let request = client.exchange_code(code).set_pkce_verifier(verifier);
        let answer = request
            .request_async(&send)
            .await
            .map_err(|error| self.named(error))?;
        let Some(id_token) = answer.id_token() else {
            return Err(http.unusable(Endpoint::Token, "it holds no ID token"));
        };
        Ok(Tokens {
            id_token: Secret::new(id_token.to_string()),
            access_token: Secret::new(answer.access_token().secret()),
        })
    }

    /// A refusal leaves the ID token to speak alone; an issuer that is away does not.
    pub(super) async fn add_userinfo(
        &self,
        claims: &mut Claims,
        subject: &str,
        tokens: &Tokens,
    ) -> Result<(), AuthError> {
        // Not from the cache: a new sign-in is to see what is true now.
        let asked = self
            .issuer
            .ask_userinfo(subject, tokens.access_token.reveal())
            .await;
        match asked {
            Ok(userinfo) => claims.fill_from(&userinfo, &self.issuer.config.claims),
            Err(
                AuthError::NotOffered { .. }
                | AuthError::IssuerRefused {
                    status: 400..=403, ..
                },
            ) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    pub(super) fn issuer_url(&self) -> Result<IssuerUrl, AuthError> {
        IssuerUrl::new(self.issuer().to_owned()).map_err(|_| AuthError::UnknownIssuer)
    }

    pub(super) fn client_secret(&self) -> Option<ClientSecret> {
        let secret = self.issuer.portal_secret.as_ref()?;
        Some(ClientSecret::new(secret.reveal().to_owned()))
    }

    /// The library's error may hold the whole answer, tokens and all, so only its kind is kept.
    fn named(&self, error: ExchangeError) -> AuthError {
        let unusable = |reason| self.issuer.http.unusable(Endpoint::Token, reason);
        match error {
            RequestTokenError::Request(error) => error,
            RequestTokenError::ServerResponse(refusal) => AuthError::LoginRefused {
                code: plain_code(refusal.error().as_ref()),
            },
            RequestTokenError::Parse(..) => unusable("it is no token response"),
            RequestTokenError::Other(_) => unusable("it is no answer of OAuth 2.0"),
        }
    }
}
