use async_trait::async_trait;

use super::{AccountError, AccountMap, AccountQuestion, LocalUsers, Mapping};

/// Refuses whatever names another user than the agent's own, where jobs cannot run as anybody else: a
/// job under another account than its mapping says would use what that one was never given.
#[derive(Debug)]
pub struct OwnUserOnly<M> {
    inner: M,
    users: LocalUsers,
}

impl<M: AccountMap> OwnUserOnly<M> {
    pub fn new(inner: M, users: LocalUsers) -> Self {
        Self { inner, users }
    }
}

#[async_trait]
impl<M: AccountMap> AccountMap for OwnUserOnly<M> {
    async fn account(&self, question: &AccountQuestion) -> Result<Mapping, AccountError> {
        let mapping = self.inner.account(question).await?;
        match self.users.own_beside(&mapping.account.user).await? {
            None => Ok(mapping),
            Some(own) => Err(AccountError::AnotherUser {
                user: mapping.account.user,
                own,
            }),
        }
    }
}
