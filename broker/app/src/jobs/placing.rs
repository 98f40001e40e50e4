//! A placement on its way into the store: with what it can be made again from, and with the digests
//! by which the ledger would notice that either was changed.

use std::sync::Arc;

use broker_model::{
    Allocation, Bound, EntryBody, GpuMillis, Job, JobSpec, PartitionRef, Placement, Tally, WindowId,
};
use broker_placement::Input;
use broker_store::{Change, StoreError, StoredPlacement, Write};

use crate::Broker;
use crate::board::{Moment, Record};
use crate::jobs::prepare::chosen;
use crate::replay::{PlacingInputs, digest};
use crate::tally::Turn;

/// A placement, and the board it was made on.
#[derive(Debug)]
pub(crate) struct Placing {
    pub(crate) placement: Placement,
    bound: Option<Bound>,
    board: Arc<Record>,
    tally: Tally,
    /// Where windows or limits count the job, the window that it is to be counted in if any.
    counted: Option<Option<WindowId>>,
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
    ) -> Result<Placing, StoreError> {
        let now = self.inner.clock.now();
        let heard = self.board().heard();
        let tally = self.tally(&heard, allocation, now).await?;
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
        };
        let placement = broker_placement::place(&input);
        let counted = counted(&placement, &heard, &input);
        drop(views);
        Ok(Placing {
            placement,
            bound,
            board: self.board().record(&heard, now),
            tally,
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
    ) -> Result<(Placing, Option<Turn>), StoreError> {
        let place = || self.place(spec, allocation, refused_by, bound.clone());
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
        digests
    }

    /// To be called once a change with the placing is committed: its board need not be written again.
    pub(crate) fn placing_is_kept(&self, placing: &Placing) {
        self.board().is_stored(&placing.board);
        if let Some((window, gpu)) = placing.window() {
            self.inner.tallies.took(window, gpu);
        }
    }
}

impl Placing {
    /// Whether the chosen partition counts what this share or this organisation has there.
    pub(crate) const fn is_counted(&self) -> bool {
        self.counted.is_some()
    }

    fn window(&self) -> Option<(WindowId, GpuMillis)> {
        let (_, candidate) = chosen(&self.placement)?;
        Some((self.counted??, candidate.gpu))
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

fn counted(placement: &Placement, heard: &Moment, input: &Input<'_>) -> Option<Option<WindowId>> {
    let (at, candidate) = chosen(placement)?;
    let controls = &heard.find(&at.site)?.controls;
    let here = (&at.system, &at.partition);
    let mut windows = controls.windows_of(&input.allocation.share, here);
    let organisation = input.tally.organisation;
    let limited = organisation.is_some_and(|it| controls.limit_of(it).is_some());
    if windows.next().is_none() && !limited {
        return None;
    }
    let window = broker_placement::window_for(controls, input, here, candidate.gpu);
    Some(window.map(|it| it.id))
}

impl PlacingDigests {
    /// Says of which documents an entry speaks: a changed one would no longer fit the ledger.
    pub(crate) fn on(&self, entry: EntryBody) -> EntryBody {
        entry
            .with("placement_sha256", self.placement.clone())
            .with("inputs_sha256", self.inputs.clone())
    }
}
