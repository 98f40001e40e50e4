use broker_model::AttemptId;
use jiff::Timestamp;
use site_adapter::{AttemptReport, LogChunk, LogStream, RemoteRef, Result, UsageReport};

use super::{Ended, Moment, Phase, Tracked};
use crate::backoff::after;

/// What to fetch of a job in one go.
#[derive(Debug)]
pub(crate) struct Collect {
    pub(crate) remote: RemoteRef,
    pub(crate) logs: Vec<(LogStream, u64)>,
    pub(crate) usage: bool,
}

#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) logs: Vec<(LogStream, Result<Vec<u8>>)>,
    pub(crate) usage: Option<Result<Option<UsageReport>>>,
}

#[derive(Debug)]
pub(crate) enum UsageState {
    Unknown,
    /// What goes to the broker once the logs are stored.
    Settled(Option<UsageReport>),
}

/// Both logs of a job. At most one chunk of each is in memory.
#[derive(Debug)]
pub(crate) struct Logs {
    streams: [(LogStream, Stream); 2],
}

#[derive(Debug, Default)]
struct Stream {
    /// How far the broker has it.
    stored: u64,
    pending: Vec<u8>,
    /// The last read came back empty.
    at_end: bool,
}

impl Logs {
    pub(super) fn from_offsets(stdout: u64, stderr: u64) -> Self {
        let stream = |stored| Stream {
            stored,
            ..Stream::default()
        };
        Self {
            streams: [
                (LogStream::Stdout, stream(stdout)),
                (LogStream::Stderr, stream(stderr)),
            ],
        }
    }

    fn stream(&mut self, wanted: LogStream) -> Option<&mut Stream> {
        let mut streams = self.streams.iter_mut();
        streams
            .find(|(stream, _)| *stream == wanted)
            .map(|(_, state)| state)
    }

    fn wanted(&self, max_bytes: u64) -> Vec<(LogStream, u64)> {
        self.streams
            .iter()
            .filter(|(_, state)| state.pending.is_empty() && state.stored < max_bytes)
            .map(|(stream, state)| (*stream, state.stored))
            .collect()
    }

    fn read(&mut self, stream: LogStream, bytes: Vec<u8>) {
        if let Some(state) = self.stream(stream) {
            state.at_end = bytes.is_empty();
            state.pending = bytes;
        }
    }

    pub(super) fn stored(&mut self, stream: LogStream, bytes: usize) {
        if let Some(state) = self.stream(stream) {
            state.stored = state.stored.saturating_add(bytes as u64);
            state.pending.drain(..bytes.min(state.pending.len()));
        }
    }

    pub(super) fn chunks(&self, attempt: AttemptId) -> impl Iterator<Item = LogChunk> + '_ {
        let waiting = self.streams.iter().filter(|(_, s)| !s.pending.is_empty());
        waiting.map(move |(stream, state)| LogChunk {
            attempt,
            stream: *stream,
            offset: state.stored,
            bytes: state.pending.clone(),
        })
    }

    pub(super) fn backlog(&self) -> usize {
        self.streams.iter().map(|(_, s)| s.pending.len()).sum()
    }

    fn look_again(&mut self) {
        for (_, state) in &mut self.streams {
            state.at_end = false;
        }
    }

    fn are_read(&self, max_bytes: u64) -> bool {
        self.streams
            .iter()
            .all(|(_, s)| s.pending.is_empty() && (s.at_end || s.stored >= max_bytes))
    }
}

impl Tracked {
    /// What there is to fetch now; `room` says whether log bytes may be taken into memory.
    pub(crate) fn next_collect(&self, at: &Moment<'_>, room: bool) -> Option<Collect> {
        if at.now < self.collect_at {
            return None;
        }
        let (remote, usage) = match &self.phase {
            Phase::Accepted(live) if live.started_at.is_some() => (&live.remote, false),
            Phase::Ended(ended) => (&ended.remote, matches!(ended.usage, UsageState::Unknown)),
            _ => return None,
        };
        let logs = if room {
            self.logs.wanted(at.config.max_log_bytes)
        } else {
            Vec::new()
        };
        Some(Collect {
            remote: remote.clone(),
            logs,
            usage,
        })
        .filter(|collect| collect.usage || !collect.logs.is_empty() || self.may_finish())
    }

    fn may_finish(&self) -> bool {
        matches!(&self.phase, Phase::Ended(ended) if matches!(ended.usage, UsageState::Settled(_)))
    }

    pub(crate) fn collected(&mut self, collected: Collected, at: &Moment<'_>) {
        self.collect_at = after(at.now, at.config.tick);
        for (stream, answer) in collected.logs {
            if let Ok(bytes) = answer {
                self.logs.read(stream, bytes);
            }
        }
        if let Some(answer) = collected.usage {
            self.usage_told(answer, at);
            return;
        }
        self.finish(at);
    }

    /// A file system may show the last lines after the scheduler shows the end, so logs are read to
    /// their end once more after the usage is known.
    fn usage_told(&mut self, answer: Result<Option<UsageReport>>, at: &Moment<'_>) {
        let attempt = self.id();
        let Phase::Ended(ended) = &mut self.phase else {
            return;
        };
        let late = is_past(ended.seen_at, at.config.usage_give_up, at.now);
        let settled = match answer {
            Ok(Some(usage)) => Some(Some(usage)),
            Ok(None) if !ended.ran => Some(None),
            Ok(None) | Err(_) if late => {
                tracing::warn!(
                    attempt.id = %attempt, remote.id = %ended.remote.remote_id,
                    "the site's accounting never told what the job used; closed without usage"
                );
                Some(None)
            }
            Ok(None) | Err(_) => None,
        };
        let Some(usage) = settled else {
            self.again_soon(at);
            self.collect_at = self.not_before;
            return;
        };
        ended.usage = UsageState::Settled(usage);
        self.logs.look_again();
        self.collect_at = at.now;
    }

    fn finish(&mut self, at: &Moment<'_>) {
        let Phase::Ended(Ended {
            usage: UsageState::Settled(usage),
            seen_at,
            ..
        }) = &self.phase
        else {
            return;
        };
        let late = is_past(*seen_at, at.config.logs_give_up, at.now);
        let unread = self.logs.backlog() > 0;
        if self.logs.are_read(at.config.max_log_bytes) || (late && !unread) {
            let usage = usage.clone();
            self.close(AttemptReport::Usage {
                attempt: self.id(),
                usage,
            });
        }
    }
}

fn is_past(since: Timestamp, wait: std::time::Duration, now: Timestamp) -> bool {
    now >= after(since, wait)
}
