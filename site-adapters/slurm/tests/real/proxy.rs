use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;

/// Stands before a slurmrestd and writes down what it is asked.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) async fn before(server: &str) -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (written, server) = (Arc::clone(&calls), server.to_owned());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let app = Router::new().fallback(move |request: Request| {
            let call = format!("{} {}", request.method(), request.uri().path());
            lock(&written).push(call);
            pass_on(client.clone(), server.clone(), request)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, calls }
    }

    /// What was asked since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.calls))
    }
}

fn lock(calls: &Mutex<Vec<String>>) -> std::sync::MutexGuard<'_, Vec<String>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass_on(client: reqwest::Client, server: String, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut headers = head.headers;
    headers.remove(header::HOST);
    let answer = client
        .request(head.method, format!("{server}{}", head.uri))
        .headers(headers)
        .body(body)
        .send()
        .await;
    let Ok(answer) = answer else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let (status, kind) = (
        answer.status(),
        answer.headers().get(header::CONTENT_TYPE).cloned(),
    );
    let bytes = answer.bytes().await.unwrap();
    let mut passed = (status, Body::from(bytes)).into_response();
    passed.headers_mut().remove(header::CONTENT_TYPE);
    if let Some(kind) = kind {
        passed.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    passed
}
