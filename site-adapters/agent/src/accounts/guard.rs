use async_trait::async_trait;

use super::{AccountError, AccountMap, AccountQuestion, Mapping};

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
        match self.users.forbids(&mapping.account.user) {
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
}

impl LocalUsers {
    /// `allow_own`: the site lets jobs run under the account of the agent itself.
    pub fn new(allow_own: bool) -> Self {
        use std::os::unix::fs::MetadataExt;
        let own = std::fs::metadata("/proc/self").ok();
        Self {
            own_uid: own.map(|own| MetadataExt::uid(&own)),
            allow_own,
        }
    }

    /// Why a user is not allowed, if so. Users of a directory service are not in passwd(5) and are
    /// known by their names only.
    pub fn forbids(&self, user: &str) -> Option<&'static str> {
        let uid = uid_of(user);
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
}

fn uid_of(user: &str) -> Option<u32> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        (name == user).then_some(uid)
    })
}
