//! The readers of what agents send, for fuzz targets: none may panic on any bytes.

use agent_link::{EnrolRequest, RotateRequest};
use axum::http::Uri;
use broker_model::JobSpec;
use serde::de::DeserializeOwned;
use site_adapter::{ConfirmRequest, ConfirmationsRequest, LeaseRequest, Report};

use crate::agent_v1::as_sent;
use crate::body;

/// The body of any message, with what is computed from a report; and a job as a person sends it.
pub fn message(bytes: &[u8]) {
    read::<EnrolRequest>(bytes);
    read::<RotateRequest>(bytes);
    read::<LeaseRequest>(bytes);
    read::<ConfirmRequest>(bytes);
    read::<ConfirmationsRequest>(bytes);
    if let Some(report) = read::<Report>(bytes) {
        broker_app::fuzzing::report(&report);
    }
    if let Some(spec) = read::<JobSpec>(bytes) {
        let _ = spec.validate();
    }
}

/// Where a request says that it goes.
pub fn target(text: &str) {
    if let Ok(uri) = text.parse::<Uri>() {
        let _ = (as_sent("/", &uri), as_sent("/alcyone/", &uri));
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    body::read::<T>(bytes).ok()
}
