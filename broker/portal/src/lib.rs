//! The pages people see.

use std::sync::Arc;

use axum::Router;
use broker_app::Broker;
use broker_auth::Authenticator;
use url::Url;

/// What the pages are made from.
#[derive(Clone, Debug)]
pub struct Portal {
    pub(crate) broker: Broker,
    pub(crate) auth: Arc<Authenticator>,
    pub(crate) public_url: Url,
}

impl Portal {
    pub fn new(broker: Broker, auth: Arc<Authenticator>, public_url: Url) -> Self {
        Self { broker, auth, public_url }
    }
}

pub fn router(_portal: Portal) -> Router {
    Router::new()
}
