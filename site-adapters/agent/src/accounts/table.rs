use std::str::FromStr;

use async_trait::async_trait;
use broker_model::{PartitionId, PersonId, ProjectId};
use serde::{Deserialize, Serialize};
use site_adapter::{LocalAccount, PersonRef};

use super::{AccountError, AccountMap, AccountQuestion, Mapping, is_account_name};

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRule {
    pub project: ProjectPattern,
    #[serde(default)]
    pub person: PersonPattern,
    /// Whose login the subject is: subjects are unique to their issuer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(default)]
    pub subject: SubjectPattern,
    pub user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// Sends the jobs to this partition in place of the one they were placed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionId>,
    /// Charge the account that the allocation names, if it names one and `account` is absent.
    #[serde(default)]
    pub account_from_allocation: bool,
}

impl AccountRule {
    /// How closely the rule fits, if it does: a project's own line goes before one for a person, and
    /// one with both before either.
    fn fits(&self, question: &AccountQuestion) -> Option<u8> {
        let project = match self.project {
            ProjectPattern::Any => 0,
            ProjectPattern::One(project) if project == question.project => 2,
            ProjectPattern::One(_) => return None,
        };
        let person = question.person.as_ref();
        self.is_of(person)
            .then_some(project + u8::from(self.names_a_person()))
    }

    pub(crate) fn names_a_person(&self) -> bool {
        self.person != PersonPattern::Any || self.issuer.is_some() || !self.subject.is_any()
    }

    fn is_of(&self, person: Option<&PersonRef>) -> bool {
        let Some(person) = person else {
            return !self.names_a_person();
        };
        let one = match self.person {
            PersonPattern::Any => true,
            PersonPattern::One(id) => id == person.id,
        };
        let issuer = self.issuer.as_ref();
        one && issuer.is_none_or(|it| *it == person.issuer) && self.subject.fits(&person.subject)
    }
}

/// `*`, or one project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProjectPattern {
    #[default]
    Any,
    One(ProjectId),
}

/// `*`, or one person by the broker's id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonPattern {
    #[default]
    Any,
    One(PersonId),
}

macro_rules! any_or_one {
    ($pattern:ident) => {
        impl FromStr for $pattern {
            type Err = broker_model::InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if text == "*" {
                    return Ok(Self::Any);
                }
                text.parse().map(Self::One)
            }
        }

        impl Serialize for $pattern {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::Any => serializer.serialize_str("*"),
                    Self::One(id) => id.serialize(serializer),
                }
            }
        }

        impl<'de> Deserialize<'de> for $pattern {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse()
                    .map_err(|error| serde::de::Error::custom(format!("{error}, or `*`")))
            }
        }
    };
}

any_or_one!(ProjectPattern);
any_or_one!(PersonPattern);

/// A subject in which each `*` stands for any characters, none included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubjectPattern(pub String);

impl Default for SubjectPattern {
    fn default() -> Self {
        Self("*".to_owned())
    }
}

impl SubjectPattern {
    pub(crate) fn is_any(&self) -> bool {
        self.0 == "*"
    }

    fn fits(&self, subject: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return self.0 == subject;
        };
        let Some(mut left) = subject.strip_prefix(first) else {
            return false;
        };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*') {
            let Some(at) = left.find(part) else {
                return false;
            };
            left = left.get(at + part.len()..).unwrap_or_default();
        }
        left.ends_with(last)
    }
}

/// The mapping as a table; the line that fits most closely counts, and the first of several.
#[derive(Clone, Debug, Default)]
pub struct AccountTable {
    rules: Vec<AccountRule>,
}

impl AccountTable {
    pub fn new(rules: Vec<AccountRule>) -> Self {
        Self { rules }
    }

    /// Everybody under one account: the embedded set-up, or a workstation.
    pub fn everyone(user: impl Into<String>) -> Self {
        Self::new(vec![AccountRule {
            project: ProjectPattern::Any,
            person: PersonPattern::Any,
            issuer: None,
            subject: SubjectPattern::default(),
            user: user.into(),
            account: None,
            qos: None,
            partition: None,
            account_from_allocation: false,
        }])
    }

    fn rule(&self, question: &AccountQuestion) -> Option<&AccountRule> {
        let mut best: Option<(u8, &AccountRule)> = None;
        for rule in &self.rules {
            let Some(fits) = rule.fits(question) else {
                continue;
            };
            if best.is_none_or(|(most, _)| fits > most) {
                best = Some((fits, rule));
            }
        }
        best.map(|(_, rule)| rule)
    }
}

#[async_trait]
impl AccountMap for AccountTable {
    async fn account(&self, question: &AccountQuestion) -> Result<Mapping, AccountError> {
        let rule = self.rule(question).ok_or_else(|| no_account(question))?;
        let hint = question.account_hint.as_deref();
        let hint = hint.filter(|_| rule.account_from_allocation);
        if let Some(hint) = hint
            && !is_account_name(hint)
        {
            return Err(AccountError::BadHint(
                hint.escape_default().take(80).collect(),
            ));
        }
        Ok(Mapping {
            account: LocalAccount {
                user: rule.user.clone(),
                account: rule.account.clone().or_else(|| hint.map(str::to_owned)),
                qos: rule.qos.clone(),
            },
            partition: rule.partition.clone(),
        })
    }
}

/// Without the person's name: the words go into the job's history.
fn no_account(question: &AccountQuestion) -> AccountError {
    AccountError::NoAccount(format!(
        "project `{}` has no local account at this site for the person who handed the job in; ask the \
         site to add an `[[accounts]]` entry for it to its agent's configuration",
        question.project
    ))
}
