use broker_model::{Clause, Entrance, JobSpec, SiteReadiness, SystemStatus};

use super::Against;
use crate::spot::{Heard, Spot};

pub(super) fn check(spec: &JobSpec, spot: &Spot<'_>, against: &mut Against) {
    check_status("the system", spot.system.status, against);
    for host in spot.hosts() {
        let name = format!("`{}`, which it hangs on,", host.id);
        check_status(&name, host.status, against);
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

fn check_status(system: &str, status: SystemStatus, against: &mut Against) {
    let words = match status {
        SystemStatus::Operational => return,
        SystemStatus::Installing => "being installed, not yet in operation",
        SystemStatus::Contracted => "contracted, not yet in operation",
        SystemStatus::Planned => "planned, not yet in operation",
        SystemStatus::Retired => "out of operation",
    };
    against.for_good(Clause::SystemStatus, format!("{system} is {words}"));
}

fn site_words(heard: &Heard<'_>) -> Option<String> {
    if let Some(why) = heard.unspoken_for {
        return Some(format!("nobody speaks for the site: {why}"));
    }
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
