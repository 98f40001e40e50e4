//! What a page says when it cannot be shown.

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, LOCATION, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use broker_app::{Error, chain};
use broker_auth::AuthError;
use broker_store::StoreError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    App(#[from] Error),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error("the page cannot be rendered")]
    Template(#[from] askama::Error),
    #[error("nobody is signed in")]
    NotSignedIn { return_to: String },
    #[error("the form does not come from a page of this session")]
    ForeignForm,
    #[error("no sign-in was begun in this browser, or it took too long")]
    NoPendingLogin,
    #[error("no issuer is configured that people could sign in with")]
    NoIssuer,
    #[error("the page has other methods")]
    OtherMethod,
    #[error("what was sent is larger than 1 MiB")]
    TooLarge,
    #[error("what was sent cannot be read")]
    Unreadable,
    #[error("there is no such page")]
    NoPage,
    #[error("a handler panicked")]
    Panicked,
}

/// What the frame makes an error page of: the key of its texts, and words of this very case.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) key: &'static str,
    pub(crate) detail: Option<String>,
}

impl Refusal {
    fn told(&self) -> (StatusCode, &'static str) {
        match self {
            Self::App(error) => of_app(error),
            Self::Auth(error) => of_auth(error),
            Self::NotSignedIn { .. } => (StatusCode::SEE_OTHER, "sign_in"),
            Self::ForeignForm => (StatusCode::FORBIDDEN, "foreign_form"),
            Self::NoPendingLogin => (StatusCode::BAD_REQUEST, "sign_in"),
            Self::NoIssuer => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::OtherMethod => (StatusCode::METHOD_NOT_ALLOWED, "not_found"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Unreadable => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::NoPage => (StatusCode::NOT_FOUND, "not_found"),
            Self::Template(_) | Self::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// What may be said beyond the page's own words: nothing of the inside.
    fn detail(&self, status: StatusCode) -> Option<String> {
        match self {
            Self::App(Error::NotFound(_) | Error::OutsideLedger) => None,
            Self::App(error) if !status.is_server_error() => Some(error.to_string()),
            Self::Auth(error) => Some(error.to_string()),
            Self::NoIssuer => Some(self.to_string()),
            _ => None,
        }
    }
}

fn of_app(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::NotFound(_) | Error::OutsideLedger => (StatusCode::NOT_FOUND, "not_found"),
        Error::Forbidden(_)
        | Error::NotEligible(_)
        | Error::NoAllocation
        | Error::TermsNotAccepted(_)
        | Error::ConflictOfInterest => (StatusCode::FORBIDDEN, "forbidden"),
        Error::Invalid(..) | Error::InvalidSpec(_) | Error::InvalidSite(_) => {
            (StatusCode::BAD_REQUEST, "bad_request")
        }
        Error::NoFeasiblePartition(_)
        | Error::HoursExceeded { .. }
        | Error::JobIsOver(_)
        | Error::NotWaiting(_)
        | Error::AlreadySo(_)
        | Error::OtherTerms(_)
        | Error::KeyReused
        | Error::OtherDocument { .. }
        | Error::NoDocumentNamed
        | Error::LiveJobs { .. }
        | Error::InUse(_)
        | Error::Invitation(_)
        | Error::LastOne(_)
        | Error::InFlight => (StatusCode::CONFLICT, "conflict"),
        // No agent asks for a page.
        Error::Agent(_) => (StatusCode::FORBIDDEN, "forbidden"),
        Error::Contended | Error::Files(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        Error::Store(StoreError::Full(_)) => (StatusCode::INSUFFICIENT_STORAGE, "unavailable"),
        Error::Store(StoreError::Unavailable(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
        Error::FileChanged(_) => (StatusCode::INTERNAL_SERVER_ERROR, "file_changed"),
        Error::FileLost(_) => (StatusCode::INTERNAL_SERVER_ERROR, "file_lost"),
        Error::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

fn of_auth(error: &AuthError) -> (StatusCode, &'static str) {
    match error {
        error if error.is_unavailable() => (StatusCode::SERVICE_UNAVAILABLE, "issuer_away"),
        AuthError::StateMismatch | AuthError::LoginTooOld | AuthError::NonceMismatch => {
            (StatusCode::BAD_REQUEST, "sign_in")
        }
        AuthError::UnknownIssuer | AuthError::NoPortalClient { .. } => {
            (StatusCode::NOT_FOUND, "not_found")
        }
        _ => (StatusCode::FORBIDDEN, "sign_in"),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if let Self::NotSignedIn { return_to } = &self {
            return to_sign_in(return_to);
        }
        let (status, key) = self.told();
        if status.is_server_error() {
            tracing::error!(error = %chain(&self), status = status.as_u16(), "a page could not be shown");
        }
        let mut response = status.into_response();
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE
        ) {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response.extensions_mut().insert(Told {
            key,
            detail: self.detail(status),
        });
        response
    }
}

fn to_sign_in(return_to: &str) -> Response {
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", return_to)
        .finish();
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/login?{query}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
