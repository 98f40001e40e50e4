use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

static HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static REQUEST: Named;
}

struct Named {
    id: String,
    /// Path and query.
    target: String,
}

/// The id of the request that this code runs for.
pub(crate) fn current() -> Option<String> {
    REQUEST.try_with(|it| it.id.clone()).ok()
}

/// What the request that this code runs for was sent to.
pub(crate) fn target() -> Option<String> {
    REQUEST.try_with(|it| it.target.clone()).ok()
}

/// Takes the proxy's request id if it is a sane one, else makes one; says it in the answer, in every
/// log line of the request and in every problem document.
pub(crate) async fn layer(mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(&HEADER)
        .and_then(accepted)
        .unwrap_or_else(fresh);
    let value = HeaderValue::from_str(&id).ok();
    // What is behind this layer and names the request too, as an error page does, gives it the same id.
    if let Some(value) = &value {
        request.headers_mut().insert(HEADER.clone(), value.clone());
    }
    let span = tracing::info_span!("request", request.id = %id, method = %request.method(),
        path = %request.uri().path());
    let target = request.uri().path_and_query();
    let target = target.map_or_else(String::new, ToString::to_string);
    let named = Named { id, target };
    let mut response = REQUEST
        .scope(named, next.run(request).instrument(span))
        .await;
    if let Some(value) = value {
        response.headers_mut().insert(HEADER.clone(), value);
    }
    response
}

fn accepted(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let fits = (8..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    fits.then(|| text.to_owned())
}

fn fresh() -> String {
    format!("{:016x}", rand::random::<u64>())
}
