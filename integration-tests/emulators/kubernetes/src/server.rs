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
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::api::{self, Call};
use crate::cluster::Shared;
use crate::faults::Fault;
use crate::status::{Content, Reply, refused, text};

pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;
type Answered = Result<Response<Body>, std::io::Error>;

/// "Request entity too large: limit is 3145728".
const MOST_BYTES: usize = 3_145_728;

pub(crate) async fn serve(shared: Arc<Shared>, address: &str) -> (SocketAddr, JoinHandle<()>) {
    let listener = bind(address).await;
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            connections.spawn(async move {
                let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                let _ = connection.await;
            });
            while connections.try_join_next().is_some() {}
        }
    });
    (address, serving)
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

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Answered {
    let (parts, body) = request.into_parts();
    let uri = parts.uri.to_string();
    let fault = {
        let mut state = shared.lock();
        let path = format!("{} {}", parts.method, parts.uri.path());
        state.requests.push(path);
        state.faults.take(&parts.method, &uri)
    };
    let Ok(body) = Limited::new(body, MOST_BYTES).collect().await else {
        let words = "Request entity too large: limit is 3145728";
        return Ok(whole(refused(413, "RequestEntityTooLarge", words)));
    };
    let user = parts
        .headers
        .get("authorization")
        .map(|v| v.to_str().unwrap_or("").to_owned());
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: api::query(parts.uri.query().unwrap_or("")),
        user,
        body: body.to_bytes(),
    };
    match fault {
        None => done(&shared, &call).await,
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
            done(shared, call).await?;
            Ok(broken())
        }
        Fault::CutBefore => Err(cut()),
        Fault::CutAfter => {
            done(shared, call).await?;
            Err(cut())
        }
        Fault::Truncated => {
            let body = done(shared, call)
                .await?
                .into_body()
                .collect()
                .await?
                .to_bytes();
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
                done(&shared, &call).await
            });
            late.await.map_err(|_| cut())?
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

async fn done(shared: &Arc<Shared>, call: &Call) -> Answered {
    if call.method == Method::GET && call.query.contains_key("watch") {
        return Ok(api::watch(shared, call));
    }
    if call.method == Method::GET && call.path.ends_with("/log") {
        return Ok(api::log(shared, call));
    }
    let reply = {
        let mut state = shared.lock();
        let reply = api::answer(&mut state, call);
        shared.publish(&state);
        reply
    };
    Ok(whole(reply))
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
