use broker_model::AttemptId;
use site_adapter::{LogChunk, LogStream, Result};

use crate::attempt::Moment;

/// Both logs of a job. At most one chunk of each is in memory.
#[derive(Debug)]
pub(crate) struct Logs {
    streams: [(LogStream, Stream); 2],
}

#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that hold beside each other"
)]
struct Stream {
    /// How far the broker has it.
    stored: u64,
    /// In memory, from `stored` on.
    pending: Vec<u8>,
    /// In the spool, from `stored` on; what is pending is part of it when it came from there.
    kept: u64,
    /// The spool has a file of it.
    has_file: bool,
    /// How far it was ever read.
    known: u64,
    /// The last read came back empty.
    at_end: bool,
    /// The spool takes no more of it until the broker is back.
    full: bool,
    /// The rest is gone, and its last line says so.
    cut: bool,
}

/// Where the next piece of a log comes from, or goes to.
#[derive(Debug)]
pub(crate) enum Fetch {
    /// From the site; into the spool if the broker is away.
    Site {
        offset: u64,
        keep: bool,
    },
    Spool {
        offset: u64,
    },
    /// From memory into the spool.
    Move {
        offset: u64,
        bytes: Vec<u8>,
    },
}

#[derive(Debug)]
pub(crate) enum Got {
    Read(Result<Vec<u8>>),
    Loaded(std::io::Result<Vec<u8>>),
    /// The spool has it up to here.
    Kept {
        end: u64,
    },
    /// The spool did not take this.
    Full(Vec<u8>),
}

impl Stream {
    fn read_at(&self) -> u64 {
        let here = self.kept.max(self.pending.len() as u64);
        self.stored.saturating_add(here)
    }

    fn wanted(&self, at: &Moment<'_>, room: bool, is_over: bool) -> Option<Fetch> {
        if !self.pending.is_empty() {
            return at.broker_away.then(|| self.move_out()).flatten();
        }
        if self.kept > 0 && !at.broker_away {
            let offset = self.stored;
            return room.then_some(Fetch::Spool { offset });
        }
        let offset = self.read_at();
        let done = self.cut || (is_over && self.at_end) || offset >= at.config.max_log_bytes;
        let takes = if at.broker_away { !self.full } else { room };
        (takes && !done).then_some(Fetch::Site {
            offset,
            keep: at.broker_away,
        })
    }

    fn move_out(&self) -> Option<Fetch> {
        let kept = usize::try_from(self.kept).ok()?;
        let bytes = self.pending.get(kept..).unwrap_or_default().to_vec();
        (!self.full).then_some(Fetch::Move {
            offset: self
                .stored
                .saturating_add(self.kept.min(self.pending.len() as u64)),
            bytes,
        })
    }

    fn got(&mut self, got: Got, late: bool) {
        match got {
            Got::Read(Ok(bytes)) if bytes.is_empty() => self.ended_at_site(late),
            Got::Read(Ok(bytes)) => self.read(bytes),
            Got::Read(Err(_)) if late && self.known > self.read_at() => self.cut(),
            Got::Read(Err(_)) => {}
            Got::Loaded(Ok(bytes)) => self.pending = bytes,
            // It made room for events: what the site still has is read again.
            Got::Loaded(Err(_)) => (self.kept, self.at_end) = (0, false),
            Got::Kept { end } => {
                self.has_file = true;
                self.known = self.known.max(end);
                self.at_end = false;
                self.kept = end.saturating_sub(self.stored).max(self.kept);
                if self.pending.len() as u64 <= self.kept {
                    self.pending = Vec::new();
                }
            }
            Got::Full(bytes) => {
                self.full = true;
                if self.pending.is_empty() && self.kept == 0 {
                    self.read(bytes);
                }
            }
        }
    }

    fn read(&mut self, bytes: Vec<u8>) {
        self.known = self
            .known
            .max(self.stored.saturating_add(bytes.len() as u64));
        self.at_end = bytes.is_empty();
        self.pending = bytes;
    }

    fn ended_at_site(&mut self, late: bool) {
        let is_short = self.read_at() < self.known;
        self.at_end = !is_short;
        if is_short && late {
            self.cut();
        }
    }

    /// What was read once, was dropped for want of room, and is no longer at the site: said in the
    /// log itself.
    fn cut(&mut self) {
        let lost = self.known.saturating_sub(self.read_at());
        let words = format!(
            "\n[{lost} bytes of this log are missing here: the broker was away, the agent's spool was \
             full, and the site does not have them any more]\n"
        );
        self.cut = true;
        self.at_end = true;
        self.kept = 0;
        self.pending = words.into_bytes();
    }

    fn stored(&mut self, bytes: usize) {
        self.stored = self.stored.saturating_add(bytes as u64);
        self.kept = self.kept.saturating_sub(bytes as u64);
        self.full = false;
        self.pending.drain(..bytes.min(self.pending.len()));
        if self.pending.is_empty() {
            self.pending = Vec::new();
        }
    }

