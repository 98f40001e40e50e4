//! That `rows.md` names tests that exist, here, in the contract, and over the emulator.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

#[test]
fn every_row_names_a_test_that_exists() {
    let mut sources = String::new();
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let emulator = own.join("../../integration-tests/emulators/pbs/tests");
    let contract = own.join("../adapter/src");
    for folder in [own.join("src"), own.join("tests"), contract, emulator] {
        read_all(&folder, &mut sources);
    }
    let rows = include_str!("rows.md")
        .lines()
        .filter(|line| line.starts_with("| "));
    let mut checked = 0;
    for row in rows.skip(1) {
        let test = row.trim_end_matches('|').rsplit('|').next().unwrap().trim();
        assert!(
            sources.contains(&format!("fn {test}(")),
            "no such test: {row}"
        );
        checked += 1;
    }
    assert!(checked >= 90, "{checked} rows");
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}
