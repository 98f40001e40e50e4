//! Signing in: away to an issuer and back.

pub(crate) mod logout;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::{HOST, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::{Door, SignedIn};
use broker_auth::{AuthError, LoggedIn, LoginAnswer, PendingLogin, RelyingParty};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::Portal;
use crate::cookies::{random_text, seal_for};
use crate::fields::Fields;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::visitor::Visitor;

const CALLBACK: &str = "/login/callback";

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    f: Frame,
    issuers: Vec<IssuerLink>,
}

struct IssuerLink {
    name: String,
    href: String,
}

/// Lets people choose their issuer where there are several.
pub(crate) async fn choose(
    State(portal): State<Portal>,
    visitor: Visitor,
    fields: Fields,
) -> Result<Response, Refusal> {
    let return_to = own_path(fields.text("return_to").unwrap_or("/"));
    if visitor.session.is_some() {
        return Ok(Redirect::to(return_to).into_response());
    }
    let issuers = portal.auth.portal_issuers();
    let start = |issuer: &str| {
        let mut query = Serializer::new(String::new());
        query
            .append_pair("issuer", issuer)
            .append_pair("return_to", return_to);
        format!("/login/start?{}", query.finish())
    };
    match issuers.as_slice() {
        [] => Err(Refusal::NoIssuer),
        [(only, _)] => Ok(Redirect::to(&start(only)).into_response()),
        several => {
            let link = |(id, name): &(String, String)| IssuerLink {
                name: name.clone(),
                href: start(id),
            };
            let issuers = several.iter().map(link).collect();
            html(&LoginPage {
                f: visitor.frame(visitor.texts.of("login.title"), "login"),
                issuers,
            })
        }
    }
}

/// Sends the browser to the issuer and remembers in a cookie what was asked there.
pub(crate) async fn start(
    State(portal): State<Portal>,
    fields: Fields,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refusal> {
    if let Some(elsewhere) = portal.by_its_own_name(&headers, &uri) {
        return Ok(Redirect::to(elsewhere.as_str()).into_response());
    }
    let issuer = fields.text("issuer").ok_or(Refusal::NoPage)?;
    let party = portal.party(issuer)?;
    let (url, pending) = party
        .begin(own_path(fields.text("return_to").unwrap_or("/")))
        .await?;
    let mut response = Redirect::to(url.as_str()).into_response();
    set_cookie(&mut response, portal.login_cookie(&pending));
    Ok(response)
}

/// Ends what [`start`] began: opens a session and leads back to the page that was asked for.
pub(crate) async fn callback(
    State(portal): State<Portal>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refusal> {
    let ended = portal.end_login(&headers, &uri).await;
    let mut response = match ended {
        Ok((return_to, token)) => {
            let mut response = Redirect::to(own_path(&return_to)).into_response();
            set_cookie(&mut response, portal.session_cookie(&token));
            response
        }
        Err(refusal) => refusal.into_response(),
    };
    set_cookie(&mut response, portal.no_login_cookie());
    Ok(response)
}

impl Portal {
    fn party(&self, issuer: &str) -> Result<RelyingParty, Refusal> {
        let callback = self
            .public_url
            .join(CALLBACK)
            .map_err(|_| Refusal::NoPage)?;
        Ok(self.auth.relying_party(issuer, callback)?)
    }

    /// Where to return to, and the token of the new session.
    async fn end_login(&self, headers: &HeaderMap, uri: &Uri) -> Result<(String, String), Refusal> {
        let pending = self.pending_login(headers).ok_or(Refusal::NoPendingLogin)?;
        let answer = Query::<LoginAnswer>::try_from_uri(uri)
            .map_err(|_| Refusal::Unreadable)?
            .0;
        let logged_in = self.ask_issuer(&answer, &pending).await?;
        let now = self.broker.clock().now();
        if self.broker.is_revoked(&logged_in.principal, now).await? {
            let error = AuthError::Revoked;
            self.record_failed(&pending.issuer, &error).await?;
            return Err(error.into());
        }
        let token = random_text();
        let signed_in = SignedIn {
            principal: logged_in.principal,
            issuer_subject: logged_in.issuer_subject,
            issuer_session: logged_in.issuer_session,
            sealed_id_token: seal_for(&token, logged_in.id_token_hint.reveal()),
        };
        self.broker.open_session(&token, &signed_in).await?;
        // The old cookie's session would go on unseen.
        if let Some(old) = self.session_token(headers) {
            self.broker.close_session(old).await?;
        }
        Ok((logged_in.return_to, token))
    }

    async fn ask_issuer(
        &self,
        answer: &LoginAnswer,
        pending: &PendingLogin,
    ) -> Result<LoggedIn, Refusal> {
        let ended = self.party(&pending.issuer)?.answer(answer, pending).await;
        if let Err(error) = &ended {
            self.record_failed(&pending.issuer, error).await?;
        }
        Ok(ended?)
    }

    /// An issuer that is away, or an answer to a question that was never asked, says nothing of a person.
    async fn record_failed(&self, issuer: &str, error: &AuthError) -> Result<(), Refusal> {
        tracing::info!(reason = error.code(), "a sign-in failed");
        let counts = !error.is_unavailable() && !matches!(error.code(), "state_mismatch");
        if counts {
            self.broker
                .record_failed_login(Door::Portal, issuer, error.code())
                .await?;
        }
        Ok(())
    }

    /// The same page at the public address, for who came by another name of this machine: the issuer
    /// leads back to the public one, where a cookie of the other name is not sent.
    fn by_its_own_name(&self, headers: &HeaderMap, uri: &Uri) -> Option<Url> {
        let host = headers.get(HOST)?.to_str().ok()?;
        let own = self.public_url.authority();
        let loopback = |host: &str| {
            ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
                host.strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
            })
        };
        let moved = host != own && loopback(host) && loopback(own);
        let path = uri.path_and_query()?.as_str();
        moved.then(|| self.public_url.join(path).ok()).flatten()
    }
}

pub(crate) fn set_cookie(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// The path if it stays here, else the start page. Browsers read `//host` and `/\host` as another
/// place, and drop tabs and newlines first.
fn own_path(path: &str) -> &str {
    let rooted = path.starts_with('/') && !path.starts_with("//");
    let plain = !path.chars().any(|c| c.is_control() || c == '\\');
    if rooted && plain { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_portal_are_returned_to() {
        for good in ["/", "/jobs/job_1?stream=stderr", "/a//b"] {
            assert_eq!(own_path(good), good);
        }
        for bad in [
            "",
            "jobs",
            "//e.example",
            "/\\e.example",
            "https://e.example",
            "/\t/e",
            "/a\\b",
        ] {
            assert_eq!(own_path(bad), "/", "{bad:?}");
        }
    }
}
