//! What is around every page: its headers, its language, its request id, and the page that an error
//! becomes.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use tracing::Instrument as _;
use url::Url;

use crate::Portal;
use crate::faults::{self, Worded};
use crate::refusal::{Refusal, Told};
use crate::texts::Texts;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the layout of a page needs.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) texts: Texts,
    pub(crate) title: String,
    /// Which entry of the navigation this page is.
    pub(crate) here: &'static str,
    pub(crate) person: Option<Named>,
}

/// Who is signed in, as the header of the page shows it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) form_token: String,
    /// Whether the queue of reviewers is theirs.
    pub(crate) reviews: bool,
    /// Sees the figures of a funder.
    pub(crate) sees_figures: bool,
}

impl Frame {
    pub(crate) fn t(&self, key: &str) -> &'static str {
        self.texts.of(key)
    }

    pub(crate) fn lang(&self) -> &'static str {
        self.texts.lang()
    }

    /// A reason of a use case, or what it allows.
    pub(crate) fn worded(&self, english: &str) -> Worded {
        faults::worded(self.texts, english)
    }

    /// The hidden field of every form.
    pub(crate) fn form_token(&self) -> &str {
        self.person.as_ref().map_or("", |person| &person.form_token)
    }
}

/// Renders a page.
pub(crate) fn html(template: &impl Template) -> Result<Response, Refusal> {
    Ok(Html(template.render()?).into_response())
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    f: Frame,
    status: u16,
    words: &'static str,
    detail: Option<&'a str>,
    request_id: &'a str,
}

/// The layer around all routes of the portal.
pub(crate) async fn around(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let texts = portal.texts_for(request.headers());
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(sane)
        .unwrap_or_else(fresh);
    let span = tracing::info_span!("page", request.id = %id, method = %request.method(),
        path = %request.uri().path());
    let mut response = next.run(request).instrument(span).await;
    if let Some(told) = response.extensions_mut().remove::<Told>() {
        response = error_page(response, &told, texts, &id);
    }
    let headers = response.headers_mut();
    secure(headers, &portal);
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(texts.lang()));
    headers.append(VARY, HeaderValue::from_static("Accept-Language, Cookie"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    response
}

/// The status and the headers stay, the body becomes a page.
fn error_page(refused: Response, told: &Told, texts: Texts, id: &str) -> Response {
    let (parts, _) = refused.into_parts();
    let title = texts.of(&format!("error.{}.title", told.key));
    let page = ErrorPage {
        f: Frame {
            texts,
            title: title.to_owned(),
            here: "error",
            person: None,
        },
        status: parts.status.as_u16(),
        words: texts.of(&format!("error.{}.words", told.key)),
        detail: told.detail.as_deref(),
        request_id: id,
    };
    let body = page.render().unwrap_or_else(|_| title.to_owned());
    let mut response = (parts.status, parts.headers, Html(body)).into_response();
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn secure(headers: &mut HeaderMap, portal: &Portal) {
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&portal.content_policy()) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    if portal.is_https() {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    // Pages are of one person at one moment; assets say otherwise themselves.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

impl Portal {
    /// Issuers are among the form targets because signing out is a form that leads there.
    fn content_policy(&self) -> String {
        let mut forms = String::from("'self'");
        for (issuer, _) in self.auth.portal_issuers() {
            if let Ok(url) = Url::parse(&issuer) {
                forms.push(' ');
                forms.push_str(&url.origin().ascii_serialization());
            }
        }
        format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
             img-src 'self'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
        )
    }
}

fn sane(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let fits = (8..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    fits.then(|| text.to_owned())
}

fn fresh() -> String {
    let mut id = hex::encode(crate::cookies::random());
    id.truncate(16);
    id
}
