//! What a refusal looks like: RFC 9457, with codes that stay.

use std::sync::Arc;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use broker_app::{AgentRefusal, Asked, Error, InvitationRefusal, chain};
use broker_model::{InvalidSpec, TermsDocument};
use broker_store::StoreError;

use crate::auth::AuthFailure;
use crate::{decision, language, missing};

/// The body.
pub type ProblemBody = broker_client::wire::Problem;

/// A refusal on its way out: the body, and what goes into headers.
#[derive(Debug)]
pub struct Problem {
    body: Box<ProblemBody>,
    challenge: Option<Challenge>,
    retry_after_seconds: Option<u32>,
    /// What is not there.
    missing: Option<&'static str>,
}

/// What `WWW-Authenticate` asks for.
#[derive(Clone, Copy, Debug)]
enum Challenge {
    /// With the `error` of RFC 6750, 3.1; empty when nothing was sent.
    Bearer(&'static str),
    /// A signed request (RFC 9421).
    Signature,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        let body = ProblemBody {
            kind: format!("urn:alcyone:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            ..ProblemBody::default()
        };
        Self {
            body: Box::new(body),
            challenge: None,
            retry_after_seconds: None,
            missing: None,
        }
    }

    #[must_use]
    pub(crate) fn remedy(mut self, remedy: &str) -> Self {
        self.body.remedy = Some(remedy.to_owned());
        self
    }

    pub(crate) fn no_token() -> Self {
        let mut problem = Self::new(
            StatusCode::UNAUTHORIZED,
            "not-signed-in",
            "this needs an access token in the Authorization header",
        )
        .remedy("sign in with `alcyone login`, or send `Authorization: Bearer <token>`");
        problem.challenge = Some(Challenge::Bearer(""));
        problem
    }

    /// Adds a field that was not accepted.
    #[must_use]
    pub(crate) fn field(mut self, error: InvalidSpec) -> Self {
        self.body.errors.push(error);
        self
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    fn missing(what: &'static str) -> Self {
        let mut problem = Self::not_found(missing::detail(what));
        problem.body.remedy = missing::remedy(what).map(str::to_owned);
        problem.missing = Some(what);
        problem
    }

    /// Names what is not there where the body named it.
    #[must_use]
    pub(crate) fn naming(mut self, id: &impl ToString) -> Self {
        let named = self
            .missing
            .and_then(|what| missing::detail_of(what, &id.to_string()));
        self.body.detail = named.unwrap_or(self.body.detail);
        self
    }

    /// Logged here, once, with all that is known; the caller learns nothing of the inside.
    fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %chain(error), "request failed");
        Self::broken()
    }

    pub(crate) fn broken() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong in the broker; its log has more under this request id",
        )
    }

    /// When to come back, in seconds.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    pub(crate) fn shutting_down() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "shutting-down",
            "this replica of the broker is shutting down; ask again",
        )
        .retry_after(1)
    }

    /// What was handed in as a `what` has fields that cannot be taken.
    fn of_fields(what: &str, words: String, errors: Vec<InvalidSpec>) -> Self {
        let mut problem = Self::new(StatusCode::BAD_REQUEST, &format!("invalid-{what}"), words);
        problem.body.errors = errors;
        problem
    }

    fn terms_not_accepted(words: String, terms: &[Arc<TermsDocument>]) -> Self {
        let remedy = "read them with `alcyone terms show ID`, and accept them with `alcyone terms accept ID`";
        let code = "terms-not-accepted";
        let mut problem = Self::new(StatusCode::FORBIDDEN, code, words).remedy(remedy);
        problem.body.terms = terms.iter().map(|it| language::unaccepted(it)).collect();
        problem
    }

    fn other_terms(words: String, in_force: &TermsDocument) -> Self {
        let mut problem = Self::new(StatusCode::CONFLICT, "terms-not-in-force", words)
            .remedy("read the version in force (`GET /api/v1/terms`), and accept that");
        problem.body.terms = vec![language::unaccepted(in_force)];
        problem
    }

    /// Asking again would find the same: an operator has to look.
    fn file(code: &str, words: String) -> Self {
        tracing::error!(error = %words, "a file of evidence is not what was handed in");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, words)
    }

    fn unavailable(code: &str, detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(5)
    }
}

impl From<AuthFailure> for Problem {
    fn from(failure: AuthFailure) -> Self {
        if failure.unavailable {
            return Self::unavailable("issuer-unavailable", &failure.words);
        }
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, "token-refused", failure.words)
            .remedy("sign in again");
        problem.challenge = Some(Challenge::Bearer(failure.challenge));
        problem
    }
}

