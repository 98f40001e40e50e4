use std::collections::BTreeSet;
use std::path::Path;

use axum::http::HeaderValue;
use broker_model::{EntryKind, StateName};

use super::*;

fn asked(header: &'static str) -> &'static str {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(header));
    Texts::asked_for(&SHIPPED, &headers).lang()
}

#[test]
fn the_browsers_best_language_with_a_catalogue_is_taken() {
    assert_eq!(asked("fr-BE,fr;q=0.9,en;q=0.8"), "fr");
    assert_eq!(asked("fi, en;q=0.5, fr;q=0.4"), "en");
    assert_eq!(asked("fi, fr;q=0"), "en");
    assert_eq!(asked("FR-be, en;q=0.5"), "fr");
    assert_eq!(asked(";;q=x,,"), "en");
    assert_eq!(Texts::asked_for(&SHIPPED, &HeaderMap::new()).lang(), "en");
}

#[test]
fn every_catalogue_can_be_read_and_has_the_same_keys_and_places() {
    fn of(catalogue: &Catalogue) -> BTreeSet<(&String, BTreeSet<&str>)> {
        let texts = catalogue.texts.iter();
        texts
            .map(|(key, text)| (key, folder::places(text)))
            .collect()
    }
    let [english, french] = SHIPPED.all().collect::<Vec<_>>()[..] else {
        panic!("two catalogues")
    };
    assert!(english.texts.len() > 100, "{}", english.texts.len());
    assert_eq!(of(english), of(french));
}

const GERMAN: &str = "[nav]\nhome = \"Projekte\"\n[word]\nsite_of_ours = \"unser Standort\"\n\
    [role]\nsite_admin = \"Sie verwalten {site}.\"\n[fault]\nmissing = \"fehlt\"";

#[test]
fn another_language_is_a_file_and_what_it_leaves_out_stands_in_english() {
    let all = Catalogues::with_files(&[("de.toml", GERMAN)]).unwrap();
    assert_eq!(all.languages(), ["en", "fr", "de"]);
    let lacking = all.in_english();
    let [("de", keys)] = lacking.as_slice() else {
        panic!("{lacking:?}")
    };
    assert!(keys.contains(&"nav.jobs") && !keys.contains(&"nav.home"));
    let all = Box::leak(Box::new(all));
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("de-AT, fr;q=0.5"));
    let german = Texts::asked_for(all, &headers);
    assert_eq!((german.lang(), german.of("nav.home")), ("de", "Projekte"));
    assert_eq!(german.of("nav.jobs"), "Jobs", "in English");
    assert_eq!(german.word("site_of_ours"), "unser Standort");
    assert_eq!(
        german.word("sme_permille"),
        SHIPPED.english().texts["word.sme_permille"]
    );
    assert_eq!(german.word("word_of_nobody"), "word of nobody");
    assert_eq!(
        german.with("role.site_admin", &[("site", "lumi")]),
        "Sie verwalten lumi."
    );
    assert_eq!(german.fault("is missing").as_deref(), Some("fehlt"));
    assert_eq!(
        german.fault("1 to 60"),
        None,
        "no German words, so none that pass for German"
    );
}

#[test]
fn a_file_over_one_of_ours_changes_what_it_says_and_no_more() {
    let texts = "nav.home = \"Mes projets\"";
    let all = Catalogues::with_files(&[("fr.toml", texts)]).unwrap();
    assert_eq!(all.languages(), ["en", "fr"]);
    assert!(all.in_english().is_empty());
    let french = all.named("fr").unwrap();
    assert_eq!(french.texts["nav.home"], "Mes projets");
    let before = SHIPPED.named("fr").unwrap();
    assert_eq!(french.texts["nav.jobs"], before.texts["nav.jobs"]);
}

#[test]
fn a_catalogue_that_no_page_could_say_is_refused_with_file_key_reason_and_remedy() {
    let said = |file: &str, text: &str| {
        let faults = Catalogues::with_files(&[(file, text)]).unwrap_err();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        said("deutsch.toml", GERMAN),
        [
            "deutsch.toml: is not called by a language; name it by two or three small letters (ISO 639), as `de.toml`"
        ]
    );
    let odd = "[nav]\nhome = 1\nhom = \"Projekte\"\njobs = \" \"\n[role]\nsite_admin = \"Sie verwalten {ort}.\"";
    assert_eq!(
        said("de.toml", odd),
        [
            "de.toml: `nav.hom`: no page has such a text; take it out, or mend its name: `en.toml` of the portal's texts \
             has them all",
            "de.toml: `nav.home`: is no text; put its words in quotes",
            "de.toml: `nav.jobs`: is empty; write it, or leave the key out and it stands in English",
            "de.toml: `role.site_admin`: has the places {ort}; the English has {site}: keep each of them, as it is written",
        ]
    );
    let [broken] = &said("de.toml", "[nav")[..] else {
        panic!("one fault")
    };
    assert!(
        broken.starts_with("de.toml: TOML parse error at line 1"),
        "{broken}"
    );
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
    let english = SHIPPED.english();
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
    let english = SHIPPED.english();
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
