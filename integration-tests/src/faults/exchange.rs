//! One request and its answer as bytes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::Fault;

const MAX_REQUEST: usize = 8 * 1024 * 1024;
const ERROR: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\n\
    content-length: 6\r\nconnection: close\r\n\r\nfault\n";

/// A whole request with `Connection: close` put in, so that the server ends its answer by closing.
/// `None` at the end of a connection that was opened and not used.
pub(super) async fn read_request(client: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            break end + 4;
        }
        if client.read_buf(&mut bytes).await? == 0 || bytes.len() > MAX_REQUEST {
            return Ok(None);
        }
    };
    let (head, rest) = bytes.split_at(head);
    let (mut head, mut body) = (head.to_vec(), rest.to_vec());
    let length = content_length(&head);
    while body.len() < length {
        if client.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    let first_line = find(&head, b"\r\n").unwrap_or(0) + 2;
    head.splice(first_line..first_line, *b"connection: close\r\n");
    head.extend(body);
    Ok(Some(head))
}

fn content_length(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| *name == "content-length");
    lengths
        .next()
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

pub(super) async fn play(
    fault: Fault,
    client: TcpStream,
    server: SocketAddr,
    request: &[u8],
) -> io::Result<()> {
    match fault {
        Fault::None => pass(client, server, request, usize::MAX).await,
        Fault::Delay(time) => {
            sleep(time).await;
            pass(client, server, request, usize::MAX).await
        }
        Fault::CutBefore => Ok(()),
        Fault::CutAfter => ask(server, request).await.map(drop),
        Fault::ErrorBefore => refuse(client).await,
        Fault::ErrorAfter => {
            ask(server, request).await?;
            refuse(client).await
        }
        Fault::Truncate(bytes) => pass(client, server, request, bytes).await,
        Fault::Late(time) => {
            drop(client);
            sleep(time).await;
            ask(server, request).await.map(drop)
        }
        Fault::Silence(asked, time) => {
            if asked {
                ask(server, request).await?;
            }
            silence(client, time).await
        }
    }
}

/// The server's answer as it comes, up to so many bytes.
async fn pass(
    mut client: TcpStream,
    server: SocketAddr,
    request: &[u8],
    most: usize,
) -> io::Result<()> {
    let mut server = send(server, request).await?;
    let (mut left, mut piece) = (most, vec![0; 16 * 1024]);
    while left > 0 {
        let read = server.read(&mut piece).await?;
        let told = piece.get(..read.min(left)).unwrap_or_default();
        if told.is_empty() {
            break;
        }
        client.write_all(told).await?;
        left -= told.len();
    }
    client.shutdown().await
}

/// Asks, and waits until the server begins to answer: it has acted.
async fn ask(server: SocketAddr, request: &[u8]) -> io::Result<()> {
    let mut server = send(server, request).await?;
    let mut first = [0; 1];
    server.read(&mut first).await.map(drop)
}

async fn send(server: SocketAddr, request: &[u8]) -> io::Result<TcpStream> {
    let mut server = TcpStream::connect(server).await?;
    server.write_all(request).await?;
    Ok(server)
}

async fn refuse(mut client: TcpStream) -> io::Result<()> {
    client.write_all(ERROR).await?;
    client.shutdown().await
}

/// Until the time is over, or the client has given up.
async fn silence(mut client: TcpStream, time: Duration) -> io::Result<()> {
    let mut byte = [0; 1];
    let _nothing_more = timeout(time, client.read(&mut byte)).await;
    Ok(())
}
