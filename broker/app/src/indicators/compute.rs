//! What follows from rows, and nothing else: no clock, no store.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use broker_model::{
    AccessTimes, FundingShare, GpuMillis, Indicators, OrganisationId, Spread, UsedPart,
};
use jiff::Timestamp;
use jiff::civil::Date;

const NOT_SAID: &str = "not_said";
const TOP: usize = 10;

/// What a project used under a share, with what its organisation was then.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) organisation: OrganisationId,
    /// Its record does not say what the organisation was.
    pub(super) is_by_present: bool,
    pub(super) size: &'static str,
    pub(super) country: String,
    pub(super) sectors: Vec<String>,
    pub(super) gpu: GpuMillis,
}

/// What became of an application.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) share: FundingShare,
    pub(super) applied_at: Timestamp,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Waiting,
    Withdrawn,
    Rejected {
        at: Timestamp,
    },
    Accepted {
        at: Timestamp,
        account_at: Option<Timestamp>,
        first_job_at: Option<Timestamp>,
    },
}

pub(super) fn indicators(
    (from, to, share): (Date, Date, Option<FundingShare>),
    uses: &[Use],
    access: &[Access],
) -> Indicators {
    let gpu: GpuMillis = uses.iter().map(|it| it.gpu).sum();
    let mut by_organisation: BTreeMap<OrganisationId, GpuMillis> = BTreeMap::new();
    // A job without GPUs makes nobody a user of them.
    for one in uses.iter().filter(|it| it.gpu > GpuMillis::ZERO) {
        let sum = by_organisation.entry(one.organisation).or_default();
        *sum = *sum + one.gpu;
    }
    let mut largest: Vec<GpuMillis> = by_organisation.values().copied().collect();
    largest.sort_by_key(|it| Reverse(*it));
    let top: GpuMillis = largest.iter().take(TOP).copied().sum();
    Indicators {
        from,
        to,
        share,
        gpu,
        organisations: count(by_organisation.len()),
        gpu_by_present: uses
            .iter()
            .filter(|it| it.is_by_present)
            .map(|it| it.gpu)
            .sum(),
        by_size: parts(uses, gpu, |it| vec![it.size.to_owned()]),
        by_country: parts(uses, gpu, |it| vec![it.country.clone()]),
        by_sector: parts(uses, gpu, |it| it.sectors.clone()),
        top_10_permille: (gpu > GpuMillis::ZERO).then(|| permille(top, gpu)),
        access: times(access),
    }
}

/// The largest first.
fn parts(uses: &[Use], whole: GpuMillis, of: impl Fn(&Use) -> Vec<String>) -> Vec<UsedPart> {
    let mut found: BTreeMap<String, (GpuMillis, BTreeSet<OrganisationId>)> = BTreeMap::new();
    for one in uses {
        let mut names: BTreeSet<String> = of(one).into_iter().collect();
        names.retain(|it| !it.is_empty());
        if names.is_empty() {
            names.insert(NOT_SAID.to_owned());
        }
        for name in names {
            let (gpu, organisations) = found.entry(name).or_default();
            *gpu = *gpu + one.gpu;
            organisations.insert(one.organisation);
        }
    }
    let part = |(of, (gpu, organisations)): (String, (GpuMillis, BTreeSet<_>))| UsedPart {
        of,
        gpu,
        permille: permille(gpu, whole),
        organisations: count(organisations.len()),
    };
    let mut parts: Vec<UsedPart> = found.into_iter().map(part).collect();
    parts.sort_by_key(|it| Reverse(it.gpu));
    parts
}

fn permille(part: GpuMillis, whole: GpuMillis) -> u32 {
    let thousandths = (i128::from(part.0) * 1000).checked_div(i128::from(whole.0));
    thousandths
        .and_then(|it| u32::try_from(it).ok())
        .unwrap_or(0)
}

fn times(access: &[Access]) -> Vec<AccessTimes> {
    let mut by_share: BTreeMap<&FundingShare, Vec<&Access>> = BTreeMap::new();
    for one in access {
        by_share.entry(&one.share).or_default().push(one);
    }
    by_share.into_iter().map(of_share).collect()
}

fn of_share((share, all): (&FundingShare, Vec<&Access>)) -> AccessTimes {
    let how_many =
        |is: fn(&Outcome) -> bool| count(all.iter().filter(|it| is(&it.outcome)).count());
    let decision = all
        .iter()
        .filter_map(|it| Some((it.applied_at, it.outcome.decided_at()?)));
    let first_job = all.iter().filter_map(|it| it.outcome.to_first_job());
    let whole = all.iter().filter_map(|it| {
        let (_, job) = it.outcome.to_first_job()?;
        Some((it.applied_at, job))
    });
    AccessTimes {
        share: share.clone(),
        applications: count(all.len()),
        waiting: how_many(|it| matches!(it, Outcome::Waiting)),
        withdrawn: how_many(|it| matches!(it, Outcome::Withdrawn)),
        rejected: how_many(|it| matches!(it, Outcome::Rejected { .. })),
        accepted: how_many(|it| matches!(it, Outcome::Accepted { .. })),
        decision: spread(decision),
        account: spread(all.iter().filter_map(|it| it.outcome.to_account())),
        first_job: spread(first_job),
        whole: spread(whole),
    }
}

impl Outcome {
    const fn decided_at(&self) -> Option<Timestamp> {
        match self {
            Self::Rejected { at } | Self::Accepted { at, .. } => Some(*at),
            Self::Waiting | Self::Withdrawn => None,
        }
    }

    fn to_first_job(self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Accepted {
                at, first_job_at, ..
            } => Some((at, first_job_at?)),
            _ => None,
        }
    }

    fn to_account(self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Accepted { at, account_at, .. } => Some((at, account_at?)),
            _ => None,
        }
    }
}

/// Of an even number the median is the lower of the two in the middle: a time that somebody waited.
fn spread(times: impl Iterator<Item = (Timestamp, Timestamp)>) -> Option<Spread> {
    let hours = |(from, to): (Timestamp, Timestamp)| {
        u64::try_from(to.duration_since(from).as_hours()).unwrap_or(0)
    };
    let mut all: Vec<u64> = times.map(hours).collect();
    all.sort_unstable();
    let no_longer_than = |percent: usize| {
        let place = (all.len() * percent).div_ceil(100);
        all.get(place.checked_sub(1)?).copied()
    };
    Some(Spread {
        count: count(all.len()),
        median_hours: no_longer_than(50)?,
        ninth_decile_hours: no_longer_than(90)?,
        longest_hours: *all.last()?,
    })
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
