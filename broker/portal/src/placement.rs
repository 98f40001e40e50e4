//! A placement as a table: each partition of the federation, and why it was or was not taken.

use broker_model::{Considered, Placement};

use crate::texts::Texts;
use crate::words::{self, Moment};

#[derive(Clone, Debug)]
pub(crate) struct PlacementView {
    pub(crate) decided: Moment,
    pub(crate) chosen: Option<String>,
    pub(crate) reason: String,
    /// Chosen first, then feasible ones in the order of the ranking.
    pub(crate) feasible: Vec<FeasibleView>,
    pub(crate) rejected: Vec<RejectedView>,
}

#[derive(Clone, Debug)]
pub(crate) struct FeasibleView {
    pub(crate) partition: String,
    pub(crate) chosen: bool,
    pub(crate) wait: String,
    pub(crate) basis: String,
    pub(crate) charge: String,
    pub(crate) unit: String,
}

#[derive(Clone, Debug)]
pub(crate) struct RejectedView {
    pub(crate) partition: String,
    pub(crate) reasons: Vec<String>,
    /// Every reason may pass by itself.
    pub(crate) temporary: bool,
}

impl PlacementView {
    pub(crate) fn new(texts: Texts, placement: &Placement) -> Self {
        let chosen = placement.chosen.as_ref();
        let is_chosen = |it: &Considered| chosen == Some(&it.partition);
        let feasible = |it: &Considered| Some(FeasibleView::new(texts, it)?.marked(is_chosen(it)));
        let rejected = |it: &&Considered| !it.rejections.is_empty() || it.candidate.is_none();
        Self {
            decided: placement.decided_at.into(),
            chosen: chosen.map(ToString::to_string),
            reason: placement.reason.clone(),
            feasible: placement.considered.iter().filter_map(feasible).collect(),
            rejected: placement
                .considered
                .iter()
                .filter(rejected)
                .map(RejectedView::new)
                .collect(),
        }
    }

    pub(crate) fn considered(&self) -> usize {
        self.feasible.len() + self.rejected.len()
    }
}

impl FeasibleView {
    fn new(texts: Texts, considered: &Considered) -> Option<Self> {
        let candidate = considered
            .candidate
            .as_ref()
            .filter(|_| considered.rejections.is_empty())?;
        Some(Self {
            partition: considered.partition.to_string(),
            chosen: false,
            wait: words::duration(texts, candidate.forecast.wait_seconds),
            basis: candidate.forecast.basis.clone(),
            charge: words::hours(candidate.charge),
            unit: if candidate.billing_assumed_since.is_some() {
                let assumed = texts.of("placement.assumed");
                format!("{} ({assumed})", candidate.charge_unit)
            } else {
                candidate.charge_unit.clone()
            },
        })
    }

    fn marked(self, chosen: bool) -> Self {
        Self { chosen, ..self }
    }
}

impl RejectedView {
    fn new(considered: &Considered) -> Self {
        Self {
            partition: considered.partition.to_string(),
            reasons: considered
                .rejections
                .iter()
                .map(|it| it.words.clone())
                .collect(),
            temporary: considered
                .rejections
                .iter()
                .all(|rejection| rejection.temporary),
        }
    }
}
