//! The seven sites' files and the residency zones, built into the program so that it runs without any
//! file beside it. `[sites] dir` replaces them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;
use broker_app::TermsSet;
use broker_model::{Site, Zones};

const SITES: [(&str, &str); 7] = [
    ("bsc.toml", include_str!("../../../config/sites/bsc.toml")),
    (
        "cineca.toml",
        include_str!("../../../config/sites/cineca.toml"),
    ),
    ("lumi.toml", include_str!("../../../config/sites/lumi.toml")),
    (
        "meluxina.toml",
        include_str!("../../../config/sites/meluxina.toml"),
    ),
    (
        "mimer.toml",
        include_str!("../../../config/sites/mimer.toml"),
    ),
    (
        "hammerhai.toml",
        include_str!("../../../config/sites/hammerhai.toml"),
    ),
    (
        "pharos.toml",
        include_str!("../../../config/sites/pharos.toml"),
    ),
];

/// The seven founding factories.
pub fn sites() -> anyhow::Result<Vec<Site>> {
    SITES
        .iter()
        .map(|(name, text)| toml::from_str(text).with_context(|| (*name).to_owned()))
        .collect()
}

/// Every `*.toml` of a folder as a site, in the order of their names.
pub fn sites_from(dir: &Path) -> anyhow::Result<Vec<Site>> {
    let entries =
        std::fs::read_dir(dir).with_context(|| format!("sites.dir: {}", dir.display()))?;
    let mut paths: Vec<_> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        toml::from_str(&text).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
    };
    paths.iter().map(read).collect()
}

/// The example of a platform's terms, for the demo.
pub(crate) fn example_terms() -> anyhow::Result<TermsSet> {
    let name = "config/terms/platform-2026-01.toml".to_owned();
    let text = include_str!("../../../config/terms/platform-2026-01.toml").to_owned();
    Ok(TermsSet::read(&[(name, text)])?)
}

/// Residency zones by name: `EU` and its member states.
pub fn zones() -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let file: Zones =
        toml::from_str(include_str!("../../../config/zones.toml")).context("zones.toml")?;
    Ok(file.zones)
}
