use std::collections::{BTreeMap, BTreeSet};

use broker_model::{DataClass, Timing};
use serde::Deserialize;

use super::{ReasonCode, Vocabulary};
use crate::contact::directory::{CentreKind, DirectoryError};

type Terms = BTreeMap<String, String>;

/// What is said in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::contact) struct Catalogue {
    pub(super) language: String,
    pub(super) reasons: BTreeMap<ReasonCode, String>,
    pub(super) data_classes: Terms,
    timings: Terms,
    kinds: Terms,
    pub(super) languages: Terms,
    pub(super) countries: Terms,
}

impl Catalogue {
    pub(super) const fn terms_of(&self, list: Vocabulary) -> &Terms {
        match list {
            Vocabulary::Country => &self.countries,
            Vocabulary::DataClass => &self.data_classes,
            Vocabulary::Kind => &self.kinds,
            Vocabulary::Language => &self.languages,
            Vocabulary::Timing => &self.timings,
        }
    }

    fn terms(&self) -> [(&'static str, &Terms); 5] {
        [
            ("data_classes", &self.data_classes),
            ("timings", &self.timings),
            ("kinds", &self.kinds),
            ("languages", &self.languages),
            ("countries", &self.countries),
        ]
    }
}

/// Every catalogue says the same things, each with the same gaps to fill.
pub(super) fn check(catalogues: &[(String, Catalogue)]) -> Result<(), DirectoryError> {
    let Some((_, first)) = catalogues.first() else {
        return Err(DirectoryError::new("words", "there is no catalogue"));
    };
    for (file, catalogue) in catalogues {
        whole(file, catalogue)?;
        same(file, (first, catalogue))?;
    }
    let mut seen = BTreeSet::new();
    for (file, catalogue) in catalogues {
        if !seen.insert(&catalogue.language) {
            let reason = format!("another catalogue is in `{}`", catalogue.language);
            return Err(DirectoryError::new(file, reason));
        }
    }
    Ok(())
}

fn whole(file: &str, catalogue: &Catalogue) -> Result<(), DirectoryError> {
    for code in ReasonCode::ALL {
        if !catalogue.reasons.contains_key(&code) {
            let reason = "there is no sentence";
            return Err(DirectoryError::new(file, reason).at("reasons", code.as_str()));
        }
    }
    let classes = DataClass::ALL.map(DataClass::as_str);
    let timings = Timing::ALL.map(Timing::as_str);
    let kinds = CentreKind::ALL.map(CentreKind::as_str);
    let wanted: [(&str, &Terms, &[&str]); 3] = [
        ("data_classes", &catalogue.data_classes, &classes),
        ("timings", &catalogue.timings, &timings),
        ("kinds", &catalogue.kinds, &kinds),
    ];
    for (name, terms, words) in wanted {
        if let Some(word) = words.iter().find(|it| !terms.contains_key(**it)) {
            return Err(DirectoryError::new(file, "has no name").at(name, word));
        }
    }
    Ok(())
}

fn same(file: &str, (first, other): (&Catalogue, &Catalogue)) -> Result<(), DirectoryError> {
    for ((name, one), (_, two)) in first.terms().into_iter().zip(other.terms()) {
        let (one, two): (BTreeSet<_>, BTreeSet<_>) = (one.keys().collect(), two.keys().collect());
        if let Some(word) = one.symmetric_difference(&two).next() {
            let reason = format!("stands in `{}` or here, not in both", first.language);
            return Err(DirectoryError::new(file, reason).at(name, word));
        }
    }
    for (code, sentence) in &first.reasons {
        let there = other.reasons.get(code).map(|it| gaps(it));
        if there != Some(gaps(sentence)) {
            let reason = format!(
                "does not have the braces that it has in `{}`",
                first.language
            );
            return Err(DirectoryError::new(file, reason).at("reasons", code.as_str()));
        }
    }
    Ok(())
}

/// The names in braces.
fn gaps(sentence: &str) -> BTreeSet<&str> {
    let parts = sentence.split('{').skip(1);
    parts.filter_map(|it| it.split('}').next()).collect()
}
