//! Signing out here, at the issuer, and by its word (OpenID Connect Back-Channel Logout 1.0).

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker_auth::{AuthError, LogoutNotice, Secret};
use serde_json::Value;

use crate::Portal;
use crate::cookies::open_for;
use crate::fields::{Fields, MemberForm};
use crate::login::set_cookie;
use crate::refusal::Refusal;

/// Ends the session here, then leads to the issuer to end the one there.
pub(crate) async fn logout(
    State(portal): State<Portal>,
    form: MemberForm,
) -> Result<Response, Refusal> {
    let session = &form.member.session;
    portal.broker.close_session(&session.token).await?;
    let signed_in = &session.open.signed_in;
    let sealed = signed_in.sealed_id_token.as_deref();
    let hint = sealed.and_then(|sealed| open_for(&session.token, sealed));
    let hint = hint.map(Secret::new);
    let party = portal.party(&signed_in.principal.issuer)?;
    let next = match party.logout_url(hint.as_ref(), &portal.public_url).await {
        Ok(Some(url)) => url.to_string(),
        Ok(None) => "/".to_owned(),
        // Signed out here all the same.
        Err(error) => {
            tracing::info!(
                reason = error.code(),
                "an issuer could not be told of a sign-out"
            );
            "/".to_owned()
        }
    };
    let mut response = Redirect::to(&next).into_response();
    set_cookie(&mut response, portal.no_session_cookie());
    Ok(response)
}

/// Ends the sessions that an issuer says have ended.
pub(crate) async fn backchannel(
    State(portal): State<Portal>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let fields = Fields::parse(&body);
    let heard = portal
        .logout_notice(fields.text("logout_token").unwrap_or_default())
        .await;
    let notice = match heard {
        Ok(notice) => notice,
        Err(error) => return Ok(not_heard(&error)),
    };
    let (subject, session) = (
        notice.issuer_subject.as_deref(),
        notice.issuer_session.as_deref(),
    );
    portal
        .broker
        .close_sessions_of(&notice.issuer, subject, session)
        .await?;
    Ok((StatusCode::OK, [(CACHE_CONTROL, "no-store")]).into_response())
}

impl Portal {
    async fn logout_notice(&self, token: &str) -> Result<LogoutNotice, AuthError> {
        let issuer = claimed_issuer(token).ok_or(AuthError::UnknownIssuer)?;
        let Ok(party) = self.party(&issuer) else {
            return Err(AuthError::UnknownIssuer);
        };
        party.backchannel_logout(token).await
    }
}

/// Whose token it says it is: only to know whom to ask for the key.
fn claimed_issuer(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}

/// Section 2.8: 400 with the error of OAuth 2.0.
fn not_heard(error: &AuthError) -> Response {
    tracing::info!(reason = error.code(), "a logout notice was not accepted");
    let (status, body) = if error.is_unavailable() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"error":"temporarily_unavailable"}"#,
        )
    } else {
        (StatusCode::BAD_REQUEST, r#"{"error":"invalid_request"}"#)
    };
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}
