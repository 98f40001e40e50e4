//! Bringing organisations, projects and allocations in from a file: what an operator does until the
//! applications of the portal do it, and what the demo starts from.
//!
//! Things are named by short keys, and their ids are made from the keys: importing a file twice
//! changes nothing, and a changed file changes what it names. What it leaves out stays, but for people:
//! a project has the members, and a role the holders, that the file gives them.

mod apply;
mod error;
mod file;
mod hours;
mod roles;

pub use error::SetupError;
pub(crate) use file::named;
pub use file::{
    AllocationSetup, EvidenceSetup, GrantSetup, MemberSetup, OrganisationSetup, ProjectSetup,
    SetupFile, allocation_id, organisation_id, project_id,
};
