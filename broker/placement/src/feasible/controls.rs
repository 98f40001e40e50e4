//! What the site's administrators have set: drains, maintenance, windows, vetoes, limits. All of it
//! may pass or be lifted, so nothing here is for good.

use broker_model::{
    CapacityWindow, Clause, Controls, GpuMillis, IncidentKind, OrganisationLimit, OrganisationUse,
    PartitionId, SystemId, Tally, WindowUse,
};
use jiff::{SignedDuration, Timestamp};

use super::Against;
use crate::Input;
use crate::spot::Spot;

/// `gpu` is what the job takes at most; none when its price cannot be told, which is a clause already.
pub(super) fn check(
    input: &Input<'_>,
    spot: &Spot<'_>,
    gpu: Option<GpuMillis>,
    against: &mut Against,
) {
    let Some(controls) = spot.controls else {
        return;
    };
    check_bars(controls, input, spot, against);
    let at = (&spot.system.id, &spot.partition.id);
    let Some(gpu) = gpu else { return };
    check_windows(controls, at, (input, gpu), against);
    if let Some(limit) = input
        .tally
        .organisation
        .and_then(|it| controls.limit_of(it))
    {
        let uses = { input.tally.at_sites.get(&spot.site.id) }.copied();
        check_limit(limit, uses.unwrap_or_default(), gpu, against);
    }
}

/// What holds for a job that is counted at the site already, too.
fn check_bars(controls: &Controls, input: &Input<'_>, spot: &Spot<'_>, against: &mut Against) {
    check_drains(controls, spot, input.now, against);
    check_maintenance(controls, spot, input, against);
    check_vetoes(controls, input, spot, against);
    check_organisation(controls, input, spot, against);
}

pub(super) fn bars(input: &Input<'_>, spot: &Spot<'_>, against: &mut Against) {
    if let Some(controls) = spot.controls {
        check_bars(controls, input, spot, against);
    }
}

type At<'a> = (&'a SystemId, &'a PartitionId);

/// ``, and `qm` hangs on it``: where it is the host of the system, and not the system, that is meant.
fn by_host(spot: &Spot<'_>, is_of: impl Fn(&SystemId) -> bool) -> Option<String> {
    let mut hosts = spot.hosts();
    let host = hosts.find(|it| is_of(&it.id))?;
    Some(format!(", and {} hangs on {}", spot.system.id, host.id))
}

fn check_drains(controls: &Controls, spot: &Spot<'_>, now: Timestamp, against: &mut Against) {
    let (system, partition) = (&spot.system.id, &spot.partition.id);
    for drain in controls.drains.iter().filter(|it| it.is_on(now)) {
        let host = if drain.scope.covers(system, partition) {
            String::new()
        } else if let Some(host) = by_host(spot, |host| drain.scope.is_all_of(host)) {
            host
        } else {
            continue;
        };
        let (scope, reason) = (&drain.scope, &drain.reason);
        let words = match drain.until {
            Some(until) => format!("{scope} is drained until {until}{host}: {reason}"),
            None => format!("{scope} is drained, no end is announced{host}: {reason}"),
        };
        against.for_now(Clause::Drained, words);
    }
}

fn check_maintenance(
    controls: &Controls,
    spot: &Spot<'_>,
    input: &Input<'_>,
    against: &mut Against,
) {
    let now = input.now;
    let walltime = input.spec.resources.walltime;
    let run = SignedDuration::from_secs(walltime.seconds().into());
    let ends = now.saturating_add(run).unwrap_or(Timestamp::MAX);
    let ahead = controls
        .incidents
        .iter()
        .filter(|it| it.kind == IncidentKind::Maintenance && !it.is_over(now) && it.from < ends);
    for planned in ahead {
        let host = if planned.covers(&spot.system.id, &spot.partition.id) {
            String::new()
        } else if let Some(host) = by_host(spot, |host| planned.is_all_of(host)) {
            host
        } else {
            continue;
        };
        let (title, from) = (&planned.title, planned.from);
        let until = match planned.to {
            Some(to) => format!("until {to}"),
            None => "with no announced end".to_owned(),
        };
        let words = if from <= now {
            format!("maintenance `{title}` is on {until}{host}")
        } else {
            format!("asks for {walltime}, maintenance `{title}` begins {from}, {until}{host}")
        };
        against.for_now(Clause::Maintenance, words);
    }
}

