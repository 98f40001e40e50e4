//! Requests straight into the router. Every answer is held against `openapi.json`.

use std::time::Duration;

use agent_link::KeyPair;
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::contract;
use crate::world::{World, agent_key, project};

const PATIENCE: Duration = Duration::from_secs(30);

/// A request to be.
pub(crate) struct Ask<'a> {
    world: &'a World,
    method: &'static str,
    uri: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    agent: Option<(KeyPair, String)>,
    random: bool,
    router: Option<Router>,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl World {
    pub(crate) fn get(&self, uri: impl Into<String>) -> Ask<'_> {
        self.ask("GET", uri)
    }

    pub(crate) fn post(&self, uri: impl Into<String>, body: &Value) -> Ask<'_> {
        self.ask("POST", uri)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    pub(crate) fn send_json(
        &self,
        method: &'static str,
        uri: impl Into<String>,
        body: &Value,
    ) -> Ask<'_> {
        self.ask(method, uri)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    pub(crate) fn ask(&self, method: &'static str, uri: impl Into<String>) -> Ask<'_> {
        Ask {
            world: self,
            method,
            uri: uri.into(),
            headers: Vec::new(),
            body: Vec::new(),
            agent: None,
            random: false,
            router: None,
        }
    }

    /// A job of Ada's that was accepted.
    pub(crate) async fn submitted(&self, token: &str) -> Value {
        let answer = self.post("/api/v1/jobs", &job()).token(token).send().await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()
    }
}

/// A job that goes to one partition only, so that tests know where it is.
pub(crate) fn job() -> Value {
    json!({
        "name": "train",
        "project": project("main"),
        "resources": { "nodes": 1, "gpus_per_node": 2, "walltime": "1h" },
        "variants": { "x86_64+cuda": { "script": "echo hello" } },
        "placement": { "require": ["meluxina"] },
    })
}

impl Ask<'_> {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Asks another replica.
    pub(crate) fn at(mut self, router: Router) -> Self {
        self.router = Some(router);
        self
    }

    /// Signs as the agent of a site.
    pub(crate) fn agent(self, site: &str) -> Self {
        let key = agent_key(site);
        let id = key.public().id();
        self.signed_by(key, id)
    }

    pub(crate) fn signed_by(mut self, key: KeyPair, key_id: impl Into<String>) -> Self {
        self.agent = Some((key, key_id.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Not held against the document itself: serde takes an array of the right values for an object.
    pub(crate) fn random(mut self) -> Self {
        self.random = true;
        self
    }

    async fn response(&self) -> Response<Body> {
        let mut request = Request::builder().method(self.method).uri(&self.uri);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some((key, id)) = &self.agent {
            let target = (self.method, self.uri.as_str());
            for (name, value) in self.world.signed(key, id, target, &self.body) {
                request = request.header(name.unwrap(), value);
            }
        }
        let request = request.body(Body::from(self.body.clone())).unwrap();
        let router = self.router.as_ref().unwrap_or(&self.world.router);
        timeout(PATIENCE, router.clone().oneshot(request))
            .await
            .unwrap()
            .unwrap()
    }

    fn described(&self) -> Option<&[u8]> {
        (!self.random).then_some(&self.body)
    }

    pub(crate) async fn send(self) -> Answer {
        let response = self.response().await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = timeout(PATIENCE, response.into_body().collect())
            .await
            .unwrap()
            .unwrap();
        let answer = Answer {
            status,
            headers,
            bytes: body.to_bytes().to_vec(),
        };
        contract::check(self.method, &self.uri, self.described(), &answer);
        answer
    }

    /// Opens a stream of events; its head is held against the contract, its events one by one.
    pub(crate) async fn follow(self) -> Events {
        let response = self.response().await;
        let (status, headers) = (response.status(), response.headers().clone());
        assert_eq!(status, StatusCode::OK);
        let head = Answer {
            status,
            headers,
            bytes: Vec::new(),
        };
        contract::check(self.method, &self.uri, None, &head);
        Events {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts a problem and returns its body.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!(
            (self.status.as_u16(), body["code"].as_str()),
            (status, Some(code)),
            "{body}"
        );
        assert_eq!(body["request_id"], self.header("x-request-id"));
        body
    }
}

/// Server-sent events as they come.
pub(crate) struct Events {
    body: BodyDataStream,
    text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) data: String,
}

impl Events {
    /// The next event; comments are passed over.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event = event(&self.text[..end]);
                self.text.drain(..end + 2);
                if event == Event::default() {
                    continue;
                }
                contract::check_event(&event);
                return Some(event);
            }
            let chunk = timeout(PATIENCE, self.body.next()).await.unwrap()?;
            self.text
                .push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }

    /// All events until the server closes.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn event(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => id.clone_into(&mut event.id),
            Some(("event", kind)) => kind.clone_into(&mut event.kind),
            Some(("data", data)) => event.data.push_str(data),
            _ => {}
        }
    }
    event
}
