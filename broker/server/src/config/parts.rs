use std::time::Duration;

use broker_app::Limits;
use serde::{Deserialize, Serialize};

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
    /// Stored bytes of one log stream.
    #[serde(default)]
    pub log_bytes: Option<u64>,
    #[serde(default)]
    pub idempotency_hours: Option<u32>,
}

impl LimitsConfig {
    pub(crate) fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let seconds = |given: Option<u32>, or: Duration| {
            given.map_or(or, |seconds| Duration::from_secs(seconds.into()))
        };
        let hours = self
            .idempotency_hours
            .map(|hours| hours.saturating_mul(3600));
        Limits {
            lease: seconds(self.lease_seconds, defaults.lease),
            site_state_ttl: seconds(self.site_state_ttl_seconds, defaults.site_state_ttl),
            site_lost_after: seconds(self.site_lost_after_seconds, defaults.site_lost_after),
            log_bytes: self.log_bytes.unwrap_or(defaults.log_bytes),
            idempotency: seconds(hours, defaults.idempotency),
            standing_ttl: defaults.standing_ttl,
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
