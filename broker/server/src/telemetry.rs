use anyhow::Context as _;
use site_agent::log_writer::LogWriter;
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Sends logs to standard error, one JSON object a line unless told otherwise, for as long as what is
/// returned lives. A standard error that nobody reads drops lines and stops nobody.
pub(crate) fn start(config: &LogConfig) -> anyhow::Result<LogWriter> {
    let filter = std::env::var("ALCYONE_LOG").unwrap_or_else(|_| config.filter.clone());
    let filter = EnvFilter::try_new(&filter).with_context(|| format!("log.filter: `{filter}`"))?;
    let log = LogWriter::to_stderr();
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(log.writer());
    match config.format {
        LogFormat::Json => logs
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init(),
        LogFormat::Text => logs.compact().try_init(),
    }
    .map_err(|error| anyhow::anyhow!("logs cannot be set up: {error}"))?;
    Ok(log)
}
