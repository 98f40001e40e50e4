use std::sync::{Arc, PoisonError};

use agent_link::KeyPair;
use url::Url;

use crate::Broker;

/// Where agents reach the broker, and what it signs its answers to them with.
#[derive(Debug)]
pub struct AgentDoor {
    pub url: Url,
    pub key: KeyPair,
}

/// A door of this process alone, until [`Broker::put_agent_door`]: whoever is enrolled by it does not
/// know the broker again after a restart.
impl Default for AgentDoor {
    #[expect(clippy::expect_used, reason = "a constant")]
    fn default() -> Self {
        Self {
            url: Url::parse("http://127.0.0.1/").expect("a URL"),
            key: KeyPair::generate(),
        }
    }
}

impl Broker {
    pub fn put_agent_door(&self, door: AgentDoor) {
        *self
            .inner
            .agent_door
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(door);
    }

    pub fn agent_door(&self) -> Arc<AgentDoor> {
        self.inner
            .agent_door
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
