use std::fs;
use std::path::{Path, PathBuf};

/// Holds a table of facts to the tests that show them: the last cell of each row names a test.
///
/// `tables` is Markdown; a row whose last cell is `test` is a heading. It panics on a row whose test is in
/// none of the folders, and when there are fewer than `least` rows.
pub fn every_row_names_a_test(tables: &str, folders: &[PathBuf], least: usize) {
    let mut sources = String::new();
    for folder in folders {
        read_all(folder, &mut sources);
    }
    let rows = tables.lines().filter(|line| line.starts_with("| "));
    let named = rows.map(|row| (row, last_cell(row)));
    let mut checked = 0;
    for (row, test) in named.filter(|(_, test)| *test != "test") {
        let found = sources.contains(&format!("fn {test}("));
        assert!(found, "no such test: {row}");
        checked += 1;
    }
    assert!(checked >= least, "{checked} rows");
}

fn last_cell(row: &str) -> &str {
    let row = row.trim_end().trim_end_matches('|');
    row.rsplit('|').next().unwrap_or_default().trim()
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
