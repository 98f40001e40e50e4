//! That `rows.md` names tests that exist, here, or of the emulated cluster, which answers for what a
//! submitter never does.

use std::path::Path;

use site_adapter::conformance::every_row_names_a_test;

const FOLDERS: [&str; 3] = [
    "src",
    "tests",
    "../../integration-tests/emulators/kubernetes/tests",
];

#[test]
fn every_row_names_a_test_that_exists() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = FOLDERS.map(|folder| own.join(folder));
    every_row_names_a_test(include_str!("rows.md"), &folders, 115);
}
