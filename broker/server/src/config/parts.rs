use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use broker_app::Limits;
use serde::{Deserialize, Serialize};
use url::Url;

const DAY: u64 = 24 * 3600;

/// Numbers with defaults; see `broker_app::Limits`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    #[serde(default)]
    pub lease_seconds: Option<u32>,
    #[serde(default)]
    pub site_state_ttl_seconds: Option<u32>,
    #[serde(default)]
    pub site_lost_after_seconds: Option<u32>,
    #[serde(default)]
    pub confirmation_hours: Option<u32>,
    /// Stored bytes of one log stream.
    #[serde(default)]
    pub log_bytes: Option<u64>,
    #[serde(default)]
    pub idempotency_hours: Option<u32>,
}

/// What people have to accept before their jobs run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermsConfig {
    /// A folder with one TOML for each version of each document; nothing is asked without it.
    #[serde(default)]
    pub dir: Option<PathBuf>,
}

/// Who helps, and where money may come from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactConfig {
    /// A folder with the files of `config/contact/`; the shipped directory without it.
    #[serde(default)]
    pub dir: Option<PathBuf>,
}

/// The pages that people see.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalConfig {
    /// A folder with one `<language>.toml` each, laid over the shipped English and French.
    #[serde(default)]
    pub texts: Option<PathBuf>,
}

/// Where files of evidence lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    /// A folder that every replica sees; unless there is `s3`.
    #[serde(default = "files")]
    pub dir: PathBuf,
    /// The largest that is taken.
    #[serde(default = "twenty")]
    pub largest_mib: u32,
    #[serde(default)]
    pub s3: Option<S3Config>,
}

/// A bucket of Amazon S3 or of a service that speaks as it does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Config {
    pub bucket: String,
    pub region: String,
    /// Of a service that is not Amazon's.
    #[serde(default)]
    pub endpoint: Option<Url>,
    pub access_key_id: String,
    pub secret_access_key_file: PathBuf,
}

impl Default for FilesConfig {
    fn default() -> Self {
        Self {
            dir: files(),
            largest_mib: twenty(),
            s3: None,
        }
    }
}

impl FilesConfig {
    /// What a request may carry sets the upper end.
    pub(crate) fn validate(&self) -> anyhow::Result<()> {
        if (1..=64).contains(&self.largest_mib) {
            return Ok(());
        }
        bail!(
            "files.largest_mib: {} is out of range; allowed: 1 to 64",
            self.largest_mib
        )
    }
}

fn files() -> PathBuf {
    PathBuf::from("files")
}

const fn twenty() -> u32 {
    20
}

impl LimitsConfig {
    /// A lease of nothing, or a site that is lost at once, would move jobs that run.
    pub(crate) fn validate(&self) -> anyhow::Result<()> {
        let within = |name: &str, given: Option<u64>, allowed: RangeInclusive<u64>| match given {
            Some(number) if !allowed.contains(&number) => bail!(
                "limits.{name}: {number} is out of range; allowed: {} to {}",
                allowed.start(),
                allowed.end()
            ),
            _ => Ok(()),
        };
        let wide = |given: Option<u32>| given.map(u64::from);
        within("lease_seconds", wide(self.lease_seconds), 5..=3600)?;
        within(
            "site_state_ttl_seconds",
            wide(self.site_state_ttl_seconds),
            5..=DAY,
        )?;
        within(
            "site_lost_after_seconds",
            wide(self.site_lost_after_seconds),
            10..=30 * DAY,
        )?;
        within(
            "confirmation_hours",
            wide(self.confirmation_hours),
            1..=8760,
        )?;
        within("log_bytes", self.log_bytes, 4096..=1 << 40)?;
        within("idempotency_hours", wide(self.idempotency_hours), 1..=8760)?;
        let limits = self.limits();
        if limits.site_lost_after <= limits.lease {
            bail!(
                "limits.site_lost_after_seconds: {} s is not longer than a lease of {} s, so a job would \
                 move while its agent may still work on it",
                limits.site_lost_after.as_secs(),
                limits.lease.as_secs()
            );
        }
        Ok(())
    }

    pub(crate) fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let seconds = |given: Option<u32>, or: Duration| {
            given.map_or(or, |seconds| Duration::from_secs(seconds.into()))
        };
        let hours = |given: Option<u32>, or: Duration| {
            seconds(given.map(|hours| hours.saturating_mul(3600)), or)
        };
        Limits {
            lease: seconds(self.lease_seconds, defaults.lease),
            site_state_ttl: seconds(self.site_state_ttl_seconds, defaults.site_state_ttl),
            site_lost_after: seconds(self.site_lost_after_seconds, defaults.site_lost_after),
            confirmation: hours(self.confirmation_hours, defaults.confirmation),
            log_bytes: self.log_bytes.unwrap_or(defaults.log_bytes),
            idempotency: hours(self.idempotency_hours, defaults.idempotency),
            standing_ttl: defaults.standing_ttl,
            retention: defaults.retention,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    pub format: LogFormat,
    /// In the syntax of `tracing_subscriber::EnvFilter`; `ALCYONE_LOG` wins.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Json,
            filter: "info".to_owned(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Json,
    Text,
}
