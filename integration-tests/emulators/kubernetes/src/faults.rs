use std::collections::VecDeque;
use std::time::Duration;

use http::Method;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 500 without having done anything.
    Broken,
    /// Done, and answered 500, as from a frozen etcd.
    BrokenAfter,
    /// The connection is closed without an answer, and nothing was done.
    CutBefore,
    /// Done, and the connection is closed without an answer.
    CutAfter,
    /// Done, and half of the answer is sent.
    Truncated,
    /// Nothing is answered for so long; then it is done after all.
    HangsThenDone(Duration),
    /// 429, in plain text.
    TooMany,
    /// A webhook that cannot be reached: 500, and nothing was done.
    WebhookDown,
    /// 410, for watches as an event inside the stream.
    Expired,
    /// A watch that ends without a word, as at the server's time-out.
    Silent,
    /// A watch with an event that is no object.
    Garbled,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    planned: VecDeque<(Method, String, Fault)>,
}

impl Faults {
    pub(crate) fn plan(&mut self, method: Method, path: &str, fault: Fault) {
        self.planned.push_back((method, path.to_owned(), fault));
    }

    /// The first fault planned for such a request, once.
    pub(crate) fn take(&mut self, method: &Method, uri: &str) -> Option<Fault> {
        let place = self
            .planned
            .iter()
            .position(|(planned, path, _)| planned == method && uri.contains(path.as_str()))?;
        self.planned.remove(place).map(|(_, _, fault)| fault)
    }
}
