//! The directory of support centres, sectors, services and finance, from the folder that the configuration
//! names.

use std::path::Path;

use anyhow::{Context as _, bail};
use broker_app::{Broker, Directory, DirectoryTexts};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;

/// The directory of the folder, or the one this program was built with.
pub(crate) fn load(config: &Config) -> anyhow::Result<Directory> {
    match &config.contact.dir {
        Some(dir) => from_dir(dir).with_context(|| format!("contact.dir: {}", dir.display())),
        None => Ok(Directory::shipped()?),
    }
}

/// Every file has to be there: one that is missing would take the shipped one's word without saying so.
fn from_dir(dir: &Path) -> anyhow::Result<Directory> {
    let read = |name: &str| {
        let text = std::fs::read_to_string(dir.join(name));
        text.with_context(|| name.to_owned())
    };
    let words = words(dir)?;
    let words: Vec<(&str, &str)> = { words.iter() }
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    Ok(Directory::read(&DirectoryTexts {
        centres: &read("centres.toml")?,
        sectors: &read("sectors.toml")?,
        services: &read("services.toml")?,
        finance: &read("finance.toml")?,
        ranking: &read("ranking.toml")?,
        words: &words,
    })?)
}

/// English first, which the others fall back to.
fn words(dir: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("words.") && name.ends_with(".toml") {
            let text = std::fs::read_to_string(&path).with_context(|| name.to_string())?;
            found.push((name.into_owned(), text));
        }
    }
    if found.is_empty() {
        bail!("no `words.en.toml` lies there, so no reason could be given in words");
    }
    found.sort_by_key(|(name, _)| (name != "words.en.toml", name.clone()));
    Ok(found)
}

/// Reads the folder again at each SIGHUP. A directory that cannot be read is told in the log, and the one
/// before stays.
pub(crate) async fn reload_on_hangup(broker: Broker, config: Config) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            tracing::error!(%error, "SIGHUP cannot be heard: the directory stays until a restart");
            return;
        }
    };
    while hangups.recv().await.is_some() {
        if let Err(error) = reload(&broker, &config).await {
            tracing::error!(error = %format!("{error:#}"), "the support centres stay as they were");
        }
    }
}

async fn reload(broker: &Broker, config: &Config) -> anyhow::Result<()> {
    let config = config.clone();
    let directory = tokio::task::spawn_blocking(move || load(&config)).await??;
    tracing::info!(
        centres = directory.centres().len(),
        "the support centres are read"
    );
    broker.put_directory(directory);
    warn_of_stranded(broker).await;
    Ok(())
}

/// A directory without a centre takes its desk out of sight of whoever sends to it, not what waits there.
pub(crate) async fn warn_of_stranded(broker: &Broker) {
    match broker.stranded_referrals().await {
        Ok(stranded) => {
            for (centre, open) in stranded {
                tracing::warn!(%centre, open, "the directory does not have a support centre with open referrals");
            }
        }
        Err(error) => {
            tracing::error!(%error, "whether referrals wait at a centre that is gone cannot be read");
        }
    }
}

#[cfg(test)]
mod tests;
