//! The portal's half: the Authorization Code flow with PKCE (RFC 7636).

use std::fmt;
use std::sync::Arc;

use broker_model::Principal;
use jiff::{SignedDuration, Timestamp};
use openidconnect::core::CoreAuthenticationFlow;
use openidconnect::{AuthorizationCode, CsrfToken, Nonce, PkceCodeChallenge, PkceCodeVerifier};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::issuer::Issuer;
use crate::{AuthError, IssuerMetadata, LogoutNotice, PortalClient, Secret};

mod exchange;
mod id_token;

/// A sign-in that is not brought back within this time is void.
pub(crate) const LOGIN_LIMIT: SignedDuration = SignedDuration::from_mins(10);

/// The portal at one issuer.
#[derive(Clone)]
pub struct RelyingParty {
    issuer: Arc<Issuer>,
    callback: Url,
}

/// A sign-in under way. Belongs in a short-lived, encrypted, `HttpOnly`, `SameSite=Lax` cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingLogin {
    pub issuer: String,
    /// A path of this portal, never another place.
    pub return_to: String,
    pub begun_at: Timestamp,
    state: Secret,
    nonce: Secret,
    verifier: Secret,
}

/// A person who has signed in.
#[derive(Clone)]
pub struct LoggedIn {
    pub principal: Principal,
    /// The issuer's `sub`, before the claim map: logout notices speak of it.
    pub issuer_subject: String,
    /// The issuer's `sid`, if it names sessions.
    pub issuer_session: Option<String>,
    /// Handed back when signing out at the issuer.
    pub id_token_hint: Secret,
    pub return_to: String,
}

/// The query of the callback.
#[derive(Clone, Deserialize)]
pub struct LoginAnswer {
    #[serde(default)]
    pub code: Option<Secret>,
    #[serde(default)]
    pub state: Option<String>,
    #[serde(default)]
    pub iss: Option<String>,
    #[serde(default)]
    pub error: Option<String>,
}

impl RelyingParty {
    pub(crate) fn new(issuer: Arc<Issuer>, callback: Url) -> Result<Self, AuthError> {
        let party = Self { issuer, callback };
        party.client()?;
        Ok(party)
    }

    pub fn issuer(&self) -> &str {
        &self.issuer.config.issuer
    }

    pub(crate) fn issuer_of(&self) -> &Issuer {
        &self.issuer
    }

    pub fn name(&self) -> &str {
        self.issuer.config.display_name()
    }

