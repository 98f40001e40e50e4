use std::sync::Arc;

use broker_app::Broker;
use broker_client::wire::LoginChoice;
use broker_ledger::VerifierKey;

use crate::auth::Authenticate;
use crate::metrics::Metrics;

/// What a client is told about signing in: the issuers with a device client, none if need be.
pub type LoginInfo = Vec<LoginChoice>;

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct ApiState {
    pub broker: Broker,
    pub auth: Arc<dyn Authenticate>,
    pub metrics: Arc<Metrics>,
    pub login: Arc<LoginInfo>,
    /// What the ledger's checkpoints are checked with; its name is the ledger's.
    pub ledger_key: Arc<VerifierKey>,
}
