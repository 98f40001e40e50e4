//! How agents come in, are known again, change their keys, and are put out.
//!
//! An agent is its key: an invite lets one key in, once, and from then on every request is signed with
//! it (decision 0010). What is checked here is read from the database at every request, so what one
//! replica takes back no other lets in.

mod door;
mod enrol;
mod invite;
mod known;
mod list;
mod refusal;
mod revoke;
mod rotate;

pub use door::AgentDoor;
pub use invite::{InviteOrder, NewInvite};
pub use known::KnownAgent;
pub use list::AgentView;
pub use refusal::AgentRefusal;

use broker_model::{EntryBody, EntryKind, SiteId};
use jiff::Timestamp;

fn entry(at: Timestamp, kind: EntryKind, site: &SiteId) -> EntryBody {
    let mut entry = EntryBody::new(at, kind);
    entry.site = Some(site.clone());
    entry
}
