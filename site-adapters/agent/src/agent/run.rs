use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use site_adapter::LinkError;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Agent;
use crate::backoff::{delay, long_pause, spread};
use crate::pulse::Loop;
use crate::state::Lane;

/// Asks the file system whether the site is being drained no more often than this.
const DRAIN_LOOK: Duration = Duration::from_secs(1);

impl Agent {
    /// Works until the token is cancelled, then finishes the calls and the report in flight. Jobs go
    /// on at the site; the next agent finds them.
    pub async fn run(&self, shutdown: CancellationToken) {
        tracing::info!(agent.id = %self.config.id, site.id = %self.config.site, "agent started");
        let silent = CancellationToken::new();
        let work = async {
            tokio::join!(
                self.lease_loop(&shutdown),
                self.lane_loop(Lane::Calls, &shutdown),
                self.lane_loop(Lane::Collect, &shutdown),
                self.poll_loop(&shutdown),
                self.snapshot_loop(&shutdown),
            );
            silent.cancel();
        };
        let written = CancellationToken::new();
        let told = async {
            tokio::join!(work, self.report_loop(&silent));
            written.cancel();
        };
        let all = async { tokio::join!(told, self.spool_loop(&written)) };
        let grace = async {
            shutdown.cancelled().await;
            tokio::time::sleep(self.config.shutdown_grace).await;
        };
        tokio::select! {
            _ = all => tracing::info!("agent stopped"),
            () = grace => tracing::warn!("agent stopped with calls under way; the next one looks them up"),
        }
    }

    async fn lease_loop(&self, shutdown: &CancellationToken) {
        let wait = u32::try_from(self.config.lease_wait.as_secs()).unwrap_or(u32::MAX);
        let mut failures = 0;
        while !shutdown.is_cancelled() {
            self.pulses.begins(Loop::Lease, self.now());
            // What waits to be sent goes first. The broker is asked even so, for what to stop.
            if self.room_for_unsent() == 0 {
                tokio::select! {
                    () = pause_or(shutdown, self.config.lease_wait) => {}
                    () = self.room() => {}
                }
            }
            let asked = Instant::now();
            let answer = tokio::select! {
                () = shutdown.cancelled() => return,
                answer = self.lease_once(self.lease_wait(wait)) => answer,
            };
            self.pulses.ends(Loop::Lease, self.now(), answer.is_ok());
            let pause = match answer {
                Ok(news) => {
                    failures = 0;
                    // A broker that answers at once with what is known already must not be asked
                    // in a circle.
                    let whole = Duration::from_secs(self.lease_wait(wait).into());
                    let whole = whole.saturating_sub(self.config.tick);
                    let held = asked.elapsed() >= whole.max(self.config.tick);
                    if news > 0 || held {
                        Duration::ZERO
                    } else {
                        // So it is when a replica ends and answers all who wait at one moment.
                        self.config.tick + spread(self.config.retry_min, self.config.retry_max, 0)
                    }
                }
                Err(error) => self.link_failed("lease", &error, &mut failures),
            };
            pause_or(shutdown, pause).await;
        }
    }

    /// The broker holds no request that asks for nothing.
    fn lease_wait(&self, wait: u32) -> u32 {
        if self.room_for_unsent() == 0 { 0 } else { wait }
    }

    async fn room(&self) {
        while self.room_for_unsent() <= self.config.max_unsent / 2 {
            self.wake.lease.notified().await;
        }
    }

    async fn lane_loop(&self, lane: Lane, shutdown: &CancellationToken) {
        let mut running = FuturesUnordered::new();
        while !shutdown.is_cancelled() {
            let free = self.config.max_calls.saturating_sub(running.len());
            for (guard, due) in self.take_due(lane, free) {
                running.push(self.work_on(guard, due));
            }
            let active = self.state().is_active(lane);
            let turn = loop_of(lane);
            if active || !running.is_empty() {
                self.pulses.begins(turn, self.now());
                self.pulses.ends(turn, self.now(), true);
            } else {
                self.pulses.rests(turn, self.now());
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(()) = running.next(), if !running.is_empty() => {}
                () = self.waker(lane).notified() => {}
                () = tokio::time::sleep(self.config.tick), if active => {}
            }
        }
        while running.next().await.is_some() {}
    }

    fn waker(&self, lane: Lane) -> &Notify {
        match lane {
            Lane::Calls => &self.wake.calls,
            Lane::Collect => &self.wake.collect,
        }
    }

