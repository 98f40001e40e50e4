//! That `rows.md` names tests that exist.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

/// The crate's own, and those of the emulated cluster, which answer for what a submitter never does.
const FOLDERS: [&str; 3] = [
    "src",
    "tests",
    "../../integration-tests/emulators/kubernetes/tests",
];

#[test]
fn every_row_names_a_test_that_exists() {
    let mut sources = String::new();
    for folder in FOLDERS {
        read_all(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            &mut sources,
        );
    }
    let rows = include_str!("rows.md")
        .lines()
        .filter(|line| line.starts_with("| "));
    let mut checked = 0;
    for row in rows {
        let test = row.trim_end_matches('|').rsplit('|').next().unwrap().trim();
        if test == "test" {
            // The heading of a table.
            continue;
        }
        assert!(
            sources.contains(&format!("fn {test}(")),
            "no such test: {row}"
        );
        checked += 1;
    }
    assert!(checked >= 115, "{checked} rows");
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