    /// The broker says how far it has it.
    fn rebase(&mut self, offset: u64) {
        let ahead = offset.checked_sub(self.stored).filter(|ahead| {
            let here = self.kept.max(self.pending.len() as u64);
            *ahead <= here
        });
        if let Some(ahead) = ahead.and_then(|ahead| usize::try_from(ahead).ok()) {
            self.stored(ahead);
            return;
        }
        self.stored = offset;
        self.kept = 0;
        self.pending = Vec::new();
        self.at_end = false;
    }

    const fn is_read(&self, max_bytes: u64) -> bool {
        let nothing_waits = self.pending.is_empty() && self.kept == 0;
        nothing_waits && (self.at_end || self.cut || self.stored >= max_bytes)
    }
}

impl Logs {
    pub(in crate::attempt) fn from_offsets(stdout: u64, stderr: u64) -> Self {
        let stream = |stored| Stream {
            stored,
            known: stored,
            ..Stream::default()
        };
        Self {
            streams: [
                (LogStream::Stdout, stream(stdout)),
                (LogStream::Stderr, stream(stderr)),
            ],
        }
    }

    pub(in crate::attempt) fn offsets(&self) -> (u64, u64) {
        let [(_, stdout), (_, stderr)] = &self.streams;
        (stdout.stored, stderr.stored)
    }

    /// The spool has bytes of a log from before a restart.
    pub(crate) fn restored(&mut self, stream: LogStream, from: u64, to: u64) {
        let Some(state) = self.stream(stream) else {
            return;
        };
        state.has_file = true;
        if (from..=to).contains(&state.stored) || state.stored < from {
            state.stored = state.stored.max(from);
            state.kept = to - state.stored;
            state.known = to;
        }
    }

    pub(in crate::attempt) fn rebase(&mut self, stdout: u64, stderr: u64) {
        for (stream, offset) in [(LogStream::Stdout, stdout), (LogStream::Stderr, stderr)] {
            if let Some(state) = self.stream(stream) {
                state.rebase(offset);
            }
        }
    }

    fn stream(&mut self, wanted: LogStream) -> Option<&mut Stream> {
        let mut streams = self.streams.iter_mut();
        streams
            .find(|(stream, _)| *stream == wanted)
            .map(|(_, state)| state)
    }

    /// `is_over`: the job has ended and nothing more is written.
    pub(super) fn wanted(
        &self,
        at: &Moment<'_>,
        room: bool,
        is_over: bool,
    ) -> Vec<(LogStream, Fetch)> {
        let streams = self.streams.iter();
        streams
            .filter_map(|(stream, state)| Some((*stream, state.wanted(at, room, is_over)?)))
            .collect()
    }

    /// `late`: the job ended so long ago that what the site does not show now it never will.
    pub(super) fn got(&mut self, stream: LogStream, got: Got, late: bool) {
        if let Some(state) = self.stream(stream) {
            state.got(got, late);
        }
    }

    pub(in crate::attempt) fn stored(&mut self, stream: LogStream, bytes: usize) {
        if let Some(state) = self.stream(stream) {
            state.stored(bytes);
        }
    }

    /// Files of the spool of which the broker has everything up to an offset.
    pub(crate) fn taken_files(&mut self) -> Vec<(LogStream, u64)> {
        let mut taken = Vec::new();
        for (stream, state) in &mut self.streams {
            if state.has_file && state.kept == 0 {
                state.has_file = false;
                taken.push((*stream, state.stored));
            }
        }
        taken
    }

    pub(in crate::attempt) fn chunks(
        &self,
        attempt: AttemptId,
    ) -> impl Iterator<Item = LogChunk> + '_ {
        let waiting = self.streams.iter().filter(|(_, s)| !s.pending.is_empty());
        waiting.map(move |(stream, state)| LogChunk {
            attempt,
            stream: *stream,
            offset: state.stored,
            bytes: state.pending.clone(),
        })
    }

    pub(in crate::attempt) fn backlog(&self) -> usize {
        self.streams.iter().map(|(_, s)| s.pending.len()).sum()
    }

    pub(super) fn look_again(&mut self) {
        for (_, state) in &mut self.streams {
            state.at_end = false;
        }
    }

    pub(super) fn are_read(&self, max_bytes: u64) -> bool {
        self.streams.iter().all(|(_, s)| s.is_read(max_bytes))
    }

    /// Nothing waits for the broker, and nothing that was read is missing.
    pub(super) fn are_idle(&self) -> bool {
        let idle = |s: &Stream| s.pending.is_empty() && s.kept == 0 && s.known <= s.stored;
        self.streams.iter().all(|(_, s)| idle(s))
    }
}
