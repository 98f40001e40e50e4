use serde::{Deserialize, Serialize};

use super::{Confidence, bad_row, parse};
use crate::error::LoadError;
use crate::modes::AccessMode;
use crate::sources::Source;

/// What a project id of a European call says.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ProjectIdParts {
    /// As the call writes it: in capitals.
    pub id: String,
    /// A family of `tables/project_ids.toml`: `ehpc_aif`.
    pub family: String,
    /// The access mode that its code stands for.
    pub mode: String,
    /// How sure it is that the code stands for that mode.
    pub confidence: Confidence,
    pub year: u16,
    /// The number of the cut-off in its year.
    pub cut_off: u8,
    /// The number of the application, in no order that is known.
    pub sequence: u16,
}

/// Why a text is no project id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectIdFault {
    #[error("`{0}` begins like no project id; they begin with {1}")]
    UnknownFamily(String, String),
    #[error("`{found}` stands where `{expected}` has {part}")]
    BadPart {
        found: String,
        part: &'static str,
        expected: String,
    },
    #[error("`{0}` stands behind the project id, which ends before it")]
    Suffix(String),
}

#[derive(Debug)]
pub(crate) struct ProjectIds(Vec<Family>);

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct File {
    family: Vec<Family>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Family {
    id: String,
    pattern: String,
    /// At least and at most.
    sequence_digits: [usize; 2],
    code: Vec<Code>,
    #[expect(
        dead_code,
        reason = "a row without a source is refused; people read it in the file"
    )]
    #[serde(deserialize_with = "crate::tables::said")]
    source: String,
    confidence: Confidence,
    #[expect(
        dead_code,
        reason = "a row nobody dated is refused; people read it in the file"
    )]
    checked_on: jiff::civil::Date,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Code {
    letters: String,
    mode: String,
    #[expect(
        dead_code,
        reason = "a row without a source is refused; people read it in the file"
    )]
    #[serde(deserialize_with = "crate::tables::said")]
    source: String,
    confidence: Confidence,
    #[expect(
        dead_code,
        reason = "a row nobody dated is refused; people read it in the file"
    )]
    checked_on: jiff::civil::Date,
}

/// What `pattern` has between its fixed parts, in this order.
const FIELDS: &str = "{year}{code}{cut_off}-{sequence}";

impl ProjectIds {
    pub(crate) fn load(source: &Source, modes: &[AccessMode]) -> Result<Self, LoadError> {
        let File { family: families } = parse(source)?;
        for family in &families {
            let quoted = format!("\"{}\"", family.id);
            let wrong = |reason: String| {
                bad_row(source, &quoted, format!("family `{}` {reason}", family.id))
            };
            let [least, most] = family.sequence_digits;
            if family.head().is_none_or(str::is_empty) {
                return Err(wrong(format!(
                    "has a pattern that does not end with `{FIELDS}`"
                )));
            }
            if least == 0 || least > most || most > 4 {
                return Err(wrong("has no number of digits between 1 and 4".to_owned()));
            }
            let is_mode = |code: &&Code| modes.iter().any(|mode| mode.id == code.mode);
            if let Some(strange) = family.code.iter().find(|code| !is_mode(code)) {
                return Err(wrong(format!(
                    "names a mode `{}`, which there is not",
                    strange.mode
                )));
            }
        }
        Ok(Self(families))
    }

    /// Each family's, with its codes.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|family| {
            let codes: Vec<&str> = family.code.iter().map(|it| it.letters.as_str()).collect();
            family.pattern.replace("{code}", &codes.join("|"))
        })
    }

    /// Spaces around it are nobody's fault; anything else behind it is.
    pub(crate) fn read(&self, text: &str) -> Result<ProjectIdParts, ProjectIdFault> {
        let id = text.trim().to_uppercase();
        let found = self.0.iter().find_map(|family| {
            let rest = id.strip_prefix(family.head()?)?;
            Some((family, rest))
        });
        let (family, rest) = found.ok_or_else(|| {
            let heads = self.0.iter().filter_map(Family::head);
            let heads: Vec<String> = heads.map(|head| format!("`{head}`")).collect();
            ProjectIdFault::UnknownFamily(text.trim().to_owned(), heads.join(", "))
        })?;
        family.read(&id, rest)
    }
}

impl Family {
    /// What stands before the fields: `EHPC-AIF-`.
    fn head(&self) -> Option<&str> {
        self.pattern.strip_suffix(FIELDS)
    }

    fn read(&self, id: &str, rest: &str) -> Result<ProjectIdParts, ProjectIdFault> {
        let wrong = |found: &str, part| ProjectIdFault::BadPart {
            found: found.to_owned(),
            part,
            expected: self.pattern.clone(),
        };
        let (year, rest) =
            number(rest, 4, 4).ok_or_else(|| wrong(rest, "a year of four digits"))?;
        let end = rest.find(|it: char| !it.is_ascii_alphabetic());
        let (letters, after) = rest.split_at(end.unwrap_or(rest.len()));
        let code = self.code.iter().find(|it| it.letters == letters);
        let code = code.ok_or_else(|| wrong(letters, "the code of a call"))?;
        let (cut_off, after) =
            number(after, 2, 2).ok_or_else(|| wrong(after, "the two digits of a cut-off"))?;
        let [least, most] = self.sequence_digits;
        let (sequence, behind) = { after.strip_prefix('-') }
            .and_then(|after| number(after, least, most))
            .ok_or_else(|| wrong(after, "the number of an application"))?;
        if !behind.is_empty() {
            return Err(ProjectIdFault::Suffix(behind.to_owned()));
        }
        Ok(ProjectIdParts {
            id: id.to_owned(),
            family: self.id.clone(),
            mode: code.mode.clone(),
            confidence: match (self.confidence, code.confidence) {
                (Confidence::Certain, confidence) => confidence,
                (Confidence::Uncertain, _) => Confidence::Uncertain,
            },
            year,
            cut_off: u8::try_from(cut_off).unwrap_or(u8::MAX),
            sequence,
        })
    }
}

