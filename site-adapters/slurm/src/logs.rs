//! A job's logs, read from the file system that the agent shares with the nodes.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind as IoKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use broker_model::AttemptId;
use rustix::fs::OFlags;
use site_adapter::local::is_posix_user;
use site_adapter::{Error, ErrorKind, LogStream, Result};

use crate::config::SlurmSettings;

const OPERATION: &str = "read log";
const MOST_BYTES: usize = 1024 * 1024;

pub(crate) fn folder(settings: &SlurmSettings, user: &str) -> Result<PathBuf> {
    if is_posix_user(user) {
        return Ok(settings.work_dir_seen_here(user));
    }
    Err(local("the local account is not a POSIX user's name"))
}

/// Reads a piece, at most 1 MiB.
///
/// The folder is the job's user's, who may put anything there in the log's place while the agent may
/// read more than they: a symbolic link, a second name of another file, a pipe or a device is not
/// read.
pub(crate) async fn read(
    folder: PathBuf,
    marker: &str,
    stream: LogStream,
    offset: u64,
    max_bytes: usize,
) -> Result<Vec<u8>> {
    let attempt: AttemptId = marker
        .parse()
        .map_err(|_| local("the marker is not an attempt's id"))?;
    let end = match stream {
        LogStream::Stdout => "out",
        LogStream::Stderr => "err",
    };
    let path = folder.join(format!("alcyone-{attempt}.{end}"));
    let limit = max_bytes.min(MOST_BYTES) as u64;
    tokio::task::spawn_blocking(move || piece(&path, offset, limit))
        .await
        .map_err(|error| local("the reader ended early").caused_by(error))?
}

fn piece(path: &Path, offset: u64, limit: u64) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| {
        local(&format!("{} cannot be read", path.display())).caused_by(error)
    };
    let mut file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == IoKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let facts = file.metadata().map_err(failed)?;
    if !facts.is_file() || facts.nlink() != 1 {
        return Err(local(&format!(
            "{} is not a plain file with one name; it is not read",
            path.display()
        )));
    }
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Follows no link at the last step, and does not wait for a pipe's other end.
fn open(path: &Path) -> std::io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

fn local(message: &str) -> Error {
    Error::new(ErrorKind::Local, OPERATION, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::tests::MARKER;

    async fn stdout_of(folder: &Path, offset: u64, max_bytes: usize) -> Result<Vec<u8>> {
        read(
            folder.to_owned(),
            MARKER,
            LogStream::Stdout,
            offset,
            max_bytes,
        )
        .await
    }

    #[tokio::test]
    async fn a_log_is_read_in_pieces_and_is_empty_before_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(stdout_of(folder.path(), 0, 10).await.unwrap(), b"");
        std::fs::write(
            folder.path().join(format!("alcyone-{MARKER}.out")),
            b"hello\xff",
        )
        .unwrap();
        assert_eq!(stdout_of(folder.path(), 0, 4).await.unwrap(), b"hell");
        assert_eq!(stdout_of(folder.path(), 4, 100).await.unwrap(), b"o\xff");
        assert_eq!(stdout_of(folder.path(), 99, 100).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_link_in_the_place_of_a_log_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join(format!("alcyone-{MARKER}.out"));
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "key").unwrap();
        std::os::unix::fs::symlink(&secret, &log).unwrap();
        assert!(stdout_of(folder.path(), 0, 10).await.is_err());
        std::fs::remove_file(&log).unwrap();
        std::fs::hard_link(&secret, &log).unwrap();
        assert!(stdout_of(folder.path(), 0, 10).await.is_err());
        std::fs::remove_file(&log).unwrap();
        std::fs::create_dir(&log).unwrap();
        assert!(stdout_of(folder.path(), 0, 10).await.is_err());
    }

    #[tokio::test]
    async fn a_marker_that_is_a_path_is_refused() {
        let read = read(
            PathBuf::from("/"),
            "../etc/passwd",
            LogStream::Stdout,
            0,
            10,
        )
        .await;
        assert_eq!(read.unwrap_err().kind, ErrorKind::Local);
    }
}
