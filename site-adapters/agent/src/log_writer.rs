//! Logs that hold nobody up: a standard error that nobody reads must not stop a loop.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, Registry};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that may wait for standard error; more are dropped and counted.
const WAITING: usize = 8_192;

/// Where log lines go, and how many were dropped. Dropping it writes what still waits, for up to a
/// second.
#[derive(Debug)]
pub struct LogWriter {
    dropped: ErrorCounter,
    writer: NonBlocking,
    _flush: WorkerGuard,
}

impl LogWriter {
    /// Writes to standard error from a thread of its own.
    pub fn to_stderr() -> Self {
        Self::to(std::io::stderr())
    }

    /// Writes from a thread of its own to whatever it is given.
    pub fn to(out: impl std::io::Write + Send + 'static) -> Self {
        let (writer, flush) = NonBlockingBuilder::default()
            .buffered_lines_limit(WAITING)
            .lossy(true)
            .thread_name("log")
            .finish(out);
        Self {
            dropped: writer.error_counter(),
            writer,
            _flush: flush,
        }
    }

    /// For `with_writer` of a subscriber.
    pub fn writer(&self) -> NonBlocking {
        self.writer.clone()
    }

    /// Counts dropped lines as `alcyone_log_lines_dropped_total`.
    pub fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        let name = "alcyone_log_lines_dropped_total";
        let help = "Log lines that were dropped because standard error was not read fast enough.";
        registry.register(Box::new(Dropped {
            lines: self.dropped.clone(),
            counter: IntCounter::new(name, help)?,
        }))
    }
}

struct Dropped {
    lines: ErrorCounter,
    counter: IntCounter,
}

impl Collector for Dropped {
    fn desc(&self) -> Vec<&Desc> {
        self.counter.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let dropped = self.lines.dropped_lines() as u64;
        self.counter
            .inc_by(dropped.saturating_sub(self.counter.get()));
        self.counter.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// A standard error that nobody reads until the sender goes.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.recv().ok();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_standard_error_that_nobody_reads_stops_nobody_and_dropped_lines_are_counted() {
        let (release, stuck) = channel();
        let log = LogWriter::to(Stuck(stuck));
        let registry = Registry::new();
        log.register(&registry).unwrap();
        let mut writer = log.writer();
        for _ in 0..WAITING * 2 {
            writer.write_all(b"a line\n").unwrap();
        }
        let told = prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        let count = told.lines().find(|line| !line.starts_with('#')).unwrap();
        let count: usize = count.rsplit(' ').next().unwrap().parse().unwrap();
        assert!((WAITING - 2..=WAITING).contains(&count), "{told}");
        drop(release);
    }
}
