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

/// The broker's longest event is a piece of a log, far below this; a line or an event that goes on for
/// longer has no end.
const LONGEST: usize = 16 * 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// The beginning of a line whose end has not come.
    buffer: Vec<u8>,
    event: Event,
    ready: VecDeque<Event>,
}

/// A line or an event is longer than any of the broker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endless;

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
                Some(Ok(bytes)) => self.parser.feed(&bytes).map_err(|Endless| Error::Answer {
                    address: self.address.clone(),
                    reason: "an event of the stream has no end".to_owned(),
                })?,
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
    /// Looks at each byte once, however the stream is cut.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), Endless> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
            self.add(line)?;
            let line = std::mem::take(&mut self.buffer);
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\n', '\r']));
            rest = after;
        }
        self.add(rest)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Endless> {
        let length = self.buffer.len() + self.event.data.len() + bytes.len();
        if length > LONGEST {
            return Err(Endless);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
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
            parser.feed(&text.as_bytes()[..cut]).unwrap();
            parser.feed(&text.as_bytes()[cut..]).unwrap();
            let events: Vec<Event> = parser.ready.into_iter().collect();
            assert_eq!(events.len(), 2, "cut at {cut}");
            assert_eq!(events[0].kind, "log");
            assert_eq!(events[1].data, "x\ny");
        }
    }

    #[test]
    fn a_line_or_an_event_without_an_end_is_not_kept() {
        let piece = vec![b'x'; 64 * 1024];
        let mut parser = Parser::default();
        let fed = (0..1000).find_map(|_| parser.feed(&piece).err());
        assert_eq!(fed, Some(Endless));
        let line = [b"data: ", &piece[..], b"\n"].concat();
        let mut parser = Parser::default();
        let fed = (0..1000).find_map(|_| parser.feed(&line).err());
        assert_eq!(fed, Some(Endless));
    }
}
