//! When a job would start, from what the site last told and nothing else.
//!
//! A first estimate, and one that never turns round: with more nodes free it is never later, with a
//! longer queue never earlier.

use std::fmt::Write as _;

use broker_model::{Entrance, Forecast, PartitionSnapshot, Resources};
use jiff::Timestamp;

use crate::spot::Spot;

/// From the placement to the start on free nodes: an agent's lease and a turn of the scheduler.
pub const START_SECONDS: u64 = 60;

/// Assumed where a site told nothing: a day, so that a site that tells goes first if it is not full.
pub const NO_SNAPSHOT_SECONDS: u64 = 86_400;

/// The scheduler looks at every queued job first.
const LOOK_SECONDS: u64 = 5;

/// Without free nodes something must end first, even when no backlog is told.
const NEXT_END_SECONDS: u64 = 900;

/// How long a job runs on when the site does not tell: half of a usual limit of eight hours.
const USUAL_RUN_SECONDS: u64 = 4 * 3600;

/// Assumed where a site does not say how long its people take to confirm a job.
///
/// A few working days, so that it goes behind every site that is not much busier, and is taken all
/// the same when it is asked for or the others are full (decision 12).
pub const CONFIRMATION_DAYS: u32 = 3;

/// Assumed until somebody has carried a job to a site by its own route.
pub const HANDOFF_DAYS: u32 = 1;

const DAY_SECONDS: u64 = 86_400;

/// The wait in the scheduler's queue, and before it the one for a person where it takes one.
pub(crate) fn forecast(now: Timestamp, resources: &Resources, spot: &Spot<'_>) -> Forecast {
    let mut forecast = in_queue(now, resources, spot);
    let days = match spot.entrance {
        Entrance::Agent => return forecast,
        Entrance::Confirmation => {
            let told = spot.site.confirmation_days;
            let days = told.unwrap_or(CONFIRMATION_DAYS);
            let known = if told.is_some() { "told" } else { "assumed" };
            let _ = write!(
                forecast.basis,
                ", a person of the site confirms each job, {} for that {known}",
                days_words(days)
            );
            days
        }
        Entrance::Handoff => {
            let _ = write!(
                forecast.basis,
                ", somebody hands it in by the site's own route, {} for that assumed",
                days_words(HANDOFF_DAYS)
            );
            HANDOFF_DAYS
        }
    };
    let person = u64::from(days).saturating_mul(DAY_SECONDS);
    forecast.wait_seconds = forecast.wait_seconds.saturating_add(person);
    forecast
}

fn days_words(days: u32) -> String {
    match days {
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

fn in_queue(now: Timestamp, resources: &Resources, spot: &Spot<'_>) -> Forecast {
    let seen = spot
        .snapshot
        .and_then(|seen| Some((seen.observed_at, seen.partition?)));
    let Some((observed_at, live)) = seen else {
        return Forecast {
            wait_seconds: NO_SNAPSHOT_SECONDS,
            basis: "no snapshot, a day is assumed".to_owned(),
            observed_at: now,
        };
    };
    let ready = START_SECONDS.saturating_add(u64::from(live.jobs_queued) * LOOK_SECONDS);
    let mut basis = free_words(resources, spot, live);
    let wait_seconds = if fits_now(resources, spot, live) {
        ready
    } else {
        ready.saturating_add(busy_seconds(live, &mut basis))
    };
    Forecast {
        wait_seconds,
        basis,
        observed_at,
    }
}

fn fits_now(resources: &Resources, spot: &Spot<'_>, live: &PartitionSnapshot) -> bool {
    live.nodes_free >= resources.nodes || shares_a_node(resources, spot, live)
}

/// Whether the job may go beside others on one node whose GPUs are not all taken.
fn shares_a_node(resources: &Resources, spot: &Spot<'_>, live: &PartitionSnapshot) -> bool {
    let asked = resources
        .gpus_per_node
        .saturating_mul(spot.partition.scheduler_gpus_per_gpu);
    !spot.partition.exclusive && resources.nodes == 1 && asked > 0 && live.gpus_free >= asked
}

/// Time until enough running and queued jobs are through, and into `basis` how that is known.
fn busy_seconds(live: &PartitionSnapshot, basis: &mut String) -> u64 {
    let seconds = if let Some(backlog) = live.backlog_node_seconds {
        let _ = write!(basis, ", {} node-hours to go", backlog / 3600);
        backlog / u64::from(live.nodes_total.max(1))
    } else {
        let _ = write!(
            basis,
            ", {} jobs running for 4h each is assumed",
            live.jobs_running
        );
        let turns = u64::from(live.jobs_queued) + 1;
        turns * USUAL_RUN_SECONDS / u64::from(live.jobs_running.max(1))
    };
    seconds.max(NEXT_END_SECONDS)
}

fn free_words(resources: &Resources, spot: &Spot<'_>, live: &PartitionSnapshot) -> String {
    let by_gpus = live.nodes_free < resources.nodes && shares_a_node(resources, spot, live);
    let (free, total, what) = if by_gpus {
        (live.gpus_free, live.gpus_total, "GPUs")
    } else {
        (live.nodes_free, live.nodes_total, "nodes")
    };
    match live.jobs_queued {
        0 => format!("{free} of {total} {what} free"),
        1 => format!("{free} of {total} {what} free, 1 job queued"),
        queued => format!("{free} of {total} {what} free, {queued} jobs queued"),
    }
}
