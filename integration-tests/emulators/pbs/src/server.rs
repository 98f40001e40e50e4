use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::fs::{FlockOperation, flock};

use crate::state::{Job, State};
use crate::times::{formatted, now};

/// The folder of one emulated server, and what is in it.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
}

/// The state, for as long as nobody else may change it.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    pub(crate) server: &'a Server,
    pub(crate) state: State,
    _lock: File,
}

impl Server {
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn lock(&self) -> Result<Locked<'_>> {
        let path = self.path("lock");
        let lock = OpenOptions::new().create(true).append(true).open(&path);
        let lock = lock.with_context(|| path.display().to_string())?;
        flock(&lock, FlockOperation::LockExclusive)?;
        let state = match std::fs::read(self.path("state.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(_) => State::default(),
        };
        Ok(Locked {
            server: self,
            state,
            _lock: lock,
        })
    }

    /// What a switch is set to, if it is.
    pub(crate) fn switch(&self, name: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.path("switches").join(name)).ok()?;
        Some(text.trim().to_owned())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path("switches").join(name).exists()
    }

    pub(crate) fn set(&self, name: &str, value: &str) -> Result<()> {
        let path = self.path("switches").join(name);
        std::fs::write(&path, value).with_context(|| path.display().to_string())
    }

    /// Takes one from a switch that counts; whether there was one left.
    pub(crate) fn takes_one(&self, name: &str) -> bool {
        let left: u64 = match self.switch(name).map(|text| text.parse()) {
            Some(Ok(left)) => left,
            _ => return false,
        };
        if left == 0 {
            return false;
        }
        self.set(name, &(left - 1).to_string()).is_ok()
    }

    /// One line of the accounting log.
    pub(crate) fn account(&self, kind: char, id: &str, message: &str) -> Result<()> {
        let now = now();
        let folder = self.path("accounting");
        let path = folder.join(formatted(now, "%Y%m%d"));
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        let line = format!(
            "{};{kind};{id};{message}\n",
            formatted(now, "%m/%d/%Y %H:%M:%S")
        );
        file.write_all(line.as_bytes())?;
        Ok(())
    }
}

impl Locked<'_> {
    /// Whole or not at all: a command may be killed at any time.
    pub(crate) fn save(&self) -> Result<()> {
        let path = self.server.path("state.json.new");
        std::fs::write(&path, serde_json::to_vec(&self.state)?)?;
        std::fs::rename(&path, self.server.path("state.json"))?;
        Ok(())
    }

    pub(crate) fn job(&mut self, seq: u64) -> Option<&mut Job> {
        self.state.jobs.get_mut(&seq)
    }
}
