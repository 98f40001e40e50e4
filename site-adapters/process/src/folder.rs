//! The files of one job. The lib's documentation says who writes which when.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};

use broker_model::ArraySpec;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use site_adapter::{LocalAccount, LogStream, Work};

use crate::arrays::Summary;
use crate::capacity::Grant;
use crate::procfs::Process;
use crate::states::Exit;

/// What was submitted; the script is a file of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) marker: String,
    pub(crate) account: LocalAccount,
    pub(crate) submitted_at: Timestamp,
    pub(crate) work: Work,
    /// Of an array's task, its index; each runs in a folder of its own beside the array's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<u32>,
}

impl Meta {
    /// The job can write to its own folder: an array larger than any is a damaged file, and not a list
    /// of four thousand million tasks.
    fn read(bytes: &[u8]) -> io::Result<Self> {
        let meta: Self = serde_json::from_slice(bytes)?;
        if meta
            .work
            .array
            .is_some_and(|array| array.tasks > ArraySpec::MAX_TASKS)
        {
            let words = "meta.json tells of more tasks than an array may have";
            return Err(io::Error::new(io::ErrorKind::InvalidData, words));
        }
        Ok(meta)
    }

    /// What its folder is called: the marker, and of a task the index too.
    pub(crate) fn key(&self) -> String {
        match self.task {
            Some(index) => task_key(&self.marker, index),
            None => self.marker.clone(),
        }
    }
}

pub(crate) fn task_key(marker: &str, index: u32) -> String {
    format!("{marker}.{index}")
}

/// What a job was given, and during which start of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Granted {
    pub(crate) boot: String,
    pub(crate) grant: Grant,
}

/// How far the wrapper's claim is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Absent,
    /// Created, and not (or never) written.
    Torn,
    Written {
        process: Process,
        started_at: Timestamp,
    },
}

/// No line: nothing is told by it.
const ROOM_FOR_EXIT: &[u8] = &[b' '; 16];

#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    Cancelled,
    TimedOut,
    /// The usage was read: the folder may go when it is old.
    Metered,
}

impl Mark {
    const fn file(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timedout",
            Self::Metered => "metered",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn script(&self) -> PathBuf {
        self.0.join("script")
    }

    /// The job's home and working folder.
    pub(crate) fn work(&self) -> PathBuf {
        self.0.join("work")
    }

    /// Makes the folder with everything a start needs, all of it on disk when this returns.
    pub(crate) fn write_new(&self, meta: &Meta) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(&self.0)?;
        fs::create_dir(self.work())?;
        write_synced(
            &self.script(),
            meta.work.script_with_interpreter().as_bytes(),
        )?;
        write_synced(&self.0.join("meta.json"), &serde_json::to_vec(meta)?)?;
        if meta.task.is_some() {
            // All tasks append to the array's logs.
            for log in [LogStream::Stdout, LogStream::Stderr].map(LogStream::as_str) {
                symlink(
                    Path::new("..").join(&meta.marker).join(log),
                    self.0.join(log),
                )?;
            }
        }
        sync_folder(&self.0)
    }

    /// What became of an array as a whole, once it is over.
    pub(crate) fn summary(&self) -> Option<Summary> {
        serde_json::from_slice(&fs::read(self.0.join("summary.json")).ok()?).ok()
    }

    pub(crate) fn write_summary(&self, summary: &Summary) -> io::Result<()> {
        self.replace("summary.json", &serde_json::to_vec(summary)?)?;
        sync_folder(&self.0)
    }

