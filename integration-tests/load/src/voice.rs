//! An enrolled agent's way of speaking over HTTP: every request signed.

use std::fmt::Write as _;

use std::net::SocketAddr;

use agent_link::{EnrolRequest, InviteText, KeyPair, request};
use anyhow::Context as _;
use axum::http::{Method, Uri};
use broker_app::{Broker, InviteOrder};
use broker_model::{AgentId, Clock as _, SiteId, SystemClock};

use crate::client;

#[derive(Clone, Debug)]
pub(crate) struct Voice {
    pub(crate) agent: AgentId,
    key: KeyPair,
}

impl Voice {
    pub(crate) async fn enrol(broker: &Broker, site: &SiteId) -> anyhow::Result<Self> {
        let order = InviteOrder::new(None, None)?;
        let made = broker.invite_agent(None, site, order).await?;
        let invite: InviteText = made.text.parse()?;
        let (key, id) = (KeyPair::generate(), invite.id.to_string());
        let request = EnrolRequest::new(&key, &id, "load".to_owned(), String::new());
        let agent = broker.enrol(invite.id, &request).await?.agent;
        Ok(Self { agent, key })
    }

    pub(crate) fn post(
        &self,
        address: SocketAddr,
        path: &'static str,
        body: &[u8],
    ) -> anyhow::Result<Vec<u8>> {
        let now = SystemClock.now().as_second();
        let id = self.key.public().id();
        let target = (&Method::POST, &Uri::from_static(path));
        let mut begin = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n"
        );
        for (name, value) in request::sign(&self.key, &id, now, target, body) {
            let value = value.to_str().context("a signature is ASCII")?;
            let _ = write!(begin, "{name}: {value}\r\n");
        }
        let mut request = begin.into_bytes();
        request.extend(client::json_end(body));
        Ok(request)
    }
}
