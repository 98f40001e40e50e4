use std::sync::Arc;

use broker_model::{
    AllocationId, AttemptId, Balance, DecisionId, JobId, PersonId, SiteId, UnitMillis,
};
use jiff::Timestamp;
use serde::Deserialize;

use super::db::Cell;
use super::rows::Cells;
use super::tables::TableId;
use crate::Entity;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) job: Cell,
    pub(super) text: Cell,
}

/// One write: what must hold, and the row that is then written.
#[derive(Debug)]
pub(super) enum Step {
    InsertJob {
        job: JobFacts,
        row: Cells,
    },
    /// `job.version` is the one that was read; the row has the next.
    UpdateJob {
        job: JobFacts,
        row: Cells,
    },
    InsertPlacement {
        job: JobId,
        row: Cells,
    },
    InsertDecision {
        id: DecisionId,
        row: Cells,
    },
    InsertAttempt {
        attempt: AttemptFacts,
        row: Cells,
    },
    UpdateAttempt {
        attempt: AttemptFacts,
        row: Cells,
    },
    MoveHours {
        allocation: AllocationId,
        hours: Hours,
    },
    InsertUsage {
        attempt: AttemptId,
        row: Cells,
    },
    Remember {
        id: Arc<str>,
        row: Cells,
    },
    InsertAllocation {
        id: AllocationId,
        balance: Balance,
        terms: Terms,
        row: Cells,
    },
    UpdateTerms {
        id: AllocationId,
        terms: Terms,
        row: Cells,
    },
    PutPerson {
        id: PersonId,
        subject: Subject,
        row: Cells,
    },
    ErasePerson {
        id: PersonId,
        /// All but when they were first seen, which stays.
        row: Cells,
    },
    RemoveDossier {
        id: Arc<str>,
        version: i64,
    },
    RemoveLog {
        streams: Vec<Cells>,
        chunks: Vec<Cells>,
    },
    AppendLog {
        stream: Stream,
        offset: u64,
        length: u64,
        rows: [Cells; 2],
    },
    /// A row of an id and a version: that which is stored must be `expects`, `None` for no row.
    Versioned {
        entity: Entity,
        table: TableId,
        id: Arc<str>,
        expects: Option<i64>,
        row: Cells,
    },
    InsertNonce {
        id: Arc<str>,
        row: Cells,
    },
    AcceptTerms {
        /// All columns of the key.
        id: Arc<str>,
        row: Cells,
    },
    Claim {
        name: Arc<str>,
        holder: Arc<str>,
        row: Cells,
    },
    Unclaim {
        name: Arc<str>,
    },
    PutSite {
        id: SiteId,
        /// The one that was read; the row has the next.
        version: i64,
        row: Cells,
    },
    /// As `PutSite`.
    PutSiteState {
        id: SiteId,
        version: i64,
        row: Cells,
    },
    Put {
        table: TableId,
        row: Cells,
    },
    Remove {
        table: TableId,
        key: Cells,
    },
}

#[derive(Clone, Debug)]
pub(super) struct JobFacts {
    pub(super) id: JobId,
    pub(super) version: i64,
    pub(super) active: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptFacts {
    pub(super) id: AttemptId,
    pub(super) job: JobId,
    pub(super) version: i64,
    pub(super) open: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Hours {
    Hold(UnitMillis),
    Release(UnitMillis),
    Settle {
        held: UnitMillis,
        used: UnitMillis,
    },
    Grant {
        from: UnitMillis,
        to: UnitMillis,
    },
    /// Only of a term that has ended by `at`.
    Lose {
        amount: UnitMillis,
        at: Timestamp,
    },
    Recover(UnitMillis),
}

/// What of an allocation's terms moving its hours depends on.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Terms {
    #[serde(default)]
    pub(super) suspended: bool,
    pub(super) valid_until: Timestamp,
}

/// What of a site's state its next one depends on.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Versioned {
    #[serde(default)]
    pub(super) version: i64,
}

/// Issuer and subject.
pub(super) type Subject = (Arc<str>, Arc<str>);
pub(super) type Stream = (AttemptId, Arc<str>);

impl Step {
    pub(super) fn weight(&self) -> usize {
        let cells = |row: &Cells| row.iter().map(Cell::len).sum::<usize>();
        match self {
            Self::InsertJob { row, .. }
            | Self::UpdateJob { row, .. }
            | Self::InsertPlacement { row, .. }
            | Self::InsertDecision { row, .. }
            | Self::InsertAttempt { row, .. }
            | Self::UpdateAttempt { row, .. }
            | Self::InsertUsage { row, .. }
            | Self::Remember { row, .. }
            | Self::InsertAllocation { row, .. }
            | Self::UpdateTerms { row, .. }
            | Self::PutPerson { row, .. }
            | Self::ErasePerson { row, .. }
            | Self::Versioned { row, .. }
            | Self::InsertNonce { row, .. }
            | Self::AcceptTerms { row, .. }
            | Self::Claim { row, .. }
            | Self::PutSite { row, .. }
            | Self::PutSiteState { row, .. }
            | Self::Put { row, .. }
            | Self::Remove { key: row, .. } => cells(row),
            Self::AppendLog { rows, .. } => rows.iter().map(cells).sum(),
            Self::RemoveLog { streams, chunks } => streams.iter().chain(chunks).map(cells).sum(),
            Self::MoveHours { .. } | Self::Unclaim { .. } | Self::RemoveDossier { .. } => 40,
        }
    }
}
