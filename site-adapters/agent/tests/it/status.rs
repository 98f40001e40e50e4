use std::sync::Arc;

use prometheus::{Registry, TextEncoder};
use site_adapter::ErrorKind;
use site_agent::{Agent, serve_status};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::site::Fault;
use crate::stage::{Stage, config, everyone};

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
