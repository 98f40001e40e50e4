//! A drain of the site, asked for beside the agent: kept in a file, so that it outlives restarts.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use broker_model::{SiteReadiness, SiteSnapshot};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;

/// Why the site takes no new jobs, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    pub reason: String,
    /// Until it is taken back when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Drain {
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// A site that cannot be used at all stays so.
    pub(crate) fn apply(&self, snapshot: &mut SiteSnapshot) {
        if matches!(
            snapshot.readiness,
            SiteReadiness::Ready | SiteReadiness::Limited
        ) {
            snapshot.readiness = SiteReadiness::Draining;
        }
        let until = self.until.map(|until| format!(" (until {until})"));
        let words = format!(
            "drained by the site: {}{}",
            self.reason,
            until.unwrap_or_default()
        );
        let before = snapshot.reason.take().map(|it| format!("; {it}"));
        snapshot.reason = Some(words + &before.unwrap_or_default());
    }
}

const FILE: &str = "drain.json";

/// `drain.json` in the agent's data folder.
#[derive(Clone, Debug)]
pub struct DrainFile {
    folder: PathBuf,
}

impl DrainFile {
    pub fn of(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.to_owned(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// What the file says. One that cannot be read drains: somebody wanted something by it.
    pub fn read(&self) -> Option<Drain> {
        let text = match std::fs::read(self.path()) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => return Some(self.unreadable(&error)),
        };
        let drain = serde_json::from_slice(&text);
        Some(drain.unwrap_or_else(|error| self.unreadable(&error)))
    }

    fn unreadable(&self, error: &dyn std::error::Error) -> Drain {
        Drain {
            reason: format!("`{}` cannot be read: {error}", self.path().display()),
            until: None,
        }
    }

    /// Begins a drain, or changes it. Whole or not at all, and it outlives the machine.
    pub fn write(&self, drain: &Drain) -> std::io::Result<()> {
        let mut text = serde_json::to_vec(drain)?;
        text.push(b'\n');
        durable::replace(&self.folder, FILE, &text, 0o644)
    }

    /// Ends the drain; returns whether there was one.
    pub fn remove(&self) -> std::io::Result<bool> {
        match std::fs::remove_file(self.path()) {
            Ok(()) => durable::sync_folder(&self.folder).map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}
