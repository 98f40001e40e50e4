//! Whose account a project's jobs run under: the site's decision, from the site's own table.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use broker_model::ProjectId;
use serde::{Deserialize, Serialize};
use site_adapter::LocalAccount;

/// The site's mapping of projects to local accounts.
#[async_trait]
pub trait AccountMap: fmt::Debug + Send + Sync + 'static {
    /// Finds the account of a project. The hint is what the allocation names; the site may ignore it.
    async fn account(
        &self,
        project: ProjectId,
        account_hint: Option<&str>,
    ) -> Result<LocalAccount, AccountError>;
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// An answer: the job is refused with these words.
    #[error(
        "project `{0}` has no local account at this site; ask the site to add an `[[accounts]]` entry \
         for it to its agent's configuration"
    )]
    NotMapped(ProjectId),
    #[error(
        "the allocation names the account `{0}`, which holds characters that no account of this site \
         has; ask the broker's operator to correct the allocation"
    )]
    BadHint(String),
    /// No answer: ask again later.
    #[error("the site's account directory does not answer: {0}")]
    Unavailable(String),
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRule {
    pub project: ProjectPattern,
    pub user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// Charge the account that the allocation names, if it names one and `account` is absent.
    #[serde(default)]
    pub account_from_allocation: bool,
}

/// `*`, or one project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectPattern {
    Any,
    One(ProjectId),
}

impl FromStr for ProjectPattern {
    type Err = broker_model::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        text.parse().map(Self::One)
    }
}

impl Serialize for ProjectPattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("*"),
            Self::One(project) => project.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ProjectPattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error| serde::de::Error::custom(format!("{error}, or `*`")))
    }
}

/// The mapping as a table; a project's own line goes before `*`.
#[derive(Clone, Debug, Default)]
pub struct AccountTable {
    rules: Vec<AccountRule>,
}

impl AccountTable {
    pub fn new(rules: Vec<AccountRule>) -> Self {
        Self { rules }
    }

    /// Every project under one account: the embedded set-up, or a workstation.
    pub fn everyone(user: impl Into<String>) -> Self {
        Self::new(vec![AccountRule {
            project: ProjectPattern::Any,
            user: user.into(),
            account: None,
            qos: None,
            account_from_allocation: false,
        }])
    }

    fn rule(&self, project: ProjectId) -> Option<&AccountRule> {
        let own = |rule: &&AccountRule| rule.project == ProjectPattern::One(project);
        let any = |rule: &&AccountRule| rule.project == ProjectPattern::Any;
        let mut rules = self.rules.iter();
        rules.clone().find(own).or_else(|| rules.find(any))
    }
}

#[async_trait]
impl AccountMap for AccountTable {
    async fn account(
        &self,
        project: ProjectId,
        account_hint: Option<&str>,
    ) -> Result<LocalAccount, AccountError> {
        let rule = self.rule(project).ok_or(AccountError::NotMapped(project))?;
        let hint = account_hint.filter(|_| rule.account_from_allocation);
        if let Some(hint) = hint
            && !is_account_name(hint)
        {
            return Err(AccountError::BadHint(
                hint.escape_default().take(80).collect(),
            ));
        }
        Ok(LocalAccount {
            user: rule.user.clone(),
            account: rule.account.clone().or_else(|| hint.map(str::to_owned)),
            qos: rule.qos.clone(),
        })
    }
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
mod tests {
    use broker_model::Ids;

    use super::*;

    fn project() -> ProjectId {
        Ids::from_os().next(&broker_model::SystemClock)
    }

    fn rule(project: ProjectPattern, user: &str) -> AccountRule {
        AccountRule {
            project,
            user: user.to_owned(),
            account: None,
            qos: None,
            account_from_allocation: true,
        }
    }

    #[tokio::test]
    async fn a_projects_own_line_goes_before_the_star() {
        let mine = project();
        let table = AccountTable::new(vec![
            rule(ProjectPattern::Any, "shared"),
            rule(ProjectPattern::One(mine), "mine"),
        ]);
        assert_eq!(table.account(mine, None).await.unwrap().user, "mine");
        assert_eq!(table.account(project(), None).await.unwrap().user, "shared");
    }

    #[tokio::test]
    async fn a_project_without_a_line_is_told_what_to_do() {
        let error = AccountTable::default()
            .account(project(), None)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("[[accounts]]"), "{error}");
    }

    #[tokio::test]
    async fn an_account_named_by_the_broker_is_taken_only_if_it_is_a_name() {
        let table = AccountTable::new(vec![rule(ProjectPattern::Any, "shared")]);
        let account = table.account(project(), Some("p200123")).await.unwrap();
        assert_eq!(account.account.as_deref(), Some("p200123"));
        for bad in ["a b", "$(id)", "a\nb", "--qos=x", ""] {
            let answer = table.account(project(), Some(bad)).await;
            assert!(matches!(answer, Err(AccountError::BadHint(_))), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn the_broker_cannot_choose_an_account_unless_the_site_lets_it() {
        let table = AccountTable::everyone("shared");
        let account = table.account(project(), Some("p200123")).await.unwrap();
        assert_eq!(account.account, None);
    }
}
