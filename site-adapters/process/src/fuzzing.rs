//! The readers of a job's files, which the job can write to, for fuzz targets: none may panic.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::Config;
use crate::arrays::Array;
use crate::folder::{Claim, Folder};
use crate::roster::Roster;
use crate::states;

/// The files of a job's folder, in the order in which [`files`] takes them.
pub const NAMES: [&str; 5] = ["meta.json", "grant.json", "summary.json", "pid", "exit"];

/// Writes these files of one job into a folder and takes the job in as a start of the adapter does.
pub fn files(config: &Config, folder: &Path, contents: &[&[u8]]) -> io::Result<()> {
    for (at, name) in NAMES.iter().enumerate() {
        let bytes = contents.get(at).copied().unwrap_or_default();
        fs::write(folder.join(name), bytes)?;
    }
    let folder = Folder::at(folder.to_owned());
    let (claim, _) = (folder.claim(), folder.exit());
    if let Some(summary) = folder.summary() {
        let _ = (summary.activity(), summary.usage());
    }
    let granted = folder.granted();
    let Ok(Some(meta)) = folder.meta() else {
        return Ok(());
    };
    let _ = (states::ended(&folder, &meta), states::usage(&folder, &meta));
    let mut roster = Roster::new(config);
    let partition = config.position(&meta.work.partition);
    let meta = Arc::new(meta);
    if let Claim::Written { started_at, .. } = claim {
        let started_at = meta.not_before_submit(started_at);
        let grant = granted.map(|granted| granted.grant).unwrap_or_default();
        roster.adopt(&meta, partition, grant, started_at);
        let _ = roster.snapshot(started_at);
        roster.remove(&meta.key());
    }
    if meta.work.array.is_some() {
        roster.adopt_array(Array::new(&meta), partition);
    } else {
        roster.enqueue(&meta, partition);
    }
    while roster.next(&std::collections::BTreeSet::new()).is_some() {}
    let _ = roster.snapshot(meta.submitted_at);
    Ok(())
}
