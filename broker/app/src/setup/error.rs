use broker_store::{CommitError, StoreError};

use crate::Error;

pub(super) type Result<T, E = SetupError> = std::result::Result<T, E>;

/// Why a setup file could not be imported whole.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(
        "projects.{project}: there is no organisation `{organisation}`; name one of this file or of one \
         that was imported before"
    )]
    NoOrganisation {
        project: String,
        organisation: String,
    },
    #[error(
        "projects.{project}.allocations.{allocation}: {reason}; set `hours` to no less, or suspend the \
         allocation"
    )]
    TooFewHours {
        project: String,
        allocation: String,
        reason: broker_accounting::Error,
    },
    #[error(
        "grants: `{role}` is not a role, or its site, centre or organisation is missing; allowed are \
         `operator`, `reviewer`, `auditor`, `site_admin` with a `site`, `centre_staff` with a `centre`, and \
         `representative` with an `organisation`"
    )]
    NotARole { role: String },
    #[error("grants: there is no support centre `{centre}`; there are {known}")]
    NotACentre { centre: String, known: String },
    #[error(
        "grants: there is no organisation `{organisation}`; name one of this file, of one before, or by its id"
    )]
    NotAnOrganisation { organisation: String },
    #[error("projects.{project}.allocations.{allocation}, share: {reason}; allowed are {allowed}")]
    NotAShare {
        project: String,
        allocation: String,
        reason: String,
        allowed: String,
    },
    #[error("grants, share: {reason}; allowed are {allowed}")]
    NotAShareOfAuditors { reason: String, allowed: String },
    #[error(transparent)]
    Broker(#[from] Error),
}

impl From<StoreError> for SetupError {
    fn from(error: StoreError) -> Self {
        Self::Broker(error.into())
    }
}

impl From<CommitError> for SetupError {
    fn from(error: CommitError) -> Self {
        Self::Broker(error.into())
    }
}
