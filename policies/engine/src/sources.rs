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
const IDENTIFIERS: &str = "tables/identifiers.toml";
const SIZE_CLASSES: &str = "tables/size_classes.toml";
pub(crate) const AI_ACT: &str = "tables/ai_act.toml";
pub(crate) const AID: &str = "tables/aid.toml";
pub(crate) const CAPS: &str = "tables/caps.toml";
pub(crate) const FOLLOW_UPS: &str = "tables/follow_ups.toml";
pub(crate) const PROGRAMMES: &str = "tables/programmes.toml";
pub(crate) const SHARES: &str = "tables/shares.toml";
pub(crate) const PROJECT_IDS: &str = "tables/project_ids.toml";
/// Tables without a field of their own.
const MORE: [&str; 7] = [
    AI_ACT,
    AID,
    CAPS,
    FOLLOW_UPS,
    PROGRAMMES,
    PROJECT_IDS,
    SHARES,
];

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
    "modes/ehpc_ai_data_intensive.toml",
    "modes/ehpc_benchmark.toml",
    "modes/ehpc_development.toml",
    "modes/ehpc_extreme_scale.toml",
    "modes/ehpc_fast_track_academia.toml",
    "modes/ehpc_fast_track_industry.toml",
    "modes/ehpc_regular.toml",
    "modes/ehpc_strategic.toml",
    "modes/ehpc_urgent.toml",
    "modes/it4lia_packages.toml",
    "modes/lxp_cashback80.toml",
    "modes/lxp_initiate.toml",
    "modes/national_arrhenius.toml",
    "modes/national_berzelius.toml",
    "modes/national_daedalus.toml",
    "modes/national_hunter.toml",
    "modes/national_leonardo.toml",
    "modes/national_lumi.toml",
    "modes/national_marenostrum5.toml",
    "modes/national_marenostrum5_ai.toml",
    "modes/national_meluxina.toml",
    "modes/pay_per_use_bsc.toml",
    "modes/pay_per_use_cineca.toml",
    "modes/pay_per_use_lumi.toml",
    "modes/pay_per_use_meluxina.toml",
    "rules/ai_act.cedar",
    "rules/allocation.cedar",
    "rules/assurance.cedar",
    "rules/ceiling.cedar",
    "rules/civilian.cedar",
    "rules/de_minimis.cedar",
    "rules/established.cedar",
    "rules/ethics.cedar",
    "rules/fair_access.cedar",
    "rules/follow_ups.cedar",
    "rules/gpai.cedar",
    "rules/mode.cedar",
    "rules/programme.cedar",
    "rules/risk_plan.cedar",
    "rules/screening.cedar",
    "rules/share.cedar",
    "rules/size.cedar",
    "rules/veto.cedar",
    "tables/ai_act.toml",
    "tables/aid.toml",
    "tables/caps.toml",
    "tables/countries.toml",
    "tables/evidence_kinds.toml",
    "tables/follow_ups.toml",
    "tables/holidays.toml",
    "tables/identifiers.toml",
    "tables/programmes.toml",
    "tables/project_ids.toml",
    "tables/shares.toml",
    "tables/size_classes.toml",
    "words/en.toml",
    "words/fr.toml",
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
    pub(crate) identifiers: Source,
    pub(crate) size_classes: Source,
    /// The tables of `MORE`, in that order.
    more: Vec<Source>,
    /// By name. Not in the digest: words do not decide.
    pub(crate) words: Vec<Source>,
}

impl Sources {
    pub(crate) fn shipped() -> Result<Self, LoadError> {
        let all = SHIPPED.iter();
        Self::sort(all.map(|(name, text)| Source {
            name: (*name).into(),
            text: (*text).into(),
        }))
    }

    /// Reads `modes/*.toml`, `rules/*.cedar` and `tables/*.toml`, and `words/*.toml` where that folder is there;
    /// other files are left alone.
    pub(crate) fn read(dir: &Path) -> Result<Self, LoadError> {
        let mut all = read_folder(dir, "modes", "toml")?;
        all.extend(read_folder(dir, "rules", "cedar")?);
        all.extend(read_folder(dir, "tables", "toml")?);
        if dir.join("words").is_dir() {
            all.extend(read_folder(dir, "words", "toml")?);
        }
        Self::sort(all)
    }

