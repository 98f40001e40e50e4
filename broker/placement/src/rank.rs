use broker_model::{Candidate, JobSpec, PartitionRef, SiteReadiness, UnitMillis};

use crate::spot::Spot;

/// How much longer a preferred site may take and still go first.
///
/// Two hours: people name a site because their data is there, and moving a usual data set takes
/// about that. Given as a handicap of the others, so that the score of a short job does not end
/// at zero for several sites.
pub const PREFERENCE_SECONDS: u64 = 2 * 3600;

/// Added where the data does not lie, if the job says where it does: about what moving a usual data set takes.
pub const MOVE_SECONDS: u64 = 2 * 3600;

/// Added where the site calls itself limited: its forecast rests on more than it has to offer.
pub const LIMITED_SECONDS: u64 = 4 * 3600;

/// A feasible partition with what its rank rests on.
#[derive(Debug)]
pub(crate) struct Ranked {
    pub(crate) partition: PartitionRef,
    pub(crate) candidate: Candidate,
    finish_seconds: u64,
    preferred: bool,
    has_data: bool,
}

impl Ranked {
    pub(crate) fn new(spec: &JobSpec, spot: &Spot<'_>, candidate: Candidate) -> Self {
        Self {
            partition: spot.reference(),
            finish_seconds: finish(spec, candidate.forecast.wait_seconds),
            preferred: spec.placement.prefer.contains(&spot.site.id),
            has_data: spec.data.at.contains(&spot.site.id),
            candidate,
        }
    }

    /// Soonest done, then cheapest, then where the project's sector is named, then by name.
    pub(crate) fn order(&self) -> (u64, UnitMillis, bool, &PartitionRef) {
        (
            self.candidate.score_seconds,
            self.candidate.charge,
            self.candidate.sector.is_none(),
            &self.partition,
        )
    }
}

pub(crate) fn score(spec: &JobSpec, spot: &Spot<'_>, wait_seconds: u64) -> u64 {
    let prefer = &spec.placement.prefer;
    let mut score = finish(spec, wait_seconds);
    if !prefer.is_empty() && !prefer.contains(&spot.site.id) {
        score = score.saturating_add(PREFERENCE_SECONDS);
    }
    if !spec.data.at.is_empty() && !spec.data.at.contains(&spot.site.id) {
        score = score.saturating_add(MOVE_SECONDS);
    }
    if spot.site_state.readiness == SiteReadiness::Limited {
        score = score.saturating_add(LIMITED_SECONDS);
    }
    score
}

/// The first of a project's sectors that a site names among its own.
pub(crate) fn sector(of_project: &[String], spot: &Spot<'_>) -> Option<String> {
    let mut named = of_project
        .iter()
        .filter(|it| spot.site.sectors.contains(it));
    named.next().cloned()
}

fn finish(spec: &JobSpec, wait_seconds: u64) -> u64 {
    wait_seconds.saturating_add(u64::from(spec.resources.walltime.seconds()))
}

/// One sentence that names the first and the second, and what sets them apart.
pub(crate) fn why_first(first: &Ranked, second: Option<&Ranked>) -> String {
    let (name, basis) = (&first.partition, &first.candidate.forecast.basis);
    let within = span(first.finish_seconds);
    let Some(second) = second else {
        return format!(
            "{name} is the only partition that can take the job, done within {within} ({basis})"
        );
    };
    let rest = against(first, second);
    format!(
        "{name} is first, done within {within} ({basis}); {} {rest}",
        second.partition
    )
}

fn against(first: &Ranked, second: &Ranked) -> String {
    let (a, b) = (&first.candidate, &second.candidate);
    if a.score_seconds == b.score_seconds {
        return if a.charge == b.charge {
            by_sector(first, second).unwrap_or_else(|| {
                "would take as long and cost as much, and comes later by name".to_owned()
            })
        } else {
            let unit = &a.charge_unit;
            format!(
                "would take as long and cost {} {unit}s instead of {}",
                b.charge, a.charge
            )
        };
    }
    if second.finish_seconds > first.finish_seconds {
        return format!(
            "would be {} later",
            span(second.finish_seconds - first.finish_seconds)
        );
    }
    let is_preferred = first.preferred && !second.preferred;
    let why = match (is_preferred, first.has_data && !second.has_data) {
        (true, true) => "is not preferred and the data is not there",
        (true, false) => "is not preferred",
        (false, true) => "the data is not there",
        (false, false) => "has a site that calls itself limited",
    };
    match first.finish_seconds - second.finish_seconds {
        0 => format!("would take as long but {why}"),
        sooner => format!("would be {} sooner but {why}", span(sooner)),
    }
}

fn by_sector(first: &Ranked, second: &Ranked) -> Option<String> {
    let sector = first.candidate.sector.as_ref()?;
    let site = &first.partition.site;
    second.candidate.sector.is_none().then(|| {
        format!("would take as long and cost as much; {site} names {sector} among its sectors")
    })
}

/// In its two largest units: `6h1m`.
fn span(seconds: u64) -> String {
    let units = [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
    let mut parts = units
        .iter()
        .scan(seconds, |rest, (size, letter)| {
            let count = *rest / size;
            *rest %= size;
            Some((count, letter))
        })
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, letter)| format!("{count}{letter}"));
    let Some(first) = parts.next() else {
        return "no time".to_owned();
    };
    parts.fold(first, |text, part| text + &part)
}
