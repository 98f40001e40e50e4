use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use site_adapter::LinkError;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Agent;
use crate::backoff::{delay, spread};
use crate::state::Lane;

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
        let all = async { tokio::join!(work, self.report_loop(&silent)) };
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
            let asked = Instant::now();
            let answer = tokio::select! {
                () = shutdown.cancelled() => return,
                answer = self.lease_once(wait) => answer,
            };
            let pause = match answer {
                Ok(news) => {
                    failures = 0;
                    // A broker that answers at once with what is known already must not be asked
                    // in a circle.
                    let held = asked.elapsed() >= self.config.tick;
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

    async fn lane_loop(&self, lane: Lane, shutdown: &CancellationToken) {
        let mut running = FuturesUnordered::new();
        while !shutdown.is_cancelled() {
            let free = self.config.max_calls.saturating_sub(running.len());
            for (guard, due) in self.take_due(lane, free) {
                running.push(self.work_on(guard, due));
            }
            let active = self.state().is_active(lane);
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
            failures = if self.poll_once().await {
                0
            } else {
                failures + 1
            };
        }
    }

    async fn snapshot_loop(&self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            self.snapshot_once().await;
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.wake.snapshot.notified() => pause_or(shutdown, self.config.tick).await,
                () = tokio::time::sleep(self.config.snapshot_every) => {}
            }
        }
    }

    async fn report_loop(&self, silent: &CancellationToken) {
        let mut failures = 0;
        while !silent.is_cancelled() {
            tokio::select! {
                () = silent.cancelled() => {}
                () = self.report_due() => {}
            }
            let pause = match self.report_once().await {
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
            let now = self.now();
            let (ready, renewal) = {
                let state = self.state();
                (state.has_report(now), state.next_renewal())
            };
            if ready {
                return;
            }
            let wait = renewal
                .map(|due| Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO));
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
            LinkError::Unauthorized(_) | LinkError::Refused(_) => max,
        };
        *failures = failures.saturating_add(1);
        tracing::warn!(call, %error, pause_ms = pause.as_millis(), "the broker did not answer");
        pause
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