    /// What was submitted, or `None` when the folder is not there.
    pub(crate) fn meta(&self) -> io::Result<Option<Meta>> {
        match fs::read(self.0.join("meta.json")) {
            Ok(bytes) => Meta::read(&bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn granted(&self) -> Option<Granted> {
        serde_json::from_slice(&fs::read(self.0.join("grant.json")).ok()?).ok()
    }

    pub(crate) fn write_granted(&self, granted: &Granted) -> io::Result<()> {
        self.replace("grant.json", &serde_json::to_vec(granted)?)?;
        sync_folder(&self.0)
    }

    pub(crate) fn claim(&self) -> Claim {
        let path = self.0.join("pid");
        let Ok(line) = fs::read_to_string(&path) else {
            return Claim::Absent;
        };
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (true, [pid, started, boot]) = (line.ends_with('\n'), words.as_slice()) else {
            return Claim::Torn;
        };
        match (pid.parse(), started.parse(), written_at(&path)) {
            (Ok(pid), Ok(started), Some(started_at)) => Claim::Written {
                process: Process {
                    pid,
                    started,
                    boot: (*boot).to_owned(),
                },
                started_at,
            },
            _ => Claim::Torn,
        }
    }

    /// How the job ended and when; `None` while the line is not whole.
    pub(crate) fn exit(&self) -> Option<(Exit, Timestamp)> {
        let path = self.0.join("exit");
        let line = fs::read_to_string(&path).ok()?;
        // What follows the line is the room that was reserved for it.
        let exit = Exit::parse(line.split_once('\n')?.0)?;
        Some((exit, written_at(&path)?))
    }

    /// Takes the room that the wrapper's last word needs before the job can fill the disk. It is
    /// written over in place. What is there stays: a start that is made again after a crash may find
    /// the last word of the wrapper that the first one left.
    pub(crate) fn reserve_exit(&self) -> io::Result<()> {
        match File::create_new(self.0.join("exit")) {
            Ok(mut file) => file.write_all(ROOM_FOR_EXIT),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// For a job whose wrapper cannot say it: one that is gone, or was never there.
    pub(crate) fn write_exit(&self, exit: Exit) -> io::Result<()> {
        self.replace("exit", format!("{exit}\n").as_bytes())
    }

    pub(crate) fn has(&self, mark: Mark) -> bool {
        self.0.join(mark.file()).exists()
    }

    pub(crate) fn marked_at(&self, mark: Mark) -> Option<Timestamp> {
        written_at(&self.0.join(mark.file()))
    }

    /// Keeps the time of the first mark; on disk when this returns.
    pub(crate) fn mark(&self, mark: Mark) -> io::Result<()> {
        match File::create_new(self.0.join(mark.file())) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => sync_folder(&self.0),
        }
    }

    /// `None` when the folder has no such file (yet).
    pub(crate) fn read_log(
        &self,
        stream: LogStream,
        offset: u64,
        max_bytes: usize,
    ) -> io::Result<Option<Vec<u8>>> {
        let mut file = match File::open(self.0.join(stream.as_str())) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(max_bytes as u64).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let fresh = self.0.join(format!("{name}.new"));
        write_synced(&fresh, bytes)?;
        fs::rename(fresh, self.0.join(name))
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The kernel's own stamp: it needs no `date` in the wrapper, and is there as soon as the file is.
fn written_at(path: &Path) -> Option<Timestamp> {
    let modified = fs::metadata(path).and_then(|data| data.modified()).ok()?;
    let exact = Timestamp::try_from(modified).ok()?;
    Timestamp::from_microsecond(exact.as_microsecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_never_taken_over_a_last_word() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::at(home.path().to_owned());
        folder.reserve_exit().unwrap();
        assert_eq!(fs::read(home.path().join("exit")).unwrap(), ROOM_FOR_EXIT);
        fs::write(home.path().join("exit"), "3\n").unwrap();
        folder.reserve_exit().unwrap();
        let exit = folder.exit().map(|(exit, _)| exit);
        assert_eq!(exit, Some(Exit::Status(3)));
    }

    #[test]
    fn a_claim_or_an_exit_counts_once_its_line_is_whole() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::at(home.path().to_owned());
        assert_eq!(folder.claim(), Claim::Absent);
        for torn in ["", "12", "12 34 boot", "12 x boot\n", "12 34\n"] {
            fs::write(home.path().join("pid"), torn).unwrap();
            assert_eq!(folder.claim(), Claim::Torn, "{torn:?}");
        }
        fs::write(home.path().join("pid"), "12 34 boot\n").unwrap();
        assert!(matches!(folder.claim(), Claim::Written { .. }));
        for (line, exit) in [
            ("", None),
            ("1", None),
            ("                ", None),
            ("13              ", None),
            ("137\n            ", Some(Exit::Status(137))),
            ("nonsense\n", None),
            ("1\n", Some(Exit::Status(1))),
            ("lost\n", Some(Exit::Lost)),
        ] {
            fs::write(home.path().join("exit"), line).unwrap();
            assert_eq!(folder.exit().map(|(exit, _)| exit), exit, "{line:?}");
        }
    }
}
