//! Signing out at the issuer, and hearing from it that somebody signed out elsewhere.

use jiff::SignedDuration;
use serde_json::Value;
use url::Url;

use crate::issuer::Issuer;
use crate::jwt::{self, Header};
use crate::{AuthError, Secret};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// OpenID Connect Back-Channel Logout 1.0, 2.4, recommends two minutes.
const MAX_AGE: SignedDuration = SignedDuration::from_secs(120);

/// Whose portal sessions end: those of the session id, or without one all of the subject.
///
/// Bearer tokens of the command line go on: they belong to no browser session (`offline_access`), and
/// Back-Channel Logout 1.0, 2.7, leaves those alone. `alcyone-broker revoke` ends them too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutNotice {
    pub issuer: String,
    /// The issuer's `sub`, which [`LoggedIn::issuer_subject`](crate::LoggedIn) keeps.
    pub issuer_subject: Option<String>,
    /// The issuer's `sid`, which [`LoggedIn::issuer_session`](crate::LoggedIn) keeps.
    pub issuer_session: Option<String>,
    /// Distinct for every notice; a repeated one may be ignored.
    pub token_id: Option<String>,
}

impl Issuer {
    pub(crate) async fn logout_url(
        &self,
        client_id: &str,
        id_token_hint: Option<&Secret>,
        back_to: &Url,
    ) -> Result<Option<Url>, AuthError> {
        let metadata = self.metadata().await?;
        let Some(mut url) = metadata.end_session_endpoint.clone() else {
            return Ok(None);
        };
        let mut query = url.query_pairs_mut();
        query
            .append_pair("client_id", client_id)
            .append_pair("post_logout_redirect_uri", back_to.as_str());
        if let Some(hint) = id_token_hint {
            query.append_pair("id_token_hint", hint.reveal());
        }
        drop(query);
        Ok(Some(url))
    }

    /// Checks a logout token after Back-Channel Logout 1.0, section 2.6.
    pub(crate) async fn verify_logout_token(
        &self,
        client_id: &str,
        token: &str,
    ) -> Result<LogoutNotice, AuthError> {
        let bad = |reason| AuthError::BadLogoutToken { reason };
        let header = Header::of(token).ok_or_else(|| bad("it is no JWT"))?;
        let alg = header.allowed(&self.config)?;
        if !header.is_of_type(&["logout+jwt".to_owned(), "jwt".to_owned()]) {
            return Err(bad("it is of another type"));
        }
        let claims = self.verify_signature(token, &header, alg).await?;
        if claims.text("iss") != Some(self.config.issuer.as_str()) {
            return Err(AuthError::UnknownIssuer);
        }
        if !claims.texts("aud").any(|audience| audience == client_id) {
            return Err(AuthError::WrongAudience);
        }
        let now = self.clock.now();
        jwt::check_times(&claims, &self.config, now)?;
        if claims
            .time("iat")
            .is_none_or(|issued| now.duration_since(issued) > MAX_AGE)
        {
            return Err(bad("it is too old"));
        }
        if claims
            .value("events")
            .and_then(|events| events.get(EVENT))
            .is_none_or(|e| !e.is_object())
        {
            return Err(bad("it is about another event"));
        }
        if claims.has("nonce") {
            return Err(bad("it has a nonce, as ID tokens do"));
        }
        let owned = |name| {
            claims
                .value(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let notice = LogoutNotice {
            issuer: self.config.issuer.clone(),
            issuer_subject: owned("sub"),
            issuer_session: owned("sid"),
            token_id: owned("jti"),
        };
        match (&notice.issuer_subject, &notice.issuer_session) {
            (None, None) => Err(bad("it names neither subject nor session")),
            _ => Ok(notice),
        }
    }
}
