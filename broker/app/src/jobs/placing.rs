//! A placement on its way into the store: with what it can be made again from, and with the digests
//! by which the ledger would notice that either was changed.

use std::collections::HashMap;
use std::sync::Arc;

use broker_model::{
    Allocation, Bound, EntryBody, GpuMillis, Job, JobSpec, PartitionRef, Placement, SiteId, Tally,
    WindowId,
};
use broker_placement::Input;
use broker_store::{Change, StoreError, StoredPlacement, Write};

use crate::Broker;
use crate::board::{Moment, Record};
use crate::jobs::prepare::chosen;
use crate::replay::{PlacingInputs, digest};
use crate::shares::UnderRules;
use crate::tally::{Count, Turn};
use crate::terms::UnacceptedSites;

/// A placement, and the board it was made on.
#[derive(Debug)]
pub(crate) struct Placing {
    pub(crate) placement: Placement,
    bound: Option<Bound>,
    board: Arc<Record>,
    tally: Tally,
    unaccepted: UnacceptedSites,
    rules: UnderRules,
    counted: CountedBy,
}

/// Whether the chosen partition counts what this share or this organisation has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountedBy {
    Nowhere,
    /// By a limit, or by windows of which none is to count it. With the version of the site's count.
    There(i64),
    InWindow(i64, WindowId),
}

/// The digests of a placing's two documents.
#[derive(Debug)]
pub(crate) struct PlacingDigests {
    placement: String,
    inputs: String,
}

impl Broker {
    /// Places a job on the federation as last heard.
    pub(crate) async fn place(
        &self,
        spec: &JobSpec,
        allocation: &Allocation,
        refused_by: &[PartitionRef],
        bound: Option<Bound>,
        unaccepted: &UnacceptedSites,
    ) -> Result<Placing, StoreError> {
        let now = self.inner.clock.now();
        let heard = self.board().heard();
        let Count { tally, versions } = self.tally(&heard, allocation, now).await?;
        let rules = self.under_rules(allocation).await?;
        let views = heard.views();
        let input = Input {
            now,
            spec,
            sites: &views,
            allocation,
            refused_by,
            zones: self.board().zones(),
            bound: bound.as_ref(),
            tally: &tally,
            unaccepted,
            shut: &rules.shut,
            sectors: &rules.sectors,
        };
        let placement = broker_placement::place(&input);
        let counted = counted(&placement, &heard, &input, &versions);
        drop(views);
        Ok(Placing {
            placement,
            bound,
            board: self.board().record(&heard, now),
            tally,
            unaccepted: unaccepted.clone(),
            rules,
            counted,
        })
    }

    /// Places likewise; where windows or limits count the job, once more in turn with others, so that
    /// of two that fit alone and not together one is placed. The turn is kept until the commit.
    pub(crate) async fn place_in_turn(
        &self,
        spec: &JobSpec,
        allocation: &Allocation,
        refused_by: &[PartitionRef],
        bound: Option<Bound>,
        unaccepted: &UnacceptedSites,
    ) -> Result<(Placing, Option<Turn>), StoreError> {
        let place = || self.place(spec, allocation, refused_by, bound.clone(), unaccepted);
        let placing = place().await?;
        if !placing.is_counted() {
            return Ok((placing, None));
        }
        let turn = self.inner.tallies.turn().await;
        Ok((place().await?, Some(turn)))
    }

