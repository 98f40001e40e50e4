//! Files that are whole or not there, and outlive the machine.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Puts these bytes under this name, in the place of what was there; durable when it returns. Nobody but
/// who `mode` names may read them.
pub(crate) fn replace(folder: &Path, name: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let draft = folder.join(format!("{name}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, folder.join(name))?;
    sync_folder(folder)
}

/// What was made, renamed or removed in a folder is so after a crash only once this was called.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_for_whom_it_is_meant_and_no_draft_stays() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("new/folder");
        replace(&inner, "key", b"a longer first text", 0o600).unwrap();
        replace(&inner, "key", b"second", 0o600).unwrap();
        assert_eq!(std::fs::read(inner.join("key")).unwrap(), b"second");
        let mode = std::fs::metadata(inner.join("key")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 1);
    }
}
