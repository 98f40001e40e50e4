//! `alcyone-broker signatories`: who signed the AI Pact, by dated lists.

use std::process::ExitCode;

use anyhow::Context as _;
use broker_app::{Error, SignatoryImport, read_signatories};
use broker_model::{InvalidSpec, SignatoryList};

use crate::allocations::table;
use crate::cli::{SignatoriesOptions, SignatoriesVerb};
use crate::compose::compose;
use crate::config::Config;
use crate::println_out;

/// Names told of those that came or went; a first list would fill the screen.
const MOST_TOLD: usize = 20;

pub(crate) async fn run(verb: SignatoriesVerb) -> anyhow::Result<ExitCode> {
    match verb {
        SignatoriesVerb::Import(options) => {
            let config = Config::load(&options.config)?;
            Ok(match import(&config, &options).await? {
                Ok(done) => {
                    show(&done, options.dry_run);
                    ExitCode::SUCCESS
                }
                Err(faults) => {
                    for fault in &faults {
                        eprintln!("{fault}");
                    }
                    eprintln!("nothing was imported: mend this and import again");
                    ExitCode::FAILURE
                }
            })
        }
        SignatoriesVerb::List { config } => {
            let composed = compose(&Config::load(&config)?).await?;
            let lists = composed.broker.signatory_lists().await;
            composed.store.close().await;
            list(&lists?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn import(
    config: &Config,
    options: &SignatoriesOptions,
) -> anyhow::Result<Result<SignatoryImport, Vec<InvalidSpec>>> {
    let read = read_signatories(&table(&options.file)?);
    let composed = compose(config).await?;
    let as_of = (options.as_of, options.source.as_str());
    let broker = &composed.broker;
    let done = { broker.import_signatories(&read, as_of, options.dry_run) }.await;
    composed.store.close().await;
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(Error::Invalid(_, faults)) => Ok(Err(faults)),
        Err(error) => Err(error).context("nothing was imported"),
    }
}

fn show(done: &SignatoryImport, dry_run: bool) {
    if done.is_known {
        println_out("nothing to do: this list of this day is there");
        return;
    }
    println_out(&line(&done.list));
    for (what, names) in [("new", &done.added), ("not there any more", &done.gone)] {
        for name in names.iter().take(MOST_TOLD) {
            println_out(&format!("{what}: {name}"));
        }
        if let Some(more) = names.len().checked_sub(MOST_TOLD).filter(|it| *it > 0) {
            println_out(&format!("{what}: and {more} others"));
        }
    }
    if dry_run {
        println_out("a dry run: nothing was changed");
    }
}

fn list(lists: &[SignatoryList]) {
    if lists.is_empty() {
        println_out("no list was imported");
    }
    for it in lists {
        println_out(&line(it));
    }
}

fn line(list: &SignatoryList) -> String {
    format!(
        "list of {}: {} names, sha256 {}, from {}",
        list.as_of, list.names, list.sha256, list.source
    )
}

#[cfg(test)]
mod tests;
