//! The load, on one thread of its own with a runtime of its own, so that it takes no worker of the
//! server's.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures::future::try_join_all;

use crate::client::Connection;
use crate::latency::Latencies;

/// Writes request number so and so into an empty buffer.
pub(crate) type Requests = Arc<dyn Fn(u64, &mut Vec<u8>) + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Drive {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Requests,
    pub(crate) connections: usize,
    /// The only status that counts; another one ends the run with what was answered.
    pub(crate) expected: u16,
}

impl fmt::Debug for Drive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drive")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Driven {
    pub(crate) per_second: f64,
    pub(crate) latencies: Latencies,
    /// Processor time of this whole process, server and load, for one answer: what a busy neighbour
    /// on the machine changes least. A PostgreSQL server's is not in it.
    pub(crate) cpu: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Pace {
    /// The next request follows the answer to the last.
    Closed,
    /// Requests are due at fixed times, whatever became of those before. A latency counts from when
    /// its request was due: waiting for a free connection is waiting for the server.
    Every(Duration),
}

/// The same requests over and over.
pub(crate) fn repeat(all: Vec<Vec<u8>>) -> Requests {
    Arc::new(move |number, request| {
        let at = usize::try_from(number)
            .unwrap_or(0)
            .checked_rem(all.len())
            .unwrap_or(0);
        request.extend_from_slice(all.get(at).map_or(&[], Vec::as_slice));
    })
}

impl Drive {
    /// As fast as the connections allow.
    pub(crate) async fn closed(&self, time: Duration) -> anyhow::Result<Driven> {
        self.run(time, Pace::Closed).await
    }

    /// So many a second, evenly.
    pub(crate) async fn paced(&self, time: Duration, per_second: f64) -> anyhow::Result<Driven> {
        self.run(
            time,
            Pace::Every(Duration::from_secs_f64(1.0 / per_second.max(1.0))),
        )
        .await
    }

    async fn run(&self, time: Duration, pace: Pace) -> anyhow::Result<Driven> {
        let drive = self.clone();
        on_own_thread(move || async move { drive.all(time, pace).await }).await
    }

    async fn all(self, time: Duration, pace: Pace) -> anyhow::Result<Driven> {
        let open = (0..self.connections).map(|_| Connection::open(self.address));
        let connections = try_join_all(open).await?;
        let (begin, cpu) = (Instant::now(), cpu_time());
        let run = Arc::new(Run {
            drive: self,
            pace,
            begin,
            end: begin + time,
            next: AtomicU64::new(0),
        });
        let tasks = connections.into_iter().map(|connection| {
            let run = Arc::clone(&run);
            tokio::spawn(async move { run.one_connection(connection).await })
        });
        let tasks: Vec<_> = tasks.collect();
        let mut latencies = Latencies::default();
        for task in tasks {
            latencies.join(task.await??);
        }
        let count = latencies.count().max(1);
        Ok(Driven {
            per_second: as_f64(count as u64) / begin.elapsed().as_secs_f64(),
            cpu: cpu_time().saturating_sub(cpu) / u32::try_from(count).unwrap_or(u32::MAX),
            latencies,
        })
    }
}

struct Run {
    drive: Drive,
    pace: Pace,
    begin: Instant,
    end: Instant,
    next: AtomicU64,
}

impl Run {
    async fn one_connection(&self, mut connection: Connection) -> anyhow::Result<Latencies> {
        let mut latencies = Latencies::default();
        let mut request = Vec::with_capacity(4096);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let due = self.due(number);
            if due >= self.end {
                return Ok(latencies);
            }
            if due > Instant::now() {
                tokio::time::sleep_until(due.into()).await;
            }
            request.clear();
            (self.drive.requests)(number, &mut request);
            let answer = connection.exchange(&request).await?;
            if answer.status != self.drive.expected {
                let body: String = String::from_utf8_lossy(answer.body)
                    .chars()
                    .take(400)
                    .collect();
                bail!(
                    "expected {}, got {}: {body}",
                    self.drive.expected,
                    answer.status
                );
            }
            latencies.note(due.elapsed());
        }
    }

    fn due(&self, number: u64) -> Instant {
        match self.pace {
            Pace::Closed => Instant::now(),
            Pace::Every(interval) => self.begin + interval.mul_f64(as_f64(number)),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the number of a request in one run"
)]
fn as_f64(number: u64) -> f64 {
    number as f64
}

async fn on_own_thread<T, F>(make: impl FnOnce() -> F + Send + 'static) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>>,
{
    let (done, answer) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("load".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let result = match runtime {
                Ok(runtime) => runtime.block_on(make()),
                Err(error) => Err(error.into()),
            };
            let _ = done.send(result);
        })?;
    answer.await.context("the load's thread is gone")?
}

/// What this process has used of the processors so far: `utime` and `stime` of proc(5), in ticks of
/// which Linux shows a hundred a second.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |at: usize| after_name.split_whitespace().nth(at)?.parse::<u64>().ok();
    Duration::from_millis(10 * (ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0)))
}