/// The digits that a text begins with, at least and at most so many, and what is behind them.
fn number(text: &str, least: usize, most: usize) -> Option<(u16, &str)> {
    let digits = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    let (number, rest) = text.split_at_checked(digits)?;
    (digits >= least).then_some(())?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::Engine;
    use crate::sources::Sources;

    fn read(text: &str) -> Result<ProjectIdParts, ProjectIdFault> {
        Engine::shipped().unwrap().project_id(text)
    }

    #[test]
    fn an_id_tells_its_mode_its_cut_off_and_its_number() {
        let parts = read("EHPC-AIF-2026PG01-1147").unwrap();
        assert_eq!(
            (parts.family.as_str(), parts.mode.as_str()),
            ("ehpc_aif", "aif_playground")
        );
        assert_eq!((parts.year, parts.cut_off, parts.sequence), (2026, 1, 1147));
        assert_eq!(parts.confidence, Confidence::Certain);
        let lane = read("EHPC-AIF-2026FL07-060").unwrap();
        assert_eq!(
            (lane.sequence, lane.confidence),
            (60, Confidence::Uncertain)
        );
    }

    #[test]
    fn every_family_is_known_in_small_letters_too() {
        for (id, mode) in [
            ("ehpc-aif-2026pg01-905", "aif_playground"),
            ("ehpc-aif-2025sc02-060", "aif_ai_for_science"),
            ("EHPC-BEN-2025B05-008", "ehpc_benchmark"),
            ("ehpc-dev-2024d05-047", "ehpc_development"),
            (" ehpc-reg-2023r03-178 ", "ehpc_regular"),
            ("EHPC-EXT-2022E01-022", "ehpc_extreme_scale"),
        ] {
            let parts = read(id).unwrap();
            assert_eq!(
                (parts.mode.as_str(), parts.id),
                (mode, id.trim().to_uppercase())
            );
        }
    }

    #[test]
    fn what_is_behind_an_id_is_no_part_of_it() {
        let suffix = |text: &str| ProjectIdFault::Suffix(text.to_owned());
        assert_eq!(read("EHPC-AIF-2026PG01-907-gpu"), Err(suffix("-GPU")));
        assert_eq!(read("EHPC-AIF-2026PG01-11478"), Err(suffix("8")));
        assert_eq!(read("EHPC-DEV-2024D08-0661"), Err(suffix("1")));
        assert_eq!(read("EHPC-DEV-2024D08-066X"), Err(suffix("X")));
    }

    #[test]
    fn what_is_wrong_with_an_id_is_told_at_its_place() {
        let complaint = |text: &str| read(text).unwrap_err().to_string();
        let words = complaint("EHPC-AIF-2026XX01-907");
        assert!(
            words.starts_with("`XX` stands where") && words.ends_with("the code of a call"),
            "{words}"
        );
        assert!(complaint("EHPC-AIF-26PG01-907").contains("a year of four digits"));
        assert!(complaint("EHPC-AIF-2026PG1-907").contains("the two digits of a cut-off"));
        assert!(complaint("EHPC-AIF-2026PG01-90").contains("the number of an application"));
        assert!(complaint("EHPC-BEN-2026PG01-907").contains("the code of a call"));
        // Deucalion writes an E before it.
        let words = complaint("EEHPC-DEV-2026D08-260");
        assert!(
            words.contains("begins like no project id; they begin with `EHPC-AIF-`"),
            "{words}"
        );
    }

    #[test]
    fn a_family_of_a_mode_that_there_is_not_is_refused() {
        let shipped = Sources::shipped().unwrap();
        let mut source = Source {
            name: "tables/project_ids.toml".to_owned(),
            text: shipped
                .more("tables/project_ids.toml")
                .unwrap()
                .text
                .clone(),
        };
        source.text = source.text.replace("ehpc_regular", "ehpc_irregular");
        let modes = Engine::shipped().unwrap().modes().to_vec();
        let words = ProjectIds::load(&source, &modes).unwrap_err().to_string();
        assert!(
            words.contains("family `ehpc_reg` names a mode `ehpc_irregular`"),
            "{words}"
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "(?i)(EHPC-(AIF|BEN)-)?[0-9A-Zé-]{0,16}") {
            let engine = std::sync::LazyLock::force(&ENGINE);
            if let Ok(parts) = engine.project_id(&text) {
                prop_assert_eq!(engine.project_id(&parts.id).unwrap(), parts);
            }
        }
    }

    static ENGINE: std::sync::LazyLock<Engine> =
        std::sync::LazyLock::new(|| Engine::shipped().unwrap());
}
