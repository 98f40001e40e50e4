use std::fs;
use std::path::{Path, PathBuf};

use policy_engine::{Engine, LoadError};
use tempfile::TempDir;

/// A copy of the shipped policy to spoil.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        for part in ["modes", "rules", "tables"] {
            fs::create_dir(folder.path(part)).unwrap();
            let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(part);
            for file in fs::read_dir(shipped).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), folder.path(part).join(file.file_name())).unwrap();
            }
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Replaces the first `from` in a file.
    pub(crate) fn edit(self, name: &str, from: &str, to: &str) -> Self {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        self.write(name, &text.replacen(from, to, 1))
    }

    pub(crate) fn write(self, name: &str, text: &str) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    pub(crate) fn load(&self) -> Result<Engine, LoadError> {
        Engine::from_dir(self.0.path())
    }

    pub(crate) fn complaint(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}
