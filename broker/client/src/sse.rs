use std::collections::VecDeque;

use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::{Error, Result};

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub id: Option<String>,
    pub kind: String,
    pub data: String,
}

/// Reads `text/event-stream` (WHATWG HTML, 9.2.6) from a response.
pub struct EventStream {
    address: String,
    body: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    parser: Parser,
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Parser {
    buffer: Vec<u8>,
    event: Event,
    ready: VecDeque<Event>,
}

impl EventStream {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        let address = response.url().path().to_owned();
        let body = response
            .bytes_stream()
            .map(|chunk| chunk.map(|bytes| bytes.to_vec()))
            .boxed();
        Self {
            address,
            body,
            parser: Parser::default(),
        }
    }

    /// The next event; `None` when the server closed the stream, `Unreachable` when it broke.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.parser.ready.pop_front() {
                return Ok(Some(event));
            }
            match self.body.next().await {
                Some(Ok(bytes)) => self.parser.feed(&bytes),
                Some(Err(source)) => {
                    return Err(Error::Unreachable {
                        address: self.address.clone(),
                        source,
                    });
                }
                None => return Ok(None),
            }
        }
    }
}

impl Parser {
    fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\n', '\r']));
        }
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if event != Event::default() {
                self.ready.push_back(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event.kind),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments (an empty field) keep the connection open; other fields mean nothing to us.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_cut_anywhere_are_put_together() {
        let text = ": hello\n\nid: 7\nevent: log\ndata: {\"a\":1}\n\nid: 8\ndata: x\ndata: y\n\n";
        for cut in 0..text.len() {
            let mut parser = Parser::default();
            parser.feed(&text.as_bytes()[..cut]);
            parser.feed(&text.as_bytes()[cut..]);
            let events: Vec<Event> = parser.ready.into_iter().collect();
            assert_eq!(events.len(), 2, "cut at {cut}");
            assert_eq!(events[0].kind, "log");
            assert_eq!(events[1].data, "x\ny");
        }
    }
}
