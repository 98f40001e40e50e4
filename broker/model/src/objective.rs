use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    Desk, Dossier, FundingShare, GpuMillis, Indicators, ObjectiveId, OrganisationId, PersonId,
};

/// What somebody set out to reach in a period, as one number. It is set before the period begins and never
/// changes; how far it is reached is computed and stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    pub id: ObjectiveId,
    /// Who answers for it.
    pub owner: OrganisationId,
    pub indicator: IndicatorKind,
    /// The only share that counts; none for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<FundingShare>,
    /// Where it stood before.
    pub baseline: u64,
    /// What is to be reached; below the baseline where less is better.
    pub target: u64,
    /// Days of UTC, the first and the last.
    pub from: Date,
    pub to: Date,
    pub set_by: PersonId,
    pub set_at: Timestamp,
    #[serde(skip)]
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveDraft {
    pub owner: OrganisationId,
    pub indicator: IndicatorKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<FundingShare>,
    pub baseline: u64,
    pub target: u64,
    pub from: Date,
    pub to: Date,
}

/// An objective with where it stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectiveView {
    #[serde(flatten)]
    pub objective: Objective,
    pub owner_name: String,
    /// What the broker computes of the days that have been; none before the first, and where there is
    /// nothing to compute from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<u64>,
    /// The part of the way from the baseline to the target, in thousandths; less than nothing where it
    /// went the other way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_permille: Option<i64>,
    pub reached: bool,
    /// The last day is over.
    pub over: bool,
}

/// The one number that an objective is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndicatorKind {
    /// Physical GPU-hours that were used.
    GpuHours,
    /// Organisations that used any.
    Organisations,
    /// What micro, small and medium organisations used of the whole, in thousandths.
    SmePermille,
    /// What the ten that used most have of the whole, in thousandths.
    Top10Permille,
    /// The median from an application to its decision; of several shares the slowest.
    DecisionHours,
    /// The median from an application to the first job; of several shares the slowest.
    AccessHours,
}

impl IndicatorKind {
    pub const ALL: [Self; 6] = [
        Self::GpuHours,
        Self::Organisations,
        Self::SmePermille,
        Self::Top10Permille,
        Self::DecisionHours,
        Self::AccessHours,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GpuHours => "gpu_hours",
            Self::Organisations => "organisations",
            Self::SmePermille => "sme_permille",
            Self::Top10Permille => "top10_permille",
            Self::DecisionHours => "decision_hours",
            Self::AccessHours => "access_hours",
        }
    }

    pub const fn is_permille(self) -> bool {
        matches!(self, Self::SmePermille | Self::Top10Permille)
    }

    /// None where there is nothing to compute it from: no use, no decision, no job.
    pub fn of(self, found: &Indicators) -> Option<u64> {
        let slowest = |spread: fn(&crate::AccessTimes) -> Option<crate::Spread>| {
            let medians = found.access.iter().filter_map(spread);
            medians.map(|it| it.median_hours).max()
        };
        match self {
            Self::GpuHours => u64::try_from(found.gpu.0 / GpuMillis::PER_HOUR).ok(),
            Self::Organisations => Some(found.organisations),
            Self::SmePermille => found.sme_permille(),
            Self::Top10Permille => found.top_10_permille.map(u64::from),
            Self::DecisionHours => slowest(|it| it.decision),
            Self::AccessHours => slowest(|it| it.whole),
        }
    }
}

/// The size classes of small and medium-sized enterprises, as [`crate::SizeClass`] is written.
const SMALLER: [&str; 3] = ["micro", "small", "medium"];

impl Indicators {
    fn sme_permille(&self) -> Option<u64> {
        let all = u64::try_from(self.gpu.0).ok().filter(|it| *it > 0)?;
        let theirs = self.by_size.iter().filter(|it| SMALLER.contains(&&*it.of));
        let theirs: u64 = theirs.filter_map(|it| u64::try_from(it.gpu.0).ok()).sum();
        let permille = u128::from(theirs) * 1000 / u128::from(all);
        u64::try_from(permille).ok()
    }
}

impl Objective {
    /// With what was measured, as of a day.
    pub fn seen(self, owner_name: String, (measured, today): (Option<u64>, Date)) -> ObjectiveView {
        ObjectiveView {
            owner_name,
            measured,
            progress_permille: measured.and_then(|it| self.progress(it)),
            reached: measured.is_some_and(|it| self.is_reached(it)),
            over: self.to < today,
            objective: self,
        }
    }

    fn progress(&self, measured: u64) -> Option<i64> {
        let (baseline, target) = (i128::from(self.baseline), i128::from(self.target));
        let done = (i128::from(measured) - baseline) * 1000;
        i64::try_from(done.checked_div(target - baseline)?).ok()
    }

    const fn is_reached(&self, measured: u64) -> bool {
        if self.target < self.baseline {
            measured <= self.target
        } else {
            measured >= self.target
        }
    }
}

impl Dossier for Objective {
    const KIND: &'static str = "objective";
    type Id = ObjectiveId;

    fn id(&self) -> ObjectiveId {
        self.id
    }

    fn organisation(&self) -> OrganisationId {
        self.owner
    }

    fn desk(&self) -> Option<Desk> {
        Some(Desk::Objectives)
    }

    fn due_at(&self) -> Option<Timestamp> {
        None
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }
}

#[cfg(test)]
mod tests;
