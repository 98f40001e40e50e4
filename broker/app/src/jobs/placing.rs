//! A placement on its way into the store: with what it can be made again from, and with the digests
//! by which the ledger would notice that either was changed.

use std::sync::Arc;

use broker_model::{Allocation, Bound, EntryBody, Job, JobSpec, PartitionRef, Placement};
use broker_placement::Input;
use broker_store::{Change, StoredPlacement, Write};

use crate::Broker;
use crate::board::Record;
use crate::replay::{PlacingInputs, digest};

/// A placement, and the board it was made on.
#[derive(Debug)]
pub(crate) struct Placing {
    pub(crate) placement: Placement,
    bound: Option<Bound>,
    board: Arc<Record>,
}

/// The digests of a placing's two documents.
#[derive(Debug)]
pub(crate) struct PlacingDigests {
    placement: String,
    inputs: String,
}

impl Broker {
    /// Places a job on the federation as last heard.
    pub(crate) fn place(
        &self,
        spec: &JobSpec,
        allocation: &Allocation,
        refused_by: &[PartitionRef],
        bound: Option<Bound>,
    ) -> Placing {
        let now = self.inner.clock.now();
        let heard = self.board().heard();
        let views = self.board().views(&heard.sites);
        let placement = broker_placement::place(&Input {
            now,
            spec,
            sites: &views,
            allocation,
            refused_by,
            zones: self.board().zones(),
            bound: bound.as_ref(),
        });
        Placing {
            placement,
            bound,
            board: self.board().record(&heard, now),
        }
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
        digests
    }

    /// To be called once a change with the placing is committed: its board need not be written again.
    pub(crate) fn placing_is_kept(&self, placing: &Placing) {
        self.board().is_stored(&placing.board);
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
