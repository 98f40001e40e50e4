//! The agent's configuration file: read, checked as a whole, and every fault named by its key.

mod account_map;
mod data_lock;
mod own_user;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker_model::{AgentId, InstanceId, SiteId};
use serde::Deserialize;
use url::Url;

use crate::config::{SNAPSHOT_EVERY, UNREACHABLE_AFTER, USAGE_GIVE_UP, least_snapshot_ttl};
use crate::{AccountRule, AgentConfig, HttpLinkConfig, ProxyConfig};

pub use account_map::AccountMapSection;
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
    /// The site's table, and who is asked in its place.
    #[serde(default)]
    pub accounts: Vec<AccountRule>,
    #[serde(default)]
    pub account_map: AccountMapSection,
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
    /// How long a snapshot counts at the broker when nothing newer comes.
    #[serde(default)]
    pub snapshot_ttl_seconds: Option<u32>,
    #[serde(default)]
    pub usage_give_up_hours: Option<u32>,
    /// How long the scheduler may not be reachable before the site counts as unavailable.
    #[serde(default)]
    pub unreachable_seconds: Option<u32>,
    /// How long a credential or a setting may be refused before the site's state says so.
    #[serde(default)]
    pub misconfigured_seconds: Option<u32>,
    /// Most log bytes that are kept in `data_dir` while the broker is away.
    #[serde(default)]
    pub spool_mib: Option<u32>,
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

impl AdapterKind {
    /// Jobs run under the account of the agent itself, whatever the mapping says.
    pub const fn runs_as_agent(self) -> bool {
        match self {
            Self::Process => true,
            Self::Slurm | Self::Kubernetes | Self::Pbs => false,
        }
    }
}

/// Enough for the logs of a weekend.
const SPOOL_MIB: u32 = 512;

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
        config.snapshot_ttl = section.snapshot_ttl_seconds.map(seconds);
        config.usage_give_up = self.usage_give_up();
        config.unreachable_after = section
            .unreachable_seconds
            .map_or(config.unreachable_after, seconds);
        config.misconfigured_after = section
            .misconfigured_seconds
            .map_or(config.misconfigured_after, seconds);
        config
    }

    /// How long after its end a job's usage is asked for.
    pub fn usage_give_up(&self) -> Duration {
        let hours = |hours: u32| Duration::from_hours(u64::from(hours));
        self.agent.usage_give_up_hours.map_or(USAGE_GIVE_UP, hours)
    }

    /// The most that log bytes in the spool may take, in bytes.
    pub fn spool_bytes(&self) -> u64 {
        u64::from(self.agent.spool_mib.unwrap_or(SPOOL_MIB)) * 1024 * 1024
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
        self.check_ttl()?;
        self.check_accounts()
    }

    /// A word that counts for less than this would be unknown again between two snapshots, or before a
    /// scheduler that is away counts as that.
    fn check_ttl(&self) -> Result<(), SettingsError> {
        let Some(ttl) = self.agent.snapshot_ttl_seconds else {
            return Ok(());
        };
        let seconds = |given: Option<u32>, or: Duration| {
            given.map_or(or, |given| Duration::from_secs(given.into()))
        };
        let every = seconds(self.agent.snapshot_seconds, SNAPSHOT_EVERY);
        let unreachable = seconds(self.agent.unreachable_seconds, UNREACHABLE_AFTER);
        let least = least_snapshot_ttl(every, unreachable).as_secs();
        if u64::from(ttl) >= least {
            return Ok(());
        }
        let reason = format!(
            "{ttl} s are too few: with two snapshots every {} s and {} s for a scheduler that is away, \
             give at least {least}, or leave it out",
            every.as_secs(),
            unreachable.as_secs()
        );
        Err(self.invalid("agent.snapshot_ttl_seconds", reason))
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
}

#[cfg(test)]
mod tests;
