//! What a request costs when nothing is done for it: axum, one route, a constant answer.

use std::net::{Ipv4Addr, SocketAddr};

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use axum::{Json, Router};
use broker_model::JobSpec;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Debug)]
pub(crate) struct Bare {
    pub(crate) address: SocketAddr,
    server: JoinHandle<()>,
}

impl Bare {
    /// Answers every job with this body.
    pub(crate) async fn reading(body: Bytes) -> anyhow::Result<Self> {
        let answer = move || async move { ([(CONTENT_TYPE, "application/json")], body) };
        Self::serve(Router::new().route("/api/v1/jobs/{id}", get(answer))).await
    }

    /// Parses a job as the broker does, and answers with this body.
    pub(crate) async fn accepting(body: Bytes) -> anyhow::Result<Self> {
        let answer = move |Json(spec): Json<JobSpec>| async move {
            drop(spec);
            (
                StatusCode::ACCEPTED,
                [(CONTENT_TYPE, "application/json")],
                body,
            )
        };
        Self::serve(Router::new().route("/api/v1/jobs", post(answer))).await
    }

    async fn serve(router: Router) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, server })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.server.abort();
    }
}