    /// Where to send the browser, and what to remember until it comes back.
    ///
    /// `return_to` is a path of the portal; anything that leads elsewhere becomes `/`.
    pub async fn begin(&self, return_to: &str) -> Result<(Url, PendingLogin), AuthError> {
        let client = self.client()?;
        let metadata = self.issuer.metadata().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let code_client = self.code_client(&metadata)?;
        let mut request = code_client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .set_pkce_challenge(challenge);
        for scope in client.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(openidconnect::Scope::new(scope.clone()));
        }
        for acr in &client.acr_values {
            request = request.add_auth_context_value(
                openidconnect::AuthenticationContextClass::new(acr.clone()),
            );
        }
        let (url, state, nonce) = request.url();
        let pending = PendingLogin {
            issuer: self.issuer().to_owned(),
            return_to: local_path(return_to).to_owned(),
            begun_at: self.issuer.clock.now(),
            state: Secret::new(state.into_secret()),
            nonce: Secret::new(nonce.secret()),
            verifier: Secret::new(verifier.into_secret()),
        };
        Ok((url, pending))
    }

    /// Ends the sign-in with what the browser brought back in the query. Each is ended once: an
    /// answer that is sent again belongs to none.
    pub async fn answer(
        &self,
        answer: &LoginAnswer,
        pending: &PendingLogin,
    ) -> Result<LoggedIn, AuthError> {
        let state = answer.state.as_deref().unwrap_or_default();
        let iss = answer.iss.as_deref();
        if state == pending.state.reveal() && !self.issuer.is_first_answer(state) {
            return Err(AuthError::StateMismatch);
        }
        match (&answer.code, &answer.error) {
            (Some(code), None) => self.finish(code.reveal(), state, iss, pending).await,
            (_, Some(error)) => {
                self.check_answer(state, iss, pending).await?;
                Err(AuthError::LoginRefused {
                    code: plain_code(error),
                })
            }
            (None, None) => Err(AuthError::StateMismatch),
        }
    }

    /// Exchanges the code, checks the ID token, and asks userinfo where the ID token says less.
    pub async fn finish(
        &self,
        code: &str,
        state: &str,
        iss: Option<&str>,
        pending: &PendingLogin,
    ) -> Result<LoggedIn, AuthError> {
        let metadata = self.check_answer(state, iss, pending).await?;
        let code = AuthorizationCode::new(code.to_owned());
        let verifier = PkceCodeVerifier::new(pending.verifier.reveal().to_owned());
        let tokens = self.exchange(&metadata, code, verifier).await?;
        let mut claims = self
            .verified_claims(&tokens.id_token, &pending.nonce)
            .await?;
        let issuer_subject = claims
            .text("sub")
            .ok_or_else(|| AuthError::MissingClaim {
                claim: "sub".to_owned(),
            })?
            .to_owned();
        if claims.lack(&self.issuer.config.claims) {
            self.add_userinfo(&mut claims, &issuer_subject, &tokens)
                .await?;
        }
        Ok(LoggedIn {
            principal: claims.principal(&self.issuer.config)?,
            issuer_session: claims.text("sid").map(str::to_owned),
            issuer_subject,
            id_token_hint: tokens.id_token,
            return_to: pending.return_to.clone(),
        })
    }

    /// Where to send the browser to sign out at the issuer too; `None` if it offers no such place.
    pub async fn logout_url(
        &self,
        id_token_hint: Option<&Secret>,
        back_to: &Url,
    ) -> Result<Option<Url>, AuthError> {
        let client_id = &self.client()?.client_id;
        self.issuer
            .logout_url(client_id, id_token_hint, back_to)
            .await
    }

    /// Checks the `logout_token` an issuer posts when somebody signed out elsewhere.
    pub async fn backchannel_logout(&self, logout_token: &str) -> Result<LogoutNotice, AuthError> {
        let client = self.client()?;
        self.issuer
            .verify_logout_token(&client.client_id, logout_token)
            .await
    }

    /// Is this the answer to that question, from the issuer that was asked (RFC 9207), in time?
    async fn check_answer(
        &self,
        state: &str,
        iss: Option<&str>,
        pending: &PendingLogin,
    ) -> Result<Arc<IssuerMetadata>, AuthError> {
        if state != pending.state.reveal() || pending.issuer != self.issuer() {
            return Err(AuthError::StateMismatch);
        }
        if self.issuer.clock.now().duration_since(pending.begun_at) > LOGIN_LIMIT {
            return Err(AuthError::LoginTooOld);
        }
        let metadata = self.issuer.metadata().await?;
        let promised = metadata.authorization_response_iss_parameter_supported;
        match iss {
            Some(iss) if iss == self.issuer() => Ok(metadata),
            None if !promised => Ok(metadata),
            _ => Err(AuthError::IssuerMismatch),
        }
    }

    fn client(&self) -> Result<&PortalClient, AuthError> {
        let config = &self.issuer.config;
        config
            .portal
            .as_ref()
            .ok_or_else(|| AuthError::NoPortalClient {
                issuer: config.issuer.clone(),
            })
    }
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RelyingParty").field(&self.issuer()).finish()
    }
}

impl fmt::Debug for LoggedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoggedIn")
            .field("issuer", &self.principal.issuer)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LoginAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginAnswer")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// Browsers read `//host` and `/\host` as another place, and drop tabs and newlines first.
fn local_path(path: &str) -> &str {
    let mut bytes = path.bytes();
    let rooted = bytes.next() == Some(b'/') && !matches!(bytes.next(), Some(b'/' | b'\\'));
    let plain = !path.chars().any(|c| c.is_control() || c == '\\');
    if rooted && plain { path } else { "/" }
}

/// An `error` of the query comes from whoever made the link: only what RFC 6749 allows is kept.
fn plain_code(error: &str) -> String {
    let plain = |c: &char| c.is_ascii_lowercase() || *c == '_';
    error.chars().filter(plain).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_portal_are_returned_to() {
        for good in ["/", "/jobs/job_1?tab=log#end", "/a//b"] {
            assert_eq!(local_path(good), good);
        }
        for bad in [
            "",
            "jobs",
            "//evil.example",
            "/\\evil.example",
            "https://e.x",
            "/\t/e.x",
            "/a\\b",
        ] {
            assert_eq!(local_path(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn an_error_code_of_the_query_carries_no_markup() {
        assert_eq!(plain_code("access_denied"), "access_denied");
        assert_eq!(plain_code("<b>x</b>\n"), "bxb");
    }
}
