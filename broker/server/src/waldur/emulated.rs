//! A Waldur for tests, as its pages and its client describe it: it asks for a token, gives pages, says what
//! comes next and how many there are, and can be told to fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::{AUTHORIZATION, LINK, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

pub(crate) const TOKEN: &str = "c84d653b9ec92c6cbac41c706593e66f567a7fa4";

/// What is answered in place of a page, so many times.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    Status(u16),
    /// The body ends in the middle of its JSON.
    Broken,
    Redirect(String),
}

#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) resources: Vec<Value>,
    pub(crate) customers: Vec<Value>,
    /// By list and page.
    pub(crate) failures: HashMap<(String, usize), Vec<Failure>>,
    /// Counts one more than there are.
    pub(crate) miscounts: bool,
    /// A page behind the last is an empty one, and none that is not there.
    pub(crate) empty_behind: bool,
    /// Paths with their queries, in the order they were asked.
    pub(crate) asked: Vec<String>,
    /// Says which page comes next.
    pub(crate) without_links: bool,
}

pub(crate) struct EmulatedWaldur {
    pub(crate) url: Url,
    pub(crate) stored: Arc<Mutex<Stored>>,
    server: JoinHandle<()>,
}

impl Drop for EmulatedWaldur {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl EmulatedWaldur {
    pub(crate) async fn start() -> Self {
        let stored: Arc<Mutex<Stored>> = Arc::default();
        let router = Router::new()
            .route("/api/{list}/", get(list))
            .with_state(Arc::clone(&stored));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url: url.parse().unwrap(),
            stored,
            server,
        }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Stored)) {
        change(&mut self.stored.lock().unwrap());
    }

    /// Fails the first so many times that a page is asked for.
    pub(crate) fn fail(&self, list: &str, page: usize, failures: Vec<Failure>) {
        self.change(|it| drop(it.failures.insert((list.to_owned(), page), failures)));
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.stored.lock().unwrap().asked.clone()
    }
}

/// A resource in the shape of `waldur_api_client/models/resource.py`.
pub(crate) fn resource(uuid: &str, hours: f64) -> Value {
    json!({
        "uuid": uuid, "state": "OK", "offering_uuid": "0ff1", "offering_name": "LUMI-G",
        "project_uuid": "77aa", "project_name": "Protein folding", "project_end_date": null,
        "customer_uuid": "55bb", "customer_name": "Pleione Oy", "name": "LUMI allocation",
        "slug": uuid, "backend_id": format!("acct_{uuid}"), "effective_id": "",
        "limits": {"gpu_hours": hours}, "created": "2026-11-02T09:15:30.123456Z",
        "end_date": "2099-05-31", "paused": false, "downscaled": false, "attributes": {}
    })
}

pub(crate) fn customer() -> Value {
    json!({"uuid": "55bb", "name": "Pleione Oy", "country": "FI", "vat_code": ""})
}

async fn list(
    State(stored): State<Arc<Mutex<Stored>>>,
    Path(list): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let mut stored = stored.lock().unwrap();
    stored.asked.push(format!("{list}?{query:?}"));
    let is_known = headers
        .get(AUTHORIZATION)
        .is_some_and(|it| it == &format!("Token {TOKEN}"));
    if !is_known {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let number = |name: &str, or: usize| {
        let found = query.iter().find(|(key, _)| key == name);
        found.map_or(or, |(_, value)| value.parse().unwrap())
    };
    let (page, size) = (number("page", 1), number("page_size", 10).min(100));
    let failures = stored.failures.entry((list.clone(), page)).or_default();
    if !failures.is_empty() {
        return failed(failures.remove(0));
    }
    let all = match list.as_str() {
        "marketplace-resources" => &stored.resources,
        "customers" => &stored.customers,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let wanted: Vec<&str> = { query.iter() }
        .filter(|(key, _)| key == "offering_uuid")
        .map(|(_, value)| value.as_str())
        .collect();
    let is_wanted =
        |it: &&Value| wanted.is_empty() || wanted.iter().any(|uuid| it["offering_uuid"] == **uuid);
    let found: Vec<Value> = all.iter().filter(is_wanted).cloned().collect();
    let begin = (page - 1) * size;
    if page > 1 && begin >= found.len() && !stored.empty_behind {
        return StatusCode::NOT_FOUND.into_response();
    }
    let shown: Vec<Value> = found.iter().skip(begin).take(size).cloned().collect();
    let mut links = vec![r#"<http://elsewhere.example/?page=1>; rel="first""#.to_owned()];
    if begin + shown.len() < found.len() {
        links.push(format!(
            r#"<http://elsewhere.example/?page={}>; rel="next""#,
            page + 1
        ));
    }
    let count = found.len() + usize::from(stored.miscounts);
    let mut answer = axum::Json(shown).into_response();
    let head = answer.headers_mut();
    head.insert("x-result-count", count.into());
    if !stored.without_links {
        head.insert(LINK, links.join(", ").parse().unwrap());
    }
    answer
}

fn failed(failure: Failure) -> Response {
    match failure {
        Failure::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(RETRY_AFTER, "0")]).into_response()
        }
        Failure::Broken => (StatusCode::OK, r#"[{"uuid": "9f"#).into_response(),
        Failure::Redirect(to) => (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
    }
}
