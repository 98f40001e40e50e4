//! What the broker does by itself. Each `*_once` is idempotent, takes no input and may run in any
//! number of replicas; [`run`] calls them on a timer and on a nudge.

mod hearing;
mod lapse;
mod lost;
mod place;
mod seal;
mod sites;
mod sweep;

use std::time::Duration;

use futures::future::{join, join5};
use tokio::time::{Interval, MissedTickBehavior, timeout};

pub(crate) use hearing::Hearing;
pub(crate) use lost::Judged;
pub(crate) use seal::fetch;
pub use seal::{SealError, Sealer};

use crate::Broker;

const EVERY: Duration = Duration::from_secs(1);
const SEAL_EVERY: Duration = Duration::from_millis(500);
const SWEEP_EVERY: Duration = Duration::from_mins(1);
const RETAIN_EVERY: Duration = Duration::from_hours(1);

/// Runs every loop until the future is dropped. A failure is logged and the loop goes on: the next
/// round is the retry.
pub async fn run(broker: Broker, sealer: Sealer) {
    let working = join5(
        Box::pin(placing(&broker)),
        sealing(&broker, &sealer),
        listening(&broker),
        Box::pin(sweeping(&broker)),
        lapsing(&broker),
    );
    join(working, Box::pin(retaining(&broker))).await;
}

async fn placing(broker: &Broker) {
    loop {
        let _ = timeout(EVERY, broker.nudges().pending_job()).await;
        report(
            broker.place_pending_once().await,
            "placing pending jobs failed",
        );
    }
}

async fn sealing(broker: &Broker, sealer: &Sealer) {
    let mut pace = paced(SEAL_EVERY);
    loop {
        pace.tick().await;
        let _ = timeout(SWEEP_EVERY, broker.nudges().unsealed_entry()).await;
        report(broker.seal_once(sealer).await, "sealing the ledger failed");
    }
}

async fn listening(broker: &Broker) {
    let mut pace = paced(EVERY);
    loop {
        pace.tick().await;
        report(broker.listen_once().await, "listening to the sites failed");
    }
}

async fn sweeping(broker: &Broker) {
    let mut pace = paced(SWEEP_EVERY);
    loop {
        pace.tick().await;
        report(
            broker.enter_failed_logins_once().await,
            "entering the failed sign-ins failed",
        );
        report(
            broker.expire_confirmations_once().await,
            "ending what waits for sites too long failed",
        );
        report(
            broker.remind_once().await,
            "reminding of what is owed failed",
        );
        report(
            broker.cancel_vetoed_once().await,
            "cancelling what waits of vetoed grants failed",
        );
        report(
            broker.sweep_once().await,
            "forgetting old keys and sessions failed",
        );
    }
}

async fn retaining(broker: &Broker) {
    let mut pace = paced(RETAIN_EVERY);
    loop {
        pace.tick().await;
        report(
            broker.retain_once().await,
            "letting go what was kept for its time failed",
        );
    }
}

async fn lapsing(broker: &Broker) {
    let mut pace = paced(SWEEP_EVERY);
    loop {
        pace.tick().await;
        report(
            broker.lapse_once().await,
            "declaring unused hours lost failed",
        );
    }
}

/// Keeps its distance after a long round or wait, too, instead of making up for missed ticks.
fn paced(every: Duration) -> Interval {
    let mut pace = tokio::time::interval(every);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

fn report<T, E: std::fmt::Display>(result: Result<T, E>, message: &'static str) {
    if let Err(error) = result {
        tracing::warn!(%error, "{message}");
    }
}
