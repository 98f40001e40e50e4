use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;

/// A server with little patience, and where it is.
fn hasty() -> SocketAddr {
    let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let patience = Patience {
        head: Duration::from_millis(200),
        ..Patience::default()
    };
    let server = patience.limit(axum_server::from_tcp(listener).unwrap());
    let router = Router::new().route("/", get(|| async { "here" }));
    tokio::spawn(server.serve(router.into_make_service()));
    address
}

/// Sends some bytes and reads until the server closes the connection, which it must.
async fn told(address: SocketAddr, words: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(words).await.unwrap();
    let mut answer = Vec::new();
    let end = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    let _closed_or_reset = end.expect("the connection was held open");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_client_that_says_nothing_or_half_a_head_is_let_go() {
    let address = hasty();
    for words in ["", "P", "PRI * HT", "GET / HTTP/1.1\r\nhost: x\r\nslow"] {
        let answer = told(address, words.as_bytes()).await;
        assert!(!answer.contains("here"), "{words:?}: {answer}");
    }
}

#[tokio::test]
async fn a_connection_that_is_idle_after_its_answer_is_closed() {
    let answer = told(hasty(), b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("here"), "{answer}");
}
