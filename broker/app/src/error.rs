use std::sync::Arc;

use broker_model::{
    AllocationId, InvalidSpec, InvitedRole, JobId, PartitionRef, Placement, StateName,
    TermsDocument, UnitMillis,
};
use broker_store::{CommitError, StoreError};

use crate::{AgentRefusal, Asked, InvitationRefusal};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case did not do what was asked; nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the job has {} fields that cannot be accepted", .0.len())]
    InvalidSpec(Vec<InvalidSpec>),
    /// What it was handed in as, and its fields.
    #[error("{} of the {what} cannot be accepted", fields(.1.len()), what = .0)]
    Invalid(&'static str, Vec<InvalidSpec>),
    /// Of a site's document, or of what its administrators set.
    #[error("{} of what was sent of the site cannot be accepted", fields(.0.len()))]
    InvalidSite(Vec<InvalidSpec>),
    /// Somebody else changed the document that this change was made on.
    #[error("the document is not the one that this change was made on")]
    OtherDocument {
        /// The SHA-256 of what is registered now; none when nothing is, or it changed just now.
        current: Option<String>,
    },
    /// Changing a registered document without a word on what it was made on would undo what others did.
    #[error("this changes what is registered and does not say on which state of its document")]
    NoDocumentNamed,
    #[error("{} would vanish or take other containers and has jobs: {}{}", listed(partitions), listed(jobs), and_more(*more))]
    LiveJobs {
        partitions: Vec<PartitionRef>,
        jobs: Vec<JobId>,
        more: usize,
    },
    /// What is to be taken back is referred to; the words name what by.
    #[error("{0}")]
    InUse(String),
    /// Not there, or the caller may not know that it is.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("this needs the role {0}")]
    Forbidden(&'static str),
    /// Nobody judges what is their own.
    #[error("you belong to this organisation, so another reviewer decides on it")]
    ConflictOfInterest,
    /// The object store did not do its part, or there is none.
    #[error("files: {0}")]
    Files(String),
    /// Somebody changed it where files lie.
    #[error("the file {0} has other bytes than were handed in: it shows nothing, ask for it again")]
    FileChanged(String),
    /// It is named and does not lie where files lie.
    #[error("the file {0} was handed in and is no longer where files are kept: ask for it again")]
    FileLost(String),
    #[error("the organisation or project may not compute here now")]
    NotEligible(Box<Asked>),
    /// In force and not accepted by whoever hands the job in.
    #[error("terms in force are not accepted: {}", documents(.0))]
    TermsNotAccepted(Vec<Arc<TermsDocument>>),
    /// What was read is not the text in force, which this is.
    #[error("this is not the text of `{}` in force, which is version {}", .0.id, .0.version)]
    OtherTerms(Arc<TermsDocument>),
    #[error("the project holds no allocation")]
    NoAllocation,
    #[error("no partition of the federation can run this job")]
    NoFeasiblePartition(Box<Placement>),
    #[error("allocation {allocation} has {remaining} hours left in its unit, too few for this job")]
    HoursExceeded {
        allocation: AllocationId,
        remaining: UnitMillis,
    },
    #[error("the job is {} already", .0.as_str())]
    JobIsOver(StateName),
    /// What was answered to is not asked any more, or cannot be as it stands.
    #[error("{0}")]
    NotWaiting(String),
    /// It is so already, by what the words name.
    #[error("{0}")]
    AlreadySo(String),
    /// The key was used with another request.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// The first request with this key is not answered yet.
    #[error("the first request with this idempotency key is still in flight")]
    InFlight,
    /// Somebody else changed the same thing again and again; try later.
    #[error("too many others are changing the same thing, try again")]
    Contended,
    /// What says it is an agent is not let in.
    #[error(transparent)]
    Agent(#[from] AgentRefusal),
    /// The code that somebody came with lets nobody in.
    #[error(transparent)]
    Invitation(#[from] InvitationRefusal),
    /// Without this one nobody could let anybody in again.
    #[error("this is the last {0} there, and there always has to be one")]
    LastOne(InvitedRole),
    #[error("the ledger has no such entry or size")]
    OutsideLedger,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::HoursExceeded {
                allocation,
                remaining,
            } => Self::HoursExceeded {
                allocation,
                remaining,
            },
            CommitError::Store(error) => Self::Store(error),
            CommitError::Hours { .. } => Self::Store(StoreError::Database(error.to_string())),
            CommitError::Conflict(_) | CommitError::Duplicate(_) | CommitError::Missing(_) => {
                Self::Contended
            }
        }
    }
}

fn fields(count: usize) -> String {
    match count {
        1 => "one field".to_owned(),
        count => format!("{count} fields"),
    }
}

fn documents(terms: &[Arc<TermsDocument>]) -> String {
    let ids: Vec<String> = terms
        .iter()
        .map(|it| format!("`{}` version {}", it.id, it.version))
        .collect();
    ids.join(", ")
}

fn listed<T: std::fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

fn and_more(more: usize) -> String {
    match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    }
}

/// An error with its sources, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