    /// Files by name, as [`Self::read`] names them.
    pub(crate) fn of_files(
        files: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, LoadError> {
        let files = files.into_iter();
        Self::sort(files.map(|(name, text)| Source { name, text }))
    }

    fn sort(all: impl IntoIterator<Item = Source>) -> Result<Self, LoadError> {
        let (mut modes, mut rules, mut words) = (Vec::new(), Vec::new(), Vec::new());
        let (mut countries, mut evidence_kinds, mut holidays) = (None, None, None);
        let (mut identifiers, mut size_classes) = (None, None);
        let mut more = Vec::new();
        for source in all {
            match source.name.as_str() {
                COUNTRIES => countries = Some(source),
                EVIDENCE_KINDS => evidence_kinds = Some(source),
                HOLIDAYS => holidays = Some(source),
                IDENTIFIERS => identifiers = Some(source),
                SIZE_CLASSES => size_classes = Some(source),
                name if MORE.contains(&name) => more.push(source),
                name if name.starts_with("modes/") => modes.push(source),
                name if name.starts_with("rules/") => rules.push(source),
                name if name.starts_with("words/") => words.push(source),
                name => return Err(LoadError::new(name, Fault::UnknownTable)),
            }
        }
        modes.sort_by(|a, b| a.name.cmp(&b.name));
        rules.sort_by(|a, b| a.name.cmp(&b.name));
        words.sort_by(|a, b| a.name.cmp(&b.name));
        let countries = countries.ok_or_else(|| absent(COUNTRIES))?;
        let evidence_kinds = evidence_kinds.ok_or_else(|| absent(EVIDENCE_KINDS))?;
        let holidays = holidays.ok_or_else(|| absent(HOLIDAYS))?;
        let identifiers = identifiers.ok_or_else(|| absent(IDENTIFIERS))?;
        let size_classes = size_classes.ok_or_else(|| absent(SIZE_CLASSES))?;
        let place = |source: &Source| MORE.iter().position(|name| source.name == *name);
        more.sort_by_key(place);
        if let Some(lacking) = { MORE.iter() }.find(|name| !more.iter().any(|it| it.name == **name))
        {
            return Err(absent(lacking));
        }
        Ok(Self {
            modes,
            rules,
            countries,
            evidence_kinds,
            holidays,
            identifiers,
            size_classes,
            more,
            words,
        })
    }

    /// A table of `MORE`; all of them are there.
    pub(crate) fn more(&self, name: &str) -> Result<&Source, LoadError> {
        let found = self.more.iter().find(|source| source.name == name);
        found.ok_or_else(|| absent(name))
    }

    /// All but the words.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Source> {
        let tables = [
            &self.countries,
            &self.evidence_kinds,
            &self.holidays,
            &self.identifiers,
            &self.size_classes,
        ];
        let files = self.modes.iter().chain(&self.rules).chain(tables);
        files.chain(&self.more)
    }

    /// Everything that decides in one text: each file by name, length and bytes, so that no two policies run together
    /// into one. The catalogues of `words/` are left out: a better French sentence is no other policy, and decisions
    /// keep the words of the rules.
    pub(crate) fn document(&self) -> String {
        let mut document = String::new();
        append(&mut document, SCHEMA_NAME, SCHEMA);
        for source in self.all() {
            append(&mut document, &source.name, &source.text);
        }
        document
    }

    /// Reads a document back. One that was made with another schema was decided by another program.
    pub(crate) fn of_document(document: &str) -> Result<Self, LoadError> {
        let (mut all, mut rest) = (Vec::new(), document);
        while !rest.is_empty() {
            let (source, behind) = next_source(rest).ok_or_else(|| broken_off(rest))?;
            rest = behind;
            match source.name.as_str() {
                SCHEMA_NAME if source.text == SCHEMA => {}
                SCHEMA_NAME => return Err(LoadError::new(SCHEMA_NAME, Fault::OtherSchema)),
                _ => all.push(source),
            }
        }
        Self::sort(all)
    }
}

const SCHEMA_NAME: &str = "facts.cedarschema";

/// The name of a document: what decisions call the policy they were made by.
pub(crate) fn digest(document: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(document)))
}

fn append(document: &mut String, name: &str, text: &str) {
    let length = text.len().to_string();
    document.extend([name, "\n", &length, "\n", text]);
}

fn next_source(rest: &str) -> Option<(Source, &str)> {
    let (name, behind) = rest.split_once('\n')?;
    let (length, behind) = behind.split_once('\n')?;
    let (text, behind) = behind.split_at_checked(length.parse().ok()?)?;
    let source = Source {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    Some((source, behind))
}

fn broken_off(rest: &str) -> LoadError {
    let begin: String = rest.chars().take(40).collect();
    LoadError::new(
        &begin,
        Fault::Unreadable(std::io::ErrorKind::UnexpectedEof.into()),
    )
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
                .chain(&sources.words)
                .map(|source| source.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&embedded),
            names(&read),
            "`SHIPPED` lists the files to embed"
        );
        assert_eq!(embedded.document(), read.document());
    }

    #[test]
    fn moving_a_byte_from_one_file_to_the_next_changes_the_digest() {
        let mut moved = Sources::shipped().unwrap();
        let before = digest(&moved.document());
        let last = moved.rules[0].text.pop().unwrap();
        moved.rules[1].text.insert(0, last);
        assert_ne!(digest(&moved.document()), before);
    }

    #[test]
    fn a_document_reads_back_as_itself_and_one_that_is_broken_off_does_not() {
        let document = Sources::shipped().unwrap().document();
        let again = Sources::of_document(&document).unwrap();
        assert_eq!(again.document(), document);
        for (at, _) in document.char_indices().step_by(9973).skip(1) {
            assert!(Sources::of_document(&document[..at]).is_err(), "{at}");
        }
        let other = document.replacen("Days since", "Hours since", 1);
        assert!(Sources::of_document(&other).is_err());
    }
}
