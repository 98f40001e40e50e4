use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use broker_ledger::export::{Fault, Verified, verify_with};
use broker_ledger::{Checkpoint, VerifierKey};
use serde::Serialize;

use crate::config::Place;
use crate::exit::{Failure, chain};
use crate::print;
use crate::verbs::audit::kept;
use crate::words::{fill, say};

/// What an export was found to hold.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    verified: bool,
    #[serde(flatten)]
    found: Verified,
    /// The earlier tree heads that the export goes on from.
    continues: Vec<Earlier>,
}

/// A signed tree head from an earlier time, and where it was read.
#[derive(Debug, Serialize)]
pub(super) struct Earlier {
    pub(super) file: PathBuf,
    pub(super) size: u64,
    #[serde(skip)]
    pub(super) checkpoint: Checkpoint,
}

/// Verifies an export against trusted keys, and against every tree head of that ledger that was given
/// or kept: an export cut back to an older head is true in itself, and only they show the cut.
pub(super) fn verify(
    place: &Place,
    file: &Path,
    trusted: &[VerifierKey],
    given: Option<&Path>,
) -> Result<Checked, Failure> {
    let mut continues = given
        .map(|path| kept::earlier(path, trusted))
        .transpose()?
        .into_iter()
        .collect::<Vec<_>>();
    continues.extend(kept::newest(place, trusted)?);
    let mut found = once(file, trusted, None)?;
    for earlier in &continues {
        found = once(file, trusted, Some(earlier))?;
    }
    Ok(Checked {
        verified: true,
        found,
        continues,
    })
}

fn once(
    file: &Path,
    trusted: &[VerifierKey],
    known: Option<&Earlier>,
) -> Result<Verified, Failure> {
    let name = file.display();
    let reader = File::open(file).map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
    let checkpoint = known.map(|known| &known.checkpoint);
    verify_with(BufReader::new(reader), trusted, checkpoint).map_err(|error| {
        if let Fault::Unreadable(reason) = &error.fault {
            return Failure::Usage(format!("{name}: {reason}"));
        }
        let words = format!("{name}: {}", chain(&error));
        Failure::Verification(match known {
            Some(known) => format!(
                "{words}; compared with the checkpoint of {} entries in {}",
                known.size,
                known.file.display()
            ),
            None => words,
        })
    })
}

impl Checked {
    pub(super) fn print(&self, as_json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
        if as_json {
            print::json(self, out)?;
            return Ok(0);
        }
        let found = &self.found;
        writeln!(
            out,
            "{}",
            fill("{origin}: {entries} entries, {checkpoints} checkpoint(s), root {root}")
                .with("origin", &found.origin)
                .with("entries", found.entries)
                .with("checkpoints", found.checkpoints)
                .with("root", found.root)
        )?;
        for (kind, count) in &found.kinds {
            writeln!(out, "  {count:>8}  {kind}")?;
        }
        for earlier in &self.continues {
            writeln!(
                out,
                "{}",
                fill("it goes on from the checkpoint of {size} entries in {file}")
                    .with("size", earlier.size)
                    .with("file", earlier.file.display())
            )?;
        }
        if self.continues.is_empty() {
            writeln!(
                out,
                "{}",
                say(
                    "no checkpoint is kept from earlier, so a cut at the end would not show; --checkpoint names one"
                )
            )?;
        }
        writeln!(
            out,
            "{}",
            say("verified: every entry is under a signed root")
        )?;
        Ok(0)
    }
}
