//! `Idempotency-Key`: what is created under a key is created once, and answered the same again.

use axum::extract::FromRequestParts;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use broker_app::{Broker, Caller, Entered, FirstAnswer, Idempotent, Once};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// The key of a request, if it has one, and where it was sent to.
#[derive(Debug)]
pub(crate) struct Keyed {
    key: Option<String>,
    path: String,
}

/// What ends an operation before it has made anything: a refusal, or its first answer.
#[derive(Debug)]
pub(crate) enum Early {
    Refused(Box<Problem>),
    Repeated(FirstAnswer),
}

impl<S: Send + Sync> FromRequestParts<S> for Keyed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self {
            key: key(&parts.headers)?,
            path: parts.uri.path().to_owned(),
        })
    }
}

pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value.to_str().ok();
    match key.filter(|key| (1..=128).contains(&key.len())) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Problem::invalid(
            "Idempotency-Key: allowed are 1 to 128 visible ASCII characters",
        )),
    }
}

impl Keyed {
    /// The turn to make what the body asks for; the same body for another site is another request.
    ///
    /// `render` gives what is stored as the answer: with the status, all that a repeat is told.
    pub(crate) async fn enter<T>(
        self,
        (broker, caller): (&Broker, &Caller),
        body: &[u8],
        render: impl Fn(&T) -> FirstAnswer + Send + Sync + 'static,
    ) -> Result<Once<T>, Early> {
        let digest = Sha256::new_with_prefix(&self.path)
            .chain_update([0_u8])
            .chain_update(body);
        let request_sha256 = hex::encode(digest.finalize());
        let idempotency = self.key.map(|key| Idempotent {
            key,
            request_sha256,
            render: Box::new(render),
        });
        match broker.take_turn(caller, idempotency).await? {
            Entered::First(once) => Ok(once),
            Entered::Repeated(first) => Err(Early::Repeated(first)),
        }
    }
}

/// 201 with what was made; where another replica made it first under the same key, its answer.
pub(crate) async fn answer<T: Serialize>(
    broker: &Broker,
    once: &Once<T>,
    made: Result<T, broker_app::Error>,
) -> Result<Response, Early> {
    match made {
        Ok(made) => Ok(response(created(&made))),
        Err(error) => Ok(response(broker.first_of_another(once, error).await?)),
    }
}

pub(crate) fn created<T: Serialize>(made: &T) -> FirstAnswer {
    rendered(StatusCode::CREATED, made)
}

pub(crate) fn rendered(status: StatusCode, made: &impl Serialize) -> FirstAnswer {
    FirstAnswer {
        status: status.as_u16(),
        body: serde_json::to_string(made).unwrap_or_default(),
    }
}

pub(crate) fn response(answer: FirstAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}

impl Early {
    /// Names what is not there where the body named it.
    pub(crate) fn naming(self, id: &impl ToString) -> Self {
        match self {
            Self::Refused(problem) => problem.naming(id).into(),
            repeated @ Self::Repeated(_) => repeated,
        }
    }
}

impl From<Problem> for Early {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl From<broker_app::Error> for Early {
    fn from(error: broker_app::Error) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Early {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(problem) => problem.into_response(),
            Self::Repeated(first) => response(first),
        }
    }
}