fn check_vetoes(controls: &Controls, input: &Input<'_>, spot: &Spot<'_>, against: &mut Against) {
    let vetoes = controls.vetoes.iter();
    for veto in vetoes.filter(|it| it.allocation == input.allocation.id) {
        let host = match &veto.system {
            None => String::new(),
            Some(system) if *system == spot.system.id => String::new(),
            Some(system) => match by_host(spot, |host| host == system) {
                Some(words) => format!(" at {system}{words}"),
                None => continue,
            },
        };
        let (allocation, reason) = (veto.allocation, &veto.reason);
        let words = format!("the site does not serve {allocation}{host}: {reason}");
        against.for_now(Clause::Vetoed, words);
    }
}

fn check_organisation(
    controls: &Controls,
    input: &Input<'_>,
    spot: &Spot<'_>,
    against: &mut Against,
) {
    let Some(organisation) = input.tally.organisation else {
        return;
    };
    let systems: Vec<&SystemId> = std::iter::once(&spot.system.id)
        .chain(spot.hosts().map(|it| &it.id))
        .collect();
    if let Some(veto) = controls.veto_of(organisation, &systems, input.now) {
        let words = format!("the site does not serve {organisation}: {}", veto.reason);
        against.for_now(Clause::Vetoed, words);
    }
}

fn check_windows(
    controls: &Controls,
    at: At<'_>,
    (input, gpu): (&Input<'_>, GpuMillis),
    against: &mut Against,
) {
    let share = &input.allocation.share;
    let mut windows = controls.windows_of(share, at).peekable();
    if windows.peek().is_none() {
        return;
    }
    if window_for(controls, input, at, gpu).is_some() {
        return;
    }
    let (mut next, mut spent) = (None::<Timestamp>, None::<&CapacityWindow>);
    for window in windows {
        if window.from > input.now && window.from < window.to {
            next = Some(next.map_or(window.from, |known| known.min(window.from)));
        }
        // Of several the one with most left tells most.
        let left = |it: &CapacityWindow| it.gpu - taken(input.tally, it);
        if window.is_open(input.now) && spent.is_none_or(|known| left(known) < left(window)) {
            spent = Some(window);
        }
    }
    let next = match next {
        Some(next) => format!("the next opens {next}"),
        None => "no other is announced".to_owned(),
    };
    let words = match spent {
        None => format!("no capacity window of `{share}` is open here; {next}"),
        Some(window) => {
            let WindowUse { used, held } = use_of(input.tally, window);
            format!(
                "the job takes {gpu} GPU-hours, the window of `{share}` until {} has {} of {} left \
                 ({used} used, {held} held); {next}",
                window.to,
                window.gpu - used - held,
                window.gpu,
            )
        }
    };
    against.for_now(Clause::CapacityWindow, words);
}

/// The open window that a job of this size counts in at a partition.
///
/// Of those that have enough left the one that closes first. None where none is open or has enough,
/// and where the share has no window at all and so no limit.
pub fn window_for<'a>(
    controls: &'a Controls,
    input: &Input<'a>,
    at: (&'a SystemId, &'a PartitionId),
    gpu: GpuMillis,
) -> Option<&'a CapacityWindow> {
    let enough = |it: &&CapacityWindow| {
        it.is_open(input.now) && gpu <= it.gpu.saturating_sub(taken(input.tally, it))
    };
    let windows = controls.windows_of(&input.allocation.share, at);
    windows.filter(enough).min_by_key(|it| (it.to, it.id))
}

fn use_of(tally: &Tally, window: &CapacityWindow) -> WindowUse {
    tally.windows.get(&window.id).copied().unwrap_or_default()
}

fn taken(tally: &Tally, window: &CapacityWindow) -> GpuMillis {
    let WindowUse { used, held } = use_of(tally, window);
    used + held
}

fn check_limit(
    limit: &OrganisationLimit,
    uses: OrganisationUse,
    gpu: GpuMillis,
    against: &mut Against,
) {
    let OrganisationUse {
        running,
        queued,
        gpu_used,
        gpu_held,
    } = uses;
    let mut say = |words| against.for_now(Clause::OrganisationLimit, words);
    if let Some(most) = limit.max_at_once
        && running.saturating_add(queued) >= most
    {
        say(format!(
            "the organisation has {running} jobs running here and {queued} that may start any time, \
             the site lets it have {most} at once"
        ));
    }
    if let Some(most) = limit.max_queued
        && queued >= most
    {
        say(format!(
            "the organisation has {queued} jobs waiting here, the site lets it have {most}"
        ));
    }
    if let Some(most) = limit.gpu_per_month
        && gpu_used + gpu_held + gpu > most
    {
        say(format!(
            "the job takes {gpu} GPU-hours, the organisation has used {gpu_used} here this month and \
             holds {gpu_held}, the site lets it have {most}"
        ));
    }
}
