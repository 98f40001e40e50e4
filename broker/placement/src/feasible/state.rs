use broker_model::{Clause, Entrance, JobSpec, SiteReadiness, SystemStatus};

use super::Against;
use crate::spot::{Heard, Spot};

pub(super) fn check(spec: &JobSpec, spot: &Spot<'_>, against: &mut Against) {
    match spot.system.status {
        SystemStatus::Operational => {}
        SystemStatus::Installing => not_yet("being installed", against),
        SystemStatus::Contracted => not_yet("contracted", against),
        SystemStatus::Planned => not_yet("planned", against),
        SystemStatus::Retired => {
            against.for_good(Clause::SystemStatus, "the system is out of operation");
        }
    }
    if spot.entrance == Entrance::Handoff {
        check_route(spec, spot, against);
    }
    // What a person carries to the site needs no agent there, so its silence is no matter.
    let unheard = spot.site_state.readiness == SiteReadiness::Unknown;
    if unheard && spot.entrance == Entrance::Handoff {
        return;
    }
    if let Some(words) = site_words(&spot.site_state) {
        against.for_now(Clause::SiteState, words);
    }
    let Some(seen) = spot.snapshot else { return };
    match seen.partition {
        None => against.for_now(
            Clause::PartitionState,
            "the site's scheduler does not tell of this partition",
        ),
        Some(live) if !live.accepting => {
            against.for_now(Clause::PartitionState, "it takes no new jobs now");
        }
        Some(_) => {}
    }
}

/// A job is prepared as a batch script, and only of these dialects.
fn check_route(spec: &JobSpec, spot: &Spot<'_>, against: &mut Against) {
    if spec.array.is_some() || !spec.after.is_empty() {
        against.for_good(
            Clause::Automation,
            "jobs are carried there one by one; no array, and none that waits for others",
        );
    }
    let scheduler = spot.system.scheduler.as_deref();
    if !matches!(scheduler, Some("slurm" | "pbs")) {
        against.for_good(
            Clause::Automation,
            format!(
                "jobs are handed in there as a script for Slurm or PBS, and the scheduler is {}",
                scheduler.unwrap_or("not known")
            ),
        );
    }
}

fn not_yet(stage: &str, against: &mut Against) {
    against.for_good(
        Clause::SystemStatus,
        format!("the system is {stage}, not yet in operation"),
    );
}

fn site_words(heard: &Heard<'_>) -> Option<String> {
    let words = match heard.readiness {
        SiteReadiness::Ready | SiteReadiness::Limited => return None,
        SiteReadiness::Unknown if heard.ever => {
            return Some("the site has fallen silent".to_owned());
        }
        SiteReadiness::Unknown => return Some("the site was never heard of".to_owned()),
        SiteReadiness::Draining => "the site takes no new jobs",
        SiteReadiness::Unavailable => "the site is unavailable",
    };
    Some(match heard.reason {
        Some(reason) => format!("{words}: {reason}"),
        None => words.to_owned(),
    })
}
