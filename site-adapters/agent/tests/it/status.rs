use std::sync::Arc;

use broker_model::{ManualClock, SystemClock};
use jiff::SignedDuration;
use prometheus::{Registry, TextEncoder};
use serde_json::Value;
use site_adapter::ErrorKind;
use site_agent::{Agent, serve_status};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::broker::MemoryBroker;
use crate::crash::DEADLINE;
use crate::fuse::{Fuse, FusedSite};
use crate::site::{Fault, ScriptedSite};
use crate::stage::{Stage, config, everyone, leased, quick, spooling};

#[tokio::test]
async fn agents_of_two_sites_share_a_registry_and_their_calls_are_counted() {
    let stage = Stage::new();
    let mut other = config();
    other.site = "lumi".parse().unwrap();
    let other = Agent::new(
        other,
        stage.broker.clone(),
        stage.site.clone(),
        everyone(),
        stage.clock.clone(),
    );
    let registry = Registry::new();
    stage.agent.metrics().register(&registry).unwrap();
    other.metrics().register(&registry).unwrap();
    assert!(other.metrics().register(&registry).is_err());

    stage.site.fail("submit", Fault::Before(ErrorKind::Unclear));
    let attempt = stage.offer();
    stage.tick().await;
    let text = TextEncoder::new()
        .encode_to_string(&registry.gather())
        .unwrap();
    assert!(
        text.contains("alcyone_agent_attempts_leased{site=\"meluxina\"} 1"),
        "{text}"
    );
    assert!(
        text.contains(
            "alcyone_agent_adapter_call_seconds_count{operation=\"submit\",result=\"unclear\",site=\"meluxina\"} 1"
        ),
        "{text}"
    );
    stage.finish(attempt).await;
    let text = TextEncoder::new()
        .encode_to_string(&registry.gather())
        .unwrap();
    assert!(
        text.contains("alcyone_agent_attempts_leased{site=\"meluxina\"} 0"),
        "{text}"
    );
}

#[tokio::test]
async fn health_says_whether_the_broker_answers() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let Stage {
        agent,
        broker: _broker,
        ..
    } = Stage::new();
    let agent = Arc::new(agent);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/healthz", listener.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let served = serve_status(listener, agent.clone(), Registry::new(), shutdown.clone());
    let served = tokio::spawn(served);
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 503);
    agent.tick().await;
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 200);
    shutdown.cancel();
    served.await.unwrap().unwrap();
}

/// An agent that runs by itself with a spool and its status page, on a clock that the test moves.
struct Watched {
    clock: Arc<ManualClock>,
    broker: Arc<MemoryBroker>,
    url: String,
    shutdown: CancellationToken,
    running: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Watched {
    async fn start(fuse: Arc<Fuse>) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let clock = Arc::new(ManualClock::at(broker_model::Clock::now(&SystemClock)));
        let broker = Arc::new(MemoryBroker::new(clock.clone()));
        let inner = Arc::new(ScriptedSite::new(broker.clone(), clock.clone()));
        let site = Arc::new(FusedSite { fuse, inner });
        let agent = Agent::new(quick(), broker.clone(), site, everyone(), clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let agent = Arc::new(spooling(agent, folder.path()));
        let registry = Registry::new();
        agent.metrics().register(&registry).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let status = serve_status(listener, agent.clone(), registry, shutdown.clone());
        let token = shutdown.clone();
        let running = tokio::spawn(async move {
            let (served, ()) = tokio::join!(status, agent.run(token));
            served.unwrap();
        });
        Self {
            clock,
            broker,
            url,
            shutdown,
            running,
            _folder: folder,
        }
    }

    async fn health(&self) -> (u16, Value) {
        let answer = reqwest::get(format!("{}/healthz", self.url)).await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }

    /// Waits until `/healthz` says so.
    async fn until(&self, holds: impl Fn(u16, &Value) -> bool) {
        let started = std::time::Instant::now();
        loop {
            let (status, body) = self.health().await;
            if holds(status, &body) {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "{status} {body}");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(DEADLINE, self.running)
            .await
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn every_loop_shows_its_last_turns_and_the_spool_its_size() {
    let watched = Watched::start(Fuse::after(i64::MAX)).await;
    let offered = leased("echo hello");
    let attempt = offered.attempt;
    watched.broker.offer(offered);
    let loops = [
        "lease", "report", "calls", "collect", "poll", "snapshot", "spool",
    ];
    let turned = |body: &Value| {
        let beat = |name: &str| body["loops"][name]["last_success"].is_string();
        loops.iter().all(|name| beat(name))
    };
    watched
        .until(|status, body| status == 200 && turned(body))
        .await;
    let (_, body) = watched.health().await;
    assert_eq!(body["spool"]["writable"], true, "{body}");
    let settled = async {
        while !watched.broker.row(attempt).is_settled() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, settled).await.unwrap();
    let answer = reqwest::get(format!("{}/metrics", watched.url)).await;
    let text = answer.unwrap().text().await.unwrap();
    for line in [
        "alcyone_agent_loop_age_seconds{loop=\"lease\"",
        "alcyone_agent_spool_bytes{site=\"meluxina\"}",
        "alcyone_agent_spool_attempts{site=\"meluxina\"}",
        "alcyone_agent_events_pending{site=\"meluxina\"}",
        "alcyone_agent_broker_call_seconds_count{call=\"report\",result=\"ok\"",
        "alcyone_agent_adapter_call_seconds_count{operation=\"poll\",result=\"ok\"",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    watched.stop().await;
}

#[tokio::test]
async fn a_loop_that_hangs_makes_the_agent_unhealthy_and_is_named() {
    // The submission takes two points; the poll after it never comes back.
    let watched = Watched::start(Fuse::after(2)).await;
    watched.broker.offer(leased("echo hello"));
    watched
        .until(|_, body| body["loops"]["poll"]["last_try"].is_string())
        .await;
    watched.clock.advance(SignedDuration::from_hours(2));
    watched
        .until(|status, body| {
            let stuck = |name: &str| body["loops"][name]["stuck"] == true;
            status == 503 && stuck("poll") && !stuck("lease") && !stuck("report")
        })
        .await;
    watched.running.abort();
}
