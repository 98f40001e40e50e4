use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// The folder's own name, made with the folder: it goes wherever the jobs in it go.
///
/// Called under the folder's lock.
pub(crate) fn of(data: &Path) -> io::Result<String> {
    let place = data.join("id");
    match fs::read_to_string(&place) {
        Ok(id) if !id.trim().is_empty() => return Ok(id.trim().to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(_) | Err(_) => {}
    }
    let id = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    let fresh = data.join("id.new");
    let mut file = File::create(&fresh)?;
    file.write_all(id.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, &place)?;
    File::open(data)?.sync_all()?;
    Ok(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_name_and_no_other_has_it() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = of(one.path()).unwrap();
        assert_eq!(of(one.path()).unwrap(), first);
        assert_ne!(of(two.path()).unwrap(), first);
        assert!(!first.is_empty() && !first.contains(char::is_whitespace));
    }
}
