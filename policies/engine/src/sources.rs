//! The files of a policy, and the digest that names them.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::{Fault, LoadError};

/// What a rule may ask about. It belongs to the engine, which fills it, and not to a policy folder.
pub(crate) const SCHEMA: &str = include_str!("../facts.cedarschema");

const COUNTRIES: &str = "tables/countries.toml";
const EVIDENCE_KINDS: &str = "tables/evidence_kinds.toml";
const HOLIDAYS: &str = "tables/holidays.toml";

macro_rules! shipped {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../", $path)))),*]
    };
}

const SHIPPED: &[(&str, &str)] = shipped![
    "modes/aif_ai_for_science.toml",
    "modes/aif_fast_lane.toml",
    "modes/aif_large_scale.toml",
    "modes/aif_playground.toml",
    "modes/ehpc_benchmark.toml",
    "modes/ehpc_development.toml",
    "modes/ehpc_extreme_scale.toml",
    "modes/ehpc_regular.toml",
    "modes/it4lia_packages.toml",
    "modes/lxp_cashback80.toml",
    "modes/lxp_initiate.toml",
    "rules/allocation.cedar",
    "rules/assurance.cedar",
    "rules/civilian.cedar",
    "rules/established.cedar",
    "rules/ethics.cedar",
    "rules/mode.cedar",
    "rules/share.cedar",
    "tables/countries.toml",
    "tables/evidence_kinds.toml",
    "tables/holidays.toml",
];

#[derive(Debug)]
pub(crate) struct Source {
    /// From the policy's folder, with forward slashes: `rules/ethics.cedar`.
    pub(crate) name: String,
    pub(crate) text: String,
}

#[derive(Debug)]
pub(crate) struct Sources {
    /// By name.
    pub(crate) modes: Vec<Source>,
    /// By name.
    pub(crate) rules: Vec<Source>,
    pub(crate) countries: Source,
    pub(crate) evidence_kinds: Source,
    pub(crate) holidays: Source,
}

impl Sources {
    pub(crate) fn shipped() -> Result<Self, LoadError> {
        let all = SHIPPED.iter();
        Self::sort(all.map(|(name, text)| Source {
            name: (*name).into(),
            text: (*text).into(),
        }))
    }

    /// Reads `modes/*.toml`, `rules/*.cedar` and `tables/*.toml`; other files are left alone.
    pub(crate) fn read(dir: &Path) -> Result<Self, LoadError> {
        let mut all = read_folder(dir, "modes", "toml")?;
        all.extend(read_folder(dir, "rules", "cedar")?);
        all.extend(read_folder(dir, "tables", "toml")?);
        Self::sort(all)
    }

    fn sort(all: impl IntoIterator<Item = Source>) -> Result<Self, LoadError> {
        let (mut modes, mut rules) = (Vec::new(), Vec::new());
        let (mut countries, mut evidence_kinds, mut holidays) = (None, None, None);
        for source in all {
            match source.name.as_str() {
                COUNTRIES => countries = Some(source),
                EVIDENCE_KINDS => evidence_kinds = Some(source),
                HOLIDAYS => holidays = Some(source),
                name if name.starts_with("modes/") => modes.push(source),
                name if name.starts_with("rules/") => rules.push(source),
                name => return Err(LoadError::new(name, Fault::UnknownTable)),
            }
        }
        modes.sort_by(|a, b| a.name.cmp(&b.name));
        rules.sort_by(|a, b| a.name.cmp(&b.name));
        let countries = countries.ok_or_else(|| absent(COUNTRIES))?;
        let evidence_kinds = evidence_kinds.ok_or_else(|| absent(EVIDENCE_KINDS))?;
        let holidays = holidays.ok_or_else(|| absent(HOLIDAYS))?;
        Ok(Self {
            modes,
            rules,
            countries,
            evidence_kinds,
            holidays,
        })
    }

    /// Each file by name, length and bytes, so that no two policies run together into one.
    pub(crate) fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        let tables = [&self.countries, &self.evidence_kinds, &self.holidays];
        feed(&mut hasher, "facts.cedarschema", SCHEMA);
        for source in self.modes.iter().chain(&self.rules).chain(tables) {
            feed(&mut hasher, &source.name, &source.text);
        }
        format!("sha256:{}", hex::encode(hasher.finalize()))
    }
}

fn feed(hasher: &mut Sha256, name: &str, text: &str) {
    hasher.update(format!("{name}\n{}\n", text.len()));
    hasher.update(text);
}

fn absent(name: &str) -> LoadError {
    LoadError::new(name, Fault::Unreadable(std::io::ErrorKind::NotFound.into()))
}

fn read_folder(dir: &Path, folder: &str, extension: &str) -> Result<Vec<Source>, LoadError> {
    let unreadable = |error| LoadError::new(folder, Fault::Unreadable(error));
    let mut sources = Vec::new();
    for entry in fs::read_dir(dir.join(folder)).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|found| found != extension) {
            continue;
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{folder}/{file}");
        let text = fs::read_to_string(&path)
            .map_err(|error| LoadError::new(&name, Fault::Unreadable(error)))?;
        sources.push(Source { name, text });
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_is_what_lies_in_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (embedded, read) = (Sources::shipped().unwrap(), Sources::read(&folder).unwrap());
        let names = |sources: &Sources| {
            { sources.modes.iter() }
                .chain(&sources.rules)
                .map(|source| source.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&embedded),
            names(&read),
            "`SHIPPED` lists the files to embed"
        );
        assert_eq!(embedded.digest(), read.digest());
    }

    #[test]
    fn moving_a_byte_from_one_file_to_the_next_changes_the_digest() {
        let mut moved = Sources::shipped().unwrap();
        let before = moved.digest();
        let last = moved.rules[0].text.pop().unwrap();
        moved.rules[1].text.insert(0, last);
        assert_ne!(moved.digest(), before);
    }
}
