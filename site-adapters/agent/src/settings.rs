//! The agent's configuration file: read, checked as a whole, and every fault named by its key.

mod data_lock;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker_model::{AgentId, InstanceId, SiteId};
use serde::Deserialize;
use url::Url;

use crate::accounts::is_account_name;
use crate::{AccountRule, AgentConfig, HttpLinkConfig, ProxyConfig};

pub use data_lock::DataLock;

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("cannot read `{path}`")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Names line, column and key itself.
    #[error("`{path}`: {source}")]
    Malformed {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error("`{path}`: `{key}`: {reason}")]
    Invalid {
        path: PathBuf,
        key: String,
        reason: String,
    },
    #[error(
        "`{path}` is in use by another agent ({holder}); stop that one, or give this one an \
         `agent.data_dir` of its own"
    )]
    InUse { path: PathBuf, holder: String },
    #[error("cannot write to `{path}`; `agent.data_dir` must be writable")]
    Unwritable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub agent: AgentSection,
    pub adapter: AdapterSection,
    #[serde(default)]
    pub accounts: Vec<AccountRule>,
    /// Where it was read from, for messages.
    #[serde(skip)]
    pub path: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSection {
    pub site: SiteId,
    /// The address in the invite when absent.
    #[serde(default)]
    pub broker: Option<Url>,
    /// `HTTPS_PROXY` counts when absent; `NO_PROXY` counts in any case.
    #[serde(default)]
    pub proxy: Option<Url>,
    /// One line, `user:password`.
    #[serde(default)]
    pub proxy_credentials_file: Option<PathBuf>,
    /// Days until the agent makes itself a new key, 30 when absent; 0 for never.
    #[serde(default)]
    pub key_rotation_days: Option<u32>,
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    pub data_dir: PathBuf,
    /// For `/healthz` and `/metrics`; loopback only.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    #[serde(default)]
    pub max_attempts: Option<u32>,
    #[serde(default)]
    pub max_calls: Option<usize>,
    #[serde(default)]
    pub tick_seconds: Option<u32>,
    #[serde(default)]
    pub lease_wait_seconds: Option<u32>,
    #[serde(default)]
    pub snapshot_seconds: Option<u32>,
    #[serde(default)]
    pub usage_give_up_hours: Option<u32>,
    /// Lets jobs run under the account that the agent itself runs under.
    #[serde(default)]
    pub allow_own_account: bool,
}

/// Which scheduler, and its adapter's own settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterSection {
    pub kind: AdapterKind,
    #[serde(default)]
    pub settings: toml::Table,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterKind {
    Slurm,
    Process,
    Kubernetes,
    Pbs,
}

impl Settings {
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        let mut settings: Self =
            toml::from_str(text).map_err(|source| SettingsError::Malformed {
                path: path.to_owned(),
                source: Box::new(source),
            })?;
        path.clone_into(&mut settings.path);
        settings.check()?;
        Ok(settings)
    }

    pub fn agent_config(&self, id: AgentId, instance: InstanceId) -> AgentConfig {
        let section = &self.agent;
        let mut config = AgentConfig::new(id, instance, section.site.clone());
        let seconds = |s: u32| Duration::from_secs(u64::from(s));
        config.max_attempts = section.max_attempts.unwrap_or(config.max_attempts);
        config.max_calls = section.max_calls.unwrap_or(config.max_calls);
        config.tick = section.tick_seconds.map_or(config.tick, seconds);
        config.lease_wait = section
            .lease_wait_seconds
            .map_or(config.lease_wait, seconds);
        config.snapshot_every = section
            .snapshot_seconds
            .map_or(config.snapshot_every, seconds);
        config.usage_give_up = section
            .usage_give_up_hours
            .map_or(config.usage_give_up, |hours| seconds(hours) * 3600);
        config
    }

    pub fn link_config(&self) -> HttpLinkConfig {
        HttpLinkConfig {
            data_dir: self.agent.data_dir.clone(),
            broker: self.agent.broker.clone(),
            ca_file: self.agent.ca_file.clone(),
            proxy: self.agent.proxy.clone().map(|url| ProxyConfig {
                url,
                credentials_file: self.agent.proxy_credentials_file.clone(),
            }),
        }
    }

    /// A fault of this file, by its key.
    pub fn invalid(&self, key: impl Into<String>, reason: impl Into<String>) -> SettingsError {
        SettingsError::Invalid {
            path: self.path.clone(),
            key: key.into(),
            reason: reason.into(),
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        let agent = &self.agent;
        if agent.listen.is_some_and(|a| !a.ip().is_loopback()) {
            let reason =
                "metrics and health are open to whoever reaches them; use 127.0.0.1 or [::1]";
            return Err(self.invalid("agent.listen", reason));
        }
        if let Some(proxy) = &agent.proxy {
            self.check_proxy(proxy)?;
        } else if agent.proxy_credentials_file.is_some() {
            let reason =
                "there is no `agent.proxy` to show them to; one of `HTTPS_PROXY` has its own";
            return Err(self.invalid("agent.proxy_credentials_file", reason));
        }
        let counts = [
            ("max_attempts", agent.max_attempts.map(u64::from)),
            ("max_calls", agent.max_calls.map(|calls| calls as u64)),
            ("tick_seconds", agent.tick_seconds.map(u64::from)),
            ("snapshot_seconds", agent.snapshot_seconds.map(u64::from)),
            (
                "lease_wait_seconds",
                agent.lease_wait_seconds.map(u64::from),
            ),
        ];
        if let Some((key, _)) = counts.iter().find(|(_, value)| *value == Some(0)) {
            return Err(self.invalid(format!("agent.{key}"), "must be at least 1"));
        }
        self.check_accounts()
    }

    fn check_proxy(&self, proxy: &Url) -> Result<(), SettingsError> {
        if !matches!(proxy.scheme(), "http" | "https") {
            let reason = "give the proxy as `http://host:port` or `https://host:port`";
            return Err(self.invalid("agent.proxy", reason));
        }
        if proxy.password().is_some() {
            let reason = "it holds a password; put `user:password` into a file and name it as \
                          `agent.proxy_credentials_file`";
            return Err(self.invalid("agent.proxy", reason));
        }
        Ok(())
    }

    fn check_accounts(&self) -> Result<(), SettingsError> {
        if self.accounts.is_empty() {
            let reason = "there is none, so every job would be refused; add one with `project` \
                          (or \"*\") and `user`";
            return Err(self.invalid("accounts", reason));
        }
        let own = own_user();
        for (position, rule) in self.accounts.iter().enumerate() {
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
            if matches!(self.adapter.kind, AdapterKind::Slurm | AdapterKind::Pbs) {
                self.check_user(&key("user"), &rule.user, own.as_deref())?;
            }
        }
        Ok(())
    }

    /// A process job runs as the agent's user whatever the table says; a job of Slurm or PBS as the user named.
    fn check_user(&self, key: &str, user: &str, own: Option<&str>) -> Result<(), SettingsError> {
        if matches!(user, "root" | "slurm" | "pbsdata") {
            let reason = format!("jobs never run as `{user}`; name an ordinary account");
            return Err(self.invalid(key, reason));
        }
        if own == Some(user) && !self.agent.allow_own_account {
            let reason = "this is the agent's own account; name another, or set \
                          `agent.allow_own_account = true`";
            return Err(self.invalid(key, reason));
        }
        Ok(())
    }
}

/// The name of the user this process runs as, by passwd(5). A user of a directory service is not
/// in that file, and then is not recognised.
fn own_user() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let uid = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests;
