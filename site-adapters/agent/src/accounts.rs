//! Whose account a job runs under: the site's decision, from the site's own table, program or
//! directory, and never the broker's.

pub(crate) mod answer;
mod cache;
mod command;
mod guard;
mod http;
mod own_user;
mod recent;
mod table;
mod uids;

use std::fmt;

use async_trait::async_trait;
use broker_model::{PartitionId, PartitionRef, ProjectId};
use serde::Serialize;
use site_adapter::{LeasedAttempt, LocalAccount, PersonRef};

pub use cache::Cached;
pub use command::AccountCommand;
pub use guard::{Guarded, LocalUsers};
pub use http::{AccountService, AccountServiceError};
pub use own_user::OwnUserOnly;
pub use table::{AccountRule, AccountTable, PersonPattern, ProjectPattern, SubjectPattern};

/// The site's mapping of projects and people to local accounts.
#[async_trait]
pub trait AccountMap: fmt::Debug + Send + Sync + 'static {
    /// Finds the account for a job.
    async fn account(&self, question: &AccountQuestion) -> Result<Mapping, AccountError>;
}

/// Who wants to run something, and where. It is also what a program or a directory of the site is
/// asked, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct AccountQuestion {
    pub project: ProjectId,
    /// Absent for a person who was erased, and for what older brokers leased.
    pub person: Option<PersonRef>,
    /// The account that the allocation names for this site, if it does; the site may ignore it.
    pub account_hint: Option<String>,
    pub partition: PartitionRef,
}

impl AccountQuestion {
    pub(crate) fn of(leased: &LeasedAttempt) -> Self {
        Self {
            project: leased.project,
            person: leased.person.clone(),
            account_hint: leased.account_hint.clone(),
            partition: leased.work.partition.clone(),
        }
    }
}

/// Where a job goes at the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub account: LocalAccount,
    /// Sent to this partition of the same system in place of the one that was placed on.
    pub partition: Option<PartitionId>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// An answer: the job is refused with these words, which name the remedy.
    #[error("{0}")]
    NoAccount(String),
    /// An answer that no job may run under.
    #[error(
        "the site's account mapping names the user `{user}`, and jobs never run as {reason}; ask the \
         site to correct its mapping"
    )]
    Forbidden { user: String, reason: &'static str },
    /// An answer that this agent cannot act on: it has no way to become that user.
    #[error(
        "the site's account mapping names the user `{user}`, and here jobs run as the agent's own user \
         `{own}` and as nobody else (`kind = \"process\"`); ask the site to name `{own}` in its mapping, or \
         to serve such jobs through a scheduler"
    )]
    AnotherUser { user: String, own: String },
    #[error(
        "the allocation names the account `{0}`, which holds characters that no account of this site \
         has; ask the broker's operator to correct the allocation"
    )]
    BadHint(String),
    /// No answer, or the word to come back later: it mends itself more often than not.
    #[error("the site's account directory does not answer: {0}")]
    Unavailable(String),
    /// An answer that says nothing. Asked again, too, and a person has to mend what answers so.
    #[error("the site's account directory gives no answer that can be used: {0}")]
    Unusable(String),
}

/// Names that `useradd` and `sacctmgr` make: none of them means anything to a shell.
pub(crate) fn is_account_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with(['-', '.'])
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests;
