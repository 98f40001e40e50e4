use std::fmt;

use broker_model::{AllocationId, UnitMillis};

/// What a conflict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entity {
    Job,
    Attempt,
    Allocation,
    UsageRecord,
    IdempotencyKey,
    Person,
    Decision,
    Checkpoint,
    Invite,
    Agent,
    AgentKey,
    Nonce,
    Site,
    /// What a site's windows and limits count.
    SiteCount,
    /// What its agents said of it.
    SiteState,
    Organisation,
    Dossier,
    /// A name that one alone may have.
    Claim,
    TermsAcceptance,
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Job => "job",
            Self::Attempt => "attempt",
            Self::Allocation => "allocation",
            Self::UsageRecord => "usage record",
            Self::IdempotencyKey => "idempotency key",
            Self::Person => "person",
            Self::Decision => "decision",
            Self::Checkpoint => "checkpoint",
            Self::Invite => "invite",
            Self::Agent => "agent",
            Self::AgentKey => "agent key",
            Self::Nonce => "nonce",
            Self::Site => "site",
            Self::SiteState => "state of the site",
            Self::SiteCount => "count of what is placed or given at the site",
            Self::Organisation => "organisation",
            Self::Dossier => "dossier",
            Self::Claim => "claim",
            Self::TermsAcceptance => "acceptance of terms",
        })
    }
}

/// Why a change was not made. Nothing of it is stored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else changed the row since it was read: read again, decide again.
    #[error("the {0} changed meanwhile")]
    Conflict(Entity),
    #[error("there is one already: {0}")]
    Duplicate(Entity),
    #[error("the {0} is not there")]
    Missing(Entity),
    #[error("allocation {allocation} has {remaining} hours left in its unit")]
    HoursExceeded {
        allocation: AllocationId,
        remaining: UnitMillis,
    },
    /// The balance cannot be moved so, whoever tries and however often.
    #[error("allocation {allocation}: {reason}")]
    Hours {
        allocation: AllocationId,
        reason: broker_accounting::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The database did not do its part. `Clone`, since all changes of a group share one.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Cannot be reached, or is shutting down: try again.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// No space left: refuse writes, reads go on.
    #[error("the database has no space left: {0}")]
    Full(String),
    /// A row that this version cannot read: newer schema, or damage.
    #[error("the database holds a row that cannot be read: {table}: {reason}")]
    Unreadable { table: &'static str, reason: String },
    /// The database was migrated by a program that is newer than this one.
    #[error(
        "the database has the migration `{migration}`, which this program does not know: start a newer one"
    )]
    NewerSchema { migration: String },
    #[error("the database refused: {0}")]
    Database(String),
}