    /// Adds to a change what keeps a placing: its document, and all it rested on that is not stored
    /// yet. `job_version` is the version of the job that the change makes.
    #[expect(
        clippy::expect_used,
        reason = "plain structs with text keys are always JSON"
    )]
    pub(crate) fn keep_placing(
        &self,
        placing: &Placing,
        (job, job_version): (&Job, i64),
        allocation: &Allocation,
        change: &mut Change,
    ) -> PlacingDigests {
        let inputs = PlacingInputs {
            now: placing.placement.decided_at,
            allocation: allocation.clone(),
            refused_by: job.refused_by.clone(),
            bound: placing.bound.clone(),
            board: placing.board.name().to_owned(),
            observed_at: placing.board.observed_at().to_vec(),
            tally: placing.tally.clone(),
            unaccepted: placing.unaccepted.clone(),
            shut: placing.rules.shut.clone(),
            sectors: placing.rules.sectors.clone(),
        };
        let document =
            serde_json::to_string(&placing.placement).expect("a placement is always JSON");
        let inputs = serde_json::to_string(&inputs).expect("its inputs are always JSON");
        let digests = PlacingDigests {
            placement: digest(&document),
            inputs: digest(&inputs),
        };
        change.writes.extend(self.board().writes(&placing.board));
        let stored = StoredPlacement {
            job: job.id,
            job_version,
            document,
            inputs,
        };
        let write = Write::InsertPlacement(Box::new(stored));
        change.writes.push(write);
        change.writes.extend(placing.window_write(job, job_version));
        change.writes.extend(placing.count_write());
        digests
    }

    /// To be called once a change with the placing is committed: its board need not be written again.
    pub(crate) fn placing_is_kept(&self, placing: &Placing) {
        self.board().is_stored(&placing.board);
        if let Some((site, version)) = placing.count() {
            self.inner.tallies.took(site, version, placing.window());
        }
    }
}

impl Placing {
    pub(crate) fn is_counted(&self) -> bool {
        self.counted != CountedBy::Nowhere
    }

    fn window(&self) -> Option<(WindowId, GpuMillis)> {
        let (_, candidate) = chosen(&self.placement)?;
        match self.counted {
            CountedBy::InWindow(_, window) => Some((window, candidate.gpu)),
            CountedBy::Nowhere | CountedBy::There(_) => None,
        }
    }

    /// The site that counts the job, and the version of its count.
    fn count(&self) -> Option<(&SiteId, i64)> {
        let (partition, _) = chosen(&self.placement)?;
        match self.counted {
            CountedBy::InWindow(version, _) | CountedBy::There(version) => {
                Some((&partition.site, version))
            }
            CountedBy::Nowhere => None,
        }
    }

    /// Lets only one of those who counted the same place by it.
    fn count_write(&self) -> Option<Write> {
        let (site, version) = self.count()?;
        let site = site.clone();
        Some(Write::CountAt { site, version })
    }

    /// A job that was placed before may be counted in a window still.
    fn window_write(&self, job: &Job, job_version: i64) -> Option<Write> {
        let job = job.id;
        match self.window() {
            Some((window, gpu)) => Some(Write::PutWindowUse { job, window, gpu }),
            None if job_version > 1 => Some(Write::RemoveWindowUse { job }),
            None => None,
        }
    }
}

fn counted(
    placement: &Placement,
    heard: &Moment,
    input: &Input<'_>,
    versions: &HashMap<SiteId, i64>,
) -> CountedBy {
    let Some((at, candidate)) = chosen(placement) else {
        return CountedBy::Nowhere;
    };
    let Some(controls) = heard.find(&at.site).map(|it| &it.controls) else {
        return CountedBy::Nowhere;
    };
    let here = (&at.system, &at.partition);
    let mut windows = controls.windows_of(&input.allocation.share, here);
    let organisation = input.tally.organisation;
    let limited = organisation.is_some_and(|it| controls.limit_of(it).is_some());
    let version = versions.get(&at.site).copied().unwrap_or(0);
    match broker_placement::window_for(controls, input, here, candidate.gpu) {
        Some(window) => CountedBy::InWindow(version, window.id),
        None if limited || windows.next().is_some() => CountedBy::There(version),
        None => CountedBy::Nowhere,
    }
}

impl PlacingDigests {
    /// Says of which documents an entry speaks: a changed one would no longer fit the ledger.
    pub(crate) fn on(&self, entry: EntryBody) -> EntryBody {
        entry
            .with("placement_sha256", self.placement.clone())
            .with("inputs_sha256", self.inputs.clone())
    }
}
