//! The whole federation in one process, and one start-up's job through it.
//!
//! Nothing in it is special but the issuer (people are picked from a list) and the sites (this machine
//! plays all seven through the `process` adapter): the job is signed in, decided, placed, run, charged
//! and proved by the same code as anywhere else, and over the same HTTP.

mod federation;
mod journey;
mod people;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

pub use federation::Demo;

use crate::config::{LogConfig, LogFormat};
use crate::{listen, println_out, telemetry};

#[derive(Clone, Debug, Args)]
pub struct DemoOptions {
    /// End after the job; exit code 0 only if every step held
    #[arg(long)]
    pub once: bool,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    /// Where the portal listens; port 0 takes a free one [default: 127.0.0.1:8400, with --once a free port]
    #[arg(long)]
    pub listen: Option<SocketAddr>,
    /// Where everything is kept [default: data/demo, with --once a folder that is removed afterwards]
    #[arg(long)]
    pub data: Option<PathBuf>,
}

/// Runs the demo; without `--once` it serves until Ctrl-C afterwards.
pub(crate) async fn run(options: DemoOptions) -> anyhow::Result<ExitCode> {
    let _log = telemetry::start(&LogConfig {
        format: LogFormat::Text,
        filter: "warn".to_owned(),
    })?;
    let temporary = options.once.then(tempfile::tempdir).transpose()?;
    let data = match (&options.data, &temporary) {
        (Some(data), _) => data.clone(),
        (None, Some(folder)) => folder.path().to_owned(),
        (None, None) => PathBuf::from("data/demo"),
    };
    let port = if options.once { 0 } else { 8400 };
    let address = options
        .listen
        .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], port)));
    let demo = Demo::start(address, &data)
        .await
        .context("the demo could not start")?;
    let mut out = std::io::stdout();
    let travelled = journey::travel(&demo, !options.json, &mut out).await;
    let ended = finish(&options, &demo, travelled).await;
    demo.stop().await;
    ended
}

async fn finish(
    options: &DemoOptions,
    demo: &Demo,
    travelled: anyhow::Result<serde_json::Value>,
) -> anyhow::Result<ExitCode> {
    match &travelled {
        Ok(_) if options.json => {}
        Ok(_) => println_out("\nEvery step held."),
        Err(error) if !options.once => {
            println_out(&format!("\nThe sample job did not hold: {error:#}"));
        }
        Err(_) => {}
    }
    if !options.once {
        let portal = demo.portal();
        println_out(&format!(
            "The portal is at {portal} (pick a person to sign in). Ctrl-C ends."
        ));
    }
    match travelled {
        Ok(report) if options.json => println_out(&report.to_string()),
        Err(error) if options.once => return Err(error),
        _ => {}
    }
    if !options.once {
        listen::signalled().await;
    }
    Ok(ExitCode::SUCCESS)
}
