//! The registry of sites, and what their administrators set. The board takes a change in at once here
//! and within a second at other replicas (`broker/decisions/0011-*.md`).

mod change;
mod diff;
mod documents;
mod drains;
mod files;
mod incidents;
mod jobs;
mod notes;
mod retire;
mod rules;
mod vetoed;
mod vetoed_organisations;
mod view;
mod windows;

pub use diff::Difference;
pub use documents::{Filed, FiledAs, SiteDocument};
pub use files::Adopted;
pub use jobs::{SiteJob, SiteJobs};
pub use view::{ControlsView, WindowView};
