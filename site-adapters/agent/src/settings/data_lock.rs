use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::{Settings, SettingsError};

const FILE: &str = "lock";
/// An agent that is just ending holds the lock for a moment.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The agent's data folder, and with it the agent's id: held by one process, until it ends however it
/// ends.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Makes the folder if it is not there. Fails when another process holds it for longer than two
    /// seconds.
    pub async fn hold(settings: &Settings) -> Result<Self, SettingsError> {
        let folder = &settings.agent.data_dir;
        let unwritable = |source| SettingsError::Unwritable {
            path: folder.clone(),
            source,
        };
        let mut file = open(folder).map_err(unwritable)?;
        let mut looks = tokio::time::interval(LOOK_AGAIN);
        let held = tokio::time::timeout(PATIENCE, async {
            loop {
                looks.tick().await;
                match file.try_lock() {
                    Err(TryLockError::WouldBlock) => {}
                    Ok(()) => return Ok(()),
                    Err(TryLockError::Error(error)) => return Err(error),
                }
            }
        });
        match held.await {
            Ok(held) => held.map_err(unwritable)?,
            Err(_) => {
                return Err(SettingsError::InUse {
                    path: folder.clone(),
                    holder: holder(&mut file),
                });
            }
        }
        sign(&mut file).map_err(unwritable)?;
        Ok(Self { _file: file })
    }
}

/// For its owner only: whoever may open it may hold it, and so keep the agent from starting.
fn open(folder: &Path) -> std::io::Result<File> {
    std::fs::create_dir_all(folder)?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join(FILE))
}

/// Writes down who holds it, for the message of whoever comes second.
fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(20).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(pid) if read.is_ok() => format!("process {pid}"),
        _ => "a process that did not write its number there".to_owned(),
    }
}
