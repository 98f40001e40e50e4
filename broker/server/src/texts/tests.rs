use super::*;
use crate::testing::config;

fn with_dir(dir: &Path) -> Config {
    let mut config = config();
    config.portal.texts = Some(dir.to_owned());
    config
}

#[test]
fn a_language_comes_in_by_a_file_and_what_it_lacks_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(load(&config()).unwrap().languages(), ["en", "fr"]);
    assert!(in_english(&load(&config()).unwrap()).is_empty());
    std::fs::write(folder.path().join("README.md"), "not a catalogue").unwrap();
    std::fs::write(folder.path().join("._de.toml"), [0, 5, 22, 7]).unwrap();
    std::fs::write(folder.path().join("de.toml"), "[nav]\nhome = \"Projekte\"").unwrap();
    let texts = load(&with_dir(folder.path())).unwrap();
    assert_eq!(texts.languages(), ["en", "fr", "de"]);
    let warnings = in_english(&texts);
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    assert!(warning.starts_with("portal.texts: de.toml: "), "{warning}");
    assert!(
        warning.contains(" texts are not in it, and stand in English: "),
        "{warning}"
    );
}

#[test]
fn a_folder_that_says_nothing_or_something_wrong_is_refused_by_config_check() {
    let folder = tempfile::tempdir().unwrap();
    let config = with_dir(folder.path());
    let said = || {
        let loaded = format!("{:#}", load(&config).unwrap_err());
        let checked = format!("{:#}", crate::compose::check(&config).unwrap_err());
        assert_eq!(loaded, checked, "`config check` says the same");
        loaded
    };
    let error = said();
    assert!(error.starts_with("portal.texts: "), "{error}");
    assert!(error.contains("`<language>.toml`"), "{error}");
    let odd: Vec<String> = (0..25).map(|n| format!("no{n} = \"x\"")).collect();
    let odd = odd.join("\n");
    std::fs::write(folder.path().join("de.toml"), format!("[nav]\n{odd}")).unwrap();
    let error = said();
    assert!(
        error.contains("de.toml: `nav.no0`: no page has such a text; "),
        "{error}"
    );
    assert!(error.ends_with("\n  and 5 more"), "{error}");
}
