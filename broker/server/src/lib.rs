//! `alcyone-broker`: where the parts are put together, and nothing else is decided.

mod allocations;
mod auth;
mod cli;
mod compose;
pub mod config;
mod contact;
mod demo;
mod doctor;
mod embedded;
mod files;
mod invites;
mod listen;
mod persons;
mod policy;
mod registry;
mod revocations;
mod roles;
mod secrets;
mod serve;
pub mod shipped;
mod signatories;
mod telemetry;
mod terms;
#[cfg(test)]
mod testing;
mod texts;
mod tls;
mod waldur;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Context as _;

pub use auth::TokenAuth;
pub use cli::BrokerCommand;
pub use compose::{Composed, compose, open_store};
pub use demo::{Demo, DemoOptions};
pub use embedded::{EmbeddedLink, EmbeddedSites};

use crate::cli::{AllocationsVerb, ConfigVerb, PolicyVerb, Verb};
use crate::config::Config;

/// Runs a command to its end.
pub fn run(command: BrokerCommand) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    // One provider for every rustls in the process; a second install is a harmless error.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    runtime.block_on(execute(command))
}

async fn execute(command: BrokerCommand) -> anyhow::Result<ExitCode> {
    match command.verb {
        Verb::Demo(options) => demo::run(options).await,
        Verb::Serve { config } => {
            let config = Config::load(&config)?;
            let log = telemetry::start(&config.log)?;
            serve::serve(config, &log).await?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Migrate { config } => migrate(&Config::load(&config)?).await,
        Verb::Import { config, file } => import(&Config::load(&config)?, &file).await,
        Verb::Allocations {
            verb: AllocationsVerb::Import(options),
        } => allocations::import(options).await,
        Verb::Signatories { verb } => signatories::run(verb).await,
        Verb::Revoke(options) => revocations::revoke(options).await,
        Verb::Revocations { config } => revocations::list(&Config::load(&config)?).await,
        Verb::Invite(options) => invites::invite(options).await,
        Verb::Person { verb } => persons::run(verb).await,
        Verb::Hold { verb } => persons::run_hold(verb).await,
        Verb::Config {
            verb: ConfigVerb::Check { config },
        } => {
            let loaded = Config::load(&config)?;
            let warnings = compose::check(&loaded).with_context(|| config.display().to_string())?;
            for warning in warnings {
                println_out(&format!("careful: {warning}"));
            }
            println_out(&format!("{}: no mistake found", config.display()));
            Ok(ExitCode::SUCCESS)
        }
        Verb::Policy {
            verb:
                PolicyVerb::Compare {
                    config,
                    folder,
                    on,
                    json,
                },
        } => policy::compare(&Config::load(&config)?, &folder, (on, json)).await,
        Verb::Doctor { config } => doctor::run(&Config::load(&config)?).await,
        Verb::LedgerKey { name, file } => {
            let key = compose::new_ledger_key(&name, &file)?;
            println_out(&format!(
                "{} written; give auditors this key:\n{key}",
                file.display()
            ));
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    let applied = open_store(&config.database).await?.migrate().await?;
    if applied.is_empty() {
        println_out("nothing to do: the schema is current");
    }
    for name in applied {
        println_out(&format!("applied {name}"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn import(config: &Config, file: &std::path::Path) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    let setup: broker_app::setup::SetupFile =
        toml::from_str(&text).with_context(|| format!("{}", file.display()))?;
    let composed = compose(config).await?;
    let done = composed.broker.import(&setup).await?;
    if done.is_empty() {
        println_out("nothing to do: all of it is there");
    }
    for line in done {
        println_out(&line);
    }
    composed.store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Whoever reads an operator's command has seen enough when they close: `person export PERSON | head -1`.
fn println_out(line: &str) {
    if let Err(error) = written(line, &mut std::io::stdout().lock()) {
        tracing::warn!(%error, "what the command says cannot be written");
    }
}

/// What the command does goes on, whoever reads of it.
fn written(line: &str, out: &mut impl Write) -> io::Result<()> {
    match writeln!(out, "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_ends_quietly_where_nobody_reads_on() {
        let (reads, mut writes) = io::pipe().unwrap();
        drop(reads);
        assert!(writeln!(writes, "a line").is_err());
        written("a line", &mut writes).unwrap();
    }
}
