use broker_model::TermsDocument;

use super::{BrokenTerms, TermsFault, TermsSet, check};
use crate::replay::digest;

impl TermsSet {
    /// Reads the texts of a folder's files, each with its name, and checks that they hold together.
    pub fn read(files: &[(String, String)]) -> Result<Self, BrokenTerms> {
        let mut faults = Vec::new();
        let mut read = Vec::new();
        for (name, text) in files {
            match toml::from_str::<TermsDocument>(text) {
                Ok(document) => read.push((name.as_str(), document)),
                Err(error) => faults.push(unreadable(name, text, &error)),
            }
        }
        check::all(&read, &mut faults);
        if !faults.is_empty() {
            return Err(BrokenTerms(faults));
        }
        let documents = read.into_iter().map(|(_, document)| digested(document));
        Ok(Self::of(documents.collect()))
    }
}

fn digested(mut document: TermsDocument) -> TermsDocument {
    for text in document.text.values_mut() {
        if let Some(body) = &text.body {
            text.sha256 = Some(digest(body));
        }
    }
    document
}

fn unreadable(file: &str, text: &str, error: &toml::de::Error) -> TermsFault {
    let before = error.span().and_then(|span| text.get(..span.start));
    TermsFault {
        file: file.to_owned(),
        place: before.map(|it| format!("line {}", it.matches('\n').count() + 1)),
        reason: error.message().trim_end().replace('\n', " "),
        remedy: "write it as the example under `config/terms/` is written".to_owned(),
    }
}
