//! Terms of the platform and of the sites, from the folder that the configuration names.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use broker_app::{Broker, TermsSet};
use broker_model::SiteId;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;

/// The documents of the folder; none where no folder is named, and then nothing is to be accepted.
pub(crate) fn load(config: &Config) -> anyhow::Result<TermsSet> {
    match &config.terms.dir {
        Some(dir) => from_dir(dir).with_context(|| format!("terms.dir: {}", dir.display())),
        None => Ok(TermsSet::default()),
    }
}

/// An empty folder would ask for nothing without a word, so it is refused.
fn from_dir(dir: &Path) -> anyhow::Result<TermsSet> {
    let entries = std::fs::read_dir(dir)?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|it| it == "toml"));
    paths.sort();
    if paths.is_empty() {
        bail!("no `*.toml` lies there; leave `dir` out if nothing is to be accepted");
    }
    let read = |path: &PathBuf| {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| name.clone())?;
        Ok((name, text))
    };
    let files: anyhow::Result<Vec<_>> = paths.iter().map(read).collect();
    Ok(TermsSet::read(&files?)?)
}

/// A sentence for each site that has terms and is not there.
pub(crate) fn unknown_sites(terms: &TermsSet, is_known: impl Fn(&SiteId) -> bool) -> Vec<String> {
    let sites = terms.documents().iter().filter_map(|it| it.scope.site());
    let mut sites: Vec<&SiteId> = sites.filter(|it| !is_known(it)).collect();
    sites.dedup();
    let words = |site: &SiteId| {
        format!(
            "terms.dir: `site-{site}`: there is no such site; its terms count from when it is registered"
        )
    };
    sites.into_iter().map(words).collect()
}

/// Reads the folder again at each SIGHUP. A set that cannot be read is told in the log, and the one before
/// stays in force.
pub(crate) async fn reload_on_hangup(broker: Broker, config: Config) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            tracing::error!(%error, "SIGHUP cannot be heard: the terms stay until a restart");
            return;
        }
    };
    while hangups.recv().await.is_some() {
        if let Err(error) = reload(&broker, &config).await {
            tracing::error!(error = %format!("{error:#}"), "the terms stay as they were");
        }
    }
}

async fn reload(broker: &Broker, config: &Config) -> anyhow::Result<()> {
    let config = config.clone();
    let terms = tokio::task::spawn_blocking(move || load(&config)).await??;
    tracing::info!(documents = terms.documents().len(), "the terms are read");
    broker.put_terms(terms);
    Ok(())
}

#[cfg(test)]
mod tests;