    async fn poll_loop(&self, shutdown: &CancellationToken) {
        let mut failures = 0;
        while !shutdown.is_cancelled() {
            if !self.state().has_live() {
                self.pulses.rests(Loop::Poll, self.now());
                wait_or(shutdown, &self.wake.poll).await;
                continue;
            }
            let wait = if failures == 0 {
                self.config.tick
            } else {
                let least = self.config.tick;
                delay(
                    least,
                    self.config.retry_max.max(least),
                    failures,
                    self.seed(),
                )
            };
            pause_or(shutdown, wait).await;
            if shutdown.is_cancelled() {
                return;
            }
            self.pulses.begins(Loop::Poll, self.now());
            let answered = self.poll_once().await;
            self.pulses.ends(Loop::Poll, self.now(), answered);
            failures = if answered { 0 } else { failures + 1 };
        }
    }

    async fn snapshot_loop(&self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            self.pulses.begins(Loop::Snapshot, self.now());
            let answered = self.snapshot_once().await;
            self.pulses.ends(Loop::Snapshot, self.now(), answered);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.wake.snapshot.notified() => pause_or(shutdown, self.config.tick).await,
                () = self.drain_begins_or_ends() => {}
                () = tokio::time::sleep(self.config.snapshot_every) => {}
            }
        }
    }

    async fn drain_begins_or_ends(&self) {
        loop {
            tokio::time::sleep(self.config.tick.max(DRAIN_LOOK)).await;
            if self.drain_changed().await {
                return;
            }
        }
    }

    async fn spool_loop(&self, written: &CancellationToken) {
        while !written.is_cancelled() {
            self.pulses.begins(Loop::Spool, self.now());
            let well = self.spool_once().await;
            self.pulses.ends(Loop::Spool, self.now(), well);
            if well {
                self.pulses.rests(Loop::Spool, self.now());
                wait_or(written, &self.wake.spool).await;
            } else {
                pause_or(written, self.config.retry_max).await;
            }
        }
        self.spool_once().await;
    }

    async fn report_loop(&self, silent: &CancellationToken) {
        let mut failures = 0;
        while !silent.is_cancelled() {
            self.pulses.rests(Loop::Report, self.now());
            tokio::select! {
                () = silent.cancelled() => {}
                () = self.report_due() => {}
            }
            self.pulses.begins(Loop::Report, self.now());
            let answer = self.report_once().await;
            self.pulses.ends(Loop::Report, self.now(), answer.is_ok());
            let pause = match answer {
                Ok(_) => {
                    failures = 0;
                    continue;
                }
                // What is refused waits by itself; the rest goes on at once.
                Err(LinkError::Refused(_)) => self.config.tick,
                Err(error) => self.link_failed("report", &error, &mut failures),
            };
            pause_or(silent, pause).await;
        }
    }

    async fn report_due(&self) {
        loop {
            let at = self.moment();
            let (ready, renewal) = {
                let state = self.state();
                (state.has_report(&at), state.next_renewal())
            };
            if ready {
                return;
            }
            let left = |due: Timestamp| Duration::try_from(due.duration_since(at.steady));
            let wait = renewal.map(|due| left(due).unwrap_or(Duration::ZERO));
            tokio::select! {
                () = self.wake.report.notified() => {}
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
            }
        }
    }

    fn link_failed(&self, call: &'static str, error: &LinkError, failures: &mut u32) -> Duration {
        let max = self.config.retry_max;
        let spread = spread(self.config.retry_min, max, *failures);
        let pause = match error {
            LinkError::Unreachable(_) => spread,
            // Everybody is told the same time.
            LinkError::Busy { retry_after, .. } => *retry_after + spread,
            LinkError::Unauthorized(_) | LinkError::Refused(_) => long_pause(max),
        };
        *failures = failures.saturating_add(1);
        tracing::warn!(call, %error, pause_ms = pause.as_millis(), "the broker did not answer");
        pause
    }
}

const fn loop_of(lane: Lane) -> Loop {
    match lane {
        Lane::Calls => Loop::Calls,
        Lane::Collect => Loop::Collect,
    }
}

async fn pause_or(shutdown: &CancellationToken, pause: Duration) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(pause) => {}
    }
}

async fn wait_or(shutdown: &CancellationToken, wake: &Notify) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = wake.notified() => {}
    }
}
