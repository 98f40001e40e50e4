use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{Settings, SettingsError};
use crate::accounts::is_account_name;
use crate::{
    AccountCommand, AccountMap, AccountRule, AccountService, AccountTable, Cached, Guarded,
    LocalUsers, OwnUserOnly,
};

/// Who says which account a job runs under.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AccountMapSection {
    /// The `[[accounts]]` of this file.
    #[default]
    Table,
    /// A program of the site's.
    Command {
        argv: Vec<String>,
        #[serde(default)]
        timeout_seconds: Option<u32>,
        #[serde(default)]
        cache_seconds: Option<u32>,
    },
    /// A directory of the site's.
    Http {
        url: Url,
        #[serde(default)]
        token_file: Option<PathBuf>,
        #[serde(default)]
        ca_file: Option<PathBuf>,
        #[serde(default)]
        timeout_seconds: Option<u32>,
        #[serde(default)]
        cache_seconds: Option<u32>,
    },
}

fn seconds(given: Option<u32>, usual: u32) -> Duration {
    Duration::from_secs(u64::from(given.unwrap_or(usual)))
}

const TIMEOUT_SECONDS: u32 = 10;
const CACHE_SECONDS: u32 = 300;

impl Settings {
    /// The site's mapping, behind what no mapping may do.
    pub fn account_map(&self) -> Result<Arc<dyn AccountMap>, SettingsError> {
        Ok(match &self.account_map {
            AccountMapSection::Table => self.guarded(AccountTable::new(self.accounts.clone())),
            AccountMapSection::Command {
                argv,
                timeout_seconds,
                cache_seconds,
            } => {
                let timeout = seconds(*timeout_seconds, TIMEOUT_SECONDS);
                let command = AccountCommand::new(argv.clone(), timeout);
                self.guarded(Cached::new(command, seconds(*cache_seconds, CACHE_SECONDS)))
            }
            AccountMapSection::Http { cache_seconds, .. } => {
                let service = self.account_service()?;
                self.guarded(Cached::new(service, seconds(*cache_seconds, CACHE_SECONDS)))
            }
        })
    }

    /// Where jobs run under the agent's own account, which `check` lets pass only where the site allows
    /// it, a mapping may name that one only.
    fn guarded(&self, map: impl AccountMap + 'static) -> Arc<dyn AccountMap> {
        let users = self.users();
        if self.adapter.kind.runs_as_agent() {
            return Arc::new(OwnUserOnly::new(map, users));
        }
        Arc::new(Guarded::new(map, users))
    }

    fn account_service(&self) -> Result<AccountService, SettingsError> {
        let AccountMapSection::Http {
            url,
            token_file,
            ca_file,
            timeout_seconds,
            ..
        } = &self.account_map
        else {
            return Err(self.invalid("account_map.kind", "not `http`"));
        };
        let timeout = seconds(*timeout_seconds, TIMEOUT_SECONDS);
        AccountService::new(url.clone(), token_file.clone(), ca_file.as_deref(), timeout)
            .map_err(|error| self.invalid("account_map", error.to_string()))
    }

    pub(super) fn check_accounts(&self) -> Result<(), SettingsError> {
        if self.adapter.kind.runs_as_agent() && !self.agent.allow_own_account {
            let reason = "jobs of this adapter run under the agent's own account; set it to `true` if \
                          that is wanted";
            return Err(self.invalid("agent.allow_own_account", reason));
        }
        self.check_map()?;
        let users = self.users();
        for (position, rule) in self.accounts.iter().enumerate() {
            self.check_rule(position, rule, &users)?;
        }
        Ok(())
    }

    fn check_map(&self) -> Result<(), SettingsError> {
        let is_table = matches!(self.account_map, AccountMapSection::Table);
        match (is_table, self.accounts.is_empty()) {
            (true, true) => {
                let reason = "there is none, so every job would be refused; add one with `project` \
                              (or \"*\") and `user`, or an `[account_map]`";
                return Err(self.invalid("accounts", reason));
            }
            (false, false) => {
                let reason = "`[account_map]` answers in their place; remove one of the two";
                return Err(self.invalid("accounts", reason));
            }
            _ => {}
        }
        match &self.account_map {
            AccountMapSection::Command { argv, .. }
                if !argv.first().is_some_and(|it| it.starts_with('/')) =>
            {
                let reason = "must begin with the whole path of a program";
                Err(self.invalid("account_map.argv", reason))
            }
            AccountMapSection::Http { url, .. } if !crate::http_link::is_safe(url) => {
                let reason = "neither `https` nor a loopback address; who may run what must not be \
                              altered on the way";
                Err(self.invalid("account_map.url", reason))
            }
            _ => Ok(()),
        }
    }

    fn check_rule(
        &self,
        position: usize,
        rule: &AccountRule,
        users: &LocalUsers,
    ) -> Result<(), SettingsError> {
        let key = |field: &str| format!("accounts[{position}].{field}");
        let names = [
            ("user", Some(&rule.user)),
            ("account", rule.account.as_ref()),
            ("qos", rule.qos.as_ref()),
        ];
        for (field, name) in names {
            if name.is_some_and(|name| !is_account_name(name)) {
                let reason = "not a name: 1 to 64 letters, digits, `_`, `-` or `.`";
                return Err(self.invalid(key(field), reason));
            }
        }
        if rule.issuer.is_none() && !rule.subject.is_any() {
            let reason = "must be there with `subject`: another issuer may have the same subject";
            return Err(self.invalid(key("issuer"), reason));
        }
        let forbidden = users.forbids(&rule.user);
        match forbidden.filter(|_| !self.adapter.kind.runs_as_agent()) {
            Some(who) => {
                let user = &rule.user;
                let reason = format!("`{user}`: jobs never run as {who}; name an ordinary account");
                Err(self.invalid(key("user"), reason))
            }
            None => Ok(()),
        }
    }
}
