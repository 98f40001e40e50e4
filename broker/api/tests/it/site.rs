//! A site's agent as the API sees it: what it leases and reports, over the real routes.

use agent_link::InviteText;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker_app::InviteOrder;
use serde_json::{Value, json};

use crate::ask::Answer;
use crate::world::{World, agent_id};

pub(crate) const SITE: &str = "meluxina";

impl World {
    /// An invite of a site, as an operator's command makes it.
    pub(crate) async fn invite(&self, site: &str) -> InviteText {
        let order = InviteOrder::new(None, None).unwrap();
        let site = site.parse().unwrap();
        let made = self.broker.invite_agent(None, &site, order);
        made.await.unwrap().text.parse().unwrap()
    }

    pub(crate) async fn lease(&self, want: u32) -> Value {
        let body = json!({ "agent": agent_id(), "site": SITE, "want": want, "wait_seconds": 0,
            "working_on": [] });
        let answer = self.post("/agent/v1/lease", &body).agent(SITE).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Leases the one attempt that waits and returns its id.
    pub(crate) async fn leased(&self) -> String {
        let reply = self.lease(1).await;
        reply["attempts"][0]["attempt"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn report(&self, attempts: Value, logs: Value) -> Answer {
        let body = json!({ "agent": agent_id(), "site": SITE, "attempts": attempts, "logs": logs });
        self.post("/agent/v1/report", &body)
            .agent(SITE)
            .send()
            .await
    }

    pub(crate) async fn told(&self, attempts: Value) {
        let answer = self.report(attempts, json!([])).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    pub(crate) async fn wrote(&self, attempt: &str, offset: usize, bytes: &[u8]) {
        let chunk = json!({ "attempt": attempt, "stream": "stdout", "offset": offset,
            "bytes": STANDARD.encode(bytes) });
        let answer = self.report(json!([]), json!([chunk])).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Takes the attempt up to running.
    pub(crate) async fn started(&self, attempt: &str) {
        self.told(json!([
            { "event": "submitting", "attempt": attempt },
            { "event": "accepted", "attempt": attempt,
              "seen": { "remote_id": "4711", "submitted_at": "2026-11-20T12:00:00Z" } },
            { "event": "started", "attempt": attempt, "started_at": "2026-11-20T12:00:10Z" },
        ]))
        .await;
    }

    /// Ends a running attempt and settles it.
    pub(crate) async fn ended(&self, attempt: &str) {
        self.told(json!([
            { "event": "ended", "attempt": attempt, "ended_at": "2026-11-20T12:30:10Z",
              "outcome": { "kind": "completed", "exit_code": 0, "site_words": "COMPLETED" } },
            { "event": "usage", "attempt": attempt, "usage": {
                "started_at": "2026-11-20T12:00:10Z", "ended_at": "2026-11-20T12:30:10Z",
                "nodes": 1, "scheduler_gpus": 4, "cpus": 64, "memory_gib": 512 } },
        ]))
        .await;
    }
}
