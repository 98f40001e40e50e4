use std::collections::BTreeSet;
use std::path::Path;

use axum::http::HeaderValue;
use broker_model::{EntryKind, StateName};

use super::*;

fn asked(header: &'static str) -> &'static str {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(header));
    Texts::asked_for(&headers).lang()
}

#[test]
fn the_browsers_best_language_with_a_catalogue_is_taken() {
    assert_eq!(asked("fr-BE,fr;q=0.9,en;q=0.8"), "fr");
    assert_eq!(asked("fi, en;q=0.5, fr;q=0.4"), "en");
    assert_eq!(asked("fi, fr;q=0"), "en");
    assert_eq!(asked(";;q=x,,"), "en");
    assert_eq!(Texts::asked_for(&HeaderMap::new()).lang(), "en");
}

#[test]
fn every_catalogue_can_be_read_and_has_the_same_keys_and_places() {
    let places = |text: &str| {
        let parts = text
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next());
        parts.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let of = |catalogue: &Catalogue| {
        let texts = catalogue
            .texts
            .iter()
            .map(|(key, text)| (key.clone(), places(text)));
        texts.collect::<BTreeSet<_>>()
    };
    let [english, french] = CATALOGUES.as_slice() else {
        panic!("two catalogues")
    };
    assert!(english.texts.len() > 100, "{}", english.texts.len());
    assert_eq!(of(english), of(french));
}

/// Every quoted text in templates and code that begins with a section of the catalogue.
fn written(folder: &Path, sections: &BTreeSet<&str>, keys: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            written(&path, sections, keys);
            continue;
        }
        if path.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let is_word =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
        let is_key = |text: &&str| {
            let section = text.split_once('.').map(|(section, _)| section);
            section.is_some_and(|section| sections.contains(section)) && text.chars().all(is_word)
        };
        keys.extend(code.split('"').filter(is_key).map(str::to_owned));
    }
}

#[test]
fn every_key_that_a_page_uses_has_a_text_and_every_text_is_used() {
    let english = named("en").unwrap();
    let known: BTreeSet<&str> = english.texts.keys().map(String::as_str).collect();
    let sections = known
        .iter()
        .filter_map(|key| Some(key.split_once('.')?.0))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut keys = BTreeSet::new();
    written(&root.join("templates"), &sections, &mut keys);
    written(&root.join("src"), &sections, &mut keys);
    // Files, and kinds of ledger entries: they only look like keys.
    keys.retain(|key| !key.contains(".html") && key != "attempt.leased");
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| !known.contains(key.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    // Made of a part: `state.{name}` and the like.
    let made = [
        "state.", "attempt.", "entry.", "error.", "waits.", "word.", "fault.",
    ];
    let unused: Vec<_> = known
        .iter()
        .filter(|key| !keys.contains(**key) && !made.iter().any(|prefix| key.starts_with(prefix)))
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn every_state_and_every_ledger_entry_has_a_word() {
    let english = named("en").unwrap();
    for state in StateName::ALL {
        assert!(
            english
                .texts
                .contains_key(&format!("state.{}", state.as_str())),
            "{state:?}"
        );
    }
    let kinds = [
        EntryKind::EligibilityDecided,
        EntryKind::JobAccepted,
        EntryKind::JobPlaced,
        EntryKind::JobStateChanged,
        EntryKind::JobCancelRequested,
        EntryKind::AttemptLeased,
        EntryKind::AttemptStateChanged,
        EntryKind::UsageCharged,
        EntryKind::HoldReleased,
    ];
    for kind in kinds {
        let key = format!("entry.{}", crate::words::kind_name(kind));
        assert!(english.texts.contains_key(&key), "{key}");
    }
}
