//! The routes as data: what is served is what tests walk through and `openapi.json` is compared with.

use std::fmt;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};

use crate::state::ApiState;
use crate::{agent_v1, probes, v1};

/// One method at one path, and what answers there.
pub(crate) struct Operation {
    method: &'static str,
    path: &'static str,
    answer: MethodRouter<ApiState>,
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

pub(crate) fn get<H, T>(path: &'static str, handler: H) -> Operation
where
    H: Handler<T, ApiState>,
    T: 'static,
{
    Operation {
        method: "GET",
        path,
        answer: routing::get(handler),
    }
}

pub(crate) fn post<H, T>(path: &'static str, handler: H) -> Operation
where
    H: Handler<T, ApiState>,
    T: 'static,
{
    Operation {
        method: "POST",
        path,
        answer: routing::post(handler),
    }
}

/// A POST whose body is a file, of so many bytes at most.
pub(crate) fn upload<H, T>(path: &'static str, handler: H, most: usize) -> Operation
where
    H: Handler<T, ApiState>,
    T: 'static,
{
    Operation {
        method: "POST",
        path,
        answer: routing::post(handler).layer(DefaultBodyLimit::max(most)),
    }
}

pub(crate) fn put<H, T>(path: &'static str, handler: H) -> Operation
where
    H: Handler<T, ApiState>,
    T: 'static,
{
    Operation {
        method: "PUT",
        path,
        answer: routing::put(handler),
    }
}

pub(crate) fn delete<H, T>(path: &'static str, handler: H) -> Operation
where
    H: Handler<T, ApiState>,
    T: 'static,
{
    Operation {
        method: "DELETE",
        path,
        answer: routing::delete(handler),
    }
}

pub(crate) fn routed(operations: Vec<Operation>) -> Router<ApiState> {
    operations.into_iter().fold(Router::new(), |router, one| {
        router.route(one.path, one.answer)
    })
}

/// Every operation that [`router`](crate::router) serves: its method, and its path with `{id}` where
/// an id belongs, and `{item}` where one of something that belongs to that.
pub fn operations() -> Vec<(&'static str, String)> {
    let parts = [
        (v1::BASE, v1::operations()),
        (agent_v1::BASE, agent_v1::operations()),
        ("", probes::operations()),
    ];
    let full =
        |base: &'static str| move |one: Operation| (one.method, format!("{base}{}", one.path));
    parts
        .into_iter()
        .flat_map(|(base, operations)| operations.into_iter().map(full(base)))
        .collect()
}
