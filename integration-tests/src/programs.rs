use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where the program lies: `alcyone-broker`, `alcyone-agent` or `alcyone`, or for tests `emulated-pbs`.
///
/// They are built when the first test asks, as a person would build them, unless `ALCYONE_BIN_DIR`
/// names a folder that has them already.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER
        .get_or_init(|| given().unwrap_or_else(build))
        .join(name)
}

fn given() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("ALCYONE_BIN_DIR")?);
    for name in ["alcyone-broker", "alcyone-agent", "alcyone", "emulated-pbs"] {
        assert!(
            folder.join(name).exists(),
            "ALCYONE_BIN_DIR has no `{name}`"
        );
    }
    Some(folder)
}

fn build() -> PathBuf {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--bins"])
        .args([
            "-p",
            "broker-server",
            "-p",
            "broker-cli",
            "-p",
            "site-agent",
            "-p",
            "emulated-pbs",
        ])
        .current_dir(workspace());
    let built = cargo.status().expect("cargo starts");
    assert!(built.success(), "the programs do not build");
    // This very test lies in `target/debug/deps`.
    let here = std::env::current_exe().expect("the path of this test");
    let folder = here
        .parent()
        .and_then(Path::parent)
        .expect("a target folder");
    folder.to_owned()
}

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("this crate lies in the workspace")
        .to_owned()
}
