use async_trait::async_trait;
use tokio::task::spawn_blocking;

use super::uids::Uids;
use super::{AccountError, AccountMap, AccountQuestion, Mapping};
use crate::passwd::{name_of, uid_of};

/// Keeps jobs from running as root, as the scheduler's own user or as the agent's, whatever a
/// mapping says.
#[derive(Debug)]
pub struct Guarded<M> {
    inner: M,
    users: LocalUsers,
}

impl<M: AccountMap> Guarded<M> {
    pub fn new(inner: M, users: LocalUsers) -> Self {
        Self { inner, users }
    }
}

#[async_trait]
impl<M: AccountMap> AccountMap for Guarded<M> {
    async fn account(&self, question: &AccountQuestion) -> Result<Mapping, AccountError> {
        let mapping = self.inner.account(question).await?;
        let user = &mapping.account.user;
        let uid = self.users.uids.of(user).await?;
        match self.users.forbids_as(user, uid) {
            None => Ok(mapping),
            Some(reason) => Err(AccountError::Forbidden {
                user: mapping.account.user,
                reason,
            }),
        }
    }
}

/// Which local users no job may have.
#[derive(Clone, Debug)]
pub struct LocalUsers {
    own_uid: Option<u32>,
    allow_own: bool,
    uids: Uids,
}

impl LocalUsers {
    /// `allow_own`: the site lets jobs run under the account of the agent itself.
    pub fn new(allow_own: bool) -> Self {
        use std::os::unix::fs::MetadataExt;
        let own = std::fs::metadata("/proc/self").ok();
        Self {
            own_uid: own.map(|own| MetadataExt::uid(&own)),
            allow_own,
            uids: Uids::default(),
        }
    }

    /// As an agent that runs under this number sees them, whoever asks.
    #[must_use]
    pub const fn seen_by(mut self, agent: u32) -> Self {
        self.own_uid = Some(agent);
        self
    }

    /// The agent's own user, where `user` is another one. By its number if passwd(5) has no name for
    /// it, as in many a container; the number is taken for a name, too.
    pub(crate) async fn own_beside(&self, user: &str) -> Result<Option<String>, AccountError> {
        let own = self.own_uid.ok_or_else(|| {
            let words = "whom the agent runs as is not known: /proc is not mounted";
            AccountError::Unusable(words.to_owned())
        })?;
        let is_own = match self.uids.of(user).await? {
            Some(uid) => uid == own,
            None => user == own.to_string(),
        };
        if is_own {
            return Ok(None);
        }
        let name = spawn_blocking(move || name_of(own)).await.ok().flatten();
        Ok(Some(name.unwrap_or_else(|| own.to_string())))
    }

    /// Why a user of passwd(5) is not allowed, if so. Those of a directory service are known here by
    /// their names only; `account` looks their numbers up.
    pub fn forbids(&self, user: &str) -> Option<&'static str> {
        self.forbids_as(user, uid_of(user))
    }

    fn forbids_as(&self, user: &str, uid: Option<u32>) -> Option<&'static str> {
        if matches!(user, "slurm" | "pbsdata") {
            return Some("the scheduler's own user");
        }
        let is_own = uid.is_some() && uid == self.own_uid;
        if is_own {
            let words =
                "the agent's own user unless the site allows it (`agent.allow_own_account = true`)";
            return (!self.allow_own).then_some(words);
        }
        (user == "root" || uid == Some(0)).then_some("root")
    }

    #[cfg(test)]
    pub(super) fn asking(mut self, program: &std::path::Path) -> Self {
        let patience = std::time::Duration::from_secs(2);
        self.uids = Uids::asking(program.into(), patience);
        self
    }
}
