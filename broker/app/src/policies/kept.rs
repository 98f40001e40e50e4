//! Which policies there are here: the one in force, and those that decisions were made by.

use broker_store::PolicyUse;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Broker, Caller, Error, Result};

/// A policy set, and what it has decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    pub policy_digest: String,
    /// Decides now.
    pub in_force: bool,
    /// Its decisions can be made again here, and other sets compared with it.
    pub kept: bool,
    pub decisions: u64,
    /// The first that is stored, and the last; none while nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
}

impl Caller {
    pub(super) fn check_compares(&self) -> Result<()> {
        if self.sees_all_organisations() || self.is_auditor() {
            return Ok(());
        }
        Err(Error::Forbidden("`reviewer`, `auditor`, or `operator`"))
    }
}

impl Broker {
    /// The one in force first, then by the last decision; for reviewers, auditors and operators. One that was in
    /// force and decided nothing is not listed.
    pub async fn policies(&self, caller: &Caller) -> Result<Vec<PolicyView>> {
        caller.check_compares()?;
        let used = self.inner.store.policies_used().await?;
        let current = self.policy().digest().to_owned();
        let (now, before): (Vec<_>, Vec<_>) =
            { used.iter() }.partition(|it| it.policy_digest == current);
        let mut all = vec![view(&current, now.first().copied())];
        for used in before {
            let name = used.policy_digest.trim_start_matches("sha256:");
            let document = self.inner.store.find_board_document(name).await?;
            all.push(PolicyView {
                in_force: false,
                kept: document.is_some(),
                ..view(&used.policy_digest, Some(used))
            });
        }
        Ok(all)
    }
}

/// Of the one in force.
fn view(digest: &str, used: Option<&PolicyUse>) -> PolicyView {
    PolicyView {
        policy_digest: digest.to_owned(),
        in_force: true,
        kept: true,
        decisions: used.map_or(0, |it| it.decisions),
        first_at: used.map(|it| it.first_at),
        last_at: used.map(|it| it.last_at),
    }
}
