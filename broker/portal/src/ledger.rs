use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_app::Error;
use broker_store::StoredCheckpoint;

use crate::Portal;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::visitor::Member;
use crate::words::{self, Moment};

#[derive(Template)]
#[template(path = "ledger.html")]
struct LedgerPage {
    f: Frame,
    checkpoint: Option<CheckpointView>,
    key: Option<String>,
}

struct CheckpointView {
    entries: String,
    root: String,
    note: String,
    made: Moment,
}

impl From<StoredCheckpoint> for CheckpointView {
    fn from(checkpoint: StoredCheckpoint) -> Self {
        Self {
            entries: words::count(checkpoint.tree_size),
            root: checkpoint.root_hex,
            note: checkpoint.note,
            made: checkpoint.created_at.into(),
        }
    }
}

/// The newest signed tree head, and how to check everything without trusting this page.
pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
) -> Result<Response, Refusal> {
    let checkpoint = match portal.broker.checkpoint().await {
        Ok(checkpoint) => Some(checkpoint.into()),
        // Nothing is sealed in the first half second of a new broker.
        Err(Error::OutsideLedger) => None,
        Err(error) => return Err(error.into()),
    };
    html(&LedgerPage {
        f: member.frame(member.texts.of("ledger.title"), "ledger"),
        checkpoint,
        key: portal.ledger_key.as_deref().map(str::to_owned),
    })
}