impl Problem {
    fn not_eligible(words: String, asked: &Asked) -> Self {
        let decision = language::said(&asked.question, &asked.decision);
        let mut problem = Self::new(StatusCode::FORBIDDEN, "not-eligible", words);
        // The rules stand in the same order in every language.
        let stopped_by = asked.stopped_by.and_then(|at| decision.rules.get(at));
        problem.body.remedy = stopped_by.and_then(|it| it.remedy.clone());
        problem.body.decision = Some(Box::new(decision::view(decision)));
        problem
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let words = error.to_string();
        match error {
            Error::InvalidSpec(errors) => {
                let words = match errors.len() {
                    1 => "one field of the job cannot be accepted".to_owned(),
                    many => format!("{many} fields of the job cannot be accepted"),
                };
                let mut problem = Self::new(StatusCode::BAD_REQUEST, "invalid-job", words);
                problem.body.errors = errors;
                problem
            }
            Error::InvalidSite(errors) => Self::of_fields("site", words, errors),
            Error::Invalid(what, errors) => Self::of_fields(what, words, errors),
            Error::ConflictOfInterest => {
                Self::new(StatusCode::FORBIDDEN, "conflict-of-interest", words)
            }
            Error::Files(_) => {
                tracing::error!(error = %words, "a file cannot be kept or read");
                Self::unavailable("files-unavailable", "files cannot be kept or read now; nothing of this request was kept")
            }
            Error::FileChanged(_) => Self::file("file-changed", words),
            Error::FileLost(_) => Self::file("file-missing", words),
            Error::OtherDocument { .. } => {
                Self::new(StatusCode::PRECONDITION_FAILED, "document-changed", words)
                    .remedy("read the document again, make the change on that, and send its `ETag` as `If-Match`")
            }
            Error::NoDocumentNamed => {
                Self::new(StatusCode::PRECONDITION_REQUIRED, "document-not-named", words)
                    .remedy("read it, and send its `ETag` as `If-Match`")
            }
            Error::LiveJobs { .. } => Self::new(StatusCode::CONFLICT, "live-jobs", words)
                .remedy("drain it and wait until they are over, or cancel them"),
            Error::InUse(_) => Self::new(StatusCode::CONFLICT, "in-use", words),
            Error::NotFound(what) => Self::missing(what),
            Error::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "forbidden", words),
            Error::NotEligible(asked) => Self::not_eligible(words, &asked),
            Error::TermsNotAccepted(terms) => Self::terms_not_accepted(words, &terms),
            Error::OtherTerms(terms) => Self::other_terms(words, &terms),
            Error::NoAllocation => Self::new(StatusCode::FORBIDDEN, "no-allocation", words)
                .remedy("apply for access; an accepted application brings an allocation"),
            Error::NoFeasiblePartition(placement) => {
                let mut problem = Self::new(StatusCode::CONFLICT, "no-feasible-partition", words)
                    .remedy("`placement` names for each partition every clause that speaks against it");
                problem.body.placement = Some(placement);
                problem
            }
            Error::HoursExceeded { .. } => Self::new(StatusCode::CONFLICT, "hours-exceeded", words)
                .remedy("ask for a shorter walltime or fewer nodes, or wait until running jobs are settled"),
            Error::JobIsOver(_) => Self::new(StatusCode::CONFLICT, "job-is-over", words),
            Error::NotWaiting(_) => Self::new(StatusCode::CONFLICT, "not-waiting", words),
            Error::AlreadySo(_) => Self::new(StatusCode::CONFLICT, "already-so", words),
            Error::KeyReused => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", words)
                .remedy("use a new key for a new request"),
            Error::InFlight => {
                Self::new(StatusCode::CONFLICT, "request-in-flight", words).retry_after(1)
            }
            Error::Contended => Self::unavailable("contended", &words),
            Error::Agent(refusal) => refusal.into(),
            Error::Invitation(refusal) => refusal.into(),
            Error::LastOne(_) => Self::new(StatusCode::CONFLICT, "last-one", words)
                .remedy("invite another one first; once they have joined, this one may go"),
            Error::OutsideLedger => Self::new(StatusCode::NOT_FOUND, "outside-ledger", words),
            Error::Store(StoreError::Full(_)) => {
                tracing::error!(error = %words, "the database has no space left");
                Self::new(
                    StatusCode::INSUFFICIENT_STORAGE,
                    "no-space-left",
                    "the broker cannot store anything now; nothing of this request was kept",
                )
                .retry_after(60)
            }
            Error::Store(StoreError::Unavailable(_)) => {
                tracing::warn!(error = %words, "the database is not available");
                Self::unavailable("store-unavailable", "the broker's database cannot be reached; try again")
            }
            error @ Error::Store(_) => Self::internal(&error),
        }
    }
}

impl From<AgentRefusal> for Problem {
    fn from(refusal: AgentRefusal) -> Self {
        let forbidden = refusal.is_forbidden();
        let status = if forbidden {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::UNAUTHORIZED
        };
        let mut problem =
            Self::new(status, refusal.code(), refusal.to_string()).remedy(refusal.remedy());
        problem.challenge = (!forbidden).then_some(Challenge::Signature);
        problem
    }
}

impl From<InvitationRefusal> for Problem {
    fn from(refusal: InvitationRefusal) -> Self {
        let status = match refusal {
            InvitationRefusal::Unknown => StatusCode::NOT_FOUND,
            _ => StatusCode::CONFLICT,
        };
        Self::new(status, refusal.code(), refusal.to_string()).remedy(refusal.remedy())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = *self.body;
        body.request_id = crate::request_id::current();
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(challenge) = self.challenge {
            let value = match challenge {
                Challenge::Signature => "Signature".to_owned(),
                Challenge::Bearer("") => "Bearer".to_owned(),
                Challenge::Bearer(error) => format!("Bearer error=\"{error}\""),
            };
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(WWW_AUTHENTICATE, value);
            }
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
