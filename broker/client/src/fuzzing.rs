//! The readers of what a broker, or what stands before it, answers, for fuzz targets: none may panic.

use broker_model::{
    Application, Evidence, Incident, Organisation, OrganisationLimit, Placement, Site,
};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::sse::Parser;
use crate::wire::{
    AgentView, ApplicationForm, CheckView, CheckpointView, ConfirmationSaid, ConsistencyView,
    ControlsView, EntryView, FiledView, FollowUpView, HandoffView, InclusionView, InviteView,
    JobView, LogView, LoginOptions, OrganisationSize, Page, QuoteView, SiteJobView, SiteView,
    UsageView, WhoAmI,
};

/// A whole answer of the broker, or of an issuer on the way to a login.
pub fn answer(status: u16, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let status = StatusCode::from_u16(status).unwrap_or_default();
    let problem = crate::client::problem(status, &text);
    let _ = Error::Problem(Box::new(problem)).to_string();
    crate::device::read(bytes);
    for read in READERS {
        read(&text);
    }
}

const READERS: [fn(&str); 29] = [
    read::<JobView>,
    read::<Placement>,
    read::<LogView>,
    read::<WhoAmI>,
    read::<LoginOptions>,
    read::<CheckView>,
    read::<QuoteView>,
    read::<SiteView>,
    read::<Site>,
    read::<ControlsView>,
    read::<FiledView>,
    read::<InviteView>,
    read::<Incident>,
    read::<OrganisationLimit>,
    read::<CheckpointView>,
    read::<InclusionView>,
    read::<ConsistencyView>,
    read::<Page<EntryView>>,
    read::<Page<UsageView>>,
    read::<Page<SiteJobView>>,
    read::<Page<HandoffView>>,
    read::<Page<AgentView>>,
    read::<Page<ConfirmationSaid>>,
    read::<Page<Organisation>>,
    read::<Page<Evidence>>,
    read::<Page<Application>>,
    read::<Page<FollowUpView>>,
    read::<ApplicationForm>,
    read::<OrganisationSize>,
];

fn read<T: DeserializeOwned>(text: &str) {
    let _ = serde_json::from_str::<T>(text);
}

/// A stream of events, cut into pieces of this length.
pub fn events(bytes: &[u8], piece: usize) {
    let mut parser = Parser::default();
    for piece in bytes.chunks(piece.max(1)) {
        if parser.feed(piece).is_err() {
            return;
        }
    }
}
