//! HTTP by hand: only so can a connection be closed in the middle of an answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::api::{self, Call};
use crate::cluster::Shared;
use crate::faults::Fault;
use crate::logs;
use crate::status::{Content, Reply, refused, text};

pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;
type Answered = Result<Response<Body>, std::io::Error>;

/// "Request entity too large: limit is 3145728".
const MOST_BYTES: usize = 3_145_728;

pub(crate) async fn serve(
    shared: Arc<Shared>,
    address: &str,
    tls: Option<TlsAcceptor>,
) -> (SocketAddr, JoinHandle<()>) {
    let listener = bind(address).await;
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (shared, tls) = (Arc::clone(&shared), tls.clone());
            connections.spawn(async move {
                let Some(tls) = tls else {
                    return connection(shared, stream, false).await;
                };
                // A client that does not trust the certificate goes away here.
                if let Ok(stream) = tls.accept(stream).await {
                    let certified = stream.get_ref().1.peer_certificates().is_some();
                    connection(shared, stream, certified).await;
                }
            });
            while connections.try_join_next().is_some() {}
        }
    });
    (address, serving)
}

async fn connection<S>(shared: Arc<Shared>, stream: S, certified: bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |request| answer(Arc::clone(&shared), request, certified));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let _ = connection.await;
}

/// A port that was just given up can be busy for a moment.
async fn bind(address: &str) -> TcpListener {
    let mut tries = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..250 {
        tries.tick().await;
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
    }
    panic!("{address} cannot be bound");
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>, certified: bool) -> Answered {
    let (parts, body) = request.into_parts();
    let uri = parts.uri.to_string();
    let fault = {
        let mut state = shared.lock();
        state.requests.push(format!("{} {uri}", parts.method));
        state.faults.take(&parts.method, &uri)
    };
    let Ok(body) = Limited::new(body, MOST_BYTES).collect().await else {
        let words = "Request entity too large: limit is 3145728";
        return Ok(whole(refused(413, "RequestEntityTooLarge", words)));
    };
    let body = body.to_bytes();
    if parts.method == Method::PATCH {
        let told = (
            format!("{} {uri}", parts.method),
            String::from_utf8_lossy(&body).into_owned(),
        );
        shared.lock().bodies.push(told);
    }
    let header = |name: &str| {
        let value = parts.headers.get(name)?;
        Some(value.to_str().unwrap_or("").to_owned())
    };
    let (user, content_type) = (header("authorization"), header("content-type"));
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: api::query(parts.uri.query().unwrap_or("")),
        user,
        certified,
        content_type: content_type.unwrap_or_default(),
        body,
    };
    match fault {
        None => Ok(done(&shared, &call)),
        Some(fault) => faulty(&shared, &call, fault).await,
    }
}

async fn faulty(shared: &Arc<Shared>, call: &Call, fault: Fault) -> Answered {
    let broken = || {
        let words = "rpc error: code = Unavailable desc = keepalive ping failed to receive ACK \
                     within timeout";
        whole(refused(500, "", words))
    };
    match fault {
        Fault::Broken => Ok(broken()),
        Fault::BrokenAfter => {
            done(shared, call);
            Ok(broken())
        }
        Fault::CutBefore => Err(cut()),
        Fault::CutAfter => {
            done(shared, call);
            Err(cut())
        }
        Fault::Truncated => {
            let body = done(shared, call).into_body().collect().await?.to_bytes();
            let length = body.len();
            let half = body.slice(..length / 2);
            let pieces: BoxStream<'static, _> =
                stream::iter([Ok(Frame::data(half)), Err(cut())]).boxed();
            let response = Response::builder()
                .header("content-type", "application/json")
                .header("content-length", length);
            Ok(response
                .body(BodyExt::boxed_unsync(StreamBody::new(pieces)))
                .unwrap())
        }
        Fault::HangsThenDone(time) => {
            // Goes on when the client is gone, as an API server behind a load balancer does.
            let (shared, call) = (Arc::clone(shared), call.clone());
            let late = tokio::spawn(async move {
                let mut clock = tokio::time::interval(time);
                clock.tick().await;
                clock.tick().await;
                done(&shared, &call)
            });
            late.await.map_err(|_| cut())
        }
        Fault::TooMany => Ok(whole(text(
            429,
            "Too many requests, please try again later.\n",
        ))),
        Fault::WebhookDown => Ok(whole(refused(
            500,
            "InternalError",
            "Internal error occurred: failed calling webhook \"mjob.kb.io\": failed to call webhook: \
             Post \"https://127.0.0.1:19443/mutate-batch-v1-job?timeout=10s\": dial tcp \
             127.0.0.1:19443: connect: connection refused",
        ))),
        Fault::Expired => Ok(expired(call)),
        Fault::Silent => Ok(streamed(stream::empty().boxed())),
        Fault::Garbled => {
            let line = "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":7}}\n";
            let one = stream::iter([Ok(Frame::data(Bytes::from(line)))]).boxed();
            Ok(streamed(one))
        }
    }
}

fn expired(call: &Call) -> Response<Body> {
    let status = crate::status::failure(410, "Expired", "too old resource version: 1 (100)");
    if !call.query.contains_key("watch") {
        return whole(refused(410, "Expired", "too old resource version: 1 (100)"));
    }
    let line = format!(
        "{}\n",
        serde_json::json!({ "type": "ERROR", "object": status })
    );
    let one: BoxStream<'static, _> = stream::iter([Ok(Frame::data(Bytes::from(line)))]).boxed();
    streamed(one)
}

fn cut() -> std::io::Error {
    std::io::Error::other("cut")
}

fn done(shared: &Arc<Shared>, call: &Call) -> Response<Body> {
    if call.method == Method::GET && call.query.contains_key("watch") {
        return api::watch(shared, call);
    }
    if call.method == Method::GET && call.path.ends_with("/log") {
        return logs::log(shared, call);
    }
    let reply = {
        let mut state = shared.lock();
        let reply = api::answer(&mut state, call);
        shared.publish(&state);
        reply
    };
    whole(reply)
}

pub(crate) fn whole(reply: Reply) -> Response<Body> {
    let (kind, bytes) = match reply.body {
        Content::Json(Value::Null) => ("text/plain; charset=utf-8", Bytes::new()),
        Content::Json(json) => ("application/json", Bytes::from(json.to_string())),
        Content::Text(text) => ("text/plain; charset=utf-8", Bytes::from(text)),
    };
    let mut builder = Response::builder()
        .status(reply.status)
        .header("content-type", kind);
    if reply.status.as_u16() == 429 {
        builder = builder.header("retry-after", "1");
    }
    let full = Full::new(bytes).map_err(|never| match never {});
    builder.body(BodyExt::boxed_unsync(full)).unwrap()
}

pub(crate) fn streamed(
    pieces: BoxStream<'static, Result<Frame<Bytes>, std::io::Error>>,
) -> Response<Body> {
    Response::builder()
        .header("content-type", "application/json")
        .body(BodyExt::boxed_unsync(StreamBody::new(pieces)))
        .unwrap()
}
