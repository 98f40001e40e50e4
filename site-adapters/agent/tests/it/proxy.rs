//! Out through a proxy, as sites have one: TLS from end to end, and nothing for the proxy to read.

use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use site_adapter::{BrokerLink as _, LinkError};
use site_agent::{HttpLink, ProxyConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::binary::{agent, write_config};
use crate::http::{Served, empty_report};

/// A proxy that lets CONNECT through for who has the password, and keeps all that passes.
struct Proxy {
    url: String,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    async fn start(credentials: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<u8>>> = Arc::default();
        let wanted = credentials.map(|it| format!("basic {}", STANDARD.encode(it)).to_lowercase());
        let kept = seen.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(stream, wanted.clone(), kept.clone()));
            }
        });
        Self { url, seen }
    }

    fn saw(&self, text: &str) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    }
}

async fn pass(mut stream: TcpStream, wanted: Option<String>, seen: Arc<Mutex<Vec<u8>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    seen.lock().unwrap().extend_from_slice(&head);
    let head = String::from_utf8(head).unwrap();
    let knows = wanted.is_none_or(|wanted| head.to_lowercase().contains(&wanted));
    let target = head.strip_prefix("CONNECT ").filter(|_| knows);
    let Some(target) = target.and_then(|rest| rest.split(' ').next()) else {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(refusal.as_bytes()).await.unwrap();
        return;
    };
    let port = target.rsplit(':').next().unwrap();
    let broker = TcpStream::connect(format!("127.0.0.1:{port}"))
        .await
        .unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let ((from_agent, to_agent), (from_broker, to_broker)) =
        (stream.into_split(), broker.into_split());
    tokio::join!(
        copy(from_agent, to_broker, seen.clone()),
        copy(from_broker, to_agent, seen)
    );
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    seen: Arc<Mutex<Vec<u8>>>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        seen.lock().unwrap().extend_from_slice(&buffer[..length]);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
    to.shutdown().await.ok();
}

fn through(proxy: &Proxy, credentials_file: Option<&Path>) -> ProxyConfig {
    ProxyConfig {
        url: proxy.url.parse().unwrap(),
        credentials_file: credentials_file.map(Path::to_owned),
    }
}

#[tokio::test]
async fn an_agent_works_through_a_proxy_that_reads_nothing_of_it() {
    let served = Served::start().await;
    let (url, ca_file) = served.secured().await;
    let proxy = Proxy::start(Some("site:s3cret")).await;
    let file = served.folder.path().join("proxy");
    std::fs::write(&file, "site:s3cret\n").unwrap();
    let mut config = served.config(&url);
    config.ca_file = Some(ca_file);
    config.proxy = Some(through(&proxy, Some(&file)));
    let link = HttpLink::new(&config).unwrap();
    link.report(empty_report()).await.unwrap();
    let port = url.rsplit(':').next().unwrap();
    assert!(
        proxy.saw(&format!("CONNECT localhost:{port} ")),
        "it came that way"
    );
    for word in ["agent/v1", "signature", "meluxina", "\"forget\""] {
        assert!(!proxy.saw(word), "the proxy read `{word}`");
    }
    config.proxy = Some(through(&proxy, None));
    let stranger = HttpLink::new(&config).unwrap();
    let error = stranger.report(empty_report()).await.unwrap_err();
    assert!(matches!(error, LinkError::Unreachable(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environments_proxy_is_taken_unless_no_proxy_names_the_broker() {
    let served = Served::start().await;
    let (url, ca_file) = served.secured().await;
    let config = write_config(&served);
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace(&served.url, &url).replace(
        "[adapter]",
        &format!("ca_file = \"{}\"\n[adapter]", ca_file.display()),
    );
    std::fs::write(&config, text).unwrap();
    for (no_proxy, passes) in [("", true), ("localhost", false)] {
        let proxy = Proxy::start(None).await;
        let mut command = agent(&config);
        command
            .arg("check")
            .env("HTTPS_PROXY", &proxy.url)
            .env("NO_PROXY", no_proxy);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let said = String::from_utf8(output.await.unwrap().stdout).unwrap();
        assert!(said.contains("broker: ok"), "{said}");
        assert_eq!(
            proxy.saw("CONNECT localhost"),
            passes,
            "NO_PROXY={no_proxy}"
        );
    }
}
