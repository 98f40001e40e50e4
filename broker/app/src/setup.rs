//! Bringing organisations, projects and allocations in from a file: what an operator does until the
//! applications of the portal do it, and what the demo starts from.
//!
//! Things are named by short keys, and their ids are made from the keys: importing a file twice
//! changes nothing, and a changed file changes what it names. Balances are never touched: hours of an
//! allocation that is there stay as they are.

mod apply;
mod file;

pub use file::{
    AllocationSetup, EvidenceSetup, GrantSetup, MemberSetup, OrganisationSetup, ProjectSetup,
    SetupFile, allocation_id, organisation_id, project_id,
};
