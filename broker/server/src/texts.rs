//! The words of the pages, from the folder that the configuration names.

use std::path::Path;

use anyhow::{Context as _, bail};
use broker_portal::{Catalogues, TextFault};

use crate::config::Config;

/// More would hide the first ones.
const MOST_TOLD: usize = 20;

/// The catalogues of the folder over those that this program was built with.
pub(crate) fn load(config: &Config) -> anyhow::Result<Catalogues> {
    match &config.portal.texts {
        Some(dir) => from_dir(dir).with_context(|| format!("portal.texts: {}", dir.display())),
        None => Ok(Catalogues::shipped()),
    }
}

fn from_dir(dir: &Path) -> anyhow::Result<Catalogues> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // What editors and file shares leave beside a file begins with a dot.
        if name.ends_with(".toml") && !name.starts_with('.') {
            let text = std::fs::read_to_string(&path).with_context(|| name.to_string())?;
            files.push((name.into_owned(), text));
        }
    }
    if files.is_empty() {
        bail!("no `<language>.toml` lies there; put one in, or take the line out");
    }
    files.sort();
    let files: Vec<(&str, &str)> = { files.iter() }
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    Catalogues::with_files(&files).map_err(|faults| anyhow::anyhow!(told(&faults)))
}

fn told(faults: &[TextFault]) -> String {
    let lines = faults.iter().take(MOST_TOLD).map(ToString::to_string);
    let mut lines: Vec<String> = lines.collect();
    if faults.len() > MOST_TOLD {
        lines.push(format!("and {} more", faults.len() - MOST_TOLD));
    }
    lines.join("\n  ")
}

/// What an operator may want to write: texts that readers of a language see in English.
pub(crate) fn in_english(texts: &Catalogues) -> Vec<String> {
    let told = |(lang, keys): (&str, Vec<&str>)| {
        let first = keys.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        format!(
            "portal.texts: {lang}.toml: {} texts are not in it, and stand in English: {first}{}",
            keys.len(),
            if keys.len() > 3 { ", …" } else { "" }
        )
    };
    texts.in_english().into_iter().map(told).collect()
}

#[cfg(test)]
mod tests;
