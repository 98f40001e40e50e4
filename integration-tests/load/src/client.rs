//! HTTP/1.1 as cheaply as it can be spoken: requests are bytes made beforehand, answers are read to
//! their `content-length`, connections stay open. It understands what this repository's own servers
//! answer and nothing else.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("{address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(16 * 1024),
        })
    }

    /// Sends a request and reads its answer whole.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let head = loop {
            if let Some(head) = Head::of(&self.received)? {
                break head;
            }
            self.more().await?;
        };
        while self.received.len() < head.length + head.body {
            self.more().await?;
        }
        let body = self
            .received
            .get(head.length..head.length + head.body)
            .unwrap_or_default();
        Ok(Answer {
            status: head.status,
            body,
        })
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        self.received.reserve(8 * 1024);
        if self.stream.read_buf(&mut self.received).await? == 0 {
            bail!("the server closed the connection in the middle of an answer");
        }
        Ok(())
    }
}

struct Head {
    status: u16,
    length: usize,
    body: usize,
}

impl Head {
    /// `None` while the head is not complete.
    fn of(received: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = received.get(..end).unwrap_or_default();
        let status = received
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let status = status
            .and_then(|digits| digits.parse().ok())
            .context("no status line")?;
        let body = match (length_of(head), status) {
            (Some(length), _) => length,
            (None, 204 | 304) => 0,
            (None, _) => bail!("an answer without content-length"),
        };
        Ok(Some(Self {
            status,
            length: end + 4,
            body,
        }))
    }
}

/// Header names as hyper writes them, in lower case.
fn length_of(head: &[u8]) -> Option<usize> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let value = lines.find_map(|line| line.strip_prefix(b"content-length: "))?;
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

/// A request without a body.
pub(crate) fn get(address: SocketAddr, path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n")
        .into()
}

/// A JSON request up to the end of its first headers; [`json_end`] closes it.
pub(crate) fn json_begin(address: SocketAddr, path: &str, token: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\n"
    )
    .into()
}

pub(crate) fn json_end(body: &[u8]) -> Vec<u8> {
    let mut end = format!("content-length: {}\r\n\r\n", body.len()).into_bytes();
    end.extend_from_slice(body);
    end
}

pub(crate) fn post(address: SocketAddr, path: &str, token: &str, body: &[u8]) -> Vec<u8> {
    let mut request = json_begin(address, path, token);
    request.extend(json_end(body));
    request
}
