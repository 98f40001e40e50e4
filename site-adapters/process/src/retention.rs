use std::fs;
use std::io;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::folder::{Folder, Mark, task_key};
use crate::inner::Inner;

/// Removes the folders of jobs whose usage was read more than `keep_days` ago. One whose usage
/// nobody has read stays.
pub(crate) fn remove_old(inner: &Inner) -> io::Result<u32> {
    let days = i64::from(inner.config.keep_days);
    let age = SignedDuration::from_hours(24 * days);
    let before = inner.clock.now().checked_sub(age).unwrap_or(Timestamp::MIN);
    let mut removed = 0;
    for entry in fs::read_dir(inner.folders("ended"))? {
        let path = entry?.path();
        let metered = Folder::at(path.clone()).marked_at(Mark::Metered);
        if metered.is_some_and(|time| time < before) {
            remove_tasks(&path)?;
            fs::remove_dir_all(path)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The folders of an array's tasks lie beside its own, and are nobody's without it.
fn remove_tasks(array: &Path) -> io::Result<()> {
    let Some(meta) = Folder::at(array.to_owned()).meta()? else {
        return Ok(());
    };
    for index in 0..meta.work.array.map_or(0, |array| array.tasks) {
        let task = array.with_file_name(task_key(&meta.marker, index));
        match fs::remove_dir_all(task) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
