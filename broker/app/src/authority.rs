//! Who may act for a site, and in whose name the ledger has it.

use broker_model::{AgentId, EntryBody, PersonId, SiteId};

use crate::{Broker, Caller, Error, Result};

/// In whose name a site's answer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) person: PersonId,
    /// The site's agent, where it spoke for somebody there.
    pub(crate) agent: Option<AgentId>,
}

impl Authority {
    /// Enters who spoke, and through which agent.
    pub(crate) fn sign(self, entry: &mut EntryBody) {
        entry.actor = Some(self.person);
        if let Some(agent) = self.agent {
            let agent = agent.to_string().into();
            entry.data.insert("agent".to_owned(), agent);
        }
    }
}

impl Broker {
    /// Refuses who is neither an administrator of the site nor an operator. That the site is there is
    /// no secret.
    pub(crate) fn check_manages(&self, caller: &Caller, site: &SiteId) -> Result<()> {
        if self.board().find(site).is_none() {
            return Err(Error::NotFound("site"));
        }
        if caller.is_admin_of(site) {
            return Ok(());
        }
        Err(Error::Forbidden("`site_admin` of this site, or `operator`"))
    }

    /// Refuses who is not of the site: an operator of the broker does not speak for it. Of a site that
    /// left the federation its people still say what became of its jobs.
    pub(crate) fn check_speaks_for(&self, caller: &Caller, site: &SiteId) -> Result<Authority> {
        if caller.administers(site) {
            return Ok(Authority {
                person: caller.person,
                agent: None,
            });
        }
        match self.board().find(site) {
            Some(_) => Err(Error::Forbidden("`site_admin` of this site")),
            None => Err(Error::NotFound("site")),
        }
    }
}
