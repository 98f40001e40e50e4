use broker_model::{Automation, Clause, SiteReadiness, SystemStatus};

use super::Against;
use crate::spot::{Heard, Spot};

pub(super) fn check(spot: &Spot<'_>, against: &mut Against) {
    match spot.system.status {
        SystemStatus::Operational => {}
        SystemStatus::Installing => not_yet("being installed", against),
        SystemStatus::Contracted => not_yet("contracted", against),
        SystemStatus::Planned => not_yet("planned", against),
        SystemStatus::Retired => {
            against.for_good(Clause::SystemStatus, "the system is out of operation");
        }
    }
    // Such a job has to wait for a person's word, which nobody is asked for yet.
    if spot.site.automation == Automation::HumanConfirm {
        against.for_good(
            Clause::Automation,
            "the site wants a person to confirm each job, and this broker cannot ask for that yet",
        );
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
