use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CentreId, OrganisationId, ProfileSide};

/// What people work on for an organisation until it is settled. It is stored as one document with a
/// version, found by its organisation, by the desk it lies on, and by when something is due.
pub trait Dossier: Serialize + DeserializeOwned {
    /// The word for the kind in the database: `application`.
    const KIND: &'static str;
    type Id: fmt::Display;

    fn id(&self) -> Self::Id;
    fn organisation(&self) -> OrganisationId;
    /// Whose turn it is; nobody's once it is settled.
    fn desk(&self) -> Option<Desk>;
    fn due_at(&self) -> Option<Timestamp>;
    /// 0 before it is first stored; not part of the document.
    fn version(&self) -> i64;
    fn set_version(&mut self, version: i64);
}

/// Where something waits for people.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Desk {
    Reviewers,
    /// The staff of a support centre.
    Centre(CentreId),
    /// Nobody's turn: where objectives lie to be listed.
    Objectives,
    /// Nobody's turn: where profiles of one side lie for the other to find.
    Matching(ProfileSide),
}

impl fmt::Display for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reviewers => f.write_str("reviewers"),
            Self::Centre(id) => write!(f, "centre:{id}"),
            Self::Objectives => f.write_str("objectives"),
            Self::Matching(side) => write!(f, "matching:{side}"),
        }
    }
}
