use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use broker_app::Broker;
use broker_client::wire::LoginChoice;
use broker_ledger::VerifierKey;
use broker_model::SiteId;
use sha2::{Digest, Sha256};

use crate::auth::Authenticate;
use crate::metrics::Metrics;

/// What a client is told about signing in: the issuers with a device client, none if need be.
pub type LoginInfo = Vec<LoginChoice>;

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct ApiState {
    pub broker: Broker,
    pub auth: Arc<dyn Authenticate>,
    pub agents: Arc<AgentTokens>,
    pub metrics: Arc<Metrics>,
    pub login: Arc<LoginInfo>,
    /// What the ledger's checkpoints are checked with; its name is the ledger's.
    pub ledger_key: Arc<VerifierKey>,
}

/// Which token speaks for which site. Only digests are kept.
#[derive(Default)]
pub struct AgentTokens {
    by_digest: HashMap<[u8; 32], SiteId>,
}

impl fmt::Debug for AgentTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_digest.values()).finish()
    }
}

impl AgentTokens {
    /// Tokens as their files hold them; white space around one is no part of it.
    pub fn new<'a>(tokens: impl IntoIterator<Item = (SiteId, &'a str)>) -> Self {
        let by_digest = tokens
            .into_iter()
            .map(|(site, token)| (digest(token.trim()), site))
            .collect();
        Self { by_digest }
    }

    /// The site a token may speak for. Looked up by digest, so timing says nothing of the token.
    pub(crate) fn site(&self, token: &str) -> Option<&SiteId> {
        self.by_digest.get(&digest(token))
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
